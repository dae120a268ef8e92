"""One message being read: its text in standard words, where its clauses and persons are, and the way back."""
from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from actions.language.dates import DateHeard, find_dates
from actions.language.dialect import to_standard
from actions.language.normalise import Normal, normalise
from actions.language.numerals import Number, find_numbers
from actions.language.patterns import SENTENCE_ENDS

CLAUSE_ENDS = re.compile(f"[{SENTENCE_ENDS},:、 ]")
LONG_AGO = timedelta(days=365)
STOPS = re.compile(f"[{SENTENCE_ENDS}]")


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
class Find:
    """One thing said: place in the standardised text, value and confidence; `rank` is its place in the word file."""

    value: Any
    start: int
    end: int
    confidence: float
    rank: int = 0


class Message:
    """The text in standard words (`text`), and where everything in it stands."""

    def __init__(self, text: str, today: date) -> None:
        self.original, self.today = text, today
        self._normal = normalise(text)
        lowered = self._normal.text.lower()
        # a few characters grow in lower case and would move every offset after them
        self._standard: Normal = to_standard(lowered if len(lowered) == len(self._normal.text) else self._normal.text)
        self.text = self._standard.text
        self._clause_ends = [found.start() for found in CLAUSE_ENDS.finditer(self.text)]
        self._sentence_ends = [found.start() for found in STOPS.finditer(self.text)]

    @cached_property
    def numbers(self) -> list[Number]:
        """Every number said, in order."""
        return find_numbers(self.text)

    def numbers_between(self, start: int, end: int) -> list[Number]:
        """The numbers that begin between two places."""
        starts = self._number_starts
        return self.numbers[bisect_left(starts, start):bisect_left(starts, end)]

    @cached_property
    def _number_starts(self) -> list[int]:
        return [number.start for number in self.numbers]

    @cached_property
    def days(self) -> list[DateHeard]:
        """Every day said, in order."""
        return find_dates(self.text, self.today)

    @cached_property
    def _long_ago(self) -> list[int]:
        limit = self.today - LONG_AGO if self.today > date.min + LONG_AGO else date.min
        return [day.start for day in self.days if day.last < limit]

    def long_ago_between(self, start: int, end: int) -> bool:
        """Whether a day more than a year ago is named between two places."""
        return bisect_left(self._long_ago, start) < bisect_left(self._long_ago, end)

    def clause(self, place: int) -> tuple[int, int]:
        """Where the clause that holds `place` begins and ends."""
        return self._between(self._clause_ends, place)

    def sentence(self, place: int) -> tuple[int, int]:
        """Where the sentence that holds `place` begins and ends."""
        return self._between(self._sentence_ends, place)

    def _between(self, ends: list[int], place: int) -> tuple[int, int]:
        before, after = bisect_left(ends, place), bisect_right(ends, place)
        start = ends[before - 1] + 1 if before else 0
        end = ends[before] if before < len(ends) else len(self.text)
        return (start, end) if before == after else (start, place)

    def heard(self, find: Find) -> Heard:
        """The find with the words of the message as it was given."""
        first, last = self._normal.original_span(*self._standard.original_span(find.start, find.end))
        confidence = round(max(0.05, min(find.confidence, 0.99)), 2)
        return Heard(find.value, self.original[first:last], first, last, confidence)
