"""When one ticket reminds of another: the rule alone, with days counted by hand."""
from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.intake.duplicates import Match, Trace, months_before, reminders_of, within
from actions.steps.knowledge import Knowledge

DAY = date(2026, 11, 20)


def trace(number: str = "A", kind: str | None = "fire", day: date = DAY, unit: str | None = "龙溪街道",
          household: str | None = None, state: str = "accepted") -> Trace:
    return Trace(number, kind, day, unit, household, state)


def rules_of(knowledge: Knowledge, one: Trace, *others: Trace, asked: object = None) -> list[str]:
    found = reminders_of(knowledge.intake.duplicates, one, [Match(other, frozenset({"phone"})) for other in others], asked)
    return [reminder.rule.id for reminder in found]


@pytest.mark.parametrize("day, months, expected", [
    (date(2026, 11, 20), 12, date(2025, 11, 20)), (date(2026, 3, 31), 1, date(2026, 2, 28)),
    (date(2024, 3, 31), 1, date(2024, 2, 29)), (date(2024, 2, 29), 12, date(2023, 2, 28)),
    (date(2026, 1, 15), 1, date(2025, 12, 15)), (date(2026, 12, 31), 12, date(2025, 12, 31)),
    (date(2026, 1, 31), 2, date(2025, 11, 30)), (date(2026, 12, 5), 0, date(2026, 12, 5)),
])
def test_months_back(day: date, months: int, expected: date) -> None:
    assert months_before(day, months) == expected


@pytest.mark.parametrize("other, inside", [
    (date(2025, 11, 21), True), (date(2025, 11, 20), False), (date(2026, 11, 20), True), (date(2027, 11, 19), True),
    (date(2027, 11, 20), False),
])
def test_a_window_of_a_year_does_not_hold_the_same_day_of_the_other_year(other: date, inside: bool) -> None:
    assert within(DAY, other, 12) is inside


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(1, 60))
def test_a_window_does_not_ask_which_was_first_and_only_grows(one: date, other: date, months: int) -> None:
    assert within(one, other, months) == within(other, one, months)
    assert not within(one, other, months) or within(one, other, months + 1)
    assert within(one, one, months)
    assert 28 * months <= (one - months_before(one, months)).days <= 31 * months


def test_same_cause_in_the_window_reminds(knowledge: Knowledge) -> None:
    assert rules_of(knowledge, trace(), trace("B", day=DAY - timedelta(days=300))) == ["repeat"]


@pytest.mark.parametrize("other", [
    trace("B", kind="illness"), trace("B", kind=None), trace("B", day=date(2025, 11, 20)), trace("B", state="withdrawn"),
    trace("B", state="merged"), trace("A"),
])
def test_what_does_not_remind(knowledge: Knowledge, other: Trace) -> None:
    assert rules_of(knowledge, trace(), other) == []


def test_without_a_cause_nothing_is_the_same(knowledge: Knowledge) -> None:
    assert rules_of(knowledge, trace(kind=None), trace("B", kind=None)) == []


@pytest.mark.parametrize("one, other, expected", [
    (trace(household="石船镇"), trace("B", unit="石船镇"), ["double"]),
    (trace(unit="石船镇"), trace("B", household="石船镇"), ["double"]),
    (trace(household="石船镇"), trace("B", unit="龙塔街道"), ["repeat"]),
    (trace(household="龙溪街道"), trace("B", unit="龙溪街道"), ["repeat"]),  # both asked at one unit: no second place
    (trace(unit=None, household="石船镇"), trace("B", unit="石船镇"), ["repeat"]),
])
def test_household_and_event_place_both(knowledge: Knowledge, one: Trace, other: Trace, expected: list[str]) -> None:
    assert rules_of(knowledge, one, other) == expected


@pytest.mark.parametrize("asked, expected", [("here", ["told"]), ("elsewhere", ["told"]), ("no", []), (None, []), (["here"], [])])
def test_what_the_resident_said(knowledge: Knowledge, asked: object, expected: list[str]) -> None:
    assert rules_of(knowledge, trace(), asked=asked) == expected


def test_the_nearest_ticket_comes_first(knowledge: Knowledge) -> None:
    others = [Match(trace(name, day=DAY - timedelta(days=days)), frozenset()) for name, days in [("B", 200), ("C", 3), ("D", 50)]]
    found = reminders_of(knowledge.intake.duplicates, trace(), others)
    assert [reminder.match.trace.number for reminder in found if reminder.match] == ["C", "D", "B"]
