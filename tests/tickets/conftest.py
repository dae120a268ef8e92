"""The web side with the cast hired, for tests that work tickets over HTTP."""
from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actions.tickets.approval.book import Book
from actions.tickets.approval.limits import LimitRow
from tests.cast import Stage
from tests.stage import make_stage
from tests.tickets.counting import Office


def with_limit(book: Book, yuan: int | None, *, confirmed: bool = True, start: Any = None) -> Book:
    """The same book in an area whose townships decide up to so much."""
    first = book.limits.rows[0]
    row = LimitRow(None, None, start or first.start, None, amount=None if yuan is None else Decimal(yuan),
                   status="confirmed" if confirmed else "pending", cite="law-44-2")
    return replace(book, limits=replace(book.limits, rows=(row,)))


@pytest.fixture
def stage(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any) -> Stage:
    """Everything a page test needs, in an area where townships decide up to 3000 yuan."""
    knowledge = replace(knowledge, book=with_limit(knowledge.book, 3000))
    stage = make_stage(database, knowledge, gates, roles, lifecycle, clock)
    stage.hire()
    return stage


@pytest.fixture
def office(stage: Stage, work: Any) -> Office:
    """The stage, with people who do commands."""
    return Office(stage, work)
