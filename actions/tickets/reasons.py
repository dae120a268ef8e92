"""Why something cannot be done with a ticket: sentences of config/tickets/reasons.yaml, found by id. Pure."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, nearest


@dataclass(frozen=True)
class Reasons:
    """Reason id → sentence with {names}."""

    texts: Mapping[str, str]

    def text(self, reason: str, **parameters: Any) -> str:
        """The sentence. Raises KeyError with the nearest id, or for a missing name."""
        if reason not in self.texts:
            raise KeyError(f"no reason {reason!r}: {nearest(reason, self.texts)}")
        return self.texts[reason].format(**parameters)


def load_reasons(path: Path) -> Reasons:
    """Reads reasons.yaml: id → sentence. Raises ConfigError."""
    texts = {}
    for reason, text in (load_yaml(path) or {}).items():
        line = None
        try:
            line = line_of(text)
            if not isinstance(text, str) or not text.strip():
                raise ConfigError(path, line, f"{reason} says nothing", "write one sentence")
            list(string.Formatter().parse(text))
        except ValueError as error:
            raise ConfigError(path, line, f"{reason}: {error}", "close every {name} with one }") from None
        texts[str(reason)] = text.strip()
    return Reasons(texts)
