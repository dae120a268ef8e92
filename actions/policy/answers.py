"""Finds the reviewed answer to a policy question, or says honestly that there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.screening.evaluate import settings_at
from actions.screening.explain import parameter_line
from actions.screening.model import RuleSet

STATES = ("confirmed", "pending")  # pending: told as not confirmed by the civil-affairs bureau yet


@dataclass(frozen=True)
class Entry:
    """One reviewed answer: for these intents, when one of these words is said (no words: always).

    `figures` are parameters of config/screening, told with effective date, source and state where {figures} stands.
    """

    id: str
    intents: tuple[str, ...]
    words: tuple[str, ...]
    also: tuple[str, ...]  # one of these must be said too; none: nothing more
    text: str
    source: str
    state: str
    owner: str
    reviewed: date
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """All reviewed answers, in the order of the file."""

    entries: tuple[Entry, ...]
    none: str
    shown: str
    states: dict[str, str]
    ruleset: RuleSet

    def find(self, intent: str, text: str) -> Entry | None:
        """The first entry of this intent whose words are said; else its general one; else one of another intent."""
        said = [entry for entry in self.entries if entry.words and _said(entry, text)]
        own = [entry for entry in said if intent in entry.intents]
        general = [entry for entry in self.entries if not entry.words and intent in entry.intents]
        return next(iter([*own, *general, *said]), None)

    def answer(self, intent: str, text: str, today: date) -> tuple[str, bool]:
        """(what to say, whether there is an answer). Figures come from the dated parameters, never from the entry."""
        entry = self.find(intent, text)
        if entry is None:
            return self.none, False
        uses = settings_at(self.ruleset, today, self.ruleset.default_region).uses
        figures = "\n".join(parameter_line(self.ruleset, uses[name]) for name in entry.figures)
        return (
            self.shown.format(
                text=entry.text.format(figures=figures).strip(),
                source=entry.source,
                reviewed=entry.reviewed.isoformat(),
                state=self.states[entry.state],
            ),
            True,
        )


def _said(entry: Entry, text: str) -> bool:
    return any(word in text for word in entry.words) and (not entry.also or any(word in text for word in entry.also))


def load_answers(path: Path, ruleset: RuleSet) -> Answers:
    """Reads config/policy/answers.yaml. Raises ConfigError."""
    data = load_yaml(path)
    require_keys(path, data, ["entries", "none", "shown", "states"])
    require_keys(path, data["states"], STATES)
    entries = []
    for item in data["entries"]:
        require_keys(
            path,
            item,
            ["id", "intents", "words", "text", "source", "state", "owner", "reviewed"],
            ["also", "figures"],
        )
        if item["state"] not in STATES:
            raise ConfigError(
                path, line_of(item, "state"), f"unknown state {item['state']!r}", nearest(str(item["state"]), STATES)
            )
        figures = tuple(item.get("figures") or ())
        for name in figures:
            if name not in ruleset.parameters:
                raise ConfigError(
                    path, line_of(item, "figures"), f"unknown parameter {name!r}", nearest(name, ruleset.parameters)
                )
        if ("{figures}" in item["text"]) != bool(figures):
            raise ConfigError(
                path, line_of(item, "text"), "figures and {figures} belong together", "write both or neither"
            )
        entries.append(
            Entry(
                str(item["id"]),
                tuple(item["intents"]),
                tuple(item["words"]),
                tuple(item.get("also") or ()),
                str(item["text"]),
                str(item["source"]),
                str(item["state"]),
                str(item["owner"]),
                _day(path, item),
                figures,
            )
        )
    states = {str(name): str(text) for name, text in data["states"].items()}
    return Answers(tuple(entries), str(data["none"]), str(data["shown"]).strip(), states, ruleset)


def _day(path: Path, item: Any) -> date:
    try:
        return date.fromisoformat(str(item["reviewed"]))
    except ValueError:
        raise ConfigError(
            path, line_of(item, "reviewed"), f"reviewed: {item['reviewed']!r} is no date", "write 2026-11-21"
        ) from None
