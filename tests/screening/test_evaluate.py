"""Days, regions, figures, bad input and speed of the evaluator."""
from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from actions.screening.evaluate import evaluate, region_chain
from actions.screening.load import load_ruleset
from actions.screening.model import RuleSet
from actions.screening.values import Answer, BadAnswer, ScreenInputError, UnknownFact

TODAY = date(2026, 11, 21)


def figure(rules: RuleSet, name: str, day: str, region: str = "500000"):  # type: ignore[no-untyped-def]
    """The figure of a day; a rule of that day is not needed, so the oldest period is stretched back."""
    from actions.screening.evaluate import _parameter_at
    return _parameter_at(rules.parameters[name], date.fromisoformat(day), region_chain(rules, region))


@pytest.mark.parametrize(("day", "urban", "rural", "status"), [
    ("2017-04-01", 500, 350, "stored_source"), ("2018-12-31", 546, 410, "stored_source"),
    ("2020-06-01", None, None, "pending"), ("2021-09-01", 636, 515, "stored_source"),
    ("2022-08-31", 636, 515, "stored_source"), ("2022-09-01", 717, 581, "stored_source"),
    ("2023-09-01", 735, 600, "stored_source"), ("2024-09-01", 750, 610, "stored_source"),
    ("2025-06-30", 750, 610, "stored_source"), ("2025-07-01", 770, 630, "stored_source"),
    ("2026-06-30", 770, 630, "stored_source"), ("2026-07-01", 770, 630, "pending"),
])
def test_chongqing_standards_by_date(rules: RuleSet, day: str, urban: int | None, rural: int | None,
                                     status: str) -> None:
    for name, amount in (("subsistence_urban", urban), ("subsistence_rural", rural)):
        use = figure(rules, name, day)
        assert use.last == (None if amount is None else (Decimal(amount), Decimal(amount)))
        assert use.status == status and use.region == "500000" and use.cite in rules.sources


def test_before_the_first_figure_there_is_none(rules: RuleSet) -> None:
    use = figure(rules, "subsistence_urban", "2017-03-31")
    assert use.value is None and use.status == "pending" and use.cite is None


def test_a_pending_figure_is_a_band_that_says_why(rules: RuleSet) -> None:
    use = figure(rules, "subsistence_urban", "2026-11-21")
    assert use.value == (Decimal(770), Decimal(870)) and "待" in use.why


def test_the_township_limit_is_nobodys_guess(rules: RuleSet) -> None:
    use = figure(rules, "township_approval_limit", "2026-11-21")
    assert use.value is None and use.status == "pending"


@pytest.mark.parametrize(("region", "chain"), [
    ("500000", ("500000", "000000")), ("500112", ("500112", "500000", "000000")),
    ("500112002", ("500112", "500000", "000000")), ("500157", ("500000", "000000")),
    ("重庆市", ("500000", "000000")), ("330200", ("000000",)),
])
def test_regions_fall_back_by_level(rules: RuleSet, region: str, chain: tuple[str, ...]) -> None:
    assert region_chain(rules, region) == chain


def test_an_unreadable_region_is_refused(rules: RuleSet) -> None:
    with pytest.raises(ScreenInputError, match="重庆市"):
        evaluate(rules, {}, TODAY, "重庆")


def test_a_day_before_all_law_is_refused_with_the_way_out(rules: RuleSet) -> None:
    with pytest.raises(ScreenInputError, match="2014-05-01"):
        evaluate(rules, {}, date(2010, 1, 1), "500000")


def test_a_programme_without_a_rule_for_the_day_stays_open(folder: Path) -> None:
    path = folder / "programmes/aid_first.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('from: "2026-07-01"', 'from: "2027-01-01"'),
                    encoding="utf-8")
    verdict = evaluate(load_ruleset(folder), {"event_kind": "fire"}, TODAY, "500000").verdict("aid_first")
    assert verdict.verdict == "check" and verdict.period is None and verdict.because == () and verdict.flip == ()
    assert [(missing.fact, missing.reason) for missing in verdict.missing] == [(None, "no_parameter")]


def test_an_unknown_fact_names_the_nearest(rules: RuleSet) -> None:
    with pytest.raises(UnknownFact, match="did you mean household_people"):
        evaluate(rules, {"houshold_people": 3}, TODAY, "500000")


@pytest.mark.parametrize(("fact", "value"), [
    ("living_hard", "yes"), ("living_hard", 1), ("event_kind", "fires"), ("event_kind", ["fire"]),
    ("event_kind", True), ("need_tonight", "bed"), ("need_tonight", ["bad"]), ("household_people", 0),
    ("household_people", 31), ("household_people", 2.5), ("household_people", True), ("household_people", "三"),
    ("income_month", -1), ("income_month", "1.001"), ("income_month", "nan"), ("income_month", "Infinity"),
    ("income_month", {"from": 5, "to": 2}), ("income_month", {"low": 5}), ("income_month", {}), ("income_month", [1]),
    ("event_date", "昨天"), ("event_date", "2026-13-01"), ("disability_grade", 5), ("age", 131),
])
def test_a_wrong_value_is_refused_and_names_the_fact(rules: RuleSet, fact: str, value: object) -> None:
    with pytest.raises(BadAnswer, match=fact):
        evaluate(rules, {fact: value}, TODAY, "500000")


def test_none_means_not_asked_and_every_form_of_an_answer_is_read(rules: RuleSet) -> None:
    for given in ("fire", {"value": "fire"}, Answer("event_kind", "fire", "button"),
                  {"value": "fire", "heard": "着火", "confidence": 0.97}):
        screening = evaluate(rules, {"event_kind": given, "living_hard": None}, TODAY, "500000")
        assert screening.settled.shown == {"event_kind": "fire"}
        assert screening.verdict("temporary_urgent").verdict == "check"


def test_money_and_dates_are_shown_as_strings(rules: RuleSet) -> None:
    shown = evaluate(rules, {"income_month": 1800.5, "event_date": date(2026, 11, 20), "household_people": {"from": 4},
                             "income_year": {"to": 9000}}, TODAY, "500000").settled.shown
    assert shown == {"income_month": "1800.50", "event_date": "2026-11-20",
                     "household_people": {"from": 4, "to": None}, "income_year": {"from": None, "to": "9000"}}


def test_unknown_compared_with_a_value_is_unknown(rules: RuleSet) -> None:
    """The classic bug of rule engines (unknown == x gave false)."""
    assert evaluate(rules, {"event_kind": "unsure"}, TODAY, "500000").verdict("temporary_urgent").verdict == "check"


def test_the_same_case_gives_the_same_result(rules: RuleSet) -> None:
    answers = {"event_kind": "fire", "need_tonight": ["food", "bed"]}
    one, two = (evaluate(rules, answers, TODAY, "500000") for _ in range(2))
    assert [(v.verdict, v.because, v.missing, v.flip) for v in one.verdicts] == [
        (v.verdict, v.because, v.missing, v.flip) for v in two.verdicts]
    assert answers == {"event_kind": "fire", "need_tonight": ["food", "bed"]}
