"""Each programme's cases: what is given, what must come out, and which article the case proves."""
from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from actions.language.files import load_yaml
from actions.screening.conditions import walk
from actions.screening.evaluate import evaluate
from actions.screening.model import RuleSet

FILES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
CASES = [pytest.param(path.stem, case, id=f"{path.stem}-{case['name']}") for path in FILES for case in load_yaml(path)]


@pytest.mark.parametrize(("programme", "case"), CASES)
def test_case(rules: RuleSet, programme: str, case: dict[str, Any]) -> None:
    day = date.fromisoformat(case.get("as_of", "2026-11-21"))
    found = evaluate(rules, case["given"], day, case.get("region", "500000")).verdict(programme)
    assert found.verdict == case["expect"]
    assert case["proves"] in rules.sources
    if "because" in case:
        assert {reason.fact for reason in found.because} == set(case["because"])
    if "missing" in case:
        assert {missing.fact: missing.reason for missing in found.missing} == dict(case["missing"])


def test_every_programme_has_cases_of_each_verdict(rules: RuleSet) -> None:
    for name in rules.programmes:
        expected = {case["expect"] for path in FILES if path.stem == name for case in load_yaml(path)}
        assert expected == {"likely", "check", "less"}, name


def test_every_article_a_rule_cites_is_proved_by_a_case(rules: RuleSet) -> None:
    for name, programme in rules.programmes.items():
        proved = {case["proves"] for path in FILES if path.stem == name for case in load_yaml(path)}
        for period in programme.periods:
            cited = {node.cite for node in walk(period.when) if hasattr(node, "cite")}
            assert cited <= proved, name


def test_no_word_turns_anybody_away(rules: RuleSet) -> None:
    for programme in rules.programmes.values():
        for period in programme.periods:
            for text in period.say.values():
                assert not any(word in text for word in ("不符合", "不能申请", "没有资格", "一定能", "保证"))
