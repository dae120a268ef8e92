"""A week of 龙溪街道 at the end of National Day 2026: thirty tickets, every deadline and every morning counted by hand beforehand."""
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from actions.due.clock import SHANGHAI
from actions.privacy.queries import verify_audit
from actions.storage.engine import Database, open_engine
from actions.storage.tables import Notice, TicketEvent
from actions.tickets.commands import opening
from actions.tickets.numbers import LETTERS, check_character
from tests.conftest import Clock, fresh_database
from tests.stage import make_stage
from tests.tickets.conftest import with_limit
from tests.week.report import report
from tests.week.story import load_story
from tests.week.town import Town

STORY = load_story()
PAGE = Path(__file__).resolve().parents[2] / "docs" / "week.md"


def _numbers() -> Iterator[str]:
    """Bodies of ticket numbers, one after another: the report is the same for every run."""
    for place in range(len(LETTERS) ** 2):
        yield "333" + LETTERS[place // len(LETTERS)] + LETTERS[place % len(LETTERS)]


@pytest.fixture(scope="module")
def town(postgres_url: str, postgres_admin: Any, keys: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any) -> Iterator[Town]:
    """The week, played once."""
    bodies = _numbers()

    def number(day: Any) -> str:
        body = next(bodies)
        return f"YM{day:%y%m%d}-{body}-{check_character(body)}"

    with fresh_database(postgres_url, postgres_admin) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "new_number", number)
        database = Database(open_engine(url, pool_size=5), keys.audit_key)
        know = replace(knowledge, book=with_limit(knowledge.book, int(STORY.cast["limit"])))
        town = Town(make_stage(database, know, gates, roles, lifecycle, Clock(datetime(2026, 9, 1, tzinfo=timezone.utc))), STORY)
        town.play()
        yield town
        database.dispose()


@pytest.mark.parametrize("day", STORY.days, ids=lambda day: str(day.day))
def test_each_morning(town: Town, day: Any) -> None:
    seen = town.mornings[day.day.isoformat()]
    assert {name: sorted(found) for name, found in seen.hands.items()} == {name: sorted(wanted) for name, wanted in day.hands.items()}
    assert seen.open == day.open == sum(len(found) for found in day.hands.values())
    assert {name: sorted(found) for name, found in seen.due.items()} == {name: sorted(wanted) for name, wanted in day.due.items()}
    assert {name: sorted(found) for name, found in seen.overdue.items()} == {name: sorted(wanted) for name, wanted in day.overdue.items()}
    assert seen.stuck == {name: sorted(wanted) for name, wanted in day.stuck.items()}
    assert seen.reminders == day.reminders
    assert seen.ownerless == seen.provisional == []  # the whole of 2026 is published
    assert set(seen.pages["chen"]) == set(day.stuck)
    ours = {name for name in day.stuck if name not in day.hands.get("li", []) and name not in day.hands.get("desk:u-longshan", [])}
    assert set(seen.pages["he"]) == ours


@pytest.mark.parametrize("case", STORY.cases.values(), ids=lambda case: case.id)
def test_each_ticket(town: Town, case: Any) -> None:
    ticket = town.row(case.id)
    assert town.clocks(case.id) == [one.row for one in case.clocks]
    assert ticket.state == case.state
    assert {id_: login for login, id_ in town.staff.items()}.get(ticket.accepted_by, "-") == case.owner
    assert {clock for clock, _, how, _ in town.clocks(case.id) if how == "missed"} == set(case.late)
    told = town.told(case.id)
    assert [kind for kind, state in told if state == "posted"] == list(case.told)
    assert Counter(state for _, state in told) == Counter(
        {name: count for name, count in (("posted", len(case.told)), ("silent", case.silent)) if count})
    assert len(town.heard(case.id)) == len(case.told)


def test_nothing_is_left_to_be_said(town: Town) -> None:
    """Everything that should have gone out has, and each notice once."""
    with town.stage.parts.database.begin() as session:
        rows = session.query(Notice.event_id, Notice.recipient, Notice.kind, Notice.state).all()
    assert {row.state for row in rows} <= {"posted", "silent"}
    assert max(Counter((row.event_id, row.recipient, row.kind) for row in rows).values()) == 1


def test_days_are_not_told_of_by_night(town: Town) -> None:
    """A clock of whole days is told of when the office opens; only hours are told of at any hour."""
    rules = town.stage.parts.knowledge.clockwork
    with town.stage.parts.database.begin() as session:
        rows = session.query(TicketEvent).filter(TicketEvent.kind == "reminded").all()
    days = [row for row in rows if rules.figure(row.data["rule"], None, row.at).kind in ("working_days", "days")]
    assert len(days) > 20 and {row.at.astimezone(SHANGHAI).strftime("%H:%M") for row in days} == {"09:00"}
    assert all(rules.calendar.is_working_day(row.at.astimezone(SHANGHAI).date()) for row in days)


def test_the_report_stands_in_docs(town: Town) -> None:
    text = report(town)
    if os.environ.get("WRITE_WEEK"):  # scripts/write_week
        PAGE.write_text(text, "utf-8")
    assert PAGE.read_text("utf-8") == text, "run scripts/write_week and look at what has changed"


def test_the_audit_log_is_whole(town: Town) -> None:
    with town.stage.parts.database.session() as session:
        verified = verify_audit(session)
    assert verified.broken is None and verified.rows > 300
