"""Which sum is what: income, medical costs, costs of school, costs that cannot be avoided."""
from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from actions.language.data import one_of
from actions.language.facts.book import Book, the_book
from actions.language.facts.message import Find, Message
from actions.language.facts.sayings import is_imagined, is_past
from actions.language.money import Money, find_money

FACT_OF = {"medical": "medical_self_paid_year", "education": "education_cost_year", "rigid": "rigid_cost_year"}
NEUTRAL = ("own", "spent", "sum")  # that money went or was added up, not what for or of what
OF_SUM = ("income", "medical", "education", "rigid")
LESS_ONE_OF_SEVERAL = 0.15


@dataclass(frozen=True)
class _Sum:
    """A sum and what it is: `priority` says which of several counts, the lowest first."""

    fact: str
    find: Find
    priority: int


@lru_cache(maxsize=1)
def _signs() -> tuple[re.Pattern[str], dict[str, str]]:
    topics = {str(sign): str(topic) for topic, signs in the_book().money["topics"].items() for sign in signs}
    return re.compile(one_of(topics)), topics


def sums_said(book: Book, message: Message, event: str | None) -> dict[str, Find]:
    """Income and costs that were said, by fact; `event` is the kind of event that was heard."""
    sums = [one for money in find_money(message.text) if (one := _sum(book, message, money, event)) is not None]
    made = {}
    for fact in dict.fromkeys(one.fact for one in sums):
        best = _best([one for one in sums if one.fact == fact])
        if best is not None:
            made[fact] = best
    none = book.near["money", "none"].search(message.text)
    if none and "income_month" not in made and not _silenced(book, message, none.start(), none.end()):
        made["income_month"] = Find("0", *none.span(), float(book.money["none_confidence"]))
    return made


def _best(sums: list[_Sum]) -> Find | None:
    """The most telling sum; of several incomes of single persons none is the household's."""
    best = min(sums, key=lambda one: (one.priority, one.find.start))
    rivals = [one for one in sums if one.priority == best.priority and one.find.value != best.find.value]
    if not rivals:
        return best.find
    if best.fact == "income_month":
        return None
    less = round(best.find.confidence - LESS_ONE_OF_SEVERAL, 2)
    return Find(best.find.value, best.find.start, best.find.end, less)


def _silenced(book: Book, message: Message, start: int, end: int) -> bool:
    """Whether the clause makes it an if, a plan, another's or long ago."""
    opening, closing = message.clause(start)
    opening = max(opening, start - 2 * book.before)
    before, after = message.text[opening:start], message.text[end:min(max(closing, end), end + book.after)]
    return is_imagined(book, before, after) or is_past(book, message, start)


def _sum(book: Book, message: Message, money: Money, event: str | None) -> _Sum | None:
    topic, own, sign = _topic(book, message, money, event)
    if topic is None:
        return None
    opening = message.clause(money.start)[0]
    opening = max(opening, money.start - 2 * book.before)
    if _silenced(book, message, money.start, money.end):
        return None
    unless = book.near.get(("money", "unless", topic))
    # what is still to come has no period: so much a month is what it costs now
    if unless and money.period in ("once", "month" if topic == "income" else "once") and unless.search(
            message.text, opening, money.start):
        return None
    return _income(book, message, money, sign) if topic == "income" else _cost(book, message, money, topic, own)


def _topic(book: Book, message: Message, money: Money, event: str | None) -> tuple[str | None, bool, str]:
    """What the nearest sign says the sum is; whether it says who paid; the sign."""
    pattern, topics = _signs()
    text, reach = message.text, book.money["reach"]
    opening, closing = message.sentence(money.start)
    clause = message.clause(money.start)
    low = max(opening, money.start - int(reach["topic"]))
    before = [(money.end - found.end() if found.end() > money.start else money.start - found.end(), found.group())
              for found in pattern.finditer(text, low, money.end) if found.start() < money.start or topics[
                  found.group()] not in NEUTRAL]
    before = [(max(0, gap), sign) for gap, sign in before]
    after_end = min(max(clause[1], money.end), closing, money.end + int(reach["after"]))
    after = [(found.start() - money.end, found.group()) for found in pattern.finditer(text, money.end, after_end)]
    own = any(topics[sign] == "own" for gap, sign in [*before, *after] if gap <= int(reach["after"]))
    near = sorted([(gap * 2, sign) for gap, sign in before if gap <= int(reach["before"])]
                  + [(gap * 2 + 1, sign) for gap, sign in after], key=lambda one: one[0])
    if near and topics[near[0][1]] not in NEUTRAL:
        topic, sign = topics[near[0][1]], near[0][1]
        return (None if topic == "nothing" else topic), own, sign
    for _, sign in [*reversed(before), *after]:  # money went: the last thing named says what for
        if topics[sign] in (OF_SUM if near and topics[near[0][1]] == "sum" else FACT_OF):
            return topics[sign], own, sign
    if near or money.period == "day":
        for topic, kinds in book.money["events"].items():
            if event in kinds:
                return str(topic), own, ""
    return None, own, ""


def _income(book: Book, message: Message, money: Money, sign: str) -> _Sum | None:
    monthly = money.period == "month" or (money.period == "once" and sign in book.money["monthly"])
    if not monthly and money.period != "year":
        return None
    fact = "income_month" if monthly else "income_year"
    opening = max(message.sentence(money.start)[0], money.start - int(book.money["reach"]["before"]))
    whole = bool(book.near["money", "whole"].search(message.text, opening, money.end))
    confidence = float(book.money["confidence"]["whole" if whole else "income"])
    return _made(book, fact, _value(money), money, confidence, 0 if whole else 1)


def _cost(book: Book, message: Message, money: Money, topic: str, own: bool) -> _Sum | None:
    sure = book.money["confidence"]
    opening = max(message.sentence(money.start)[0], money.start - int(book.money["reach"]["before"]))
    total = bool(book.near["money", "total"].search(message.text, opening, money.start))
    term = bool(book.near["money", "terms"].search(message.text, opening, money.end + 3))
    if money.period in ("day", "month") or term:  # at least that much was spent
        low = money.low if money.low is not None else money.value
        if low is None:
            return None
        return _made(book, FACT_OF[topic], {"from": _yuan(low), "to": None}, money, float(sure["rate"]), 3)
    confidence = float(sure["own" if own and topic == "medical" else topic])
    return _made(book, FACT_OF[topic], _value(money), money, confidence, 0 if own else 1 if total else 2)


def _made(book: Book, fact: str, value: Any, money: Money, confidence: float, priority: int) -> _Sum | None:
    ends = [end for end in (money.value, money.low, money.high) if end is not None]
    if not ends or max(ends) > int(book.money["largest"][fact]):
        return None
    return _Sum(fact, Find(value, money.start, money.end, confidence), priority)


def _value(money: Money) -> Any:
    """What is kept: a sum, or the band it lies in."""
    if money.value is not None:
        return _yuan(money.value)
    return {"from": _yuan(money.low), "to": _yuan(money.high)}


def _yuan(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")
