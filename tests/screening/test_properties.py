"""Properties that hold for every case: knowing more never turns a decided verdict round."""
from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.screening.ask import next_fact, next_question, spent
from actions.screening.conditions import facts_of
from actions.screening.evaluate import evaluate, settings_at
from actions.screening.load import load_ruleset
from actions.screening.model import ONE_OF, SOME_OF, YES_NO
from actions.screening.record import decision_record, replay

RULES = load_ruleset()
TODAY = date(2026, 11, 21)
# every fact a rule of this day looks at: all programmes are judged, whoever refers to whom
USED = tuple(sorted({name for rule in settings_at(RULES, TODAY, "500000").rules.values()
                     for name in facts_of(rule, settings_at(RULES, TODAY, "500000").rules)}))


def value_of(name: str) -> st.SearchStrategy[Any]:
    fact = RULES.facts[name]
    if fact.type == YES_NO:
        return st.booleans()
    if fact.type == ONE_OF:
        return st.sampled_from(sorted(fact.options))
    if fact.type == SOME_OF:
        return st.lists(st.sampled_from(sorted(fact.options)), unique=True)
    top = min(fact.maximum if fact.maximum is not None else 4000, 4000)
    number = st.integers(fact.minimum or 0, top)
    return number | st.tuples(number, number).map(lambda ends: {"from": min(ends), "to": max(ends)})


ANSWERS = st.fixed_dictionaries({}, optional={name: value_of(name) | st.sampled_from(["unsure", "declined"])
                                              for name in USED})
COMPLETE = st.fixed_dictionaries({name: value_of(name) for name in USED})


def narrowed(value: Any, data: st.DataObject) -> Any:
    """A value that says the same or more: a point inside the band."""
    if isinstance(value, dict):
        return data.draw(st.integers(value["from"], value["to"]))
    return value


@settings(max_examples=120, deadline=None)
@given(partial=ANSWERS, rest=COMPLETE, data=st.data())
def test_more_answers_never_flip_a_decided_verdict(partial: dict[str, Any], rest: dict[str, Any],
                                                   data: st.DataObject) -> None:
    known = {name: value for name, value in partial.items() if value not in ("unsure", "declined")}
    day = data.draw(st.sampled_from([TODAY, date(2026, 3, 1), date(2025, 8, 1), date(2020, 6, 1)]))
    before = evaluate(RULES, partial, day, "500000")
    after = evaluate(RULES, {**rest, **{name: narrowed(value, data) for name, value in known.items()}}, day, "500000")
    for verdict in before.verdicts:
        if verdict.verdict != "check":
            assert after.verdict(verdict.programme).verdict == verdict.verdict


@settings(max_examples=40, deadline=None)
@given(answers=ANSWERS)
def test_what_is_said_about_a_verdict_is_true(answers: dict[str, Any]) -> None:
    screening = evaluate(RULES, answers, TODAY, "500000")
    for verdict in screening.verdicts:
        if verdict.verdict == "check":
            assert verdict.missing
        elif verdict.because:   # the reasons alone bring the verdict about
            alone = {reason.fact: answers[reason.fact] for reason in verdict.because}
            assert evaluate(RULES, alone, TODAY, "500000").verdict(verdict.programme).verdict == verdict.verdict
            assert not verdict.missing
        for flip in verdict.flip:
            flipped = evaluate(RULES, {**answers, flip.fact: flip.value}, TODAY, "500000")
            assert flipped.verdict(verdict.programme).verdict == flip.to != verdict.verdict


@settings(max_examples=25, deadline=None)
@given(answers=ANSWERS)
def test_a_record_replays_to_the_same(answers: dict[str, Any]) -> None:
    assert replay(RULES, decision_record(evaluate(RULES, answers, TODAY, "500000"))) == []


@settings(max_examples=25, deadline=None)
@given(answers=ANSWERS, situation=st.sampled_from(["urgent", "ordinary", "advice", "screening"]),
       settled=st.sets(st.sampled_from(["consent", "event_place", "phone"])))
def test_an_interview_ends_within_its_budget_and_repeats_nothing(answers: dict[str, Any], situation: str,
                                                                 settled: set[str]) -> None:
    plan = RULES.interview.situations[situation]
    asked: list[str] = []
    while True:
        screening = evaluate(RULES, answers, TODAY, "500000")
        question = next_question(RULES, screening, answers, set(asked), situation, settled)
        if question is None:
            break
        assert question.asked_as not in asked and question.fact not in settled
        assert question.fact not in answers or question.chosen in ("narrow", "contradiction")
        assert question.why and question.text
        asked.append(question.asked_as)     # and the resident says nothing useful
    assert spent(RULES, set(asked)) <= plan.budget
    assert set(plan.must) <= set(asked) | settled


@settings(max_examples=10, deadline=None)
@given(answers=ANSWERS)
def test_following_next_settles_every_programme_or_runs_out_of_facts(answers: dict[str, Any]) -> None:
    given_, seen = dict(answers), []
    for _ in range(len(RULES.facts) + 1):
        question = next_fact(RULES, evaluate(RULES, given_, TODAY, "500000"), given_)
        if question is None:
            break
        seen.append(question.fact)
        given_[seen[-1]] = "unsure"
    assert len(seen) == len(set(seen)) and question is None
