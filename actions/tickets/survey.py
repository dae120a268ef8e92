"""The one question after closing: config/tickets/survey.yaml, checked against the lifecycle and the texts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.language.normalise import normalise
from actions.language.replies import Replies
from actions.tickets.rules import Lifecycle


@dataclass(frozen=True)
class Answer:
    """One answer: its button, the option of the field it is kept as, the reply, and whether the ticket is reopened."""

    id: str
    title: str
    means: str
    says: str
    reopens: bool
    also: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """`notice` carries the buttons; an answer is kept by `command` in `field`, for so long after the closing."""

    notice: str
    command: str
    field: str
    open_for: timedelta
    answers: Mapping[str, Answer]

    def typed(self, text: str) -> Answer | None:
        """The answer whose words these are, and no others."""
        bare = "".join(letter for letter in normalise(text).text if letter.isalnum())
        return next((one for one in self.answers.values() if bare in (one.title, *one.also)), None)


def load_survey(path: Path, lifecycle: Lifecycle, replies: Replies) -> Survey:
    """Reads survey.yaml. Raises ConfigError for wrong keys and names nobody knows."""
    data = load_yaml(path)
    require_keys(path, data, ["notice", "command", "field", "days", "answers"])
    told = {command.tells for command in lifecycle.commands.values() if command.tells is not None}
    _known(path, data, "notice", data["notice"], told, "notice of the lifecycle")
    _known(path, data, "command", data["command"], lifecycle.commands, "command")
    fields = {field.id: field for field in lifecycle.commands[data["command"]].fields if field.kind == "choice"}
    _known(path, data, "field", data["field"], fields, "choice of this command")
    days = data["days"]
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise ConfigError(path, line_of(data, "days"), f"days is {days!r}", "write a whole number above 0")
    answers = {str(name): _answer(path, str(name), entry, fields[data["field"]].options, replies)
               for name, entry in data["answers"].items()}
    if sum(answer.reopens for answer in answers.values()) != 1:
        raise ConfigError(path, line_of(data, "answers"), "not exactly one answer reopens",
                          "mark one with reopens: true")
    return Survey(str(data["notice"]), str(data["command"]), str(data["field"]), timedelta(days=days), answers)


def _known(path: Path, entry: Any, key: str, name: Any, known: Any, what: str) -> None:
    if str(name) not in known:
        raise ConfigError(path, line_of(entry, key), f"unknown {what} {str(name)!r}", nearest(str(name), known))


def _answer(path: Path, name: str, entry: Any, options: Mapping[str, str], replies: Replies) -> Answer:
    require_keys(path, entry, ["title", "means", "says"], ["reopens", "also"])
    _known(path, entry, "means", entry["means"], options, "option of the field")
    _known(path, entry, "says", entry["says"], replies.ids(), "reply")
    return Answer(name, str(entry["title"]), str(entry["means"]), str(entry["says"]), entry.get("reopens") is True,
                  tuple(str(word) for word in entry.get("also", [])))
