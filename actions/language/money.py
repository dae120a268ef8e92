"""Finds sums of money in yuan and whether they are per day, month or year."""
from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from actions.language.data import one_of, words
from actions.language.numerals import Number, find_numbers


@dataclass(frozen=True)
class Money:
    """A sum in yuan: `value` if exact, else from `low` to `high` (None = open); `period` day, month, year or once."""

    value: Decimal | None
    low: Decimal | None
    high: Decimal | None
    period: str
    start: int
    end: int
    heard: str


@lru_cache(maxsize=1)
def _periods() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]:
    made = []
    for name, entry in words("money")["periods"].items():
        before = re.compile(one_of(entry["before"]) + r"[^,。!?;\n\d]{0,8}$")
        after = re.compile(rf"[ ]?(?:/|{one_of(words('money')['per'])})?[ ]?" + one_of(entry["after"]))
        made.append((str(name), before, after))
    return tuple(made)


@lru_cache(maxsize=1)
def _signs() -> re.Pattern[str]:
    return re.compile(one_of(words("money")["signs"]))


def _is_money(number: Number, text: str) -> bool:
    if number.kind == "money":
        return True
    largest = number.high if number.high is not None else number.low
    if number.kind != "plain" or largest is None or largest < int(words("money")["smallest_without_unit"]):
        return False
    if largest > 100_000_000:
        return False
    return bool(_signs().search(text[max(0, number.start - 8):number.start] + "," + text[number.end:number.end + 4]))


def find_money(text: str) -> list[Money]:
    """Every sum in a normalised text. 一天一万多 is 10000 to 20000 per day. Never raises."""
    sums: list[Money] = []
    for number in find_numbers(text):
        if not _is_money(number, text):
            continue
        period, start, end = "once", number.start, number.end
        before = text[max(0, start - 14):start]
        for name, leading, trailing in _periods():
            after = trailing.match(text, end)
            front = leading.search(before)
            if after:
                period, end = name, after.end()
                break
            if front:
                period, start = name, start - len(before) + front.start()
                break
        sums.append(Money(number.value, number.low, number.high, period, start, end, text[start:end]))
    return sums
