"""Facts read back to the resident in short lines, in the words of the data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from actions.screening.logic import Number
from actions.screening.model import DATE, DECLINED, MONEY, ONE_OF, SOME_OF, UNSURE, YES_NO, Fact, RuleSet
from actions.screening.values import as_answer, check_value, plain, the_fact


def read_back(ruleset: RuleSet, answers: Mapping[str, Any], open_too: bool = False) -> list[str]:
    """One line per answered fact, in the order the interview asks; with `open_too` also what is unsure or declined.

    Raises UnknownFact, BadAnswer as `evaluate` does.
    """
    lines = []
    for name in in_order(ruleset, answers):
        answer = as_answer(name, answers[name])
        if answer is None:
            continue
        fact = the_fact(ruleset, name)
        if answer.value in (UNSURE, DECLINED) and isinstance(answer.value, str):
            if open_too:
                lines.append(str(ruleset.wording["read_back"][answer.value]).format(title=fact.title))
        else:
            lines.append(read_fact(ruleset, fact, answer.value))
    return lines


def in_order(ruleset: RuleSet, answers: Mapping[str, Any]) -> list[str]:
    """The names of the answers as people expect to hear them: interview order first, then as the bank lists them."""
    asked = [item for situation in ruleset.interview.situations.values() for item in situation.order]
    ranks = {name: rank for rank, name in reversed(list(enumerate([*asked, *ruleset.facts])))}
    return sorted((the_fact(ruleset, name).id for name in answers), key=lambda name: ranks[name])


def read_fact(ruleset: RuleSet, fact: Fact, value: Any) -> str:
    """One fact in words: 受影响3人, 眼下急需：吃的、住的."""
    if fact.type == YES_NO:
        return fact.reads["yes" if check_value(fact, value)[0] else "no"]
    return (
        fact.reads["value"].format(value=_value(ruleset, fact, value))
        if not _nothing(fact, value)
        else str(fact.nothing.reads if fact.nothing else "")
    )


def _nothing(fact: Fact, value: Any) -> bool:
    return fact.type == SOME_OF and fact.nothing is not None and not list(value)


def _value(ruleset: RuleSet, fact: Fact, value: Any) -> str:
    checked, _ = check_value(fact, value)
    if fact.type == ONE_OF:
        return fact.options[checked].reads
    if fact.type == SOME_OF:
        between = str(ruleset.wording["explain"]["between"])
        return between.join(option.reads for name, option in fact.options.items() if name in checked)
    frames = ruleset.wording["read_back"]
    unit = fact.unit if fact.type == MONEY else ""  # the reads line of persons and grades has its own unit
    low, high = checked
    if low == high:
        return _measure(frames, fact, low) + unit
    wanted_low = value.get("from") if isinstance(value, Mapping) else low
    wanted_high = value.get("to") if isinstance(value, Mapping) else high
    if wanted_high is None:
        return str(frames["from_only" if fact.type == MONEY else "count_from"]).format(
            **{"from": _measure(frames, fact, low), "unit": unit}
        )
    if wanted_low is None:
        return str(frames["to_only" if fact.type == MONEY else "count_to"]).format(
            to=_measure(frames, fact, high), unit=unit
        )
    frame = "date_band" if fact.type == DATE else "band"
    return str(frames[frame]).format(
        **{"from": _measure(frames, fact, low), "to": _measure(frames, fact, high), "unit": unit}
    )


def _measure(frames: Mapping[str, Any], fact: Fact, number: Number) -> str:
    if fact.type == DATE:
        day = date.fromordinal(int(number))
        return str(frames["date"]).format(year=day.year, month=day.month, day=day.day)
    return plain(Decimal(number))
