"""Rules by day and unit, reasons to pause, clocks of a ticket: what holds, and what a wrong file says."""
from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from actions.due.cli import due_record
from actions.due.plan import load_plan
from actions.due.rules import FOLDER, NoFigure, Rules, UnknownReason, load_rules
from actions.language.files import ConfigError

RULES, PLAN = load_rules(), load_plan()
TWO_VERSIONS = """rules:
  aid_paperwork:
    title: 补办手续
    used_for: 补办
    figures:
      - {since: 2026-01-01, kind: working_days, count: 20, cite: 旧办法, source: x, published_on: null, status: comparator}
      - {since: 2026-11-01, kind: working_days, count: 10, cite: 新办法, source: x, published_on: null, status: confirmed}
      - {units: [u-longxi], kind: working_days, count: 5, cite: 龙溪承诺, source: x, published_on: null, status: confirmed}
      - {units: [u-longxi], since: 2026-12-01, kind: hours, count: 48, cite: 龙溪新承诺, source: x, published_on: null, status: confirmed}
"""
PAUSES = """reasons:
  supplement: {title: 等待补正材料, said: [补正], rules: [aid_paperwork], cite: x, status: pending}
"""


def folder(path: Path, **files: str) -> Path:
    """A copy of config/service_levels with some files of its own."""
    for file in FOLDER.iterdir():
        (path / file.name).write_text(files.get(file.stem, file.read_text("utf-8")), "utf-8")
    return path


@pytest.fixture
def two(tmp_path: Path) -> Rules:
    return load_rules(folder(tmp_path, due=TWO_VERSIONS, pauses=PAUSES))


@pytest.mark.parametrize(("unit", "day", "cite"), [
    (None, date(2026, 10, 31), "旧办法"), (None, date(2026, 11, 1), "新办法"), ("u-longta", date(2026, 12, 31), "新办法"),
    ("u-longxi", date(2026, 10, 31), "龙溪承诺"), ("u-longxi", date(2026, 12, 1), "龙溪新承诺"), (None, None, "新办法"),
])
def test_a_units_own_figure_goes_first_and_the_one_of_the_day_counts(two: Rules, unit: str | None, day: date | None, cite: str) -> None:
    assert two.find("aid_paperwork", unit, day).cite == cite


def test_no_figure_on_that_day_says_so(two: Rules) -> None:
    with pytest.raises(NoFigure, match="no figure for every unit on 2025-12-31"):
        two.find("aid_paperwork", None, date(2025, 12, 31))
    with pytest.raises(NoFigure, match="2026-01-28"):
        due_record("small_quick_aid", "2026-01-28T23:00:00+08:00")
    assert due_record("small_quick_aid", "2026-01-28T16:00:00+00:00")["due"] == "2026-02-01T23:59:59+08:00"  # the 29th there


def test_a_figure_nobody_has_found_is_not_guessed() -> None:
    assert "re_examination" in RULES.figures and "re_examination" not in RULES.named
    with pytest.raises(NoFigure, match="没有找到复核时限的规定"):
        RULES.find("re_examination")


@pytest.mark.parametrize(("rule", "kind", "count", "status"), [
    ("small_quick_aid", "days", 3, "confirmed"), ("temporary_aid", "working_days", 7, "pending"),
    ("temporary_aid_expense", "working_days", 15, "pending"), ("aid_first", "hours", 24, "comparator"),
    ("aid_paperwork", "working_days", 20, "comparator"), ("cross_province_push", "working_days", 3, "confirmed"),
    ("cross_province_decide", "working_days", 10, "confirmed"), ("cross_province_tell", "working_days", 3, "confirmed"),
    ("subsistence_allowance", "working_days", 25, "pending"), ("publicity", "working_days", 5, "comparator"),
    ("call_back", "working_days", 3, "pending"), ("complaint", "working_days", 15, "pending"),
])
def test_the_figures_of_the_policy_notes_with_their_marks(rule: str, kind: str, count: int, status: str) -> None:
    found = RULES.find(rule)
    assert (found.kind, found.count, found.status) == (kind, count, status) and found.cite


@pytest.mark.parametrize(("said", "rule", "stops"), [
    ("supplement", "temporary_aid", True), ("补正", "temporary_aid_expense", True), (" 等待补正材料 ", "working_days:5", True),
    ("补正", "small_quick_aid", False), ("补正", "aid_first", False), ("补正", "hours:24", False), ("补正", "office_minutes:180", True),
])
def test_only_named_reasons_stop_only_the_rules_they_name(said: str, rule: str, stops: bool) -> None:
    assert RULES.stops(RULES.reason(said), RULES.find(rule)) is stops
    pause = ("2026-11-20T12:00:00+08:00", "2026-11-24T12:00:00+08:00", said)
    with_, without = (due_record(rule, "2026-11-20T10:00:00+08:00", pauses=pauses) for pauses in ([pause], []))
    assert (with_["due"] > without["due"]) is stops
    assert [entry["stops"] for entry in with_["pauses"]] == [stops] and with_["pauses"][0]["why"]


def test_an_unnamed_reason_is_refused() -> None:
    with pytest.raises(UnknownReason, match="等待补正材料"):
        due_record("temporary_aid", "2026-11-20T10:00:00+08:00",
                   pauses=[("2026-11-20T12:00:00+08:00", "2026-11-21T12:00:00+08:00", "领导出差")])


@pytest.mark.parametrize(("file", "old", "new", "says"), [
    ("due", "since: 2026-11-01", "since: 2026-01-01", "two figures for the same day"),
    ("due", "since: 2026-11-01", "since: November", "no day"), ("due", "count: 10", "count: null", "out of range"),
    ("due", "count: 10", "count: true", "out of range"), ("due", "{units: [u-longxi], kind", "{units: u-longxi, kind", "no list of names"),
    ("pauses", "rules: [aid_paperwork]", "rules: [aid_paperwrok]", "did you mean aid_paperwork?"),
    ("pauses", "status: pending", "status: perhaps", "perhaps"), ("pauses", "said: [补正], ", "", "'said' is missing"),
])
def test_a_wrong_rule_or_reason_says_where(tmp_path: Path, file: str, old: str, new: str, says: str) -> None:
    texts = {"due": TWO_VERSIONS, "pauses": PAUSES}
    assert old in texts[file]
    texts[file] = texts[file].replace(old, new, 1)
    with pytest.raises(ConfigError) as caught:
        load_rules(folder(tmp_path, **texts))
    assert says in str(caught.value) and f"{file}.yaml" in str(caught.value) and caught.value.line


def test_a_rule_needs_a_figure_for_everybody_else(tmp_path: Path) -> None:
    only = "\n".join(line for line in TWO_VERSIONS.splitlines() if "since: 2026-01" not in line and "since: 2026-11" not in line)
    with pytest.raises(ConfigError, match="units without their own"):
        load_rules(folder(tmp_path, due=only, pauses=PAUSES))


def test_hours_can_be_paused_by_nothing(tmp_path: Path) -> None:
    texts = FOLDER / "pauses.yaml"
    with pytest.raises(ConfigError, match="aid_first, which runs in hours"):
        load_rules(folder(tmp_path, pauses=texts.read_text("utf-8").replace("[temporary_aid,", "[aid_first, temporary_aid,")))


CASE = {"programme": "temporary_urgent", "urgency": "none", "aid_first": "false", "desk": "unit", "source": "bot"}


@pytest.mark.parametrize(("clock", "more", "rule"), [
    ("handling", {}, "temporary_aid"), ("handling", {"programme": "temporary_expense"}, "temporary_aid_expense"),
    ("handling", {"programme": "temporary_expense", "aid_first": "true"}, None), ("quick", {"aid_first": "true"}, "small_quick_aid"),
    ("quick", {}, None),
    ("aid", {"aid_first": "true"}, "aid_first"), ("aid", {}, None), ("contact", {}, "first_contact"),
    ("contact", {"urgency": "life_danger"}, "urgent_contact"), ("dispatch", {}, None), ("dispatch", {"urgency": "urgent"}, "urgent_dispatch"),
])
def test_which_rule_a_clock_follows(clock: str, more: dict[str, str], rule: str | None) -> None:
    assert PLAN.clocks[clock].rule({**CASE, **more}) == rule


def test_what_leads_is_what_residents_are_told_of() -> None:
    assert {name for name, clock in PLAN.clocks.items() if clock.leads} == {"handling", "quick", "paperwork"}


@pytest.mark.parametrize(("file", "old", "new", "says"), [
    ("clocks", "rule: officer_accept", "rule: officer_acept", "did you mean officer_accept?"),
    ("clocks", "{when: {aid_first:", "{when: {aid_frist:", "did you mean aid_first?"),
    ("clocks", "ladder: office", "ladder: ofice", "did you mean office?"), ("clocks", "    leads: true", "    lead: true", "did you mean leads?"),
    ("reminders", "when: at, to", 'when: at, by: "hours:1", to', "`at` is the deadline itself"),
    ("reminders", 'by: "working_days:2", to: [officer]', 'by: "days:2", to: [officer]', "days:2"),
    ("reminders", "[officer]", "[oficer]", "did you mean officer?"), ("reminders", "when: before", "when: befor", "did you mean before?"),
    ("reminders", "id: due_today", "id: late", "stands twice"), ("reminders", "quiet_working_days: 3", "quiet_working_days: 0", "whole number"),
])
def test_a_wrong_plan_says_where(tmp_path: Path, file: str, old: str, new: str, says: str) -> None:
    text = (FOLDER / f"{file}.yaml").read_text("utf-8")
    assert old in text
    with pytest.raises(ConfigError) as caught:
        load_plan(folder(tmp_path, **{file: text.replace(old, new, 1)}))
    assert says in str(caught.value) and f"{file}.yaml" in str(caught.value) and caught.value.line
