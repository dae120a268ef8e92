"""Every deadline beside a slow reference that shares no line with the clock: it reads the day tables itself and walks."""
from __future__ import annotations

import csv
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.due.calendar import FOLDER, load_calendar
from actions.due.clock import SHANGHAI, Pause, due
from actions.due.rules import Rule, load_rules

CALENDAR, HOURS = load_calendar(), load_rules().office_hours
CHINA = timezone(timedelta(hours=8))  # no summer time since 1991
DAY = timedelta(days=1)


@lru_cache(None)
def table() -> dict[str, str]:
    """Day → kind, from the files."""
    return {row["date"]: row["kind"] for path in FOLDER.glob("2*.csv") for row in csv.DictReader(path.read_text("utf-8").splitlines())}


def works(day: date) -> bool:
    kind = table().get(day.isoformat())
    return day.isoweekday() <= 5 if kind is None else kind in ("work", "makeup")


def slow(kind: str, count: int, start: datetime, pauses: list[Pause]) -> tuple[datetime, bool]:
    """(deadline, provisional): by trying day after day, minute after minute."""
    begin = start.astimezone(CHINA)
    stops = [(pause.start.timestamp(), pause.end.timestamp()) for pause in pauses]
    first = begin.date()
    if kind == "hours":
        return datetime.fromtimestamp(start.timestamp() + count * 3600, CHINA), False
    if kind in ("days", "working_days"):
        day, days = first, list[date]()
        while len(days) < count:
            day += DAY
            night = datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp() + 86400
            if (kind == "days" or works(day)) and not any(one <= night < other for one, other in stops):
                days.append(day)
        end = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=CHINA)
    else:
        moment, left = begin.timestamp(), count  # whole minutes: starts and pauses are given so
        while left:
            here = datetime.fromtimestamp(moment, CHINA)
            if not works(here.date()):
                here = datetime(here.year, here.month, here.day, tzinfo=CHINA) + DAY
                moment = here.timestamp()
                continue
            open_ = any(opens <= here.time() < closes for opens, closes in HOURS)
            left -= open_ and not any(one <= moment < other for one, other in stops)
            moment += 60
        end = datetime.fromtimestamp(moment, CHINA)
    walked = [first + DAY * n for n in range((end.date() - first).days + 1)]
    return end, kind != "days" and any(day.isoformat() not in table() for day in walked)


minutes = st.datetimes(datetime(2025, 9, 20), datetime(2027, 2, 20)).map(lambda moment: moment.replace(second=0, microsecond=0))
seams = st.sampled_from([datetime(2026, 9, 30, 23, 59), datetime(2026, 10, 1), datetime(2026, 2, 14), datetime(2026, 2, 13, 23, 59),
                         datetime(2026, 12, 31, 23, 59), datetime(2027, 1, 1), datetime(2026, 10, 10, 9), datetime(2026, 9, 20, 17, 29)])
moments = st.one_of(minutes, seams).map(lambda moment: moment.replace(tzinfo=SHANGHAI))
lengths = st.one_of(st.integers(0, 60 * 24 * 12), st.sampled_from([0, 1, 1439, 1440, 1441]))
pauses = st.lists(st.builds(lambda begin, length: Pause(begin, begin + timedelta(minutes=length), "补正"), moments, lengths), max_size=4)


@given(st.sampled_from(["working_days", "days", "hours"]), st.integers(1, 30), moments, st.integers(0, 59_999), pauses)
def test_days_and_hours_are_those_of_the_reference(kind: str, count: int, start: datetime, milliseconds: int, stops: list[Pause]) -> None:
    start += timedelta(milliseconds=milliseconds)
    found = due(Rule("r", kind, count, "", "confirmed"), start, CALENDAR, stops, HOURS)
    assert (found.due, found.provisional) == slow(kind, count, start, stops)


@settings(max_examples=40)
@given(st.integers(1, 600), moments, pauses)
def test_office_minutes_are_those_of_the_reference(count: int, start: datetime, stops: list[Pause]) -> None:
    found = due(Rule("r", "office_minutes", count, "", "confirmed"), start, CALENDAR, stops, HOURS)
    assert (found.due, found.provisional) == slow("office_minutes", count, start, stops)


@given(st.sampled_from(["working_days", "days", "hours", "office_minutes"]), st.integers(1, 30), moments, pauses,
       st.sampled_from([timezone.utc, timezone(timedelta(hours=-8)), timezone(timedelta(hours=14))]))
def test_where_the_server_thinks_it_stands_changes_nothing(
        kind: str, count: int, start: datetime, stops: list[Pause], zone: timezone) -> None:
    rule = Rule("r", kind, count, "", "confirmed")
    elsewhere = [Pause(stop.start.astimezone(zone), stop.end.astimezone(zone), stop.reason) for stop in stops]
    here = due(rule, start, CALENDAR, stops, HOURS)
    assert due(rule, start.astimezone(zone), CALENDAR, elsewhere, HOURS) == here and here.due.utcoffset() == timedelta(hours=8)


@given(st.sampled_from(["working_days", "days", "office_minutes"]), st.integers(1, 30), moments, pauses)
def test_a_pause_in_two_halves_is_one_pause(kind: str, count: int, start: datetime, stops: list[Pause]) -> None:
    halves = [half for stop in stops for middle in [stop.start + (stop.end - stop.start) / 2]
              for half in (Pause(stop.start, middle, stop.reason), Pause(middle, stop.end, stop.reason))]
    rule = Rule("r", kind, count, "", "confirmed")
    assert due(rule, start, CALENDAR, halves, HOURS).due == due(rule, start, CALENDAR, stops, HOURS).due


@given(st.sampled_from(["working_days", "days", "office_minutes"]), st.integers(1, 30), moments, moments, lengths)
def test_what_was_paused_before_the_start_or_after_the_end_is_none_of_its_business(
        kind: str, count: int, start: datetime, other: datetime, length: int) -> None:
    rule, stop = Rule("r", kind, count, "", "confirmed"), Pause(other, other + timedelta(minutes=length), "补正")
    plain = due(rule, start, CALENDAR, (), HOURS)
    if stop.end <= start or stop.start > plain.due:
        assert due(rule, start, CALENDAR, [stop], HOURS).due == plain.due
