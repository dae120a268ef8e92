"""Finds the words that state a fact, and leaves out what is denied, imagined, asked, wished, over or another's."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

from actions.language.facts.book import Book, Saying, Sayings
from actions.language.facts.message import Find, Message

SELF = "self"
CLOSE = 30            # characters: several things of one kind are quoted together when they stand this close
LESS_IN_LIST = 0.35   # who denies one benefit may have another: a denial inside a list is worth little
LESS_DENIED = 0.1
LESS_FIRST, LESS_LAST = 0.1, 0.15  # another value was said as well


def says(book: Book, fact: str, message: Message, whom: str | None) -> list[Find]:
    """Everything said about one fact, in the order of the text; `whom` is who needs help, None while not known."""
    sayings = book.sayings[fact]
    finds = []
    for rank, saying in enumerate(sayings.say):
        found = saying.pattern.search(message.text)
        while found:
            find = _counts(book, sayings, saying, message, found.start(), found.end(), whom)
            if find is not None:
                finds.append(replace(find, rank=rank))
            # what was silenced may hide a shorter saying that counts: look again one character on
            found = saying.pattern.search(message.text, found.start() + 1 if find is None else found.end())
    return sorted(finds, key=lambda find: (find.start, -find.end))


def _counts(book: Book, sayings: Sayings, saying: Saying, message: Message, start: int, end: int,
            whom: str | None) -> Find | None:
    """The find, unless something around it silences it; what it means after a negation, where it has a meaning."""
    text, guards = message.text, book.guards
    opening, closing = message.clause(start)
    opening, closing = max(opening, start - book.before), min(max(closing, end), end + book.after)
    before, after = text[opening:start], text[end:closing]
    if is_imagined(book, before, after):
        return None
    on = sayings.guards
    if ("past" in on and is_past(book, message, start)) or ("died" in on and guards["died"].search(after)):
        return None
    if "wished" in on and guards["wished"].search(before):
        return None
    owned = guards["owners"].search(text, opening, end)
    if not owned and (("asked" in on and guards["asked"].search(after))
                      or ("generic" in on and guards["generic"].match(after))):
        return None
    if _another(book, on, text, opening, start, whom):
        return None
    denial = guards["denied"].search(before)
    if denial is None and saying.can_be_denied:
        over = guards["over_after"].match(after)
        if over and not guards["denied_after"].match(after):
            return None
        later = guards["denied_after"].match(after)
        if later:
            return _denied(sayings, saying, start, end + later.end())
    if denial:
        return _denied(sayings, saying, start - len(denial.group()), end) if saying.can_be_denied else None
    return Find(saying.value, start, end, saying.confidence)


def is_imagined(book: Book, before: str, after: str) -> bool:
    """Whether the words before and after, of the same clause, make it an if, a fear, a plan or a hearsay."""
    found = book.guards["imagined"].search(book.guards["not_imagined"].sub("", before))
    return bool(found) or bool(book.guards["imagined_after"].match(after))


def _denied(sayings: Sayings, saying: Saying, start: int, end: int) -> Find:
    less = LESS_IN_LIST if sayings.choose == "all" else LESS_DENIED
    return Find(saying.denied, start, end, saying.confidence - less)


def is_past(book: Book, message: Message, start: int) -> bool:
    """Whether the words before it in the sentence make it long ago, and none of them leads back to now."""
    begin = max(message.sentence(start)[0], start - 2 * book.before)
    last = None
    for found in book.guards["past"].finditer(message.text, begin, start):
        last = found.end()
    if last is None:
        return message.long_ago_between(begin, start)
    return not book.guards["now"].search(message.text, last, start)


def _another(book: Book, on: frozenset[str], text: str, opening: int, start: int, whom: str | None) -> bool:
    """Whether the person named last before it in the clause is somebody for whom no help is asked."""
    last = None
    for found in book.persons.finditer(text, opening, start):
        last = book.person(found.group())
    if "others" in on and last == "other" and whom != "other":
        return True
    return "theirs" in on and whom not in (None, SELF) and last not in (None, SELF, whom)


def chosen(book: Book, fact: str, message: Message, whom: str | None) -> Find | None:
    """The find that counts, as the word file says: listed first, said last, or all of them as a list."""
    finds = says(book, fact, message, whom)
    if not finds:
        return None
    choose = book.sayings[fact].choose
    return _all(finds) if choose == "all" else _last(finds) if choose == "last" else first(finds)


def first(finds: list[Find]) -> Find:
    """The saying listed first in the word file; another value said as well makes it less sure."""
    best = min(finds, key=lambda find: (find.rank, find.start))
    if any(find.value != best.value for find in finds):
        return replace(best, confidence=round(best.confidence - LESS_FIRST, 2))
    return best


def _last(finds: list[Find]) -> Find:
    """Yes/no facts: an outright no that overlaps a yes wins, else what was said last."""
    last = finds[-1]
    for find in finds:
        if find.value is False and find.start <= last.start and find.end >= last.start:
            last = find
    if any(find.value != last.value and not (find.start < last.end and last.start < find.end) for find in finds):
        return replace(last, confidence=round(last.confidence - LESS_LAST, 2))
    return last


def _all(finds: list[Find]) -> Find | None:
    """Several things of one kind; the words from the first to the last when they stand close together."""
    values: dict[Any, None] = dict.fromkeys(find.value for find in finds if find.value)
    named = [find for find in finds if find.value] or finds
    start, end = named[0].start, max(find.end for find in named)
    if end - start > CLOSE:
        end = named[0].end
    return Find(list(values), start, end, min(find.confidence for find in named))
