"""Where the language room keeps its words, and how it reads them: once, checked."""
from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, load_yaml

FOLDER = Path(__file__).resolve().parents[2] / "config" / "language"


@cache
def words(name: str) -> Any:
    """The content of config/language/<name>.yaml. Raises ConfigError when it is missing or broken."""
    path = FOLDER / f"{name}.yaml"
    data = load_yaml(path)
    if not isinstance(data, dict):
        raise ConfigError(path, 1, "a mapping was expected here", "write key: value pairs")
    return data


def one_of(entries: Iterable[str]) -> str:
    """A regular expression for any of these plain words, the longest first so that none hides another."""
    ordered = sorted({str(entry) for entry in entries}, key=lambda entry: (-len(entry), entry))
    return "(?:" + "|".join(re.escape(entry) for entry in ordered) + ")"
