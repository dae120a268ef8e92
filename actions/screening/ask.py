"""The next question: what the interview of the situation still needs, then what settles most for the least asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from actions.language.files import nearest
from actions.screening.evaluate import Screening
from actions.screening.load import BY_SCORE
from actions.screening.model import (
    CHECK,
    DECLINED,
    LOW_CONFIDENCE,
    NOT_ASKED,
    SOME_OF,
    UNSURE,
    YES_NO,
    Fact,
    RuleSet,
)
from actions.screening.values import ScreenInputError, as_answer, check_value

ASKABLE = (NOT_ASKED, LOW_CONFIDENCE)


@dataclass(frozen=True)
class Choice:
    """A button: `value` is the answer it stands for, as `evaluate` takes it."""

    id: str
    title: str
    value: Any


@dataclass(frozen=True)
class Question:
    """One question. `fact` names the fact asked, or the interview item (consent, event_place, phone, read_back)."""

    fact: str
    text: str
    options: tuple[Choice, ...]
    why: str
    is_fact: bool = True
    sensitive: bool = False
    several: bool = False  # more than one option may be chosen


def next_question(
    ruleset: RuleSet,
    screening: Screening,
    answers: Mapping[str, Any],
    asked: AbstractSet[str],
    situation: str,
    settled: AbstractSet[str] = frozenset(),
) -> Question | None:
    """What to ask now, or None when the interview is done or its budget is used up.

    `asked`: every fact and item that was asked in a message of its own: never asked again, and counted in the budget.
    `settled`: items known without asking (the place was heard, consent was given before). Facts with an answer, also
    unsure and declined, are not asked; a fact heard with too little confidence is. Items the situation must have keep
    their place in the budget. ScreenInputError for an unknown situation.
    """
    plan = ruleset.interview.situations.get(situation)
    if plan is None:
        raise ScreenInputError(f"unknown situation {situation!r}", nearest(situation, ruleset.interview.situations))
    done = set(asked) | set(settled) | _answered(ruleset, answers)
    must_left = sum(1 for item in plan.must if item not in done)
    room_for_facts = plan.budget - len(asked) - must_left
    for item in plan.order:
        if item == BY_SCORE:
            found = best_fact(ruleset, screening, done, asked) if room_for_facts > 0 else None
            if found is not None:
                return question_for(ruleset, found)
        elif item not in done and (item in plan.must or room_for_facts > 0):
            return question_for(ruleset, item)
    return None


def next_fact(
    ruleset: RuleSet,
    screening: Screening,
    answers: Mapping[str, Any],
    asked: AbstractSet[str] = frozenset(),
    situation: str = "ordinary",
) -> Question | None:
    """The next question about the case alone: no consent, place or phone, no budget, nothing that decides nothing."""
    done = set(asked) | _answered(ruleset, answers)
    open_ = _open_facts(screening)
    for item in ruleset.interview.situations[situation].order:
        if item in open_ and item not in done:
            return question_for(ruleset, item)
    found = best_fact(ruleset, screening, done, asked)
    return None if found is None else question_for(ruleset, found)


def question_for(ruleset: RuleSet, name: str) -> Question:
    """The question of a fact or an interview item, for instance to repeat it. ScreenInputError for an unknown name."""
    item = ruleset.interview.items.get(name)
    if item is not None:
        return Question(name, item.text, (), item.why, is_fact=False)
    fact = ruleset.facts.get(name)
    if fact is None:
        raise ScreenInputError(f"unknown fact {name!r}", nearest(name, [*ruleset.facts, *ruleset.interview.items]))
    return Question(
        name, fact.text, tuple(choices(ruleset, fact)), fact.why, sensitive=fact.sensitive, several=fact.type == SOME_OF
    )


def choices(ruleset: RuleSet, fact: Fact) -> Iterator[Choice]:
    """The buttons of a fact; there is always a way not to know, and for sensitive facts not to say."""
    words = ruleset.wording["answers"]
    if fact.type == YES_NO:
        yield Choice("yes", fact.buttons["yes"], True)
        yield Choice("no", fact.buttons["no"], False)
    for option in fact.options.values():
        if option.offered:
            yield Choice(option.id, option.title, [option.id] if fact.type == SOME_OF else option.id)
    if fact.nothing is not None:
        yield Choice("none", fact.nothing.title, [])
    for index, band in enumerate(fact.bands, 1):
        given = band.low if band.low == band.high else {"from": band.low, "to": band.high}
        yield Choice(f"band_{index}", band.title, check_value(fact, given)[1])
    yield Choice(UNSURE, words["unsure_title"], UNSURE)
    if fact.sensitive:
        yield Choice(DECLINED, words["declined_title"], DECLINED)


def best_fact(ruleset: RuleSet, screening: Screening, done: AbstractSet[str], asked: AbstractSet[str]) -> str | None:
    """The open fact that may settle most of the undecided programmes for the least cost; None if none is worth it."""
    scoring = ruleset.interview
    topics = {ruleset.facts[name].topic for name in asked if name in ruleset.facts}
    best, best_score = None, scoring.stop_below
    for name, weight in _open_facts(screening).items():
        if name in done:
            continue
        fact = ruleset.facts[name]
        score = weight / fact.cost * (scoring.sensitive if fact.sensitive else 1)
        score += scoring.same_topic if fact.topic in topics else 0
        if score > best_score:
            best, best_score = name, score
    return best


def _open_facts(screening: Screening) -> dict[str, float]:
    """Facts an answer to which could settle something → weight of the programmes × their share of what is open."""
    weights: dict[str, float] = {}
    for verdict in screening.verdicts:
        if verdict.verdict != CHECK:
            continue
        open_ = [lack.fact for lack in verdict.lacks if lack.fact is not None and lack.reason in ASKABLE]
        weight = screening.ruleset.programmes[verdict.programme].weight
        for name in open_:
            weights[name] = weights.get(name, 0.0) + weight / len(open_)
    return weights


def _answered(ruleset: RuleSet, answers: Mapping[str, Any]) -> set[str]:
    """Facts that need no question: answered, unsure or declined, and not merely half heard."""
    found = set()
    for name, given in answers.items():
        answer = as_answer(name, given)
        if answer is not None and answer.confidence >= ruleset.interview.confirm_below:
            found.add(name)
    return found
