"""Which question comes next: the fire story in order, the budget, why, and what is never asked again."""
from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from actions.screening.ask import Question, best_fact, next_fact, next_question, question_for, spent
from actions.screening.evaluate import evaluate
from actions.screening.model import RuleSet
from actions.screening.opening import opened
from actions.screening.values import ScreenInputError

TODAY = date(2026, 11, 21)
FIRE = {"event_kind": "fire", "event_date": "2026-11-20", "need_tonight": ["food", "bed"]}


def interview(rules: RuleSet, heard: dict[str, Any], replies: dict[str, Any], situation: str = "urgent",
              settled: frozenset[str] = frozenset()) -> list[str]:
    """What is asked, in order, when the resident answers with `replies` (nothing = unsure)."""
    answers, asked = dict(heard), []
    while True:
        screening = evaluate(rules, answers, TODAY, "500000")
        question = next_question(rules, screening, answers, set(asked), situation, settled)
        if question is None:
            return asked
        asked.append(question.asked_as)
        if question.is_fact:
            answers[question.fact] = replies.get(question.fact, "unsure")
        elif question.fact in rules.interview.openers:
            answers.update(opened(rules, question.fact, replies.get(question.fact, []), answers))


def ask(rules: RuleSet, answers: dict[str, Any], asked: set[str], situation: str = "urgent",
        settled: frozenset[str] = frozenset()) -> Question | None:
    return next_question(rules, evaluate(rules, answers, TODAY, "500000"), answers, asked, situation, settled)


def test_the_fire_story_asks_only_what_was_not_said(rules: RuleSet) -> None:
    replies = {"household_people": 3, "family_can_help": False}
    assert interview(rules, FIRE, replies, settled=frozenset({"event_place"})) == [
        "consent", "household_people", "family_can_help", "phone", "read_back"]


def test_without_a_place_it_asks_for_it_and_stays_within_six(rules: RuleSet) -> None:
    assert interview(rules, FIRE, {"household_people": 3, "family_can_help": False}) == [
        "consent", "event_place", "household_people", "family_can_help", "phone", "read_back"]


def test_a_bare_cry_for_help_keeps_room_for_phone_and_read_back(rules: RuleSet) -> None:
    assert interview(rules, {}, {}) == ["consent", "event_place", "event_kind", "need_tonight", "phone", "read_back"]


def test_unsure_declined_and_asked_facts_are_not_asked_again(rules: RuleSet) -> None:
    answers = {**FIRE, "household_people": "unsure", "family_can_help": "declined"}
    question = ask(rules, answers, {"consent", "household_people"}, settled=frozenset({"event_place"}))
    assert question is not None and question.fact == "phone"


def test_a_fact_heard_badly_is_asked_a_fact_heard_well_is_not(rules: RuleSet) -> None:
    for confidence, expected in ((0.5, "event_kind"), (0.95, "household_people")):
        answers = {**FIRE, "event_kind": {"value": "fire", "heard": "火", "confidence": confidence}}
        question = ask(rules, answers, {"consent"}, settled=frozenset({"event_place"}))
        assert question is not None and question.fact == expected


def test_what_must_be_asked_is_asked_even_when_the_budget_is_gone(rules: RuleSet) -> None:
    asked = {"consent", "event_place", "event_kind", "need_tonight", "household_people", "family_can_help"}
    question = ask(rules, FIRE, asked)
    assert question is not None and question.fact == "phone"
    assert ask(rules, FIRE, asked | {"phone", "read_back"}) is None


def test_an_ordinary_case_orders_by_what_settles_most(rules: RuleSet) -> None:
    asked = interview(rules, {}, {"event_kind": "none", "need_tonight": [], "household_people": 2,
                                  "household_register": "chongqing_rural", "property_over_limit": False,
                                  "income_month": 800}, "ordinary")
    assert asked[:3] == ["consent", "event_kind", "household_people"]
    assert asked[-3:] == ["event_place", "phone", "read_back"]
    assert {"income_month", "property_over_limit", "household_register"} <= set(asked) and len(asked) <= 12
    assert "family_can_help" not in asked       # once nothing is urgent it decides nothing


def test_every_question_has_text_why_and_a_way_not_to_know(rules: RuleSet) -> None:
    for name, fact in rules.facts.items():
        question = question_for(rules, name)
        assert question.text and question.why and question.options[-1].id in ("unsure", "declined")
        assert any(option.id == "unsure" for option in question.options)
        assert any(option.id == "declined" for option in question.options) is fact.sensitive
        for option in question.options:
            evaluate(rules, {name: option.value}, TODAY, "500000")      # each button is an answer
    for name in rules.interview.items:
        assert question_for(rules, name).why


def test_unknown_names_are_refused(rules: RuleSet) -> None:
    with pytest.raises(ScreenInputError, match="urgent"):
        ask(rules, {}, set(), "urgnt")
    with pytest.raises(ScreenInputError, match="phone"):
        question_for(rules, "phon")


def test_next_fact_leads_through_every_open_programme_and_then_stops(rules: RuleSet) -> None:
    answers: dict[str, Any] = {"event_kind": "none", "need_tonight": [], "property_over_limit": True}
    for _ in rules.facts:
        screening = evaluate(rules, answers, TODAY, "500000")
        question = next_fact(rules, screening, answers)
        if question is None:
            break
        assert question.is_fact and question.programmes
        assert all(screening.verdict(name).verdict == "check" for name in question.programmes)
        answers[question.fact] = "unsure"
    assert question is None


# --- the situation decides what is worth asking ---


def test_nothing_is_asked_for_programmes_the_situation_does_not_touch(rules: RuleSet) -> None:
    asked = interview(rules, {"event_kind": "traffic"}, {
        "hardship": [], "benefits_now": [], "need_tonight": [], "living_hard": False}, "screening")
    assert asked == ["hardship", "need_tonight", "benefits_now", "living_hard"]


def test_the_opener_opens_the_door_to_what_was_named(rules: RuleSet) -> None:
    asked = interview(rules, {"event_kind": "fire", "need_tonight": ["bed"], "benefits_now": []},
                      {"hardship": ["child_needs_support"], "age": 8, "father_state": "prison",
                       "mother_state": "lost_contact", "family_can_help": False}, "screening")
    assert asked[0] == "hardship" and {"age", "father_state", "mother_state"} <= set(asked)
    assert "disability_grade" not in asked and "income_month" not in asked


def test_the_opener_counts_for_two(rules: RuleSet) -> None:
    assert spent(rules, {"hardship", "event_kind"}) == 3


def test_who_gets_it_already_is_not_asked_for_it_again(rules: RuleSet) -> None:
    asked = interview(rules, {"event_kind": "none"}, {
        "hardship": [], "need_tonight": [], "benefits_now": ["subsistence_allowance", "low_income_margin"]},
        "screening")
    assert not {"income_month", "property_over_limit", "household_register"} & set(asked)


def test_a_programme_asked_for_by_name_is_asked_about_whatever_the_situation(rules: RuleSet) -> None:
    answers = {"event_kind": "fire", "need_tonight": ["bed"], "family_can_help": False}
    screening = evaluate(rules, answers, TODAY, "500000")
    assert best_fact(rules, screening, set(answers), set()) is None
    found = best_fact(rules, screening, set(answers), set(), frozenset({"orphan"}))
    assert found in ("age", "father_state", "mother_state")


# --- not knowing a number: a band, one threshold, never again ---


LOW: dict[str, Any] = {"event_kind": "none", "need_tonight": [], "living_hard": True, "benefits_now": [],
                       "household_register": "chongqing_urban", "household_people": 3, "property_over_limit": False,
                       "income_month": "unsure"}
DONE = {"hardship", "event_kind", "need_tonight", "benefits_now"}


def test_after_unsure_comes_a_band_then_the_one_threshold_then_nothing(rules: RuleSet) -> None:
    band = ask(rules, LOW, DONE | {"income_month"}, "screening")
    assert band is not None and band.asked_as == "income_month:band" and band.fact == "income_month"
    assert "全家月收入" in band.text and band.why
    threshold = ask(rules, LOW, DONE | {"income_month", band.asked_as}, "screening")
    assert threshold is not None and threshold.asked_as == "income_month:threshold"
    assert "2310元" in threshold.text         # 770 for each of three: the last published standard
    assert [option.id for option in threshold.options] == ["yes", "no", "unsure", "declined"]
    assert threshold.options[0].value == {"from": "2310", "to": None}
    assert threshold.options[1].value == {"from": "0", "to": "2309.99"}
    again = ask(rules, LOW, DONE | {"income_month", band.asked_as, threshold.asked_as}, "screening")
    assert again is None or again.fact != "income_month"


def test_no_to_the_threshold_settles_it(rules: RuleSet) -> None:
    answers = {**LOW, "income_month": {"from": "0", "to": "2309.99"}}
    assert evaluate(rules, answers, TODAY, "500000").verdict("subsistence_allowance").verdict == "likely"


def test_a_band_across_the_threshold_is_followed_by_the_threshold_only(rules: RuleSet) -> None:
    question = ask(rules, {**LOW, "income_month": {"from": "2000", "to": "4000"}},
                   DONE | {"income_month", "income_month:band"}, "screening")
    assert question is not None and question.asked_as == "income_month:threshold"
    assert ask(rules, {**LOW, "income_month": {"from": "0", "to": "1000"}}, DONE | {"income_month"},
               "screening") is None   # the whole band lies below: nothing is left to ask


def test_nobody_in_need_tonight_is_asked_for_bands(rules: RuleSet) -> None:
    answers = {**FIRE, "household_people": "unsure"}
    question = ask(rules, answers, {"consent", "household_people"}, settled=frozenset({"event_place"}))
    assert question is not None and question.fact == "family_can_help"


# --- answers that cannot both hold ---


def test_a_contradiction_is_asked_about_once_and_nothing_is_guessed(rules: RuleSet) -> None:
    answers = {**FIRE, "household_people": 1, "household_minors": {"from": 1, "to": None}}
    question = ask(rules, answers, {"consent"}, settled=frozenset({"event_place"}))
    assert question is not None and question.fact == "household_people" and "孩子" in question.text
    assert question.chosen == "contradiction" and question.why
    after = ask(rules, answers, {"consent", question.asked_as}, settled=frozenset({"event_place"}))
    assert after is not None and after.fact != "household_people"
    cleared = ask(rules, {**answers, "household_people": 2}, {"consent"}, settled=frozenset({"event_place"}))
    assert cleared is not None and cleared.chosen == "plan"


def test_every_contradiction_can_happen(rules: RuleSet) -> None:
    for entry in rules.interview.contradictions:
        assert len(entry.facts) > 1 and entry.ask in entry.facts and entry.text.endswith("？")


def test_why_a_question_was_chosen_is_told(rules: RuleSet) -> None:
    question = ask(rules, {"event_kind": "none", "need_tonight": [], "benefits_now": [], "living_hard": True},
                   {"hardship"}, "screening")
    assert question is not None and question.chosen == "score"
    assert "subsistence_allowance" in question.programmes and question.why
