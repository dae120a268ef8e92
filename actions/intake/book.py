"""Causes, sources and the intake form, read from config/tickets and checked against the rules. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actions.due.rules import STATUSES
from actions.intake.duplicates import DuplicateRule, DuplicateRules
from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys

DOORS = ("bot", "desk", "api")
REPORTERS = ("none", "shown", "hidden")
BASES = ("consent", "duty")
LENGTHS = ("short", "place", "told", "reference", "external_id")
EVENT_KIND = "event_kind"


@dataclass(frozen=True)
class Cause:
    """One cause a ticket can name; `event_kind` is what the rules and the bot call it."""

    id: str
    title: str
    event_kind: str
    programme: str
    discreet: bool = False
    surge: bool = False


@dataclass(frozen=True)
class Source:
    """One way in. `reporter`: none, shown or hidden; `found`: the person concerned has not asked yet."""

    id: str
    title: str
    door: str
    reporter: str
    found: bool
    basis: str
    code: bool
    reference: bool


@dataclass(frozen=True)
class IntakeBook:
    """Everything the intake looks up."""

    causes: Mapping[str, Cause]
    sources: Mapping[str, Source]
    facts: tuple[str, ...]
    short: tuple[str, ...]
    adult_from: int
    reporter_word: str
    reasons: Mapping[str, str]
    longest: Mapping[str, int]
    duplicates: DuplicateRules

    def cause_of(self, event_kind: str | None) -> Cause | None:
        """The cause that the rules call `event_kind`; None where nothing or something without a cause was said."""
        return next((cause for cause in self.causes.values() if cause.event_kind == event_kind), None)

    def at_door(self, door: str) -> list[Source]:
        """The sources that come in here."""
        return [source for source in self.sources.values() if source.door == door]


@dataclass(frozen=True)
class Known:
    """What other files define, for checking references."""

    facts: Collection[str]
    event_kinds: Collection[str]
    programmes: Collection[str]


def _one(path: Path, entry: Any, key: str, known: Collection[str]) -> str:
    value = str(entry[key])
    if value not in known:
        raise ConfigError(path, line_of(entry, key), f"unknown {key} {value!r}", nearest(value, known))
    return value


def _yes(path: Path, entry: Any, key: str) -> bool:
    value = entry.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(path, line_of(entry, key), f"{key} is {value!r}", "write true or false")
    return value


def _whole(path: Path, entry: Any, key: str) -> int:
    value = entry[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(path, line_of(entry, key), f"{key} is {value!r}", "write a whole number above 0")
    return value


def _causes(path: Path, known: Known) -> dict[str, Cause]:
    data = load_yaml(path)
    require_keys(path, data, ["kinds", "causes"])
    for kind in data["kinds"].values():
        require_keys(path, kind, ["programme"])
        _one(path, kind, "programme", known.programmes)
    causes: dict[str, Cause] = {}
    for name, entry in data["causes"].items():
        require_keys(path, entry, ["title", EVENT_KIND, "kind"], ["discreet", "surge"])
        kind = data["kinds"][_one(path, entry, "kind", data["kinds"])]
        event_kind = _one(path, entry, EVENT_KIND, known.event_kinds)
        if event_kind in {cause.event_kind for cause in causes.values()}:
            where, what = line_of(entry, EVENT_KIND), f"{event_kind} has a cause already"
            raise ConfigError(path, where, what, "keep one of them")
        causes[str(name)] = Cause(
            str(name), str(entry["title"]), event_kind, str(kind["programme"]),
            _yes(path, entry, "discreet"), _yes(path, entry, "surge"))
    return causes


def _sources(path: Path) -> dict[str, Source]:
    sources = {}
    for name, entry in load_yaml(path).items():
        require_keys(path, entry, ["title", "door", "reporter", "found", "basis", "code", "reference"])
        source = Source(
            str(name), str(entry["title"]), _one(path, entry, "door", DOORS), _one(path, entry, "reporter", REPORTERS),
            _yes(path, entry, "found"), _one(path, entry, "basis", BASES), _yes(path, entry, "code"),
            _yes(path, entry, "reference"))
        if source.found and source.code:
            raise ConfigError(path, line_of(entry, "code"),
                              "whoever tells of somebody else would get that person's code", "write code: false")
        sources[source.id] = source
    return sources


def _duplicates(path: Path) -> DuplicateRules:
    data = load_yaml(path)
    require_keys(path, data, ["repeat", "double", "told", "told_answers", "silent_states"])
    rules = {}
    for name in ("repeat", "double", "told"):
        entry = data[name]
        require_keys(path, entry, ["title", "cite", "status"], ["months"])
        months = _whole(path, entry, "months") if name != "told" else 0
        status = _one(path, entry, "status", STATUSES)
        rules[name] = DuplicateRule(name, str(entry["title"]), str(entry["cite"]), status, months)
    return DuplicateRules(rules["repeat"], rules["double"], rules["told"], frozenset(map(str, data["told_answers"])),
                          frozenset(map(str, data["silent_states"])))


def load_intake(folder: Path, known: Known) -> IntakeBook:
    """Reads causes, sources, intake and duplicates of config/tickets. Raises ConfigError."""
    path = folder / "intake.yaml"
    data = load_yaml(path)
    require_keys(path, data, ["facts", "short", "adult_from", "reasons", "reporter_word", "longest"])
    require_keys(path, data["longest"], LENGTHS)
    for key in ("facts", "short"):
        for name in data[key]:
            if name not in known.facts:
                raise ConfigError(path, line_of(data, key), f"unknown fact {name!r}", nearest(str(name), known.facts))
    return IntakeBook(
        causes=_causes(folder / "causes.yaml", known),
        sources=_sources(folder / "sources.yaml"),
        facts=tuple(data["facts"]),
        short=tuple(data["short"]),
        adult_from=_whole(path, data, "adult_from"),
        reporter_word=str(data["reporter_word"]),
        reasons={str(key): str(title) for key, title in data["reasons"].items()},
        longest={key: _whole(path, data["longest"], key) for key in LENGTHS},
        duplicates=_duplicates(folder / "duplicates.yaml"),
    )
