"""What a ticket may become, read from config/tickets; ticket numbers and query codes. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys

# no 0/O/Q, 1/I/L, 2/Z, 5/S, B, U/V: read aloud and typed back without doubt; 23 of them, a prime
LETTERS = "346789ACDEFGHJKMNPRTWXY"
CODE_LENGTH = 6


class WrongState(Exception):
    """The ticket is no longer where this command starts; `state` says where it is."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the ticket is {state}")
        self.state = state


@dataclass(frozen=True)
class Command:
    """One thing staff can do with a ticket."""

    id: str
    title: str
    start: frozenset[str]
    to: str
    permission: str
    tells: str | None
    page: bool = False  # needs more than a click: its button leads to a page


@dataclass(frozen=True)
class Lifecycle:
    """States with their titles, and the commands between them."""

    states: Mapping[str, str]
    commands: Mapping[str, Command]

    def after(self, command: str, state: str) -> str:
        """The state after `command`. Raises WrongState."""
        if state not in self.commands[command].start:
            raise WrongState(state)
        return self.commands[command].to

    def open_to(self, state: str) -> list[Command]:
        """Commands that start at `state`."""
        return [command for command in self.commands.values() if state in command.start]


def load_lifecycle(path: Path) -> Lifecycle:
    """Reads config/tickets/lifecycle.yaml. Raises ConfigError on unknown states or keys."""
    data = load_yaml(path)
    require_keys(path, data, ["states", "commands"])
    states = {}
    for state, entry in data["states"].items():
        require_keys(path, entry, ["title"])
        states[state] = entry["title"]
    commands = {}
    for name, entry in data["commands"].items():
        require_keys(path, entry, ["title", "from", "to", "permission"], ["tells", "page"])
        for state in [*entry["from"], entry["to"]]:
            if state not in states:
                raise ConfigError(path, line_of(entry), f"unknown state {state!r}", nearest(state, states))
        commands[name] = Command(
            name, entry["title"], frozenset(entry["from"]), entry["to"], entry["permission"], entry.get("tells"),
            entry.get("page") is True,
        )
    return Lifecycle(states, commands)


def check_character(body: str) -> str:
    """Catches every single wrong letter and every swap of neighbours: weights 1, 2, 3 … modulo 23, which is prime."""
    return LETTERS[sum(weight * LETTERS.index(letter) for weight, letter in enumerate(body, 1)) % len(LETTERS)]


def new_number(day: date) -> str:
    """A ticket number that says its day and nothing else: YM261121-7K3FQ-4. Not sequential, not guessable alone."""
    body = "".join(secrets.choice(LETTERS) for _ in range(5))
    return f"YM{day:%y%m%d}-{body}-{check_character(body)}"


def tidy_number(typed: str) -> str | None:
    """The number as stored, from how a person typed it; None when its check character is wrong."""
    plain = "".join(letter for letter in typed.upper() if letter.isascii() and letter.isalnum())
    if len(plain) != 14 or not plain.startswith("YM") or not plain[2:8].isdigit():
        return None
    body, check = plain[8:13], plain[13]
    if any(letter not in LETTERS for letter in body + check) or check_character(body) != check:
        return None
    return f"{plain[:8]}-{body}-{check}"


def new_query_code() -> str:
    """Six unambiguous characters; only its hash is stored."""
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
