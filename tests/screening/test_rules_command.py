"""screen check, screen diff and the saved interview, as the command runs them."""
from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import click
import pytest

from actions.screening.model import RuleSet
from bot.commands.interview import State, interview, load_state
from bot.commands.records import BadInput
from bot.commands.rules import check_or_diff
from bot.settings import load_settings

TODAY = date(2026, 11, 21)


def test_diff_counts_households_and_shows_examples(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("bot.commands.rules.HOUSEHOLDS", 200)
    settings = load_settings({}, None)
    assert check_or_diff(settings, "diff", str(folder), TODAY)          # the same rules: nothing changes
    assert capsys.readouterr().out == ""
    path = folder / "programmes/disability_care.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("at_most: 2", "at_most: 1"), encoding="utf-8")
    assert not check_or_diff(settings, "diff", str(folder), TODAY)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["programme"] for line in lines} == {"disability_care"}
    assert {("less", "likely")} <= {(line["from"], line["to"]) for line in lines}
    assert all(1 <= len(line["examples"]) <= 3 and line["households"] <= line["of"] == 200 for line in lines)
    assert all(example["disability_grade"] == 2 for line in lines for example in line["examples"])


@pytest.mark.parametrize(("verb", "base", "says"), [
    ("diff", None, "needs a base"), ("diff", "no-such-revision", "neither a folder nor a revision"),
    ("check", "main", "takes no argument")])
def test_wrong_use_is_told(verb: str, base: str | None, says: str) -> None:
    with pytest.raises(click.UsageError, match=says):
        check_or_diff(load_settings({}, None), verb, base, TODAY)


def test_the_interview_is_taken_up_again_days_later(rules: RuleSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "case.json"

    def say(*lines: str) -> dict[str, object]:
        rest = iter(lines)
        monkeypatch.setattr("builtins.input", lambda _="": next(rest, ""))
        interview(rules, TODAY, path)
        result: dict[str, object] = json.loads(capsys.readouterr().out)
        return result

    say("交通事故", "why", "都没有")
    assert json.loads(path.read_text(encoding="utf-8"))["asked"] == ["event_kind", "hardship"]
    say("住的", "back", "住的")
    after = say("都没有", "没人帮")
    assert json.loads(path.read_text(encoding="utf-8"))["asked"] == [
        "event_kind", "hardship", "need_tonight", "benefits_now", "family_can_help"]
    verdicts = {entry["programme"]: entry["verdict"] for entry in after["verdicts"]}  # type: ignore[attr-defined]
    assert verdicts["aid_first"] == "likely"


def test_going_back_keeps_the_other_answers(rules: RuleSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rest = iter(["火灾", "都没有", "住的", "back", "back"])
    monkeypatch.setattr("builtins.input", lambda _="": next(rest, ""))
    interview(rules, TODAY, tmp_path / "case.json")
    state = load_state(tmp_path / "case.json", rules)
    assert state.asked == ["event_kind"] and set(state.answers) == {"event_kind"}


def test_a_fact_the_rules_no_longer_know_is_asked_again_and_rubbish_is_refused(rules: RuleSet, tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    State({"event_kind": "fire", "home": "castle", "gone": True}, ["event_kind", "home:band", "gone"]).save(path)
    state = load_state(path, rules)
    assert state.answers == {"event_kind": "fire"} and state.asked == ["event_kind"]
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(BadInput, match="no saved interview"):
        load_state(path, rules)
