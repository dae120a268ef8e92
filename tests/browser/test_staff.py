"""An officer's day in a browser: every page of the menu within reach of a thumb, forms that can be filled in, one deed
for two clicks, and nothing cut off."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import PHONE
from tests.browser.test_desk import sticks_out

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.slow]

SMALL = {"width": 1280, "height": 900}


def outside(page: Any, selector: str) -> list[str]:
    """What of a selector lies outside the window, left or right."""
    found: list[str] = page.eval_on_selector_all(
        selector, "all => all.filter(e => { const b = e.getBoundingClientRect(); return b.left < 0 || b.right > innerWidth; })"
        ".map(e => e.textContent.trim())")
    return found


def take_in(page: Any, told: str) -> str:
    """Registers a walk-in; the number of the ticket."""
    page.goto("/desk/intake")
    page.select_option("select[name=source]", "walk_in")
    page.select_option("select[name=cause]", "fire")
    page.fill("input[name=event_place]", "龙溪街道花卉园西路8号")
    page.fill("textarea[name=told]", told)
    page.click("main button.primary")
    number = re.search(r"YM\d{6}-\w{5}-\w", page.inner_text("main"))
    assert number is not None
    return number[0]


def test_on_a_phone(sign_in: Callable[..., Any], picture: Callable[[Any, str], None]) -> None:
    officer = sign_in("longxi", PHONE)
    assert outside(officer, ".menu nav a, .menu .me > *") == []
    officer.goto("/desk/intake")
    assert sticks_out(officer) <= 0
    narrow = officer.eval_on_selector_all(
        "main form :is(input:not([type=hidden], [type=checkbox]), select, textarea)",
        "all => all.filter(e => e.offsetWidth < 120 || e.offsetHeight < 32).map(e => e.name)")
    assert narrow == []
    picture(officer, "intake-phone")
    officer.goto("/desk/powers")
    assert outside(officer, ".menu nav a[aria-current]") == []


def test_two_clicks_are_one_deed(sign_in: Callable[..., Any], picture: Callable[[Any, str], None]) -> None:
    officer = sign_in("longxi", SMALL)
    number = take_in(officer, "窗口来访，房子烧了")
    officer.goto("/desk/tickets")
    assert sticks_out(officer) <= 0 and outside(officer, "td") == []
    picture(officer, "list-1280")
    officer.click(f"a:has-text('{number}')")
    officer.click("button:has-text('受理')")
    officer.wait_for_selector(".done:has-text('已记下“受理”')")
    officer.click("summary:has-text('更多')")
    officer.click(".menu-more a:has-text('补记')")
    officer.fill("textarea[name=words]", "点了两下")
    officer.dblclick("main button.primary")
    officer.wait_for_selector(".done:has-text('已记下“补记”')")
    assert officer.locator(".history dd:has-text('点了两下')").count() == 1
    officer.reload()  # it was said once
    assert officer.locator(".done").count() == 0


def test_going_back_does_not_register_twice(sign_in: Callable[..., Any]) -> None:
    officer = sign_in("longxi", SMALL)
    number = take_in(officer, "退回去又点了一次")
    officer.go_back()
    officer.select_option("select[name=source]", "walk_in")
    officer.select_option("select[name=cause]", "fire")
    officer.fill("input[name=event_place]", "龙溪街道花卉园西路8号")
    officer.fill("textarea[name=told]", "退回去又点了一次")
    officer.click("main button.primary")
    officer.wait_for_selector("text=刚才登记过内容一样的一张")
    assert number in officer.inner_text("main")
