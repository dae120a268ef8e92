"""A resident's phone after filing: a photo, urging, how it was, the progress page; with scripts and without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PHONE
from tests.browser.test_story import expect, press, say, tell
from tests.channels.test_files import png
from tests.live import Live

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture with a telling name."""
    path = tmp_path / "王秀英身份证.png"
    path.write_bytes(png())
    return path


@pytest.fixture
def plain_page(chromium: Any, live: Live) -> Iterator[Any]:
    """A phone whose browser runs no scripts."""
    context = chromium.new_context(base_url=live.address, viewport=PHONE, locale="zh-CN", java_script_enabled=False)
    yield context.new_page()
    context.close()


def fits(page: Any) -> bool:
    """Nothing sticks out sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def act(officer: Any, number: str, command: str, **fields: str) -> None:
    """The officer gives a command by its form."""
    officer.goto(f"/desk/ticket/{number}/do/{command}")
    for name, value in fields.items():
        field = officer.locator(f"[name={name}]")
        field.select_option(value) if field.evaluate("e => e.tagName") == "SELECT" else field.fill(value)
    officer.click("main button.primary")
    officer.wait_for_url(f"**/desk/tickets/{number}")


def test_photo_urging_and_how_it_was(
    open_page: Callable[..., Any], sign_in: Callable[..., Any], picture: Callable[[Any, str], None], photo: Path
) -> None:
    resident = open_page("/", PHONE)
    number = tell(resident)
    code = re.search(r"查询码：(\w{6})", resident.inner_text("#lines"))
    officer = sign_in("longxi")
    officer.goto(f"/desk/tickets/{number}")
    officer.click("button:has-text('受理')")
    officer.wait_for_selector("text=已受理")
    act(officer, number, "ask_supplement", missing="身份证、户口本首页")
    expect(resident, "身份证、户口本首页")
    picture(resident, "resident-asked-phone")
    resident.set_input_files("#file", photo)
    expect(resident, "放进工单")
    assert "［照片］" in resident.inner_text("#lines") and "王秀英" not in resident.inner_text("#lines") and fits(resident)
    picture(resident, "resident-photo-phone")
    press(resident, "交齐了")
    expect(resident, "接着核实")
    say(resident, "催一下")
    expect(resident, "替您催了")
    picture(resident, "resident-urged-phone")
    officer.goto(f"/desk/tickets/{number}")
    picture(officer, "ticket-with-photo-desktop")
    officer.click("text=看求助人发来的文件")
    officer.wait_for_selector("img.picture")
    officer.wait_for_function("document.querySelector('img.picture').naturalWidth === 1")
    act(officer, number, "verify", way="visit", findings="房子烧了")
    act(officer, number, "close", result="settled", words="亲戚接走了")
    expect(resident, "办得怎么样")
    picture(resident, "resident-survey-phone")
    press(resident, "不满意")
    expect(resident, "哪里没办好")
    say(resident, "棉被没有送来")
    expect(resident, "重新开始办")
    picture(resident, "resident-reopened-phone")

    other = open_page("/progress", PHONE)
    assert code is not None
    other.fill("input[name=number]", number)
    other.fill("input[name=code]", code.group(1))
    other.click("button.primary")
    other.wait_for_selector("text=现在：")
    assert fits(other)
    picture(other, "progress-phone")
    other.set_input_files("input[name=file]", photo)
    other.click("button:has-text('交上去')")
    other.wait_for_selector("text=放进工单")
    other.fill("input[name=phone]", "138 0013 8001")
    other.select_option("select[name=answer]", "morning")
    other.click("button:has-text('留电话')")
    other.wait_for_selector("text=上班时间打给您")
    picture(other, "progress-call-phone")
    officer.goto("/desk/tickets?state=all")
    officer.fill("input[name=sought]", number.lower())
    officer.click("button:has-text('找')")
    officer.wait_for_url(f"**/desk/tickets/{number}")
    officer.wait_for_selector("text=记求助人要回电")
    picture(officer, "ticket-call-asked-desktop")
    officer.goto("/desk/tickets")
    officer.select_option("select[name=only]", "late")
    officer.click("button:has-text('筛选')")
    officer.wait_for_url("**only=late**")
    assert fits(officer)
    picture(officer, "tickets-narrowed-desktop")
    officer.set_viewport_size(PHONE)
    assert fits(officer)
    picture(officer, "tickets-narrowed-phone")
    other.click("button:has-text('不办了，撤回')")
    other.wait_for_selector("text=真的不办了")
    picture(other, "progress-withdraw-phone")
    other.click("button:has-text('先不撤回')")
    other.wait_for_selector("text=接着办")


def test_a_photo_without_scripts(plain_page: Any, picture: Callable[[Any, str], None], photo: Path) -> None:
    plain_page.goto("/")
    plain_page.set_input_files("input[name=file]", photo)
    plain_page.click("#file-form button")
    plain_page.wait_for_selector("text=［照片］")
    picture(plain_page, "chat-photo-without-scripts-phone")
    photo.write_bytes(b"<html>")
    plain_page.set_input_files("input[name=file]", photo)
    plain_page.click("#file-form button")
    plain_page.wait_for_selector("text=这种文件收不了")
