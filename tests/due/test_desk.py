"""When somebody is at the desk: office hours on working days, and the figures of desk.yaml."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.due.calendar import load_calendar
from actions.due.clock import SHANGHAI
from actions.due.desk import is_open, load_desk, opens_at
from actions.due.rules import load_rules
from actions.language.files import ConfigError

HOURS, CALENDAR = load_rules().office_hours, load_calendar()
GOOD = """status: pending
cite: 本系统
lease_minutes: 3
beat_seconds: 30
held_minutes: 30
danger: {same_ticket_hours: 24, source_window_minutes: 30, source_tickets: 3}
"""


@pytest.mark.parametrize("moment, opened, opens", [
    ("2026-11-20T09:00", True, "2026-11-20T09:00"),
    ("2026-11-20T11:59", True, "2026-11-20T11:59"),
    ("2026-11-20T12:00", False, "2026-11-20T14:00"),  # noon
    ("2026-11-20T08:59", False, "2026-11-20T09:00"),
    ("2026-11-20T17:30", False, "2026-11-23T09:00"),  # Friday evening
    ("2026-11-22T10:00", False, "2026-11-23T09:00"),  # Sunday
    ("2026-09-20T10:00", True, "2026-09-20T10:00"),  # a Sunday worked to make up
    ("2026-10-01T10:00", False, "2026-10-08T09:00"),  # the long holiday
])
def test_office_hours(moment: str, opened: bool, opens: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI)
    assert is_open(at, HOURS, CALENDAR) is opened
    assert opens_at(at, HOURS, CALENDAR).due == datetime.fromisoformat(opens).replace(tzinfo=SHANGHAI)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 3, 1)))
def test_it_opens_when_it_is_said_to_and_never_before(moment: datetime) -> None:
    at = moment.replace(tzinfo=SHANGHAI)
    opens = opens_at(at, HOURS, CALENDAR).due
    assert opens >= at and is_open(opens, HOURS, CALENDAR)
    if opens > at:
        assert not is_open(at, HOURS, CALENDAR) and not is_open(opens - timedelta(minutes=1), HOURS, CALENDAR)


def test_an_unpublished_year_is_provisional() -> None:
    assert opens_at(datetime(2027, 2, 6, 10, tzinfo=SHANGHAI), HOURS, CALENDAR).provisional


@pytest.mark.parametrize("change, line", [
    (("lease_minutes: 3", "lease_minutes: 1"), 3), (("beat_seconds: 30", "beat_seconds: 0"), 4),
    (("status: pending", "status: perhaps"), 1), (("held_minutes: 30\n", ""), 1), (("source_tickets: 3", "source_tickets: x"), 6),
    (("lease_minutes: 3", "lease_minutes: true"), 3),
])
def test_a_wrong_figure_names_its_place(tmp_path: Path, change: tuple[str, str], line: int) -> None:
    (tmp_path / "desk.yaml").write_text(GOOD.replace(*change), "utf-8")
    with pytest.raises(ConfigError) as wrong:
        load_desk(tmp_path)
    assert wrong.value.line == line


def test_the_shipped_figures(tmp_path: Path) -> None:
    assert load_desk().lease == timedelta(minutes=3) and load_desk().status == "pending"
