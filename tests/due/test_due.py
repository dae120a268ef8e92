"""Deadlines follow the published calendar, explain themselves, and refuse what they cannot compute."""
from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.due.calendar import FOLDER, load_calendar
from actions.due.cli import due_record
from actions.due.clock import SHANGHAI, BadTime, Pause, due
from actions.due.rules import FOLDER as RULES
from actions.due.rules import BadCount, DueError, Rule, UnknownRule, load_rules
from actions.language.files import ConfigError

CALENDAR, RULEBOOK = load_calendar(), load_rules()

def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(("rule", "start", "expected"), [
    ("working_days:10", "2026-09-18T10:00", "2026-10-09T23:59:59"),   # over make-up Sunday and National Day
    ("working_days:1", "2026-09-19T10:00", "2026-09-20T23:59:59"),    # Sunday worked
    ("working_days:1", "2026-09-30T23:59:59", "2026-10-08T23:59:59"),
    ("working_days:5", "2026-02-13T09:00", "2026-02-27T23:59:59"),    # Spring Festival
    ("working_days:5", "2025-09-26T17:00", "2025-10-10T23:59:59"),
    ("days:3", "2026-09-30T08:00", "2026-10-03T23:59:59"),
    ("hours:24", "2026-09-30T22:30", "2026-10-01T22:30:00"),
    ("office_minutes:180", "2026-09-18T10:00", "2026-09-18T15:00:00"),  # two hours, then lunch
    ("office_minutes:180", "2026-09-18T17:00", "2026-09-20T11:30:00"),  # Friday, then the worked Sunday
    ("office_minutes:60", "2026-10-01T10:00", "2026-10-08T10:00:00"),
    ("office_minutes:180", "2026-09-18T00:00", "2026-09-18T12:00:00"),
    ("small_quick_aid", "2026-09-18T10:00", "2026-09-21T23:59:59"),
    ("temporary_aid", "2026-09-18T10:00", "2026-09-29T23:59:59"),
])
def test_deadlines_by_hand(rule: str, start: str, expected: str) -> None:
    record = due_record(rule, start + "+08:00")
    assert record["due"] == expected + "+08:00" and record["provisional"] is False


def test_the_record_explains_every_day() -> None:
    record = due_record("working_days:2", "2026-09-25T02:00:00Z")
    assert {key: record[key] for key in ("rule", "from", "due", "provisional", "calendar", "cite", "status")} == {
        "rule": "working_days:2", "from": "2026-09-25T10:00:00+08:00", "due": "2026-09-29T23:59:59+08:00",
        "provisional": False, "calendar": "cn-2021-2026", "cite": None, "status": "confirmed"}
    assert [(step["date"][5:], step["kind"], step["counted"]) for step in record["steps"]] == [
        ("09-25", "holiday", False), ("09-26", "holiday", False), ("09-27", "holiday", False),
        ("09-28", "work", True), ("09-29", "work", True)]
    assert all(step["why"] for step in record["steps"])


def test_rules_carry_their_source() -> None:
    record = due_record("small_quick_aid", "2026-09-18T10:00:00+08:00")
    assert record["status"] == "confirmed" and "小额快救" in record["cite"]
    assert RULEBOOK.find("temporary_aid").status == "pending"
    assert RULEBOOK.find("aid_paperwork").status == "comparator"
    assert {"officer_accept", "operator_pickup"} <= set(RULEBOOK.named)
    assert all(rule.cite for rule in RULEBOOK.named.values())


def test_a_year_without_a_notice_is_provisional() -> None:
    known = due_record("working_days:5", "2026-12-24T09:00:00+08:00")
    assert (known["due"][:10], known["provisional"]) == ("2026-12-31", False)
    later = due_record("working_days:6", "2026-12-24T09:00:00+08:00")
    assert (later["due"][:10], later["provisional"]) == ("2027-01-01", True)
    assert later["steps"][-1]["kind"] == "provisional"
    assert due_record("days:30", "2026-12-24T09:00:00+08:00")["provisional"] is False


def test_pauses_cost_the_nights_they_last() -> None:
    rule = RULEBOOK.find("working_days:3")
    start = at("2026-09-07T10:00")
    assert due(rule, start, CALENDAR).due == at("2026-09-10T23:59:59")
    pause = Pause(at("2026-09-08T10:00"), at("2026-09-09T09:00"), "补正")
    paused = due(rule, start, CALENDAR, [pause])
    assert paused.due == at("2026-09-11T23:59:59")
    assert [step.date.day for step in paused.steps if "补正" in step.why] == [8]
    midday = Pause(at("2026-09-08T10:00"), at("2026-09-08T11:00"), "补正")
    assert due(rule, start, CALENDAR, [midday]).due == at("2026-09-10T23:59:59")
    assert due(RULEBOOK.find("hours:24"), start, CALENDAR, [pause]).due == at("2026-09-08T10:00")
    minutes = due(RULEBOOK.find("office_minutes:180"), start, CALENDAR,
                  [Pause(at("2026-09-07T10:30"), at("2026-09-07T11:30"), "补正")], RULEBOOK.office_hours)
    assert minutes.due == at("2026-09-07T16:00")


@pytest.mark.parametrize(("rule", "error", "says"), [
    ("small_quik_aid", UnknownRule, "small_quick_aid"), ("working_day:3", UnknownRule, "working_days:N"),
    ("days:0", BadCount, "1 to 3650"), ("days:-1", BadCount, ""), ("days:x", BadCount, ""), ("days:1.5", BadCount, ""),
    ("hours:99999999999999999999", BadCount, ""), ("", UnknownRule, ""), ("days", UnknownRule, ""), ("days:３", BadCount, ""),
])
def test_unknown_rules_name_the_nearest(rule: str, error: type[DueError], says: str) -> None:
    with pytest.raises(error) as caught:
        due_record(rule, "2026-09-18T10:00:00+08:00")
    assert says in str(caught.value)


@pytest.mark.parametrize("start", ["2026-09-18", "2026-09-18T10:00:00", "tomorrow", "", "2026-13-01T00:00:00+08:00",
                                   "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-12:00"])
def test_times_without_an_offset_or_out_of_reach_are_refused(start: str) -> None:
    with pytest.raises(BadTime):
        due_record("days:3", start)
    with pytest.raises(BadTime):
        due_record("days:3", "2026-09-18T10:00:00+08:00", pauses=[(start, start, "补正")])


def test_a_pause_that_runs_backwards_or_for_ever_is_refused() -> None:
    with pytest.raises(BadTime):
        due_record("days:3", "2026-09-18T10:00:00+08:00",
                   pauses=[("2026-09-19T10:00:00+08:00", "2026-09-18T10:00:00+08:00", "补正")])


starts = st.datetimes(datetime(2021, 1, 1), datetime(2026, 11, 20)).map(lambda moment: moment.replace(tzinfo=SHANGHAI))


@given(starts, st.integers(1, 25), st.integers(1, 25))
def test_working_days_add_up_and_end_on_a_working_day(start: datetime, first: int, second: int) -> None:
    def run(begin: datetime, count: int) -> datetime:
        return due(Rule("r", "working_days", count, "", "confirmed"), begin, CALENDAR).due

    end = run(start, first)
    assert CALENDAR.is_working_day(end.date()) and end.timetz().replace(tzinfo=None) == time(23, 59, 59)
    assert run(end, second) == run(start, first + second)
    counted = sum(CALENDAR.is_working_day(start.date() + timedelta(days=n))
                  for n in range(1, (end.date() - start.date()).days + 1))
    assert counted == first


@given(starts, starts, st.integers(1, 600), st.sampled_from(["working_days", "days", "hours", "office_minutes"]))
def test_who_comes_later_is_never_due_earlier(one: datetime, other: datetime, count: int, kind: str) -> None:
    rule = Rule("r", kind, count if kind == "office_minutes" else count % 30 + 1, "", "confirmed")
    early, late = sorted((one, other))
    assert due(rule, early, CALENDAR, (), RULEBOOK.office_hours).due <= due(rule, late, CALENDAR, (), RULEBOOK.office_hours).due
    utc = early.astimezone(timezone.utc)
    assert due(rule, utc, CALENDAR, (), RULEBOOK.office_hours) == due(rule, early, CALENDAR, (), RULEBOOK.office_hours)


def copy(folder: Path, source: Path) -> Path:
    for path in source.iterdir():
        if path.suffix in (".yaml", ".csv"):
            (folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("old", "new", "says"), [
    ("2026-01-05,work", "2026-01-05,wrok", "did you mean work?"), ("2026-01-05,work,,", "2026-01-04,makeup,,", "twice"),
    ("2026-01-05,work", "2026-1-5,work", "not a day"), ("2026-01-05,work", "2025-01-05,work", "not a day of 2026"),
    ("date,kind", "day,kind", "columns"),
])
def test_a_wrong_day_table_names_the_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = copy(tmp_path, FOLDER) / "2026.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_calendar(tmp_path)
    assert says in str(caught.value) and "2026.csv" in str(caught.value)


def test_a_day_table_with_a_missing_day_is_refused(tmp_path: Path) -> None:
    path = copy(tmp_path, FOLDER) / "2026.csv"
    path.write_text("\n".join(path.read_text(encoding="utf-8").split("\n")[:-2]) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="2026-12-31 is missing"):
        load_calendar(tmp_path)


@pytest.mark.parametrize(("old", "new", "says"), [
    ("kind: days", "kind: day", "did you mean days?"), ("status: confirmed", "status: confirm", "did you mean confirmed?"),
    ("count: 3\n", "count: 0\n", "out of range"), ("    cite: 民政部", "    cites: 民政部", "did you mean cite?"),
])
def test_a_wrong_rule_names_the_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = copy(tmp_path, RULES) / "due.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_rules(tmp_path)
    assert says in str(caught.value) and caught.value.line
