"""Finds the reviewed answer to a policy question, or says honestly that there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.screening.evaluate import settings_at
from actions.screening.explain import parameter_line
from actions.screening.model import RuleSet


@dataclass(frozen=True)
class Entry:
    """One reviewed answer: for these intents, when one of these words is said (no words: always)."""

    id: str
    intents: tuple[str, ...]
    words: tuple[str, ...]
    text: str
    source: str
    reviewed: str
    parameter: str | None
    second_parameter: str | None


@dataclass(frozen=True)
class Answers:
    """All reviewed answers, in the order of the file."""

    entries: tuple[Entry, ...]
    none: str
    shown: str
    ruleset: RuleSet

    def find(self, intent: str, text: str) -> Entry | None:
        """The first entry for this intent whose words are in the text; one without words fits any text."""
        for entry in self.entries:
            if intent in entry.intents and (not entry.words or any(word in text for word in entry.words)):
                return entry
        return None

    def answer(self, intent: str, text: str, today: date) -> tuple[str, bool]:
        """(what to say, whether there is an answer). Figures come from the dated parameters, never from the entry."""
        entry = self.find(intent, text)
        if entry is None:
            return self.none, False
        body = entry.text
        if entry.parameter is not None:
            uses = settings_at(self.ruleset, today, self.ruleset.default_region).uses
            lines = [
                parameter_line(self.ruleset, uses[name]) for name in (entry.parameter, entry.second_parameter) if name
            ]
            body = body.format(first=lines[0], second=lines[1] if len(lines) > 1 else "")
        return self.shown.format(text=body.strip(), source=entry.source, reviewed=entry.reviewed), True


def load_answers(path: Path, ruleset: RuleSet) -> Answers:
    """Reads config/policy/answers.yaml. Raises ConfigError."""
    data = load_yaml(path)
    require_keys(path, data, ["entries", "none", "shown"])
    entries = []
    for item in data["entries"]:
        require_keys(
            path,
            item,
            ["id", "intents", "words", "text", "source", "owner", "reviewed"],
            ["parameter", "second_parameter"],
        )
        for key in ("parameter", "second_parameter"):
            if key in item and item[key] not in ruleset.parameters:
                raise ConfigError(
                    path, line_of(item, key), f"unknown parameter {item[key]!r}", nearest(item[key], ruleset.parameters)
                )
        entries.append(
            Entry(
                str(item["id"]),
                tuple(item["intents"]),
                tuple(item["words"]),
                str(item["text"]),
                str(item["source"]),
                str(item["reviewed"]),
                item.get("parameter"),
                item.get("second_parameter"),
            )
        )
    return Answers(tuple(entries), str(data["none"]), str(data["shown"]).strip(), ruleset)
