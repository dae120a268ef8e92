"""Hears the facts of a case that a message states openly, with the words that said them and how sure that is."""
from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from actions.language.data import FOLDER, one_of, words
from actions.language.dates import DateHeard, find_dates
from actions.language.dialect import to_standard
from actions.language.files import ConfigError, line_of, nearest
from actions.language.money import Money, find_money
from actions.language.normalise import Normal, normalise
from actions.language.numerals import Number, find_numbers
from actions.language.patterns import compile_patterns, read_groups, sentence_end, sentence_start

SPOKEN = ("event_kind", "need_tonight", "home", "disability_card", "disability_kind", "serious_illness",
          "sleeps_rough", "family_can_help", "benefits_now", "safe_now", "for_whom")
LISTS = ("need_tonight", "benefits_now")
PERSONS = ("self", "child", "parent", "spouse", "other")
OTHERS = ("groups", "negators", "wishes", "imagined", "persons_near", "self_confidence", "person_confidence",
          "household", "event_day", "age", "income", "grade")
TOO_FAR = 10**6
AFTER_EVENT, AGE_OF = 8, 5  # characters


@dataclass(frozen=True)
class Heard:
    """A fact as it was said. `value` is what JSON can carry: text, number, true/false, list, or {from, to}.

    Money is yuan as a decimal string, a day is ISO 8601; in {from, to} an open end is None. `start` and `end` are
    places in the message as it was given, `heard` is what stands there.
    """

    value: Any
    heard: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class _Saying:
    value: Any
    confidence: float
    pattern: re.Pattern[str]
    denied: Any
    can_be_denied: bool


@dataclass(frozen=True)
class _Find:
    """One thing said: place in the standardised text, its value and confidence."""

    value: Any
    start: int
    end: int
    confidence: float
    rank: int


@dataclass(frozen=True)
class _Book:
    """Every word this module listens for."""

    sayings: dict[str, tuple[_Saying, ...]]
    persons: re.Pattern[str]
    person_of: dict[str, str]
    negated: re.Pattern[str]
    imagined: re.Pattern[str]
    wished: re.Pattern[str]
    near: int
    data: Any


def _ending(entries: Any) -> re.Pattern[str]:
    return re.compile("(?:" + "|".join(str(entry) for entry in entries) + ")$")


@lru_cache(maxsize=1)
def _book() -> _Book:
    path, data = FOLDER / "facts.yaml", words("facts")
    for key in data:
        if key not in SPOKEN and key not in OTHERS:
            raise ConfigError(path, line_of(data, key), f"unknown fact {key!r}", nearest(key, [*SPOKEN, *OTHERS]))
    for key in (*SPOKEN, *OTHERS):
        if key not in data:
            raise ConfigError(path, None, f"key {key!r} is missing", f"add {key}: …")
    groups = read_groups(path, data["groups"])
    sayings: dict[str, tuple[_Saying, ...]] = {}
    for fact in SPOKEN:
        made: list[_Saying] = []
        for entry in data[fact]:
            if not {"value", "confidence", "say"} <= set(entry):
                raise ConfigError(path, line_of(entry), f"{fact}: value, confidence or say is missing", "add it")
            pattern = compile_patterns(path, entry["say"], groups)
            made.append(_Saying(entry["value"], float(entry["confidence"]), pattern, entry.get("denied"),
                                "denied" in entry))
        sayings[fact] = tuple(made)
    person_of = {word: person for person in PERSONS for word in groups[person]}
    return _Book(sayings, re.compile(one_of(person_of)), person_of, _ending(data["negators"]),
                 _ending(data["imagined"]), _ending(data["wishes"]), int(data["persons_near"]), data)


def _says(book: _Book, fact: str, text: str) -> list[_Find]:
    """Everything said about one fact, in the order of the text; denied, wished and imagined ones left out."""
    finds: list[_Find] = []
    for rank, saying in enumerate(book.sayings[fact]):
        for found in saying.pattern.finditer(text):
            start, end = found.span()
            before = text[max(0, start - 8):start]
            before = before[sentence_start(before, len(before)):]
            if book.imagined.search(before) or (fact == "benefits_now" and book.wished.search(before)):
                continue
            denial = book.negated.search(before)
            if denial:
                if saying.can_be_denied:
                    # Who denies one benefit may have another: a denial inside a list is worth little.
                    less = 0.35 if fact in LISTS else 0.1
                    begin = start - len(denial.group())
                    finds.append(_Find(saying.denied, begin, end, saying.confidence - less, rank))
                continue
            finds.append(_Find(saying.value, start, end, saying.confidence, rank))
    return sorted(finds, key=lambda find: (find.start, -find.end))


def _best(finds: list[_Find]) -> _Find | None:
    """The saying listed first in the word file; another value said as well makes it less sure."""
    if not finds:
        return None
    best = min(finds, key=lambda find: (find.rank, find.start))
    if any(find.value != best.value for find in finds):
        return _Find(best.value, best.start, best.end, round(best.confidence - 0.1, 2), best.rank)
    return best


def _last_word(finds: list[_Find]) -> _Find | None:
    """Yes/no facts: an outright no that overlaps a yes wins, else what was said last."""
    if not finds:
        return None
    last = finds[-1]
    for find in finds:
        if find.value is False and find.start <= last.start and find.end >= last.start:
            last = find
    if any(find.value != last.value and not (find.start < last.end and last.start < find.end) for find in finds):
        return _Find(last.value, last.start, last.end, round(last.confidence - 0.15, 2), last.rank)
    return last


class _Message:
    """One message being read: its text in standard words and the way back to the original."""

    def __init__(self, text: str) -> None:
        self.original = text
        self._normal = normalise(text)
        self._standard: Normal = to_standard(self._normal.text.lower() if _same_length(self._normal.text)
                                             else self._normal.text)
        self.text = self._standard.text

    def heard(self, value: Any, start: int, end: int, confidence: float) -> Heard:
        first, last = self._normal.original_span(*self._standard.original_span(start, end))
        return Heard(value, self.original[first:last], first, last, round(max(0.05, min(confidence, 0.99)), 2))


def _same_length(text: str) -> bool:
    """A few characters grow in lower case and would move every offset after them."""
    return len(text.lower()) == len(text)


def _person_before(book: _Book, text: str, position: int, reach: int) -> tuple[str, int, int] | None:
    """The person named last before a place, within its sentence: who, and where the word stands."""
    begin = max(0, position - reach, sentence_start(text[max(0, position - 60):position], 60) + max(0, position - 60))
    last = None
    for found in book.persons.finditer(text, begin, position):
        last = (book.person_of[found.group()], found.start(), found.end())
    return last


def _event_date(event: _Find, dates: list[DateHeard], text: str) -> DateHeard | None:
    """The day named nearest to the event in its sentence, else nearest of all within 60 characters."""
    opening, closing = sentence_start(text, event.start), sentence_end(text, event.end)

    def distance(day: DateHeard) -> tuple[bool, int]:
        outside = not (opening <= day.start and day.end <= closing)
        gap = event.start - day.end if day.end <= event.start else (day.start - event.end) * 2
        return outside, abs(gap)

    never = _near_words("event_day", "never")
    near = [
        day for day in dates
        if distance(day)[1] <= 60
        and not never.search(day.heard)  # tonight and tomorrow belong to a need, not to what has happened
        and not day.start - event.end > AFTER_EVENT  # a day told long after the event is of something else
    ]
    return min(near, key=distance) if near else None


def _for_whom(book: _Book, text: str, event: _Find | None) -> _Find | None:
    outright = _says(book, "for_whom", text)
    if outright:
        return _best(outright)
    if event is None:
        return None
    person = _person_before(book, text, event.start, book.near)
    if person and person[0] != "self":
        return _Find(person[0], person[1], person[2], float(book.data["person_confidence"]), 0)
    me = person or _person_before(book, text, event.start, TOO_FAR) or _first_self(book, text)
    if me and (me[0] == "self"):
        return _Find("self", me[1], me[2], float(book.data["self_confidence"]), 0)
    return None


def _first_self(book: _Book, text: str) -> tuple[str, int, int] | None:
    for found in book.persons.finditer(text):
        if book.person_of[found.group()] == "self":
            return "self", found.start(), found.end()
    return None


@cache
def _near_words(*path: str) -> re.Pattern[str]:
    """The words listed at one place of facts.yaml, as one expression."""
    data: Any = _book().data
    for key in path:
        data = data[key]
    return re.compile(one_of(data))


def _people(book: _Book, text: str, numbers: list[Number]) -> _Find | None:
    settings = book.data["household"]
    for number in numbers:
        if number.kind != "people" or number.value is None or not 1 <= number.value <= 30:
            continue
        around = text[max(0, number.start - 6):number.end + 3]
        if _near_words("household", "near").search(around):
            return _Find(int(number.value), number.start, number.end, float(settings["confidence"]), 0)
    alone = _near_words("household", "alone").search(text)
    return _Find(1, *alone.span(), float(settings["alone_confidence"]), 0) if alone else None


def _age(book: _Book, text: str, numbers: list[Number], whom: str | None) -> _Find | None:
    settings = book.data["age"]
    for number in numbers:
        if number.kind != "age" or number.value is None or not 0 <= number.value <= int(settings["largest"]):
            continue
        person = _person_before(book, text, number.start, 8)
        if person and whom and person[0] != whom:
            continue
        owner = book.persons.search(text, number.end, number.end + AGE_OF)  # 五岁的娃儿: the age is the child's
        if owner and book.person_of[owner.group()] != (whom or "self"):
            continue
        sure = person is not None and person[0] == (whom or "self")
        confidence = float(settings["confidence" if sure else "unclear_confidence"])
        return _Find(int(number.value), number.start, number.end, confidence, 0)
    return None


def _grade(book: _Book, text: str, numbers: list[Number]) -> _Find | None:
    settings = book.data["grade"]
    for number in numbers:
        if number.kind != "grade" or number.value is None or not 1 <= number.value <= 4:
            continue
        if _near_words("grade", "near").search(text[max(0, number.start - 8):number.end + 6]):
            return _Find(int(number.value), number.start, number.end, float(settings["confidence"]), 0)
    return None


def _yuan(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")


def _income(book: _Book, text: str, sums: list[Money]) -> _Find | None:
    settings = book.data["income"]
    signs, household = _near_words("income", "signs"), _near_words("income", "household")
    for money in sums:
        if money.period != "month":
            continue
        before = text[max(0, money.start - 12):money.end]
        if not signs.search(before + text[money.end:money.end + 3]):
            continue
        value: Any = _yuan(money.value)
        if value is None:
            value = {"from": _yuan(money.low), "to": _yuan(money.high)}
        whole = bool(household.search(before))
        confidence = float(settings["household_confidence" if whole else "confidence"])
        return _Find(value, money.start, money.end, confidence, 0)
    none = _near_words("income", "none").search(text)
    return _Find("0", *none.span(), float(settings["none_confidence"]), 0) if none else None


def _as_list(message: _Message, finds: list[_Find]) -> Heard | None:
    """Several things of one kind; the words from the first to the last when they stand close together."""
    if not finds:
        return None
    values: list[str] = []
    for find in finds:
        if find.value and find.value not in values:
            values.append(find.value)
    named = [find for find in finds if find.value] or finds
    if not values and not any(find.value == "" for find in finds):
        return None
    start, end = named[0].start, max(find.end for find in named)
    if end - start > 30:
        end = named[0].end
    return message.heard(values, start, end, min(find.confidence for find in named))


def hear_facts(text: str, today: date) -> dict[str, Heard]:
    """The facts of DESIGN 4 that the message states: only what was said, never what follows from it.

    `today` is the day the message was written. Never raises; linear in the length of the message. Facts: event_kind,
    event_date, need_tonight, for_whom, household_people, age, home, income_month, disability_card, disability_kind,
    disability_grade, serious_illness, sleeps_rough, family_can_help, benefits_now, safe_now.
    """
    book, message = _book(), _Message(text)
    plain = message.text
    facts: dict[str, Heard] = {}

    def keep(fact: str, find: _Find | None) -> None:
        if find is not None:
            facts[fact] = message.heard(find.value, find.start, find.end, find.confidence)

    numbers = find_numbers(plain)
    event = _best(_says(book, "event_kind", plain))
    keep("event_kind", event)
    if event is not None:
        ages = [number.start for number in numbers if number.kind == "age"]
        dates = [day for day in find_dates(plain, today) if not any(0 <= place - day.end <= 3 for place in ages)]
        day = _event_date(event, dates, plain)
        if day is not None and day.first <= today:
            exact = day.first == day.last
            value: Any = day.first.isoformat() if exact else {"from": day.first.isoformat(),
                                                              "to": day.last.isoformat()}
            facts["event_date"] = message.heard(value, day.start, day.end, day.confidence)
    whom = _for_whom(book, plain, event)
    keep("for_whom", whom)
    for fact in LISTS:
        heard = _as_list(message, _says(book, fact, plain))
        if heard is not None:
            facts[fact] = heard
    for fact in ("home", "disability_kind"):
        keep(fact, _best(_says(book, fact, plain)))
    for fact in ("disability_card", "serious_illness", "sleeps_rough", "family_can_help", "safe_now"):
        keep(fact, _last_word(_says(book, fact, plain)))
    keep("household_people", _people(book, plain, numbers))
    keep("age", _age(book, plain, numbers, whom.value if whom else None))
    keep("disability_grade", _grade(book, plain, numbers))
    keep("income_month", _income(book, plain, find_money(plain)))
    return facts
