"""Whose matter it is when it is not social assistance: the door is named, never a programme (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from actions.language.files import ConfigError, line_of, load_yaml, require_keys


@dataclass(frozen=True)
class Door:
    """An office: its name and how to reach it, both as residents read them."""

    id: str
    words: tuple[str, ...]
    office: str
    how: str


Doors = tuple[Door, ...]


def load_doors(path: Path) -> Doors:
    """Reads the table. Raises ConfigError for a missing key or a word that stands at two doors."""
    doors: list[Door] = []
    seen: dict[str, str] = {}
    for name, entry in load_yaml(path).items():
        require_keys(path, entry, ["words", "office", "how"], [])
        for word in entry["words"]:
            if word in seen:
                raise ConfigError(
                    path, line_of(entry, "words"), f"{word!r} stands at {seen[word]} and {name}", "keep it at one"
                )
            seen[word] = name
        doors.append(Door(name, tuple(map(str, entry["words"])), str(entry["office"]), str(entry["how"])))
    return tuple(doors)


def door_for(doors: Doors, text: str) -> Door | None:
    """The door most words of the text lead to; None when none does."""
    hits = [(sum(word in text for word in door.words), door) for door in doors]
    most = max((count for count, _ in hits), default=0)
    return next((door for count, door in hits if count == most), None) if most else None
