"""A broken rule file is refused with its file, its line, what is wrong and how to mend it."""
from __future__ import annotations

from pathlib import Path

import pytest

from actions.screening.load import ConfigError, load_ruleset
from actions.screening.model import RuleSet

DESIGN_FACTS = {
    "for_whom", "age", "event_kind", "event_date", "need_tonight", "living_hard", "family_can_help", "safe_now",
    "household_people", "household_minors", "household_over_60", "income_month", "income_year",
    "property_over_limit", "rigid_cost_year", "medical_self_paid_year", "education_cost_year", "able_to_work",
    "registered_unemployed", "disability_card", "disability_kind", "disability_grade", "serious_illness",
    "care_need", "benefits_now", "household_register", "residence_permit", "supporters", "father_state",
    "mother_state", "child_in_school", "sleeps_rough", "insured_medical", "home", "asked_before", "third_party_pays",
}


def spoil(path: Path, old: str, new: str) -> int:
    """Replaces the first `old` and returns its line."""
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[:text.index(old)].count("\n") + 1


def refused(folder: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_ruleset(folder)
    return caught.value


def test_the_bank_holds_every_fact_of_the_design(rules: RuleSet) -> None:
    assert set(rules.facts) >= DESIGN_FACTS
    for fact in rules.facts.values():
        assert fact.text.endswith(("？", "。")) and fact.why.endswith("。") and len(fact.text) <= 40, fact.id


def test_the_same_files_give_the_same_version(folder: Path, rules: RuleSet) -> None:
    assert load_ruleset(folder).version == rules.version
    spoil(folder / "sources.yaml", "社会救助法", "社会救助法 ")
    assert load_ruleset(folder).version != rules.version


@pytest.mark.parametrize(("file", "old", "new", "what", "mend"), [
    ("programmes/temporary_urgent.yaml", "fact: event_kind, in: [fire", "fact: event_kid, in: [fire", "event_kid",
     "event_kind"),
    ("programmes/temporary_urgent.yaml", "in: [fire,", "in: [fires,", "fires", "fire"),
    ("programmes/temporary_urgent.yaml", "param: township_approval_limit", "param: township_limit", "township_limit",
     "township_approval_limit"),
    ("programmes/temporary_urgent.yaml", "cite: law-43}", "cite: law-430}", "law-430", "law-43"),
    ("programmes/temporary_urgent.yaml", "is: true", "is: yes", "living_hard", "true or false"),
    ("programmes/temporary_urgent.yaml", "need_tonight, has_any: [food", "need_tonight, in: [food", "in", "has_any"),
    ("programmes/aid_first.yaml", "programme: temporary_urgent", "programme: temporary_urgnt", "temporary_urgnt",
     "temporary_urgent"),
    ("programmes/aid_first.yaml", "        - any:", "        - some:", "some", "all"),
    ("programmes/aid_first.yaml", "核实{missing}", "核实{mising}", "mising", "missing"),
    ("programmes/aid_first.yaml", "id: aid_first", "id: aid_frist", "aid_frist", "aid_first"),
    ("programmes/subsistence_allowance.yaml", "per: household_people", "per: event_kind", "event_kind", "number"),
    ("programmes/subsistence_allowance.yaml", "less_than: {param: subsistence_urban}, cite: law-18",
     "less_than: {param: subsistence_urban}", "cites no article", "cite:"),
    ("programmes/subsistence_allowance.yaml", "is: false, cite: law-18", "is: false", "cites no article", "cite:"),
    ("programmes/subsistence_allowance.yaml", "[household_book,", "[household_bok,", "household_bok",
     "household_book"),
    ("parameters/subsistence_urban.yaml", ", cite: cq-std-2025", "", "cites no source", "cite:"),
    ("parameters/subsistence_urban.yaml", '"2025-07-01"', '"2024-08-01"', "must rise", "order"),
    ("parameters/subsistence_urban.yaml", '"770"', '"七百七"', "no number", "770"),
    ("parameters/subsistence_urban.yaml", 'value: null, cite: cq-std-2019, status: pending',
     'value: null, cite: cq-std-2019, status: stored_source', "no figure", "pending"),
    ("parameters/subsistence_urban.yaml", '"500000":', "500000:", "number", "quote"),
    ("parameters/subsistence_urban.yaml", '"870"', '"700"', "below", "up"),
    ("sources.yaml", "    status: stored_source", "    status: stored", "stored", "stored_source"),
    ("facts/event.yaml", "type: date", "type: day", "day", "date"),
    ("facts/event.yaml", "reads: 发生时间：{value}", "reads: 发生时间", "no {value}", "where"),
    ("facts/household.yaml", "household_over_60, serious_illness", "household_over_6, serious_illness",
     "household_over_6", "household_over_60"),
    ("facts/household.yaml", "counts: minors", "counts: minor", "minor", "minors"),
    ("interview.yaml", "need_tonight, household_people", "need_tonigt, household_people", "need_tonigt",
     "need_tonight"),
    ("interview.yaml", "budget: 6", "budget: 3", "budget of 3", "raise"),
    ("wording.yaml", "{likely}{check}", "{likly}{check}", "likly", "likely"),
    ("regions.yaml", 'title: 重庆市, parent: "000000"', 'title: 重庆市, parent: "500112"', "circle", "parent"),
])
def test_a_mistake_names_its_place(folder: Path, file: str, old: str, new: str, what: str, mend: str) -> None:
    line = spoil(folder / file, old, new)
    error = refused(folder)
    assert what in error.what and mend in error.mend
    if file not in ("facts/household.yaml", "regions.yaml"):     # found after all files of the folder are read
        assert error.path == folder / file
        assert error.line is not None and line <= error.line <= line + old.count("\n") + 1


def test_a_circle_is_refused_with_its_path(folder: Path) -> None:
    spoil(folder / "programmes/temporary_urgent.yaml", "{fact: living_hard, is: true, cite: law-29}",
          "{programme: aid_first, cite: law-29}")
    error = refused(folder)
    assert "aid_first → temporary_urgent → aid_first" in error.what and error.line


def test_a_programme_that_names_itself_is_a_circle(folder: Path) -> None:
    spoil(folder / "programmes/aid_first.yaml", "programme: temporary_urgent", "programme: aid_first")
    assert "aid_first → aid_first" in refused(folder).what


def test_a_fact_twice_is_refused(folder: Path) -> None:
    (folder / "facts" / "zz.yaml").write_text((folder / "facts" / "health.yaml").read_text(), encoding="utf-8")
    assert "already in health.yaml" in refused(folder).what


def test_periods_may_not_overlap(folder: Path) -> None:
    path = folder / "programmes/aid_first.yaml"
    text = path.read_text(encoding="utf-8")
    period = text[text.rindex("  - from:"):]
    path.write_text(text + period, encoding="utf-8")
    assert "overlaps" in refused(folder).what
    path.write_text(text + period.replace("2026-07-01", "2027-01-01"), encoding="utf-8")
    first, second = load_ruleset(folder).programmes["aid_first"].periods[-2:]
    assert first.end is not None and first.end.isoformat() == "2026-12-31" and second.end is None


def test_a_missing_file_or_folder_is_named(folder: Path) -> None:
    (folder / "sources.yaml").unlink()
    assert "missing" in refused(folder).what
    assert "missing" in refused(folder / "nowhere").what


def test_the_loaded_rules_cannot_be_changed(rules: RuleSet) -> None:
    with pytest.raises(TypeError):
        rules.facts["event_kind"] = None  # type: ignore[index]
    with pytest.raises(AttributeError):
        rules.version = "x"  # type: ignore[misc]
