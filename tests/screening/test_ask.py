"""Which question comes next: the fire story in order, the budget, why, and what is never asked again."""
from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from actions.screening.ask import Question, next_fact, next_question, question_for
from actions.screening.evaluate import evaluate
from actions.screening.model import RuleSet
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
        asked.append(question.fact)
        if question.is_fact:
            answers[question.fact] = replies.get(question.fact, "unsure")


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


def test_next_fact_asks_nothing_when_all_is_decided(rules: RuleSet) -> None:
    answers = {"event_kind": "none", "need_tonight": [], "property_over_limit": True}
    assert next_fact(rules, evaluate(rules, answers, TODAY, "500000"), answers) is None
    question = next_fact(rules, evaluate(rules, FIRE, TODAY, "500000"), FIRE)
    assert question is not None and question.is_fact
