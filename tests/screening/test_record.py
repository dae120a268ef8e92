"""The decision record holds everything, and replaying it shows what changed since."""
from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from actions.screening.evaluate import evaluate
from actions.screening.load import load_ruleset
from actions.screening.model import RuleSet
from actions.screening.record import decision_record, replay
from actions.screening.values import Answer

TODAY = date(2026, 11, 21)
ANSWERS = {
    "property_over_limit": Answer("property_over_limit", False, "button", at="2026-11-21T09:00:00+08:00"),
    "household_register": "chongqing_urban", "household_people": 1,
    "income_month": {"value": "500", "heard": "五百", "confidence": 0.9}, "living_hard": "declined",
}


def test_the_record_is_complete_and_survives_json(rules: RuleSet) -> None:
    record = decision_record(evaluate(rules, ANSWERS, TODAY, "500112"), [{"fact": "income_month", "why": "…"}])
    again = json.loads(json.dumps(record))
    assert again == record and record["ruleset"] == rules.version and record["region"] == "500112"
    assert record["answers"]["property_over_limit"] == {
        "value": False, "how": "button", "confidence": 1.0, "text": "", "at": "2026-11-21T09:00:00+08:00"}
    assert record["answers"]["income_month"]["how"] == "heard" and record["answers"]["living_hard"]["value"] == "declined"
    (urban,) = [figure for figure in record["parameters"] if figure["id"] == "subsistence_urban"]
    assert urban["value"] == "770" and urban["compared"] == {"from": "770", "to": "870"}
    assert urban["status"] == "pending" and urban["region"] == "500000" and urban["source"] == "cq-std-2025"
    assert record["questions"] == [{"fact": "income_month", "why": "…"}]
    assert replay(rules, again) == []


def test_a_new_standard_shows_where_it_changes_the_case(rules: RuleSet, folder: Path) -> None:
    record = decision_record(evaluate(rules, ANSWERS, TODAY, "500000"))
    path = folder / "parameters/subsistence_urban.yaml"
    text = path.read_text(encoding="utf-8").replace('expect_next: "2026-07-01"', 'expect_next: "2027-07-01"')
    text += '      - {from: "2026-10-01", value: "400", cite: cq-std-2025, status: stored_source}\n'
    path.write_text(text.replace('to: "870"', 'to: "900"'), encoding="utf-8")
    changed = {entry["path"]: (entry["then"], entry["now"]) for entry in replay(load_ruleset(folder), record)}
    assert changed["verdicts.subsistence_allowance.verdict"] == ("likely", "less")
    assert changed["parameters.subsistence_urban.value"] == ("770", "400")
    assert "ruleset" in changed and not any("temporary_urgent" in path for path in changed)
