"""Plays interviews with generated callers: how many questions, and how much is settled beside asking everything."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from actions.screening.ask import next_question
from actions.screening.conditions import facts_of
from actions.screening.evaluate import Screening, evaluate
from actions.screening.model import LIKELY, UNSURE, RuleSet
from actions.screening.opening import opened
from bot.bench.callers import Answering, Caller, Priors

PLAN = "screening"


@dataclass(frozen=True)
class Played:
    """One interview: what it cost, what asking everything would have cost, and what both came to."""

    questions: int
    ask_all: int
    asked: tuple[str, ...]
    found: int  # programmes that asking everything calls likely and the interview calls likely or names as open
    likely: int  # programmes that asking everything calls likely


def facts_of_rules(ruleset: RuleSet, as_of: date) -> list[str]:
    """Every fact a rule of this day looks at, except guidance: what asking everything asks."""
    rules = evaluate(ruleset, {}, as_of, ruleset.default_region).settings.rules
    wanted = (name for name, programme in ruleset.programmes.items() if programme.weight > 0 and name in rules)
    return list(dict.fromkeys(fact for name in wanted for fact in facts_of(rules[name], rules)))


def play(ruleset: RuleSet, caller: Caller, priors: Priors, seed: int, as_of: date) -> Played:
    """The interview of the plan for self-screening, to its end."""
    resident = Answering(caller, priors.unsure, seed)
    answers: dict[str, Any] = dict(caller.heard)
    asked: set[str] = set()
    order: list[str] = []
    cost = 0
    while True:
        screening = evaluate(ruleset, answers, as_of, ruleset.default_region)
        question = next_question(ruleset, screening, answers, asked, PLAN)
        if question is None:
            break
        asked.add(question.asked_as)
        order.append(question.asked_as)
        cost += ruleset.interview.openers[question.fact].cost if question.fact in ruleset.interview.openers else 1
        said = resident.answer(question)
        if question.is_fact:
            if said != UNSURE or question.fact not in answers:
                answers[question.fact] = said
        elif said != UNSURE:
            answers.update(opened(ruleset, question.fact, said, answers))
    everything = facts_of_rules(ruleset, as_of)
    full = evaluate(ruleset, {name: caller.truth[name] for name in caller.truth}, as_of, ruleset.default_region)
    likely = [name for name in _likely(full)]
    named = set(_likely(screening)) | _open(screening)
    return Played(cost, len([name for name in everything if name not in caller.heard]), tuple(order),
                  len([name for name in likely if name in named]), len(likely))


def _likely(screening: Screening) -> Iterator[str]:
    for verdict in screening.verdicts:
        if verdict.verdict == LIKELY and screening.ruleset.programmes[verdict.programme].weight > 0:
            yield verdict.programme


def _open(screening: Screening) -> set[str]:
    return {name for name in screening.relevant if screening.case.results[name] is None}
