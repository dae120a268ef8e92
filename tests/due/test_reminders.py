"""Reminders come before, at and after a deadline, in office hours of working days, and never before the clock began."""
from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.due.calendar import load_calendar
from actions.due.clock import SHANGHAI, due
from actions.due.plan import load_plan
from actions.due.reminders import ladder_of, working_day
from actions.due.rules import load_rules

CALENDAR, RULES, PLAN = load_calendar(), load_rules(), load_plan()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def ladder(clock: str, rule: str, start: datetime) -> list[tuple[str, str]]:
    found, hours = RULES.find(rule), RULES.office_hours
    end = due(found, start, CALENDAR, office_hours=hours).due
    return [(moment.strftime("%m-%d %H:%M"), reminder.id)
            for moment, reminder in ladder_of(PLAN.clocks[clock].ladder, found, start, end, CALENDAR, hours)]


def test_days_are_told_of_when_the_office_opens() -> None:
    # seven working days from Friday 2026-11-20 end on Tuesday 12-01
    assert ladder("handling", "temporary_aid", at("2026-11-20T10:00")) == [
        ("11-27 09:00", "two_days_left"), ("12-01 09:00", "due_today"), ("12-02 09:00", "late"),
        ("12-03 09:00", "late_district"), ("12-08 09:00", "late_again")]


def test_over_a_holiday_and_a_sunday_worked() -> None:
    # three plain days from Wednesday 2026-09-30 end on Saturday 10-03, in the middle of National Day
    assert ladder("handling", "small_quick_aid", at("2026-09-30T15:00")) == [
        ("10-03 09:00", "due_today"),  # no office opens before the deadline; the 30th was before the request
        ("10-08 09:00", "late"), ("10-09 09:00", "late_district"), ("10-13 09:00", "late_again")]  # the 10th is a Saturday worked
    assert ladder("handling", "working_days:1", at("2026-09-18T10:00"))[:2] == [("09-20 09:00", "due_today"), ("09-21 09:00", "late")]


def test_hours_run_by_night_and_are_told_of_by_night() -> None:
    assert ladder("aid", "aid_first", at("2026-09-30T22:30")) == [
        ("10-01 21:30", "an_hour_left"), ("10-01 22:30", "due_now"), ("10-02 00:30", "late_district"), ("10-02 22:30", "late_again")]
    assert ladder("dispatch", "urgent_dispatch", at("2026-09-30T22:30"))[0] == ("09-30 23:30", "due_now")  # an hour left was at the start


def test_hours_after_a_day_wait_for_the_office() -> None:
    # one working day from Friday 2026-10-09 ends at midnight of Saturday the 10th, which is worked; Sunday is not
    assert ladder("contact", "first_contact", at("2026-10-09T10:00")) == [
        ("10-10 09:00", "due_now"), ("10-12 09:00", "late"), ("10-12 09:00", "late_district")]
    assert ladder("contact", "urgent_contact", at("2026-10-09T22:00"))[:2] == [("10-10 00:00", "due_now"), ("10-10 02:00", "late")]


def test_what_the_district_decides_it_is_reminded_of() -> None:
    assert {rank for reminder in PLAN.clocks["district"].ladder for rank in reminder.to} == {"district"}


@pytest.mark.parametrize(("day", "count", "expected"), [
    ("2026-10-01", 0, "2026-09-30"), ("2026-10-01", -1, "2026-09-30"), ("2026-10-01", 1, "2026-10-08"),
    ("2026-09-20", 0, "2026-09-20"), ("2026-10-09", 1, "2026-10-10"), ("2026-10-12", -1, "2026-10-10"),
])
def test_the_next_and_the_last_working_day(day: str, count: int, expected: str) -> None:
    assert working_day(datetime.fromisoformat(day).date(), count, CALENDAR).isoformat() == expected


@given(st.datetimes(datetime(2021, 1, 1), datetime(2027, 6, 1)), st.integers(0, 1), st.integers(1, 30),
       st.sampled_from(["handling", "aid", "sign"]), st.sampled_from(["working_days", "days", "hours", "office_minutes"]))
def test_never_before_the_clock_began_and_on_the_right_side_of_the_deadline(
        moment: datetime, later: int, count: int, clock: str, kind: str) -> None:
    start, rule = moment.replace(tzinfo=SHANGHAI), RULES.find(f"{kind}:{count}")
    end = due(rule, start, CALENDAR, office_hours=RULES.office_hours).due + timedelta(days=later)
    for told, reminder in ladder_of(PLAN.clocks[clock].ladder, rule, start, end, CALENDAR, RULES.office_hours):
        assert told >= start
        assert told <= end if reminder.when in ("before", "at") else told > end
        if reminder.kind == "working_days":
            assert CALENDAR.is_working_day(told.date()) and told.time() == RULES.office_hours[0][0]
