"""The exhaustive proof: the shipped rules hold nothing dead, and a rule that does is named with how to mend it."""
from __future__ import annotations

from pathlib import Path

import pytest

from actions.screening.load import load_ruleset
from actions.screening.model import RuleSet
from actions.screening.prove import MOST, prove, prove_all


def test_no_rule_holds_a_dead_condition_or_a_fact_that_never_matters(rules: RuleSet) -> None:
    proofs = prove_all(rules)
    assert [finding for proof in proofs for finding in proof.findings] == []
    assert {proof.programme for proof in proofs} == set(rules.programmes)
    assert ("low_income_margin", "subsistence_allowance") in {(proof.programme, proof.refers_to) for proof in proofs}
    assert all(0 < proof.situations <= MOST for proof in proofs)


def test_situations_are_counted_by_class(rules: RuleSet) -> None:
    proof = prove(rules, "disability_care", rules.programmes["disability_care"].periods[-1])
    # a card or not, in Chongqing or not, grade up to 2 or above, on destitute support or not, what the clerk finds
    assert proof.situations == 2 ** 5 and proof.verdicts == {"true", "false"}


def spoilt(folder: Path, programme: str, old: str, new: str) -> RuleSet:
    path = folder / "programmes" / f"{programme}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return load_ruleset(folder)


@pytest.mark.parametrize(("programme", "old", "new", "says"), [
    # said twice: the second time it decides nothing
    ("orphan", "{fact: age, less_than: 18, cite: orphan-terms}",
     "{fact: age, less_than: 18, cite: orphan-terms}\n        - {fact: age, less_than: 60, cite: orphan-terms}",
     "age less_than 60 never matters"),
    ("orphan", "{fact: age, less_than: 18, cite: orphan-terms}",
     "{fact: age, less_than: 18, cite: orphan-terms}\n        - {fact: age, at_least: 18, cite: orphan-terms}",
     "the rule can never be true"),
    ("charity", "{fact: living_hard, is: true, cite: minfa-2022-19}",
     "{any: [{fact: living_hard, is: true}, {fact: living_hard, is: false}], cite: minfa-2022-19}",
     "the rule can never be false"),
    # orphans are children: the age under the reference is no second question
    ("unsupported_child", "{use: father_unable, cite: minfa-2020-125}",
     "{fact: father_state, in: [prison], cite: minfa-2020-125}", "the reference to orphan never matters"),
])
def test_what_can_never_matter_is_named(folder: Path, programme: str, old: str, new: str, says: str) -> None:
    findings = [finding for proof in prove_all(spoilt(folder, programme, old, new)) for finding in proof.findings]
    assert says in {finding.what for finding in findings}
    assert all(finding.mend for finding in findings)


def test_a_rule_of_more_than_a_million_situations_is_told_what_to_split(folder: Path) -> None:
    many = ["living_hard", "family_can_help", "safe_now", "third_party_pays", "serious_illness", "disability_card",
            "insured_medical", "property_over_limit", "able_to_work", "registered_unemployed", "residence_permit",
            "sleeps_rough", "child_in_school", "child_needs_support", "nobody_cares"]
    conditions = ", ".join(f"{{fact: {name}, is: true}}" for name in many)
    widest = "{fact: father_state, is: dead}, {fact: mother_state, is: dead}, {fact: home, is: own}"
    rules = spoilt(folder, "charity", "{fact: living_hard, is: true, cite: minfa-2022-19}",
                   f"{{any: [{conditions}, {widest}, {{fact: age, less_than: 10, cite: minfa-2022-19}}, "
                   "{fact: age, less_than: 20, cite: minfa-2022-19}, "
                   "{fact: disability_grade, less_than: 2, cite: minfa-2022-19}], cite: minfa-2022-19}")
    (proof,) = [each for each in prove_all(rules) if each.programme == "charity"]
    assert proof.situations > MOST and "split" in proof.findings[0].mend and "age (3)" in proof.findings[0].mend
