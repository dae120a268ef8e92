"""The next question: what the interview of the situation still needs, then what settles most for the least asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from actions.language.files import nearest
from actions.screening.evaluate import Screening
from actions.screening.load_interview import BY_SCORE
from actions.screening.model import (
    DECLINED,
    HELD,
    LOW_CONFIDENCE,
    NOT_ASKED,
    SOME_OF,
    UNSURE,
    YES_NO,
    Fact,
    RuleSet,
)
from actions.screening.narrow import BAND, next_step, step_name, threshold_of
from actions.screening.values import ScreenInputError, as_answer, check_value

ASKABLE = (NOT_ASKED, LOW_CONFIDENCE)
NOBODY: frozenset[str] = frozenset()
# why a question was chosen
PLANNED, SCORED, NARROWED, CONTRADICTED = "plan", "score", "narrow", "contradiction"


@dataclass(frozen=True)
class Choice:
    """A button: `value` is the answer it stands for, as `evaluate` takes it."""

    id: str
    title: str
    value: Any


@dataclass(frozen=True)
class Question:
    """One question. `fact` names the fact asked, an opener, or an interview item (consent, event_place, phone …).

    `asked_as` is what goes into `asked`: the same fact may be asked openly, as a band and against one threshold.
    `chosen` says why it was picked and `programmes` which undecided ones it may settle: for the decision record.
    """

    fact: str
    text: str
    options: tuple[Choice, ...]
    why: str
    is_fact: bool = True
    sensitive: bool = False
    several: bool = False  # more than one option may be chosen
    asked_as: str = ""
    chosen: str = PLANNED
    programmes: tuple[str, ...] = ()


def next_question(
    ruleset: RuleSet,
    screening: Screening,
    answers: Mapping[str, Any],
    asked: AbstractSet[str],
    situation: str,
    settled: AbstractSet[str] = frozenset(),
    wanted: AbstractSet[str] = NOBODY,
) -> Question | None:
    """What to ask now, or None when the interview is done or its budget is used up.

    `asked`: every fact and item that was asked in a message of its own: never asked again, and counted in the budget.
    `settled`: items known without asking (the place was heard, consent was given before). Facts with an answer, also
    unsure and declined, are not asked; a fact heard with too little confidence is. Items the situation must have keep
    their place in the budget. `wanted`: programmes the resident asked for, worth asking about whatever the situation.
    ScreenInputError for an unknown situation.
    """
    plan = ruleset.interview.situations.get(situation)
    if plan is None:
        raise ScreenInputError(f"unknown situation {situation!r}", nearest(situation, ruleset.interview.situations))
    done = set(asked) | set(settled) | _answered(ruleset, answers)
    must_left = sum(1 for item in plan.must if item not in done)
    room_for_facts = plan.budget - spent(ruleset, asked) - must_left
    if room_for_facts > 0:
        again = contradiction(ruleset, screening, asked)
        if again is not None:
            return again
    for item in plan.order:
        if item == BY_SCORE:
            if room_for_facts > 0:
                found = _scored(ruleset, screening, answers, done, asked, wanted, plan.stop_below)
                if found is not None:
                    return found
        elif item in ruleset.interview.openers:
            opener = ruleset.interview.openers[item]
            if item not in done and room_for_facts >= opener.cost and _opens(opener.titles, answers) > 1:
                return opener_question(ruleset, item, answers)
        elif item not in done and (item in plan.must or room_for_facts > 0):
            return question_for(ruleset, item)
    return None


def next_fact(
    ruleset: RuleSet,
    screening: Screening,
    answers: Mapping[str, Any],
    asked: AbstractSet[str] = frozenset(),
    situation: str = "ordinary",
    wanted: AbstractSet[str] = NOBODY,
) -> Question | None:
    """The next question about the case alone: no consent, place or phone, no budget, nothing that decides nothing.

    First for what the situation makes relevant, then for every programme that is still open.
    """
    done = set(asked) | _answered(ruleset, answers)
    open_ = open_facts(screening, screening.relevant | wanted)
    for item in ruleset.interview.situations[situation].order:
        if item in open_ and item not in done:
            return question_for(ruleset, item)
    return _scored(ruleset, screening, answers, done, asked, wanted) or _scored(
        ruleset, screening, answers, done, asked, frozenset(ruleset.programmes)
    )


def spent(ruleset: RuleSet, asked: AbstractSet[str]) -> int:
    """How much of a budget is used: one for each question, more for a grouped opener."""
    openers = ruleset.interview.openers
    return sum(openers[name].cost if name in openers else 1 for name in asked)


def _scored(
    ruleset: RuleSet,
    screening: Screening,
    answers: Mapping[str, Any],
    done: AbstractSet[str],
    asked: AbstractSet[str],
    wanted: AbstractSet[str],
    stop_below: float | None = None,
) -> Question | None:
    for scope in (wanted, screening.relevant | wanted):  # what the resident asked for comes first
        narrowed = narrowing(ruleset, screening, answers, asked, scope)
        if narrowed is not None:
            return narrowed
        name = best_fact(ruleset, screening, done, asked, scope, stop_below)
        if name is not None:
            return replace(question_for(ruleset, name), chosen=SCORED, programmes=_served(screening, name, scope))
    return None


# --- the questions ---


def question_for(ruleset: RuleSet, name: str) -> Question:
    """The question of a fact, an opener or an interview item, for instance to repeat it.

    ScreenInputError for an unknown name.
    """
    item = ruleset.interview.items.get(name)
    if item is not None:
        return Question(name, item.text, (), item.why, is_fact=False, asked_as=name)
    if name in ruleset.interview.openers:
        return opener_question(ruleset, name, {})
    fact = ruleset.facts.get(name)
    if fact is None:
        raise ScreenInputError(f"unknown fact {name!r}", nearest(name, [*ruleset.facts, *ruleset.interview.items]))
    return Question(
        name,
        fact.text,
        tuple(choices(ruleset, fact)),
        fact.why,
        sensitive=fact.sensitive,
        several=fact.type == SOME_OF,
        asked_as=name,
    )


def opener_question(ruleset: RuleSet, name: str, answers: Mapping[str, Any]) -> Question:
    """The grouped question; a button for each fact that is not answered yet, and one for none of them."""
    opener = ruleset.interview.openers[name]
    options = [Choice(fact, title, [fact]) for fact, title in opener.titles.items() if fact not in answers]
    return Question(
        name,
        opener.text,
        (*options, Choice("none", opener.none, []), Choice(UNSURE, ruleset.wording["answers"]["unsure_title"], UNSURE)),
        opener.why,
        is_fact=False,
        sensitive=any(ruleset.facts[fact].sensitive for fact in opener.titles),
        several=True,
        asked_as=name,
    )


def contradiction(ruleset: RuleSet, screening: Screening, asked: AbstractSet[str]) -> Question | None:
    """The question that clears up answers which cannot both hold; each contradiction is raised once."""
    case = screening.case
    for entry in ruleset.interview.contradictions:
        name = f"{entry.ask}:{entry.id}"
        if name not in asked and entry.when.run(case.values, case.figures, {}) is True:
            return replace(question_for(ruleset, entry.ask), text=entry.text, asked_as=name, chosen=CONTRADICTED)
    return None


def narrowing(
    ruleset: RuleSet,
    screening: Screening,
    answers: Mapping[str, Any],
    asked: AbstractSet[str],
    scope: AbstractSet[str] | None = None,
) -> Question | None:
    """After "unsure" about a number: a band, then the one threshold that matters; None when neither is left."""
    words = ruleset.wording["narrow"]
    for name in open_facts(screening, scope, (UNSURE,)):
        fact = ruleset.facts[name]
        answer = as_answer(name, answers.get(name))
        if answer is None or name not in asked:
            continue
        step = next_step(fact, answer, asked)
        if step is None:
            continue
        base = replace(
            question_for(ruleset, name),
            asked_as=step_name(name, step),
            chosen=NARROWED,
            programmes=_served(screening, name, scope, (UNSURE,)),
        )
        if step == BAND:
            return replace(base, text=str(words["band"]).format(title=fact.title))
        found = threshold_of(screening, fact, scope)
        if found is None:
            continue
        frame = words["exceed" if found.above else "reach"]
        return replace(
            base,
            text=str(frame).format(title=fact.title, value=found.shown, unit=fact.unit),
            options=(
                Choice("yes", str(words["yes"]), found.yes),
                Choice("no", str(words["no"]), found.no),
                *(choice for choice in base.options if choice.id in (UNSURE, DECLINED)),
            ),
        )
    return None


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


def best_fact(
    ruleset: RuleSet,
    screening: Screening,
    done: AbstractSet[str],
    asked: AbstractSet[str],
    scope: AbstractSet[str] | None = None,
    stop_below: float | None = None,
) -> str | None:
    """The open fact that may settle most of the undecided programmes for the least cost; None if none is worth it."""
    scoring = ruleset.interview
    topics = {ruleset.facts[name].topic for name in asked if name in ruleset.facts}
    worth = scoring.stop_below if stop_below is None else stop_below
    best, best_score = None, 0.0
    for name, weight in open_facts(screening, scope).items():
        if name in done or weight < worth:
            continue
        fact = ruleset.facts[name]
        score = weight / fact.cost * (scoring.sensitive if fact.sensitive else 1)
        score += scoring.same_topic if fact.topic in topics else 0
        if score > best_score:
            best, best_score = name, score
    return best


def open_facts(
    screening: Screening, scope: AbstractSet[str] | None = None, reasons: tuple[str, ...] = ASKABLE
) -> dict[str, float]:
    """Facts an answer to which could settle something → weight of the programmes × their share of what is open."""
    weights: dict[str, float] = {}
    for programme, parts in _open_programmes(screening, scope, reasons):
        weight = screening.ruleset.programmes[programme].weight
        for name, share in parts:
            weights[name] = weights.get(name, 0.0) + weight * share
    return weights


def _open_programmes(
    screening: Screening, scope: AbstractSet[str] | None, reasons: tuple[str, ...]
) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Undecided programmes worth asking about, each with the facts that are open for these reasons and their share."""
    programmes, settled = screening.ruleset.programmes, screening.settled.values
    considered = screening.relevant if scope is None else scope
    for name in screening.ruleset.order:
        if name not in considered:
            continue
        if programmes[name].weight == 0 or screening.case.results[name] is not None:
            continue
        if name in settled.get(HELD, ()):  # who has it already is not asked for it again
            continue
        open_ = [
            (lack.fact, share)
            for lack, share in screening.verdict(name).shares
            if lack.fact is not None and lack.reason in reasons
        ]
        if open_:
            yield name, open_


def _served(
    screening: Screening, fact: str, scope: AbstractSet[str] | None, reasons: tuple[str, ...] = ASKABLE
) -> tuple[str, ...]:
    return tuple(sorted(name for name, open_ in _open_programmes(screening, scope, reasons) if fact in dict(open_)))


def _opens(titles: Mapping[str, str], answers: Mapping[str, Any]) -> int:
    return sum(1 for fact in titles if fact not in answers)


def _answered(ruleset: RuleSet, answers: Mapping[str, Any]) -> set[str]:
    """Facts that need no question: answered, unsure or declined, and not merely half heard."""
    found = set()
    for name, given in answers.items():
        answer = as_answer(name, given)
        if answer is not None and answer.confidence >= ruleset.interview.confirm_below:
            found.add(name)
    return found
