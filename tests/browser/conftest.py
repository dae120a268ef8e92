"""A real browser on a real hotline, once for all browser tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.settings import PROJECT
from tests.live import Live, live_hotline

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
NEW_PASSWORD = "correct-horse-9"


@pytest.fixture(scope="module")
def live(dialogue: Any) -> Iterator[Live]:
    """The hotline; the dialogue fixture has trained its model."""
    with live_hotline() as live:
        yield live


@pytest.fixture(scope="module")  # not longer: Playwright keeps an event loop running in this thread
def chromium() -> Iterator[Any]:
    """Chromium without a window."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: scripts/browser_packages installs it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, live: Live) -> Iterator[Callable[..., Any]]:
    """Opens a page in a fresh browser profile: `open_page("/", PHONE)`. A script error fails the test."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_(path: str, size: dict[str, int] = DESKTOP) -> Any:
        context = chromium.new_context(base_url=live.address, viewport=size, locale="zh-CN")
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def picture() -> Callable[[Any, str], None]:
    """Keeps a picture of a page below build/shots; YOUMEN_SHOTS names another folder."""
    folder = Path(os.environ.get("SHOTS") or PROJECT / "build" / "shots")
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Any, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png")

    return take


passwords: dict[tuple[int, str], str] = {}  # by port: each module has a hotline of its own


@pytest.fixture
def sign_in(open_page: Callable[..., Any], live: Live) -> Callable[..., Any]:
    """A page of the desk in which this person is signed in; the first time they choose a password."""

    def sign(login: str, size: dict[str, int] = DESKTOP) -> Any:
        page = open_page("/desk/login", size)
        page.fill("input[name=login]", login)
        known = (live.port, login)
        page.fill("input[name=password]", passwords.get(known, live.logins[login]))
        page.click("button.primary")
        if known not in passwords:
            page.wait_for_selector("input[name=again]")
            page.fill("input[name=old]", live.logins[login])
            page.fill("input[name=new]", NEW_PASSWORD)
            page.fill("input[name=again]", NEW_PASSWORD)
            page.click("button.primary")
            passwords[known] = NEW_PASSWORD
        page.wait_for_url(lambda url: "/desk/login" not in url and "/desk/password" not in url)
        return page

    return sign
