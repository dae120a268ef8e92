"""What must hold for any clock: pauses and extensions only ever give time, midnight is the border, years are learned."""
from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.due.calendar import FOLDER, Calendar, load_calendar
from actions.due.clock import SHANGHAI, Pause, due
from actions.due.rules import Rule, load_rules

CALENDAR, HOURS = load_calendar(), load_rules().office_hours
kinds = st.sampled_from(["working_days", "days", "hours", "office_minutes"])
moments = st.datetimes(datetime(2021, 1, 1), datetime(2026, 12, 31)).map(lambda moment: moment.replace(tzinfo=SHANGHAI))
counts = st.integers(1, 40)
pauses = st.lists(st.builds(lambda begin, hours: Pause(begin, begin + timedelta(hours=hours), "补正"), moments,
                            st.integers(0, 600)), max_size=4)


def rule(kind: str, count: int) -> Rule:
    return Rule("r", kind, count, "", "confirmed")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@given(kinds, counts, moments, pauses, st.integers(0, 600), st.integers(0, 500))
def test_more_pause_is_never_earlier(kind: str, count: int, start: datetime, some: list[Pause], after: int, length: int) -> None:
    begin = start + timedelta(hours=after)
    more = [*some, Pause(begin, begin + timedelta(hours=length), "补正")]
    fewer, with_more = (due(rule(kind, count), start, CALENDAR, stops, HOURS).due for stops in (some, more))
    assert with_more >= fewer
    if kind == "hours":
        assert with_more == start + timedelta(hours=count)


@given(kinds, counts, moments, pauses, st.dates(date(2021, 1, 1), date(2027, 12, 31)))
def test_an_extension_reaches_its_day_or_changes_nothing(kind: str, count: int, start: datetime, stops: list[Pause], until: date) -> None:
    plain = due(rule(kind, count), start, CALENDAR, stops, HOURS)
    longer = due(rule(kind, count), start, CALENDAR, stops, HOURS, until)
    end = datetime.combine(until, time(23, 59, 59), SHANGHAI)
    if kind == "hours" or end <= plain.due:
        assert longer == plain
    else:
        assert longer.due == end and not longer.provisional
        assert [step for step in longer.steps if step.counted] == [step for step in plain.steps if step.counted]
        assert longer.steps[-1].date == until and until.isoformat() in longer.steps[-1].why


@given(kinds, counts, moments, pauses)
def test_every_deadline_explains_itself(kind: str, count: int, start: datetime, stops: list[Pause]) -> None:
    found = due(rule(kind, count), start, CALENDAR, stops, HOURS)
    days = [step.date for step in found.steps]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]  # no day is left out, none stands twice
    assert days[0] == start.date() and days[-1] == found.due.date() and all(step.why for step in found.steps)
    if kind in ("working_days", "days"):
        assert sum(step.counted for step in found.steps) == count
    assert due(rule(kind, count), start, CALENDAR, stops, HOURS) == found


@given(kinds, counts, moments, moments, pauses)
def test_who_comes_later_is_never_due_earlier_also_with_pauses(
        kind: str, count: int, one: datetime, other: datetime, stops: list[Pause]) -> None:
    early, late = sorted((one, other))
    assert due(rule(kind, count), early, CALENDAR, stops, HOURS).due <= due(rule(kind, count), late, CALENDAR, stops, HOURS).due


@pytest.mark.parametrize(("start", "expected"), [
    ("2026-09-30T23:59:59.999999+08:00", "2026-10-08"), ("2026-10-01T00:00:00+08:00", "2026-10-08"),  # both before a holiday
    ("2026-10-08T23:59:59+08:00", "2026-10-09"), ("2026-10-09T00:00:00+08:00", "2026-10-10"),  # one second, one day: a Saturday worked
    ("2026-09-19T23:59:59+08:00", "2026-09-20"), ("2026-09-20T00:00:00+08:00", "2026-09-21"),  # round a Sunday worked
    ("2026-10-08T15:59:59+00:00", "2026-10-09"), ("2026-10-08T16:00:00+00:00", "2026-10-10"),  # the same, as UTC says it
    ("2026-10-08T09:30:00-07:00", "2026-10-10"),  # still the 8th in California
])
def test_midnight_is_shanghais(start: str, expected: str) -> None:
    assert due(rule("working_days", 1), datetime.fromisoformat(start), CALENDAR).due.date().isoformat() == expected


@pytest.mark.parametrize(("first", "last", "expected"), [
    ("2026-09-20T00:00", "2026-09-20T23:59:59", "2026-09-21"),  # within one day: no night, no day
    ("2026-09-20T23:00", "2026-09-21T00:00", "2026-09-21"),  # ends as the night begins
    ("2026-09-20T23:59:59", "2026-09-21T00:00:01", "2026-09-22"),  # over midnight: the worked Sunday does not count
    ("2026-09-24T10:00", "2026-10-08T10:00", "2026-09-21"),  # begins when all is over
    ("2026-09-19T12:00", "2026-10-07T12:00", "2026-10-08"),  # the whole holiday: the 7th was none of its days anyway
])
def test_a_pause_costs_the_midnights_it_covers(first: str, last: str, expected: str) -> None:
    pause = Pause(at(first), at(last), "补正")
    count = 2 if expected < "2026-10" else 1
    assert due(rule("working_days", count), at("2026-09-19T10:00"), CALENDAR, [pause]).due.date().isoformat() == expected


def without(path: Path, year: int) -> Calendar:
    """The calendar before this year's notice came."""
    for file in FOLDER.iterdir():
        if file.suffix in (".csv", ".yaml") and file.stem != str(year):
            (path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    return load_calendar(path)


def test_a_year_without_calendar_is_kept_provisionally_and_learned(tmp_path: Path) -> None:
    before = without(tmp_path, 2026)
    assert before.version == "cn-2021-2025" and before.digest != CALENDAR.digest
    start = at("2025-12-30T10:00")
    then, now = (due(rule("working_days", 3), start, calendar) for calendar in (before, CALENDAR))
    assert (then.due.date(), then.provisional) == (date(2026, 1, 2), True)  # Monday to Friday
    assert (now.due.date(), now.provisional) == (date(2026, 1, 5), False)  # three days off, then a Sunday worked: 31, 4, 5
    assert [step.kind for step in then.steps] == ["work", "work", "provisional", "provisional"]
    assert not due(rule("days", 3), start, before).provisional and not due(rule("hours", 72), start, before).provisional


def test_a_corrected_day_is_another_calendar(tmp_path: Path) -> None:
    without(tmp_path, 0)
    path = tmp_path / "2026.csv"
    path.write_text(path.read_text("utf-8").replace("2026-11-23,work,,", "2026-11-23,holiday,临时放假,"), "utf-8")
    load_calendar.cache_clear()
    corrected = load_calendar(tmp_path)
    assert corrected.version == CALENDAR.version and corrected.digest != CALENDAR.digest


def test_every_time_zone_gives_the_same_deadline() -> None:
    start = at("2026-09-18T10:00")
    assert len({due(rule("working_days", 10), start.astimezone(timezone(timedelta(hours=n))), CALENDAR).due for n in range(-12, 15)}) == 1
