"""Reads single fields of the screening files; each error names file, line, what and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from actions.language.files import ConfigError, line_of, nearest

T = TypeVar("T")


def frozen(data: Mapping[str, T]) -> Mapping[str, T]:
    return MappingProxyType(dict(data))


def mapping(path: Path, parent: Any, key: str) -> Any:
    data = parent[key]
    if not isinstance(data, dict):
        raise ConfigError(path, line_of(parent, key), f"{key} must be a mapping", "write name: value pairs below it")
    return data


def text(path: Path, data: Any, key: str) -> str:
    value = data[key]
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(
            path, line_of(data, key), f"{key} must be a text", "write it, in quotes if it looks like a number or a date"
        )
    return str(value)


def words(path: Path, data: Any, key: str) -> tuple[str, ...]:
    values = data.get(key) or ()
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise ConfigError(path, line_of(data, key), f"{key} must be a list of words", "write [word, word]")
    return tuple(str(value) for value in values)


def named(path: Path, data: Any, key: Any, name: Any, known: Iterable[str], kind: str) -> str:
    """`name`, if it is known; the error says what was probably meant."""
    if not isinstance(name, str) or name not in known:
        raise ConfigError(path, line_of(data, key), f"unknown {kind} {name!r}", nearest(str(name), known))
    return str(name)


def day(path: Path, data: Any, key: str) -> date:
    value = data[key]
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ConfigError(path, line_of(data, key), f"{key}: {value!r} is no date", 'write "2026-07-01"') from None


def figure(path: Path, data: Any, key: Any, value: Any) -> Decimal:
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        number = Decimal(str(value))
    except InvalidOperation:
        raise ConfigError(path, line_of(data, key), f"{value!r} is no number", 'write a plain number: "770"') from None
    if not number.is_finite() or number < 0:
        raise ConfigError(path, line_of(data, key), f"{value!r} is out of range", "write a number from 0 up")
    return number


def number(path: Path, data: Any, key: str) -> float:
    value = data[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(path, line_of(data, key), f"{key}: {value!r} is no number", "write a plain number")
    return float(value)


def whole(path: Path, data: Any, key: str) -> int | None:
    value = data.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ConfigError(path, line_of(data, key), f"{key}: {value!r} is no whole number", "write a whole number")
    return value


def files(folder: Path, name: str) -> list[Path]:
    paths = sorted((folder / name).glob("*.yaml"))
    if not paths:
        raise ConfigError(folder / name, None, "there is no .yaml file here", "restore it from version control")
    return paths


def stem(path: Path, data: Any) -> str:
    name = text(path, data, "id")
    if name != path.stem:
        raise ConfigError(path, line_of(data, "id"), f"id {name!r} differs from the file name", f"write {path.stem}")
    return name
