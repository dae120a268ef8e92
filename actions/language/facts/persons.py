"""Who is spoken of where in a message, and for whom help is asked."""
from __future__ import annotations

import re
from dataclasses import replace

from actions.language.facts.book import Book
from actions.language.facts.message import Find, Message
from actions.language.facts.sayings import SELF, first, says

LEAD = 4  # characters before a parent word in which whose parent it is stands
LOOK_BACK = 60  # characters; further back a person word says nothing about who is meant


def person_before(book: Book, message: Message, position: int, reach: int) -> Find | None:
    """The person named last before a place, within its sentence and `reach` characters."""
    begin = max(0, position - reach, message.sentence(position)[0])
    last = None
    for found in book.persons.finditer(message.text, begin, position):
        if not _denied(book, message.text, found.start()):
            last = Find(named(book, message.text, found), found.start(), found.end(), 1.0)
    return last


def named(book: Book, text: str, found: re.Match[str]) -> str:
    """Who a person word means: the child's mother is spoken of for the child."""
    person = book.person(found.group())
    of_child = person == "parent" and book.childs.search(text, max(0, found.start() - LEAD), found.start())
    return "child" if of_child else person


def _denied(book: Book, text: str, start: int) -> bool:
    return any(text.endswith(word, 0, start) for word in book.numbers["whom"]["not"])


def for_whom(book: Book, message: Message, event: Find | None) -> Find | None:
    """Who needs help: said outright, else whose event it is; None where nobody was named."""
    outright = says(book, "for_whom", message, None)
    if outright:
        return first(outright)
    settings = book.numbers["whom"]
    if event is None:
        state = book.near["whom", "states"].search(message.text)
        return Find(SELF, *state.span(), float(settings["self_confidence"])) if state else None
    person = person_before(book, message, event.start, int(settings["near"])) or _subject(book, message, event)
    if person and person.value in settings["never"].get(event.value, ()):
        person = None
    if person and person.value != SELF:
        return replace(person, confidence=float(settings["person_confidence"]))
    me = person or _self_after(book, message, event)
    return replace(me, confidence=float(settings["self_confidence"])) if me else None


def _subject(book: Book, message: Message, event: Find) -> Find | None:
    """The person whom the sentence of the event began with, when nobody else stands in between."""
    begin = message.sentence(event.start)[0]
    if event.start - begin > LOOK_BACK:
        return None
    return person_before(book, message, event.start, LOOK_BACK)


def _self_after(book: Book, message: Message, event: Find) -> Find | None:
    """Who writes, named soon after the event in its sentence: the factory closed, I have no work."""
    end = min(message.sentence(event.end)[1], event.end + LOOK_BACK // 2)
    found = book.persons.search(message.text, event.end, max(end, event.end))
    return Find(SELF, *found.span(), 1.0) if found and book.person(found.group()) == SELF else None
