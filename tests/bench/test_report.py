"""Reports: the object of DESIGN 5, the table, and the page that keeps its other sections."""
from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bot.bench.report import HEAD, Report, Target, print_table, put_section, section, shown, target, write_page


def a_report(bench: str = "turns") -> Report:
    """A finished report with one rival."""
    report = Report(bench, "2026-11-21T10:00:00+08:00", "abc1234", "a machine, 2 cores", 6, 0.5)
    report.ours = {"p50_ms_1": 10.0, "turns_per_s_1": 100.04, "fsync": "on", "memory_mb": None}
    report.rivals = {"stock": {"p50_ms_1": 40.0, "turns_per_s_1": 25.0, "epochs": 100}}
    report.compare("stock", ["p50_ms_1", "turns_per_s_1", "memory_mb", "unknown"])
    report.targets = [target("a turn, median (ms)", 10.0, "<=", 12), target("missing", None, ">=", 1)]
    report.notes = ["How it was done."]
    return report


def test_the_object_has_the_keys_of_the_contract() -> None:
    record = a_report().record()
    assert {"bench", "date", "commit", "machine", "n", "ours", "rivals", "ratios", "targets"} <= record.keys()
    assert json.loads(json.dumps(record)) == record
    assert record["ratios"] == {"stock": {"p50_ms_1": 0.25, "turns_per_s_1": 4.0}}  # nothing where a side has no figure
    assert record["targets"] == [
        {"name": "a turn, median (ms)", "value": 10.0, "reach": "≤ 12", "met": True},
        {"name": "missing", "value": None, "reach": "≥ 1", "met": False}]


@pytest.mark.parametrize(("value", "sign", "bound", "met"), [
    (0.88, ">=", 0.88, True), (0.8799, ">=", 0.88, False), (4, "<=", 4, True), (5, "<=", 4, False), (None, "<=", 4, False)])
def test_targets(value: float | None, sign: str, bound: float, met: bool) -> None:
    assert target("x", value, sign, bound).met is met


def test_a_target_has_one_of_two_signs() -> None:
    with pytest.raises(ValueError, match="neither"):
        target("x", 1, "<", 2)


def test_figures_as_people_read_them() -> None:
    assert [shown(value) for value in (None, 0.25, 1234.5, 12345.6, 7, "on", 0.0)] == [
        "", "0.25", "1234" if f"{1234.5:.4g}" == "1234" else "1235", "12350", "7", "on", "0"]


def test_begin_knows_machine_and_moment() -> None:
    report = Report.begin("startup", 1)
    assert report.date[10] == "T" and report.date[-6] in "+-"
    assert "cores" in report.machine and "\n" not in report.machine


def test_the_table_says_everything() -> None:
    out = io.StringIO()
    print_table(a_report(), Console(file=out, width=160))
    text = out.getvalue()
    for part in ("a turn, median, 1 conversation (ms)", "stock", "ours / stock", "0.25", "not met missing", "met a turn", "abc1234"):
        assert part in text, part


def test_the_section_names_machine_day_commit_and_how_to_repeat() -> None:
    text = section(a_report(), "youmen bench turns --write")
    for part in ("abc1234", "a machine, 2 cores", "2026-11-21T10:00:00+08:00", "`youmen bench turns --write`", "- How it was done.",
                 "| a turn, median, 1 conversation (ms) | 10 | 40 | 0.25 |", "| missing | ≥ 1 |  | **not met** |"):
        assert part in text, part
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows[:2]} == {5}


def test_a_section_is_replaced_and_others_stay(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "performance.md"
    write_page(page, a_report("turns"), "first")
    write_page(page, a_report("startup"), "other")
    write_page(page, a_report("turns"), r"second \1 \g<0>")
    text = page.read_text(encoding="utf-8")
    assert text.startswith(HEAD.rstrip())
    assert text.count("<!-- bench turns -->") == 1 and text.count("<!-- bench startup -->") == 1
    assert "`first`" not in text and r"`second \1 \g<0>`" in text and "`other`" in text
    assert text.index("bench turns") < text.index("bench startup")


def test_what_people_wrote_around_a_section_stays() -> None:
    page = put_section("# Mine\n\nbefore\n", "nlu", "one") + "after\n"
    again = put_section(page, "nlu", "two")
    assert "before" in again and again.endswith("after\n") and "two" in again and "one\n" not in again


def test_a_target_is_data() -> None:
    assert Target("n", 1.0, "≤ 2", True) == target("n", 1.0, "<=", 2)
