"""Each programme's cases: what is given, what must come out, and which article the case proves."""
from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actions.language.files import load_yaml
from actions.screening.conditions import Compare, walk
from actions.screening.evaluate import evaluate
from actions.screening.model import ParameterRegion, ParameterRow, Period, RuleSet
from actions.screening.prove import describe, prove

FILES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
CASES = [pytest.param(path.stem, case, id=f"{path.stem}-{case['name']}") for path in FILES for case in load_yaml(path)]


def supposing(rules: RuleSet, figures: dict[str, str]) -> RuleSet:
    """The rules with a figure filled in that nobody has found yet: only to show that the rule would work with it."""
    filled = dict(rules.parameters)
    for name, value in figures.items():
        level = ParameterRegion((ParameterRow(date(2014, 1, 1), (Decimal(value), Decimal(value)), "law-22", "pending"),))
        filled[name] = replace(filled[name], regions={"500000": level})
    return replace(rules, parameters=filled, remembered={}) if figures else rules


@pytest.mark.parametrize(("programme", "case"), CASES)
def test_case(rules: RuleSet, programme: str, case: dict[str, Any]) -> None:
    day = date.fromisoformat(case.get("as_of", "2026-11-21"))
    ruleset = supposing(rules, case.get("suppose", {}))
    found = evaluate(ruleset, case["given"], day, case.get("region", "500000")).verdict(programme)
    assert found.verdict == case["expect"]
    assert case["proves"] in rules.sources
    if "because" in case:
        assert {reason.fact for reason in found.because} == set(case["because"])
    if "missing" in case:
        assert {missing.fact: missing.reason for missing in found.missing} == dict(case["missing"])


def cases_of(name: str) -> list[dict[str, Any]]:
    return [case for path in FILES if path.stem == name for case in load_yaml(path)]


def test_every_programme_has_cases_of_each_verdict(rules: RuleSet) -> None:
    for name, programme in rules.programmes.items():
        expected = {case["expect"] for case in cases_of(name)}
        never = all(prove(rules, name, period).by_person for period in programme.periods)
        wanted = {"check", "less"} if never and "likely" not in expected else {"likely", "check", "less"}
        assert expected == wanted, name


def test_both_sides_of_every_threshold_stand_in_a_case(rules: RuleSet) -> None:
    lacking = []
    for name, programme in rules.programmes.items():
        for period in programme.periods:
            for leaf in walk(period.when):
                if isinstance(leaf, Compare):
                    sides = {truth_in(rules, leaf, case) for case in cases_of(name) if holds(period, case)}
                    lacking += [(name, str(period.start), describe(leaf), side) for side in {True, False} - sides]
    assert lacking == []


def holds(period: Period, case: dict[str, Any]) -> bool:
    day = date.fromisoformat(case.get("as_of", "2026-11-21"))
    return period.start <= day and (period.end is None or day <= period.end)


def truth_in(rules: RuleSet, leaf: Compare, case: dict[str, Any]) -> bool | None:
    day = date.fromisoformat(case.get("as_of", "2026-11-21"))
    found = evaluate(supposing(rules, case.get("suppose", {})), case["given"], day, case.get("region", "500000")).case
    return leaf.run(found.values, found.figures, found.results)


def test_every_article_a_rule_cites_is_proved_by_a_case(rules: RuleSet) -> None:
    for name, programme in rules.programmes.items():
        proved = {case["proves"] for case in cases_of(name)}
        for period in programme.periods:
            cited = {node.cite for node in walk(period.when) if hasattr(node, "cite")}
            assert cited <= proved, name


def test_no_word_turns_anybody_away(rules: RuleSet) -> None:
    for programme in rules.programmes.values():
        for period in programme.periods:
            for text in period.say.values():
                assert not any(word in text for word in ("不符合", "不能申请", "没有资格", "一定能", "保证"))
