"""Checks answers against the bank of facts and turns them into what conditions compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from actions.language.files import nearest
from actions.screening.logic import INFINITE, Interval, Number
from actions.screening.model import (
    DATE,
    DECLINED,
    LOW_CONFIDENCE,
    MONEY,
    ONE_OF,
    SOME_OF,
    UNSURE,
    YES_NO,
    Fact,
    RuleSet,
)


class ScreenInputError(Exception):
    """The input of a screening cannot be used: `what` is wrong, `mend` says what to do. The command exits with 2."""

    def __init__(self, what: str, mend: str, fact: str | None = None) -> None:
        self.what, self.mend, self.fact = what, mend, fact
        super().__init__(f"{what} — {mend}")


class UnknownFact(ScreenInputError):
    """A fact that is not in the bank; `mend` names the nearest one."""


class BadAnswer(ScreenInputError):
    """A known fact with a value of the wrong type, out of range, or a band that ends before it begins."""


@dataclass(frozen=True)
class Answer:
    """One answer and where it comes from.

    `value` is JSON-able: true, "fire", ["bed"], 3, "1800.00", {"from": "1000", "to": None}, "unsure", "declined".
    `how` is said | button | heard | clerk | record; `confidence` 0–1 matters for `heard`; `text` the words used.
    """

    fact: str
    value: Any
    how: str = "said"
    confidence: float = 1.0
    text: str = ""
    at: str | None = None


@dataclass(frozen=True)
class Settled:
    """All answers of a case: `values` for conditions, `reasons` for the unknown ones, `shown` as given, checked."""

    values: Mapping[str, Any]
    reasons: Mapping[str, str]
    shown: Mapping[str, Any]
    answers: Mapping[str, Answer]


def the_fact(ruleset: RuleSet, name: str) -> Fact:
    """The fact of this name. UnknownFact names the nearest one."""
    fact = ruleset.facts.get(name)
    if fact is None:
        raise UnknownFact(f"unknown fact {name!r}", nearest(str(name), ruleset.facts), name)
    return fact


def as_answer(name: str, given: Any) -> Answer | None:
    """An Answer from whatever a caller keeps: Answer, plain value, or {"value", "how", "confidence", "heard"}.

    None (nothing was said) stays None.
    """
    if isinstance(given, Answer):
        return given
    if isinstance(given, Mapping) and "value" in given:
        if given["value"] is None:
            return None
        text = given.get("text") or given.get("heard") or ""
        how = given.get("how") or ("heard" if given.get("heard") else "said")
        confidence = given.get("confidence")
        return Answer(
            name, given["value"], how, 1.0 if confidence is None else float(confidence), str(text), given.get("at")
        )
    return None if given is None else Answer(name, given)


def settle(ruleset: RuleSet, answers: Mapping[str, Any]) -> Settled:
    """Checks every answer. Raises UnknownFact or BadAnswer; unsure, declined and badly heard ones become reasons."""
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    shown: dict[str, Any] = {}
    kept: dict[str, Answer] = {}
    for name, given in answers.items():
        fact = the_fact(ruleset, name)
        answer = as_answer(name, given)
        if answer is None:
            continue
        kept[name] = answer
        if answer.value == UNSURE or answer.value == DECLINED:
            reasons[name] = shown[name] = str(answer.value)
            continue
        value, shown[name] = check_value(fact, answer.value)
        if answer.confidence < ruleset.interview.confirm_below:
            reasons[name] = LOW_CONFIDENCE
        else:
            values[name] = value
    return Settled(values, reasons, shown, kept)


def check_value(fact: Fact, value: Any) -> tuple[Any, Any]:
    """(value for conditions, value to show and keep). BadAnswer says what the fact takes instead."""
    if fact.type == YES_NO:
        if not isinstance(value, bool):
            raise _bad(fact, value, "write true, false, unsure or declined")
        return value, value
    if fact.type == ONE_OF:
        if not isinstance(value, str) or value not in fact.options:
            raise _bad(fact, value, nearest(str(value), fact.options))
        return str(value), str(value)
    if fact.type == SOME_OF:
        if not isinstance(value, (list, tuple, set, frozenset)):
            raise _bad(fact, value, f"write a list, for example [{next(iter(fact.options))}], or [] for none")
        for entry in value:
            if not isinstance(entry, str) or entry not in fact.options:
                raise _bad(fact, entry, nearest(str(entry), fact.options))
        return frozenset(value), [name for name in fact.options if name in value]
    if fact.type == DATE:
        return _band(fact, value, _day, date.min.toordinal(), date.max.toordinal())
    low = fact.minimum if fact.minimum is not None else 0
    high: Number = fact.maximum if fact.maximum is not None else INFINITE
    return _band(fact, value, _measure, low, high)


def _bad(fact: Fact, value: Any, mend: str) -> BadAnswer:
    return BadAnswer(f"{value!r} does not fit {fact.id} ({fact.type})", mend, fact.id)


def _band(fact: Fact, value: Any, read: Any, lowest: Number, highest: Number) -> tuple[Interval, Any]:
    if not isinstance(value, Mapping):
        point = read(fact, value)
        _within(fact, value, point, lowest, highest)
        return (point, point), show_measure(fact, point)
    if not value or set(value) - {"from", "to"}:
        raise _bad(fact, dict(value), 'write a number or {"from": …, "to": …}')
    ends = []
    for key, default in (("from", lowest), ("to", highest)):
        given = value.get(key)
        ends.append(default if given is None else read(fact, given))
        if given is not None:
            _within(fact, given, ends[-1], lowest, highest)
    if ends[0] > ends[1]:
        raise _bad(fact, dict(value), "the band ends before it begins: swap from and to")
    shown = {
        key: None if value.get(key) is None else show_measure(fact, end)
        for key, end in zip(("from", "to"), ends, strict=True)
    }
    return (ends[0], ends[1]), shown


def _within(fact: Fact, value: Any, number: Number, lowest: Number, highest: Number) -> None:
    if not lowest <= number <= highest:
        unit = f" {fact.unit}" if fact.unit else ""
        raise _bad(fact, value, f"it must be between {lowest} and {highest}{unit}")


def _measure(fact: Fact, value: Any) -> Number:
    """A whole number for persons and months, yuan with at most two decimals for money."""
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        number = Decimal(str(value))
    except InvalidOperation:
        per = f" per {fact.period}" if fact.period else ""
        unit = f" of {fact.unit}{per}, without the unit," if fact.unit else ""
        raise _bad(fact, value, f'write a number{unit} or {{"from": …, "to": …}}') from None
    if not number.is_finite():
        raise _bad(fact, value, "write a plain number")
    if fact.type == MONEY:
        if number != number.quantize(Decimal("0.01")) if number < 10**12 else False:
            raise _bad(fact, value, "money has at most two decimals")
        return number
    if number != number.to_integral_value():
        raise _bad(fact, value, "write a whole number")
    return int(number)


def _day(fact: Fact, value: Any) -> int:
    if isinstance(value, datetime):
        return value.date().toordinal()
    if isinstance(value, date):
        return value.toordinal()
    try:
        return date.fromisoformat(str(value)).toordinal()
    except ValueError:
        raise _bad(fact, value, "write a date like 2026-11-20") from None


def show_measure(fact: Fact, number: Number) -> Any:
    """As the outside sees it: money a decimal string, dates ISO, the rest whole numbers."""
    if fact.type == DATE:
        return date.fromordinal(int(number)).isoformat()
    if fact.type == MONEY:
        return plain(number)
    return int(number)


def plain(number: Number) -> str:
    """1800 → "1800", 1800.5 → "1800.50": no exponent, two decimals only if there are any."""
    exact = Decimal(number)
    return str(int(exact)) if exact == exact.to_integral_value() else f"{exact:.2f}"


def show_interval(fact: Fact, interval: Interval) -> Any:
    """A point as its value, a band as {"from", "to"} with None for an open end."""
    low, high = interval
    if low == high:
        return show_measure(fact, low)
    return {
        "from": show_measure(fact, low),
        "to": None if high == INFINITE or high == fact.maximum else show_measure(fact, high),
    }
