"""What is particular to Telegram, from config/channels/telegram.yaml: limits, waiting times, commands, marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from actions.language.files import ConfigError, line_of, load_yaml

CHANNEL = "telegram"
_FIGURES = ("text_limit", "send_seconds", "poll_seconds", "attachment_limit")


@dataclass(frozen=True)
class Words:
    """`text_limit` in UTF-16 units; `commands`: command without slash → the words it stands for."""

    text_limit: int
    send_seconds: int
    poll_seconds: int
    attachment_limit: int
    commands: Mapping[str, str]
    edited_mark: str
    venue: str


def load_words(folder: Path) -> Words:
    """Reads telegram.yaml of config/channels. Raises ConfigError."""
    path = folder / f"{CHANNEL}.yaml"
    data = load_yaml(path)
    figures = {}
    for name in _FIGURES:
        value = data.get(name)
        if not isinstance(value, int) or value < 1:
            raise ConfigError(path, line_of(data, name), f"{name} is {value!r}", "write a whole number above 0")
        figures[name] = value
    commands = data.get("commands")
    if not isinstance(commands, dict) or "start" not in commands:
        raise ConfigError(
            path, line_of(data, "commands"), "commands lacks start", "add start: the words a first greeting has"
        )
    return Words(
        **figures,
        commands={str(name): str(words) for name, words in commands.items()},
        edited_mark=str(data["edited_mark"]),
        venue=str(data["venue"]),
    )
