"""What is said of a child's father and mother, one at a time."""
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from actions.language.data import one_of
from actions.language.facts.book import Book, the_book
from actions.language.facts.message import Find, Message
from actions.language.facts.sayings import is_imagined

STATES = ("father_state", "mother_state")
WORDS = {"father": STATES[0], "son": STATES[0], "son_in_law": STATES[0], "mother": STATES[1],
         "daughter_in_law": STATES[1], "daughter": STATES[1]}
OF_GRANDCHILD = {"son": "grandchildren", "daughter_in_law": "grandchildren", "daughter": "outer_grandchildren",
                 "son_in_law": "outer_grandchildren"}
LEAD = 4  # characters before a parent word in which whose parent it is stands


@dataclass(frozen=True)
class _Words:
    parent: re.Pattern[str]
    of: dict[str, tuple[str, ...]]  # a word → the lists it stands in
    states: tuple[tuple[str, re.Pattern[str]], ...]
    child: re.Pattern[str]
    own: re.Pattern[str]


@lru_cache(maxsize=1)
def _words() -> _Words:
    book = the_book()
    data = book.parents
    of: dict[str, tuple[str, ...]] = {}
    for name in WORDS:
        for word in data[name]:
            of[str(word)] = (*of.get(str(word), ()), name)
    states = tuple(
        (str(state), re.compile(one_of(part for word in words for part in _spelt(book, str(word)))))
        for state, words in data["states"].items())
    return _Words(re.compile(one_of(of)), of, states, re.compile(one_of(data["of_a_child"]) + "$"),
                  re.compile(one_of(data["of_who_writes"]) + "$"))


def _spelt(book: Book, word: str) -> list[str]:
    return book.groups[word[1:-1]] if word.startswith("{") else [word]


def parents_said(book: Book, message: Message, whom: str | None, age: int | None) -> dict[str, Find]:
    """father_state and mother_state, where a child is meant; `whom` needs help, `age` is theirs."""
    known, text = _words(), message.text
    grown_up = int(book.numbers["whom"]["grown_up"])
    minor_writes = whom in (None, "self", "other") and age is not None and age < grown_up
    lists = set(OF_GRANDCHILD.values())
    told_of = {name for name in lists if book.near["parents", name].search(text)}
    meant = minor_writes or whom == "child"
    found: dict[str, Find] = {}
    mentions = list(known.parent.finditer(text))
    for place, mention in enumerate(mentions):
        names = known.of[mention.group()]
        if set(names) & set(OF_GRANDCHILD):
            counts = bool(told_of & {OF_GRANDCHILD[name] for name in names})
        else:
            before = text[max(0, mention.start() - LEAD):mention.start()]
            begin = max(message.sentence(mention.start())[0], mention.start() - int(book.parents["before"]))
            child_named = book.near["parents", "children"].search(text, begin, mention.start()) is not None
            of_child = bool(known.child.search(before)) or (child_named and not known.own.search(before))
            meant = meant or of_child  # who began to tell of a child's parents goes on
            counts = of_child or (minor_writes or (meant and not known.own.search(before)))
        if not counts:
            continue
        end = min(mention.end() + int(book.parents["reach"]), message.sentence(mention.start())[1])
        if place + 1 < len(mentions):
            end = min(end, mentions[place + 1].start())
        find = _state(book, message, mention.start(), mention.end(), end)
        if find is not None:
            for name in names:
                found.setdefault(WORDS[name], find)
    return found


def _state(book: Book, message: Message, start: int, begin: int, end: int) -> Find | None:
    """The first state of the word file that is said between two places."""
    for state, words in _words().states:
        said = words.search(message.text, begin, end)
        if said is None:
            continue
        before = message.text[begin:said.start()]
        if book.guards["denied"].search(before) or is_imagined(book, before, message.text[said.end():end]):
            continue
        return Find(state, start, said.end(), float(book.parents["confidence"]))
    return None
