"""The fire story in a browser: the resident's phone, the operator's desk, the officer's list."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.slow]

FIRE = "我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃"


def say(page: Any, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")


def expect(page: Any, text: str) -> None:
    """Waits until a line of the hotline says this."""
    page.wait_for_selector(f".line:not(.resident):has-text('{text}')")


def press(page: Any, title: str) -> None:
    page.click(f"#lines button:has-text('{title}')")


def tell(page: Any) -> str:
    """The whole story up to the ticket; returns its number."""
    say(page, FIRE)
    expect(page, "马上打119")
    press(page, "同意")
    expect(page, "受影响的有几个人")
    press(page, "三个人")
    expect(page, "接济")
    press(page, "没有人能帮")
    expect(page, "留个能联系上您的电话")
    say(page, "13800005678")
    expect(page, "都对吗")
    press(page, "都对")
    expect(page, "登记好了")
    found = re.search(r"YM\d{6}-\w{5}-\w", page.inner_text("#lines"))
    assert found is not None
    return found.group(0)


def test_the_story_from_phone_to_officer(
    open_page: Callable[..., Any], sign_in: Callable[..., Any], picture: Callable[[Any, str], None]
) -> None:
    resident = open_page("/", PHONE)
    picture(resident, "chat-empty-phone")
    number = tell(resident)
    picture(resident, "chat-ticket-phone")

    officer = sign_in("longxi")
    officer.goto("/desk/tickets")
    officer.wait_for_selector(f"text={number}")
    picture(officer, "tickets-desktop")
    officer.goto(f"/desk/tickets/{number}")
    page = officer.inner_text("body")
    assert "龙溪街道" in page and "石船镇" in page and "火灾" in page and "到期" in page
    picture(officer, "ticket-desktop")
    officer.click("button:has-text('受理')")
    officer.wait_for_selector("text=已受理")
    # the resident is told through the channel the ticket came by
    expect(resident, "已经受理")

    other = sign_in("longta")
    other.goto("/desk/tickets")
    assert number not in other.inner_text("body")
    hidden = other.goto(f"/desk/tickets/{number}")
    shown = other.inner_text("body")
    nothing = other.goto("/desk/tickets/YM261121-AAAAA-A")
    assert (hidden.status, shown) == (nothing.status, other.inner_text("body")) and hidden.status == 404


def test_an_operator_takes_over_and_gives_back(
    open_page: Callable[..., Any], sign_in: Callable[..., Any], picture: Callable[[Any, str], None]
) -> None:
    desk = sign_in("operator")
    resident = open_page("/", PHONE)
    say(resident, "我想找个人问问临时救助")
    expect(resident, "在登记之前")
    resident.click("header button:has-text('转人工')")
    # the queue is live: the row appears without a reload
    desk.click("#list a:has-text('转人工')")
    desk.wait_for_selector("button:has-text('接管')")
    picture(desk, "desk-waiting-desktop")
    desk.click("button:has-text('接管')")
    expect(resident, "工作人员来了")
    say(resident, "家里着火了没地方住")
    desk.wait_for_selector("#talk :text('家里着火了没地方住')")
    desk.fill("#text", "您好，我是工作人员，人都安全吗？")
    desk.press("#text", "Control+Enter")
    expect(resident, "人都安全吗")
    picture(desk, "desk-talk-desktop")
    picture(resident, "chat-person-phone")
    spoken = resident.locator(".line.bot").count()
    desk.click("button:has-text('交还机器人')")
    expect(resident, "先离开了")
    assert resident.locator(".line.bot").count() == spoken  # the bot said nothing over the person
    say(resident, "我们在龙溪街道，今晚没地方住")
    expect(resident, "在登记之前")


def test_danger_is_answered_at_once_and_alarms_the_desk(
    open_page: Callable[..., Any], sign_in: Callable[..., Any], picture: Callable[[Any, str], None]
) -> None:
    desk = sign_in("operator")
    resident = open_page("/", PHONE)
    say(resident, "屋里煤气漏了，我妈叫不醒")
    expect(resident, "120")
    desk.wait_for_selector("text=可能有危险")
    picture(desk, "desk-danger-desktop")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_sticks_out_sideways(open_page: Callable[..., Any], size: dict[str, int]) -> None:
    page = open_page("/", size)
    say(page, "求助" * 200)
    expect(page, "")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0


def test_it_works_without_scripts(chromium: Any, live: Any) -> None:
    context = chromium.new_context(base_url=live.address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.fill("#text", FIRE)
    page.click("button:has-text('发送')")
    assert "着火" in page.inner_text("#lines") and "119" in page.inner_text("#lines")
    context.close()


def test_leaving_in_a_hurry_empties_the_page(open_page: Callable[..., Any]) -> None:
    page = open_page("/", PHONE)
    say(page, "他又打我了，我现在躲在厕所")
    expect(page, "110")
    page.click("button:has-text('快速离开')")
    page.wait_for_url("**/away*")
    assert "打我" not in page.content()
    page.goto("/")
    assert "打我" not in page.inner_text("body")


def test_markup_is_shown_never_run(open_page: Callable[..., Any], sign_in: Callable[..., Any]) -> None:
    page = open_page("/", PHONE)
    say(page, "<img src=x onerror=alert(1)> 转人工")
    page.wait_for_selector(".line.resident:has-text('onerror')")
    assert page.locator("#lines img").count() == 0
