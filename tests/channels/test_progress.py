"""Progress by number and query code: the step and nothing else, one answer for everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Ticket
from actions.tickets.numbers import LETTERS
from tests.cast import Browser, Stage


@pytest.fixture
def wang(stage: Stage) -> Browser:
    """王婶 at another device: no cookie of the talk."""
    return stage.browser()


@pytest.fixture
def look(wang: Browser) -> Callable[[str, str], str]:
    """Asks the page."""

    def ask(number: str, code: str) -> str:
        answer = wang.post("/progress", {"number": number, "code": code})
        assert answer.status_code == 200
        return answer.text

    return ask


def wrong(code: str) -> str:
    """Another code of the same shape."""
    return LETTERS[(LETTERS.index(code[0]) + 1) % len(LETTERS)] + code[1:]


def test_number_and_code_show_the_step_and_the_township_only(stage: Stage, look: Callable[[str, str], str]) -> None:
    opened = stage.opened(event_place="龙溪街道花卉园西路8号", phone="13800138000")
    page = look(opened.ticket.number.lower().replace("-", " "), opened.query_code.lower())
    assert "待受理" in page and "龙溪街道" in page
    for secret in ("花卉园", "13800138000", "138****", "火灾", opened.query_code):
        assert secret not in page


def test_wrong_code_wrong_number_and_locked_read_alike(stage: Stage, look: Callable[[str, str], str]) -> None:
    opened = stage.opened()
    number, code = opened.ticket.number, opened.query_code
    blank = look("YM261120-AAAAA-A", code).replace("YM261120-AAAAA-A", "?")
    for _ in range(5):
        assert look(number, wrong(code)).replace(number, "?") == blank
    # now it is locked: the right code gets the same answer as well
    assert look(number, code).replace(number, "?") == blank


def test_five_wrong_tries_lock_for_an_hour(stage: Stage, look: Callable[[str, str], str], clock: Any) -> None:
    opened = stage.opened()
    number, code = opened.ticket.number, opened.query_code
    for _ in range(4):
        look(number, wrong(code))
    assert "待受理" in look(number, code)  # the right one in time starts the count anew
    for _ in range(5):
        look(number, wrong(code))
    clock.advance(minutes=59)
    assert "待受理" not in look(number, code)
    clock.advance(minutes=2)
    assert "待受理" in look(number, code)


def test_one_locked_number_locks_no_other(stage: Stage, look: Callable[[str, str], str]) -> None:
    first, second = stage.opened(), stage.opened()
    for _ in range(6):
        look(first.ticket.number, "AAAAAA")
    assert "待受理" in look(second.ticket.number, second.query_code)


@pytest.mark.parametrize("number", ["", "x" * 5_000, "<script>alert(1)</script>", "'; --", "YM", "\x00"])
def test_nonsense_gets_the_same_kind_answer(stage: Stage, wang: Browser, number: str) -> None:
    answer = wang.post("/progress", {"number": number, "code": number})
    assert answer.status_code == 200 and "对不上" in answer.text and "<script>alert" not in answer.text


def test_another_site_cannot_ask(wang: Browser) -> None:
    assert wang.post("/progress", {"number": "a", "code": "b"}, headers={"origin": "https://evil.example"}).status_code == 403


def test_a_discreet_ticket_announces_no_news(stage: Stage) -> None:
    plain, silent = stage.opened(), stage.opened(discreet=True)
    for opened, announced in ((plain, False), (silent, True)):
        page = stage.browser().post("/progress", {"number": opened.ticket.number, "code": opened.query_code}).text
        assert ("我们不会主动" in page) is announced
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Ticket).values(state="accepted"))
    page = stage.browser().post("/progress", {"number": silent.ticket.number, "code": silent.query_code}).text
    assert "保持电话畅通" not in page and "我们不会主动" in page
