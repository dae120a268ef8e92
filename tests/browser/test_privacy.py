"""In a browser: a child's talk, the auditor's page, the code of a person a neighbour told of; and what the logs say of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import PHONE
from tests.browser.test_story import expect, press, say
from tests.live import Live, until

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.slow]

IDENTITY = "11010519491231002X"
# what was said and typed in this module; none of it may stand in a log
PERSONAL = ("13800005678", "13912345678", IDENTITY, "王秀英", "李大爷", "交学费", "十二岁", "花卉园", "家长来电")
KEPT_BACK = "涉及未成年人，限制查看"


def sticks_out(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_a_childs_talk(
    open_page: Callable[..., Any], sign_in: Callable[..., Any], picture: Callable[[Any, str], None]
) -> None:
    child = open_page("/", PHONE)
    say(child, "我今年12岁，没有钱交学费，家在龙溪街道花卉园西路8号，转人工")
    expect(child, "排上队")
    desk = sign_in("operator")
    desk.goto("/desk/conversations?folder=all")
    desk.wait_for_selector(f"#list :text('{KEPT_BACK}')")
    assert "学费" not in desk.inner_text("body")
    picture(desk, "child-list-desktop")
    desk.click(f"#list a:has-text('{KEPT_BACK}')")
    desk.wait_for_selector("#talk :text('这个会话只有正在处理的坐席能看')")
    assert "学费" not in desk.inner_text("body") and "花卉园" not in desk.inner_text("body")
    picture(desk, "child-kept-back-desktop")
    # the supervisor says why, and reads it
    chen = sign_in("supervisor")
    chen.goto(desk.url)
    chen.wait_for_selector(f"#talk :text('{KEPT_BACK}')")
    chen.click("#talk summary:has-text('写明理由查看')")
    chen.select_option("#talk select[name=reason]", "other")
    chen.fill("#talk input[name=words]", "家长来电核对")
    picture(chen, "child-reason-desktop")
    say(child, "还在吗")  # the pane is told of it, and does not take the form from under the hand
    chen.wait_for_timeout(1500)
    assert chen.input_value("#talk input[name=words]") == "家长来电核对"
    chen.click("#talk .show button")
    chen.wait_for_selector("#talk :text('交学费')")
    picture(chen, "child-shown-desktop")
    # the operator takes over, and reads it; a live pane of another one stays shut
    auditor = sign_in("auditor")
    auditor.goto(desk.url)
    auditor.wait_for_selector(f"#talk :text('{KEPT_BACK}')")
    desk.click("#talk button:has-text('接管')")
    desk.wait_for_selector("#talk :text('交学费')")
    say(child, "妹妹也没有交学费")
    desk.wait_for_selector("#talk :text('妹妹也没有')")
    assert "妹妹" not in auditor.inner_text("#talk") and "妹妹" not in auditor.inner_text("#list")
    desk.click("button:has-text('交还机器人')")
    desk.wait_for_selector(f"#talk :text('{KEPT_BACK}')")


def test_the_code_of_somebody_a_neighbour_told_of(
    open_page: Callable[..., Any], sign_in: Callable[..., Any], picture: Callable[[Any, str], None]
) -> None:
    desk = sign_in("operator")
    desk.goto("/desk/intake")
    for name, value in {"source": "neighbour", "cause": "sudden_illness"}.items():
        desk.select_option(f"select[name={name}]", value)
    for name, value in {"event_place": "龙溪街道花卉园西路8号", "name": "王秀英", "phone": "13800005678", "identity": IDENTITY,
                        "reporter_name": "李大爷", "reporter_phone": "13912345678", "told": "几天没人送饭"}.items():
        desk.fill(f"[name={name}]", value)
    desk.click("main button.primary")
    desk.wait_for_selector("text=已登记并派单")
    number = re.search(r"YM\d{6}-[0-9A-Z]{5}-[0-9A-Z]", desk.inner_text("main")).group()  # type: ignore[union-attr]
    officer = sign_in("longxi")

    def do(command: str, **choices: str) -> None:
        officer.goto(f"/desk/ticket/{number}/do/{command}")
        for name, value in choices.items():
            officer.select_option(f"select[name={name}]", value)
        officer.click("main button.primary")

    officer.goto(f"/desk/tickets/{number}")
    officer.click("button:has-text('受理')")
    officer.wait_for_selector("text=已受理")
    officer.goto(f"/desk/ticket/{number}/do/give_code")
    officer.wait_for_selector("text=本人还没有表示愿意")
    picture(officer, "code-before-consent-desktop")
    do("note_consent", consent="given")
    officer.wait_for_selector("text=愿意，帮着申请")
    officer.click("summary:has-text('更多')")
    officer.click("a:has-text('给本人查询码')")
    officer.select_option("select[name=checked]", "met")
    officer.click("main button.primary")
    officer.wait_for_selector("text=只显示这一次")
    picture(officer, "code-given-desktop")
    code = officer.locator("dd.num b").nth(1).inner_text()
    officer.goto(f"/desk/tickets/{number}")
    assert code not in officer.inner_text("main")
    person = open_page("/progress", PHONE)
    person.fill("input[name=number]", number)
    person.fill("input[name=code]", code)
    person.click("button.primary")
    person.wait_for_selector("text=现在：已受理")
    page = person.inner_text("body")
    assert "李" not in page and "反映" not in page and "花卉园" not in page
    picture(person, "code-progress-phone")
    assert sticks_out(person) <= 0


def test_the_auditors_page(
    open_page: Callable[..., Any], sign_in: Callable[..., Any], picture: Callable[[Any, str], None], live: Live
) -> None:
    stranger = open_page("/desk/login")
    stranger.fill("input[name=login]", "13912345678")
    stranger.fill("input[name=password]", "wrong")
    stranger.click("button.primary")
    stranger.wait_for_selector(".wrong")
    desk = sign_in("operator")
    desk.click("button:has-text('退出')")
    auditor = sign_in("auditor")
    auditor.click("nav a:has-text('审计')")
    auditor.wait_for_selector("text=完好")  # the courier has verified it when it began
    auditor.click("button:has-text('现在核对')")
    auditor.wait_for_selector("text=和1次留底一致")
    picture(auditor, "audit-desktop")
    assert sticks_out(auditor) <= 0
    for action, told in {"masked_read": "家长来电核对", "signed_out": "退出", "sign_in_failed": "没有这个账号的人",
                         "ticket_code_given": "给本人查询码", "audit_verified": "完好"}.items():
        auditor.select_option("select[name=action]", action)
        auditor.click("button:has-text('查找')")
        auditor.wait_for_selector(f"tbody :text('{told}')")
    with auditor.expect_download() as handed:
        auditor.click("button:has-text('导出查到的记录')")
    lines = handed.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("编号,时间,谁") and all("audit_verified" in line for line in lines[1:]) and len(lines) > 2
    auditor.select_option("select[name=action]", "audit_exported")
    auditor.click("button:has-text('查找')")
    auditor.wait_for_selector("tbody :text('导出审计记录')")
    small = sign_in("auditor", PHONE)
    small.goto("/desk/audit")
    picture(small, "audit-phone")
    assert sticks_out(small) <= 0
    other = sign_in("supervisor")
    assert other.locator("nav a:has-text('审计')").count() == 0
    assert "没有找到" in (other.goto("/desk/audit") and other.inner_text("body"))
    assert (live.home / "audit_anchors.jsonl").exists()


def test_nothing_personal_stands_in_the_logs(open_page: Callable[..., Any], live: Live) -> None:
    """After the tests above and one story with a wrong turn."""
    resident = open_page("/", PHONE)
    say(resident, f"我叫王秀英，身份证{IDENTITY}，电话13800005678，屋头没米了，在龙溪街道花卉园西路8号")
    press(resident, "同意")
    resident.goto("/progress?number=王秀英13800005678")
    resident.goto("/desk/tickets/13800005678")
    logs = live.home / "logs"
    until(lambda: any(logs.iterdir()), 10)
    text = "\n".join(path.read_bytes().decode("utf-8", "replace") for path in logs.rglob("*") if path.is_file())
    assert len(text) > 500
    for personal in PERSONAL:
        assert personal not in text, personal
    assert re.search(r"(?<![\d.])1[3-9]\d{9}(?!\d)", text) is None
    assert re.search(r"[\u4e00-\u9fff]{2,}", re.sub(r"[^\n]*(config|rules|units?)[^\n]*", "", text)) is None
