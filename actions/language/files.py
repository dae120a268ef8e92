"""Reads the data files of config/ and nlu_data/ so that every mistake names file, line, what and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError


class ConfigError(Exception):
    """A data file is wrong. `path` and `line` (1-based, None = whole file) say where, `mend` says what to do."""

    def __init__(self, path: Path | str, line: int | None, what: str, mend: str) -> None:
        self.path, self.line, self.what, self.mend = Path(path), line, what, mend
        super().__init__(f"{path}{f':{line}' if line else ''}: {what} — {mend}")


def load_yaml(path: Path) -> Any:
    """The file's content as ruamel round-trip data (dicts and lists that know their lines).

    YAML 1.2: `no` and `yes` stay text. Raises ConfigError for a missing, unreadable or duplicate-keyed file.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            return YAML(typ="rt").load(stream)
    except FileNotFoundError:
        raise ConfigError(path, None, "the file is missing", "restore it from version control") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise ConfigError(path, line, str(error.problem or error.context), "correct the YAML at this line") from None


def line_of(data: Any, key: Any = None) -> int | None:
    """The 1-based line of a round-trip mapping or list, or of one of its keys; None for plain values."""
    marks = getattr(data, "lc", None)
    if marks is None:
        return None
    if key is not None:
        try:
            position = marks.key(key) if isinstance(data, dict) else marks.item(key)
            return int(position[0]) + 1
        except (KeyError, IndexError, TypeError, AttributeError):
            pass
    return int(marks.line) + 1 if marks.line is not None else None


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: 'did you mean X?' or the list of what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return "known are: " + ", ".join(names[:30])


def require_keys(path: Path, data: Any, required: Iterable[str], optional: Iterable[str] = ()) -> None:
    """Checks that a mapping has exactly the allowed keys; ConfigError names the line of the wrong one."""
    if not isinstance(data, dict):
        raise ConfigError(path, line_of(data), "a mapping was expected here", "write key: value pairs")
    required, allowed = list(required), {*required, *optional}
    for key in data:
        if key not in allowed:
            raise ConfigError(path, line_of(data, key), f"unknown key {key!r}", nearest(str(key), allowed))
    for key in required:
        if key not in data:
            raise ConfigError(path, line_of(data), f"key {key!r} is missing", f"add {key}: …")
