"""Reads and checks the words this room listens for (config/language/facts)."""
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from actions.language.data import FOLDER, one_of, words
from actions.language.files import ConfigError, line_of, nearest, require_keys
from actions.language.patterns import compile_patterns, read_groups

TOPICS = ("event", "persons", "household", "health", "benefits")
PERSONS = ("self", "child", "parent", "spouse", "other")
CHOICES = ("first", "last", "all", "event")
GUARDS = ("others", "past", "asked", "wished", "generic", "died", "theirs")
# a guard is a list of regular expressions that end or begin at the saying, or of plain words within its clause
ENDING, BEGINNING, WITHIN = ("denied", "wished"), ("denied_after", "over_after", "imagined_after", "generic"), (
    "imagined", "not_imagined", "asked", "past", "now", "died", "owners")
SPOKEN = ("event_kind", "need_tonight", "safe_now", "family_can_help", "sleeps_rough", "living_hard", "asked_before",
          "third_party_pays", "for_whom", "home", "supporters", "household_register", "residence_permit",
          "registered_unemployed", "child_in_school", "property_over_limit", "serious_illness", "disability_card",
          "disability_kind", "care_need", "able_to_work", "insured_medical", "benefits_now")


@dataclass(frozen=True)
class Saying:
    """Words that state one value; `denied` is what they mean after a negation, where `can_be_denied`."""

    value: Any
    confidence: float
    pattern: re.Pattern[str]
    denied: Any
    can_be_denied: bool


@dataclass(frozen=True)
class Sayings:
    """All that states one fact, and which of several finds counts."""

    choose: str
    guards: frozenset[str]
    say: tuple[Saying, ...]


@dataclass(frozen=True)
class Book:
    """Every word this room listens for. `near` holds the word lists of the number files as expressions."""

    sayings: dict[str, Sayings]
    guards: dict[str, re.Pattern[str]]
    before: int
    after: int
    persons: re.Pattern[str]
    person_of: dict[str, str]
    numbers: Any
    money: Any
    parents: Any
    near: dict[tuple[str, ...], re.Pattern[str]]
    groups: dict[str, list[str]]
    childs: re.Pattern[str]  # a child, and perhaps 的, right before a word for its parent

    def person(self, word: str) -> str:
        """Who a person word means; somebody with a name and a title is another."""
        return self.person_of.get(word, "other")


def _path(name: str) -> Path:
    return FOLDER / "facts" / f"{name}.yaml"


def _expressions(path: Path, data: Any, key: str) -> str:
    for place, entry in enumerate(data[key]):
        try:
            re.compile(str(entry))
        except re.error as error:
            raise ConfigError(path, line_of(data[key], place), f"{entry!r} is no regular expression: {error}",
                              "mend the brackets") from None
    return "(?:" + "|".join(str(entry) for entry in data[key]) + ")"


def _guards(data: Any) -> dict[str, re.Pattern[str]]:
    path, guards = _path("shared"), data["guards"]
    require_keys(path, guards, [*ENDING, *BEGINNING, *WITHIN])
    made = {key: re.compile(_expressions(path, guards, key) + "$") for key in ENDING}
    made |= {key: re.compile(_expressions(path, guards, key)) for key in BEGINNING}
    return made | {key: re.compile(one_of(guards[key])) for key in WITHIN}


def _sayings(name: str, groups: dict[str, list[str]]) -> dict[str, Sayings]:
    path, data = _path(name), words(f"facts/{name}")
    require_keys(path, data, ["facts"])
    made = {}
    for fact, entry in data["facts"].items():
        if fact not in SPOKEN:
            raise ConfigError(path, line_of(data["facts"], fact), f"unknown fact {fact!r}", nearest(fact, SPOKEN))
        require_keys(path, entry, ["choose", "guards", "say"])
        _known(path, entry, "choose", [entry["choose"]], CHOICES)
        _known(path, entry, "guards", entry["guards"], GUARDS)
        made[str(fact)] = Sayings(str(entry["choose"]), frozenset(map(str, entry["guards"])),
                                  tuple(_saying(path, one, groups) for one in entry["say"]))
    return made


def _known(path: Path, entry: Any, key: str, given: Iterable[Any], allowed: tuple[str, ...]) -> None:
    for one in given:
        if one not in allowed:
            raise ConfigError(path, line_of(entry, key), f"unknown {key} {one!r}", nearest(str(one), allowed))


def _saying(path: Path, entry: Any, groups: dict[str, list[str]]) -> Saying:
    require_keys(path, entry, ["value", "confidence", "say"], ["denied"])
    pattern = compile_patterns(path, entry["say"], groups)
    return Saying(entry["value"], float(entry["confidence"]), pattern, entry.get("denied"), "denied" in entry)


def _near(data: Any, path: tuple[str, ...]) -> dict[tuple[str, ...], re.Pattern[str]]:
    """Every list of plain words below a mapping, as one expression each, by the names that lead to it."""
    made: dict[tuple[str, ...], re.Pattern[str]] = {}
    for key, entry in data.items():
        here = (*path, str(key))
        if isinstance(entry, dict):
            made |= _near(entry, here)
        elif isinstance(entry, list) and entry:
            made[here] = re.compile(one_of(entry))
    return made


def _persons(person_of: dict[str, str], named: Any) -> re.Pattern[str]:
    """Every word for a person; a family name with a title is looked for first."""
    return re.compile(f"[{re.escape(str(named['names']))}]{one_of(named['titles'])}|{one_of(person_of)}")


def _childs(children: list[str], of: str) -> re.Pattern[str]:
    return re.compile(one_of([*children, *(f"{child}{of}" for child in children)]) + r"\Z")


@lru_cache(maxsize=1)
def the_book() -> Book:
    """The words, read once. Raises ConfigError with file, line, what and how to mend it."""
    shared = words("facts/shared")
    require_keys(_path("shared"), shared, ["groups", "others_named", "guards", "reach"])
    groups = read_groups(_path("shared"), shared["groups"])
    sayings: dict[str, Sayings] = {}
    for name in TOPICS:
        sayings |= _sayings(name, groups)
    for fact in SPOKEN:
        if fact not in sayings:
            raise ConfigError(_path("shared").parent, None, f"no file says {fact!r}", f"add {fact}: … to one of them")
    numbers, money, parents = words("facts/numbers"), words("facts/money"), words("facts/parents")
    require_keys(_path("numbers"), numbers, ["whom", "household_people", "household_minors", "household_over_60", "age",
                                            "disability_grade", "event_day"])
    require_keys(_path("money"), money, ["topics", "unless", "whole", "total", "monthly", "terms", "events", "none",
                                        "none_confidence", "reach", "confidence", "largest"])
    require_keys(_path("parents"), parents, ["father", "mother", "son", "daughter_in_law", "daughter", "son_in_law",
                                            "grandchildren", "outer_grandchildren", "before", "children",
                                            "of_a_child", "of_who_writes", "reach", "confidence", "states"])
    near = _near(numbers, ()) | _near(money, ("money",)) | _near(parents, ("parents",))
    person_of = {word: person for person in PERSONS for word in groups[person]}
    return Book(sayings, _guards(shared), int(shared["reach"]["before"]), int(shared["reach"]["after"]),
                _persons(person_of, shared["others_named"]), person_of, numbers, money, parents, near, groups,
                _childs(parents["children"], str(numbers["age"]["of"])))
