"""Everything the hotline says: texts from config/replies, found by id, with their parameters checked."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys


@dataclass(frozen=True)
class ReplyButton:
    """A button under a message: what it says and what it stands for."""

    title: str
    value: Any


@dataclass(frozen=True)
class ReplyText:
    """One text with its buttons and the names it needs filled in; `formatted`: those it writes in a way of its own."""

    id: str
    text: str
    buttons: tuple[ReplyButton, ...]
    needs: frozenset[str]
    formatted: frozenset[str] = frozenset()


class Replies:
    """The catalogue. `version` names the privacy notice's version where one is given."""

    def __init__(self, texts: Mapping[str, ReplyText]) -> None:
        self._texts = dict(texts)

    def __contains__(self, reply_id: str) -> bool:
        return reply_id in self._texts

    def ids(self) -> list[str]:
        """All ids, sorted."""
        return sorted(self._texts)

    def get(self, reply_id: str) -> ReplyText:
        """The text with this id. Raises KeyError with the nearest id."""
        try:
            return self._texts[reply_id]
        except KeyError:
            raise KeyError(f"no reply {reply_id!r}: {nearest(reply_id, self._texts)}") from None

    def text(self, reply_id: str, **values: object) -> str:
        """The text with its names filled in. Raises KeyError when one is missing.

        A day that was kept as text (2026-12-04, in a row of the database) is a day again where the text formats it.
        """
        reply = self.get(reply_id)
        missing = reply.needs - values.keys()
        if missing:
            raise KeyError(f"reply {reply_id!r} needs {', '.join(sorted(missing))}")
        days = {name: date.fromisoformat(value) for name in reply.formatted
                if isinstance(value := values.get(name), str)}
        return reply.text.format(**{**values, **days})


def _needs(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def _formatted(text: str) -> frozenset[str]:
    return frozenset(name for _, name, how, _ in string.Formatter().parse(text) if name and "%" in (how or ""))


def load_replies(folders: Iterable[Path]) -> Replies:
    """Reads every *.yaml of the folders; a later folder (an area's own) replaces texts of an earlier one.

    A file is a mapping id → text, or id → {text, buttons: [{title, value}]}. Raises ConfigError.
    """
    texts: dict[str, ReplyText] = {}
    for folder in folders:
        seen: dict[str, Path] = {}
        for path in sorted(folder.glob("*.yaml")):
            for reply_id, entry in (load_yaml(path) or {}).items():
                line = None
                try:
                    if isinstance(entry, str):
                        entry = {"text": entry}
                    line = line_of(entry)
                    require_keys(path, entry, ["text"], ["buttons"])
                    text = str(entry["text"]).strip()
                    needs = _needs(text)
                except ValueError as error:
                    raise ConfigError(path, line, f"{reply_id}: {error}", "close every {name} with one }") from None
                if reply_id in seen:
                    raise ConfigError(
                        path, line, f"{reply_id} stands in {seen[reply_id].name} too", "rename one of them"
                    )
                seen[reply_id] = path
                buttons = tuple(ReplyButton(str(b["title"]), b["value"]) for b in entry.get("buttons", []))
                texts[reply_id] = ReplyText(reply_id, text, buttons, needs, _formatted(text))
    return Replies(texts)
