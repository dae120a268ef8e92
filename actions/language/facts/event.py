"""Which of the things that happened is the one help is asked for, and on which day it was."""
from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from datetime import timedelta

from actions.language.dates import DateHeard
from actions.language.facts.book import Book
from actions.language.facts.message import Find, Message
from actions.language.facts.persons import person_before
from actions.language.facts.sayings import LESS_FIRST, says

NEAR = 60          # characters between an event and its day
AFTER_EVENT = 8    # a day told long after the event is of something else
BACK = 6           # characters before the event in which "once" stands: 做过手术
LESS_OLD = 0.2


@dataclass(frozen=True)
class _Candidate:
    find: Find
    day: DateHeard | None
    old: bool
    over: bool
    another: bool


class _Days:
    """The days named, in order; only those near an event are looked at, so that a letter full of days stays quick."""

    def __init__(self, days: list[DateHeard]) -> None:
        self._days, self._starts = days, [day.start for day in days]

    def around(self, event: Find) -> list[DateHeard]:
        first = bisect_left(self._starts, event.start - 2 * NEAR)
        return self._days[first:bisect_right(self._starts, event.end + NEAR)]


def the_event(book: Book, message: Message) -> Find | None:
    """The event help is asked for: present before past, one's own before another's, the newest day, in a long letter
    the one nearest to the request, and then the order of the word file."""
    finds = says(book, "event_kind", message, None)
    if not finds:
        return None
    days = _days(book, message)
    candidates = [one for one in (_candidate(book, message, find, days) for find in finds) if not one.over]
    if not candidates:
        return None
    newest = max((one.day.last for one in candidates if one.day is not None), default=message.today)
    late = timedelta(days=int(book.numbers["event_day"]["newer_by_days"]))
    request = _request(book, message)
    far = int(book.numbers["event_day"]["far"])

    def order(one: _Candidate) -> tuple[bool, bool, bool, int, int, int]:
        stale = one.day is not None and (newest - one.day.last) > late
        return one.old, one.another, stale, abs(one.find.start - request) // far, one.find.rank, one.find.start

    best = min(candidates, key=order)
    less = LESS_OLD if best.old else 0.0
    if any(one.find.value != best.find.value and not one.old for one in candidates):
        less += LESS_FIRST
    return replace(best.find, confidence=round(best.find.confidence - less, 2))


def _candidate(book: Book, message: Message, find: Find, days: _Days) -> _Candidate:
    opening, closing = message.clause(find.start)
    before = message.text[max(opening, find.start - book.before):find.start]
    day = _nearest(message, find, days)
    once = str(book.numbers["event_day"]["experienced"]) in message.text[max(opening, find.start - BACK):find.end + 1]
    was = bool(book.guards["past"].search(before))
    long_ago = day is not None and message.long_ago_between(day.start, day.end)
    over = bool(book.near["event_day", "over"].search(message.text, find.end, min(closing, find.end + book.after)))
    person = person_before(book, message, find.start, 2 * book.before)
    old, another = once or was or long_ago, person is not None and person.value == "other"
    over = over or (once and (was or long_ago)) or (another and old) or _of_dead_parent(book, message, person, find)
    return _Candidate(find, day, old, over, another)


def _of_dead_parent(book: Book, message: Message, person: Find | None, event: Find) -> bool:
    """Whether it is how a child's parent died: the child's need is another one."""
    if person is None or person.value != "child" or message.text[person.start:person.end] in book.groups["child"]:
        return False
    closing = min(message.clause(event.end)[1], event.end + book.after)
    return bool(book.guards["died"].search(message.text, event.end, closing))


def _request(book: Book, message: Message) -> int:
    """Where help is asked for last; the end of the message when nowhere."""
    place = len(message.text)
    for found in book.near["event_day", "request"].finditer(message.text):
        place = found.start()
    return place


def _days(book: Book, message: Message) -> _Days:
    """The days that something may have happened on: not tonight and tomorrow, which belong to a need, and no ages."""
    never: re.Pattern[str] = book.near["event_day", "never"]
    ages = {number.start for number in message.numbers if number.kind == "age"}
    return _Days([day for day in message.days
                  if day.first <= message.today and not never.search(day.heard)
                  and not any(day.end + gap in ages for gap in range(4))])


def _nearest(message: Message, event: Find, days: _Days) -> DateHeard | None:
    """The day named nearest to the event in its sentence, else nearest of all within reach."""
    opening, closing = message.sentence(event.start)

    def distance(day: DateHeard) -> tuple[bool, int]:
        outside = not (opening <= day.start and day.end <= closing)
        gap = event.start - day.end if day.end <= event.start else (day.start - event.end) * 2
        return outside, abs(gap)

    near = [day for day in days.around(event) if distance(day)[1] <= NEAR and day.start - event.end <= AFTER_EVENT]
    return min(near, key=distance) if near else None


def event_day(book: Book, message: Message, event: Find) -> Find | None:
    """The day of the event, or the days between which it lies."""
    day = _nearest(message, event, _days(book, message))
    if day is None:
        return None
    first, last = day.first.isoformat(), day.last.isoformat()
    return Find(first if first == last else {"from": first, "to": last}, day.start, day.end, day.confidence)
