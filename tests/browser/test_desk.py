"""At the desk in a browser: phoning back, handing on, and what happens when an operator is gone."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.commands import create_staff
from actions.privacy.keys import Keys, load_keys
from actions.storage.engine import Database, open_engine
from actions.storage.tables import Attachment, Conversation, Message
from bot.processes.parts import STATE_FILE
from tests.browser.conftest import DESKTOP, NEW_PASSWORD, PHONE
from tests.browser.test_story import expect, press, say
from tests.live import Live, until

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.slow]

COLLEAGUE = "colleague"


@pytest.fixture(scope="module")
def books(live: Live) -> Iterator[Database]:
    """The database of the running hotline, with a second operator hired."""
    state = json.loads((live.home / STATE_FILE).read_text("utf-8"))
    keys = load_keys(live.home / "field.key", None)
    database = Database(open_engine(state["database_url"], pool_size=1), keys.audit_key)
    with database.begin() as session:
        create_staff(session, login=COLLEAGUE, name="小吴", role="operator", unit_id=None, password=NEW_PASSWORD,
                     now=datetime.now(timezone.utc), must_change_password=False)
    yield database
    database.dispose()


def enter(open_page: Callable[..., Any], size: dict[str, int] = DESKTOP) -> Any:
    """The colleague's desk."""
    page = open_page("/desk/login", size)
    page.fill("input[name=login]", COLLEAGUE)
    page.fill("input[name=password]", NEW_PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/desk/conversations*")
    return page


def time_passes(books: Database, minutes: int) -> None:
    """Nobody's page has been heard for so long; what was due then is due now."""
    with books.begin() as session:
        by = {"by": timedelta(minutes=minutes)}
        session.execute(sa.text("UPDATE staff SET at_desk_at = at_desk_at - :by"), by)
        session.execute(sa.text("UPDATE timer SET due_at = due_at - :by"), by)


def sticks_out(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_phoning_back(
    open_page: Callable[..., Any], sign_in: Callable[..., Any], picture: Callable[[Any, str], None], books: Database
) -> None:
    time_passes(books, 10)
    resident = open_page("/", PHONE)
    resident.click("header button:has-text('转人工')")
    expect(resident, "排上队")
    picture(resident, "call-back-offer-phone")
    press(resident, "留电话，请打给我")
    expect(resident, "哪个号码")
    say(resident, "13800005678")
    expect(resident, "什么时候")
    press(resident, "下午")
    expect(resident, "记下了：138****5678")
    picture(resident, "call-back-noted-phone")

    desk = sign_in("operator")
    desk.goto("/desk/conversations?folder=calls")
    desk.wait_for_selector("#list :text('138****5678')")
    picture(desk, "call-backs-desktop")
    desk.click("#list a:has-text('138****5678')")
    desk.wait_for_selector("#side a[href='tel:13800005678']")
    desk.click("#side button:has-text('没打通')")
    desk.wait_for_selector("#side :text('：没打通')")
    picture(desk, "call-back-tried-desktop")
    assert sticks_out(desk) <= 0
    phone = enter(open_page, PHONE)
    phone.goto("/desk/conversations?folder=calls")
    phone.click("#list a:has-text('138****5678')")
    phone.wait_for_selector("#side :text('：没打通')")
    phone.locator("#side").scroll_into_view_if_needed()
    picture(phone, "call-back-phone")
    assert sticks_out(phone) <= 0
    phone.click("#side button:has-text('打通了')")
    phone.wait_for_selector("#side :text('已打通')")
    phone.goto("/desk/conversations?folder=calls")
    phone.wait_for_selector("text=现在没有要回的电话")


def test_handing_on_and_being_gone(
    open_page: Callable[..., Any], sign_in: Callable[..., Any], picture: Callable[[Any, str], None], books: Database
) -> None:
    desk, colleague = sign_in("operator"), enter(open_page)
    resident = open_page("/", PHONE)
    say(resident, "转人工，我只会说方言")
    expect(resident, "排上队")
    desk.click("#list a:has-text('方言')")
    desk.click("button:has-text('接管')")
    expect(resident, "工作人员来了")
    desk.click("summary:has-text('转交')")
    desk.fill("input[name=why]", "她只讲方言")
    picture(desk, "transfer-desktop")
    desk.click(".handon button:has-text('转交')")
    expect(resident, "另一位工作人员")
    desk.wait_for_selector("#talk :text('转给小吴：她只讲方言')")
    picture(desk, "transferred-desktop")
    # the colleague's list is live; the note is there, and the composer is theirs
    colleague.click(".folders a:has-text('我的')")
    colleague.click("#list a:has-text('方言')")
    colleague.wait_for_selector("#talk :text('转给小吴：她只讲方言')")
    colleague.fill("#text", "您好，我是小吴")
    colleague.press("#text", "Control+Enter")
    expect(resident, "我是小吴")
    assert "她只讲方言" not in resident.inner_text("body")

    # the colleague types, and is gone without a word: no beat comes any more
    colleague.fill("#text", "我马上")
    colleague.route("**/desk/**", lambda route: route.abort())
    # what the page had asked for before it was cut off may still come in, so more than once
    until(lambda: time_passes(books, 4) or resident.locator(".line:has-text('重新排上队')").count(), 30)
    expect(resident, "重新排上队")
    desk.goto("/desk/conversations?folder=waiting")
    desk.wait_for_selector("#list :text('坐席不在了')")
    desk.click("#list a:has-text('方言')")
    desk.wait_for_selector("#talk :text('不在工作台')")
    picture(desk, "lease-ended-desktop")
    # who comes back finds the words still in the box, and no window in the way
    colleague.unroute("**/desk/**")
    colleague.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    colleague.wait_for_selector("#talk button:has-text('接管')")
    assert colleague.input_value("#text") == "我马上" and colleague.is_disabled("#text")
    picture(colleague, "lease-lost-desktop")
    small = enter(open_page, PHONE)
    small.goto(desk.url)
    small.click("button:has-text('接管')")
    small.wait_for_selector("button:has-text('交还机器人')")
    small.click("summary:has-text('转交')")
    picture(small, "transfer-phone")
    assert sticks_out(small) <= 0


def test_the_open_page_beats_in_silence(sign_in: Callable[..., Any], books: Database) -> None:
    desk = sign_in("operator")
    desk.clock.install()
    desk.reload()
    with desk.expect_request("**/desk/beat") as beat:
        desk.clock.run_for(31_000)
    assert beat.value.response().status == 200


def png() -> bytes:
    """A small picture."""
    rows = b"".join(b"\0" + bytes([200, 60 + row, 40]) * 120 for row in range(80))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 120, 80, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_looking_at_a_photo(
    open_page: Callable[..., Any], sign_in: Callable[..., Any], picture: Callable[[Any, str], None], books: Database,
    live: Live,
) -> None:
    resident = open_page("/", PHONE)
    say(resident, "墙都烧黑了，转人工")
    expect(resident, "排上队")
    keys: Keys = load_keys(live.home / "field.key", None)
    with books.begin() as session:
        conversation = session.execute(sa.select(Conversation).order_by(Conversation.id.desc()).limit(1)).scalar_one()
        message = session.execute(sa.select(Message).where(
            Message.conversation_id == conversation.id, Message.seq == 1)).scalar_one()
        message.kind = "photo"
        now = datetime.now(timezone.utc)
        session.add(Attachment(message_id=message.id, channel="web", state="kept", due_at=now, tries=0, size=len(png()),
                               content=keys.seal_bytes(png()), changed_at=now))
        number = conversation.id
    desk = sign_in("operator")
    desk.goto(f"/desk/conversations/{number}")
    desk.click("#talk a:has-text('看照片')")
    desk.wait_for_selector("img.picture")
    assert desk.locator("img.picture").evaluate("image => image.decode().then(() => image.naturalWidth)") == 120
    picture(desk, "photo-desktop")
