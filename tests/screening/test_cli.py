"""The `screen` command's document: the keys of the contract, for good and for bad input."""
from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from actions.screening.cli import facts_vocabulary, programmes_vocabulary, screen_document
from actions.screening.model import RuleSet
from actions.screening.values import BadAnswer, ScreenInputError, UnknownFact

DESIGN_PROGRAMMES = set(
    "subsistence_allowance single_person_allowance low_income_margin rigid_expenditure destitute_support "
    "temporary_urgent temporary_expense aid_first disability_living disability_care orphan unsupported_child homeless "
    "disaster medical education housing employment emergency_medical price_subsidy insurance_jikun assistive_devices "
    "mental_rehabilitation left_behind_care elder_services severe_disability_care charity report_wrongdoing".split())
DOC: dict[str, Any] = {"as_of": "2026-11-21", "region": "500000",
                       "answers": {"event_kind": "fire", "need_tonight": ["bed", "food"], "family_can_help": "unsure"}}


def test_the_output_has_the_shape_of_the_contract(rules: RuleSet) -> None:
    out = json.loads(json.dumps(screen_document(DOC, rules), ensure_ascii=False))
    assert out["as_of"] == "2026-11-21" and out["region"] == "500000" and out["ruleset"] == rules.version
    assert [entry["programme"] for entry in out["verdicts"]] == list(rules.programmes)
    for entry in out["verdicts"]:
        assert {"programme", "verdict", "because", "missing", "flip"} <= set(entry)
        assert all({"fact", "value", "cite"} <= set(reason) for reason in entry["because"])
        assert all({"fact", "reason"} <= set(missing) for missing in entry["missing"])
        assert all({"fact", "value"} <= set(flip) for flip in entry["flip"])
    by_name = {entry["programme"]: entry for entry in out["verdicts"]}
    assert by_name["temporary_urgent"]["verdict"] == "likely"
    assert {"fact": "event_kind", "value": "fire", "cite": "社会救助法第二十九条", "source": "law-29",
            "parameter": None} in by_name["temporary_urgent"]["because"]
    assert {"fact": "family_can_help", "reason": "unsure", "what": None, "parameter": None} in by_name["aid_first"][
        "missing"]
    assert {"fact": "family_can_help", "value": False, "to": "likely"} in by_name["aid_first"]["flip"]
    assert set(out["next"]) == {"fact", "text", "options", "why"} and out["next"]["fact"] != "family_can_help"
    assert [document["id"] for document in out["documents"]] == ["id_card", "event_proof"]


def test_yaml_dates_numbers_as_codes_and_a_missing_region_are_understood(rules: RuleSet) -> None:
    for doc in ({"as_of": date(2026, 11, 21), "region": 500000}, {"as_of": "2026-11-21", "answers": None}):
        assert screen_document(doc, rules)["region"] == "500000"
    assert screen_document({"as_of": "2026-11-21", "id": "k7"}, rules)["id"] == "k7"


@pytest.mark.parametrize(("doc", "error", "words"), [
    ({**DOC, "answers": {"event_knd": "fire"}}, UnknownFact, "event_kind"),
    ({**DOC, "answers": {"age": "老"}}, BadAnswer, "age"),
    ({**DOC, "answers": ["fire"]}, ScreenInputError, "mapping"),
    ({**DOC, "as_of": "gestern"}, ScreenInputError, "as_of"),
    ({"answers": {}}, ScreenInputError, "as_of is missing"),
    ({**DOC, "as_of": "2001-01-01"}, ScreenInputError, "2001-01-01"),
    ({**DOC, "region": "Mars"}, ScreenInputError, "Mars"),
    ({**DOC, "anwers": {}}, ScreenInputError, "answers"),
    ("fire", ScreenInputError, "mapping"),
])
def test_bad_documents_raise_typed_errors(rules: RuleSet, doc: Any, error: type[ScreenInputError], words: str) -> None:
    with pytest.raises(error, match=words):
        screen_document(doc, rules)


def test_the_vocabularies_are_complete(rules: RuleSet) -> None:
    facts = facts_vocabulary(rules)
    assert [entry["fact"] for entry in facts] == list(rules.facts)
    programmes = programmes_vocabulary(rules)
    assert {entry["programme"] for entry in programmes} == DESIGN_PROGRAMMES
    json.dumps([facts, programmes])
