"""Reads the CSV tables of config/places, row by row with their lines."""
from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from actions.language.files import ConfigError, nearest
from actions.places.extent import PARITIES, Extent


def parse_day(value: str) -> date | None:
    """An ISO date, a year or a year and month (their first day), or None for nothing. Raises ValueError."""
    return date.fromisoformat(value + {4: "-01-01", 7: "-01"}.get(len(value), "")) if value else None


class Rows:
    """One CSV table: its rows with their lines, checked for columns."""

    def __init__(self, folder: Path, name: str, columns: tuple[str, ...]) -> None:
        self.path = folder / name
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.reader(stream)
                head = next(reader, [])
                if tuple(head) != columns:
                    raise ConfigError(self.path, 1, f"columns are {','.join(head)}", "write " + ",".join(columns))
                self.rows = [(reader.line_num, row) for row in reader if row]
        except FileNotFoundError:
            raise ConfigError(self.path, None, "the file is missing", "restore it from version control") from None
        except UnicodeDecodeError:
            raise ConfigError(self.path, None, "the file is not UTF-8", "save it as CSV UTF-8") from None
        for line, row in self.rows:
            if len(row) != len(columns):
                raise ConfigError(
                    self.path, line, f"{len(row)} values for {len(columns)} columns", "write one value per column"
                )

    def fail(self, line: int, what: str, mend: str) -> ConfigError:
        return ConfigError(self.path, line, what, mend)

    def known(self, line: int, kind: str, value: str, known: Iterable[str]) -> str:
        allowed = known if isinstance(known, (dict, set, frozenset, tuple)) else tuple(known)
        if value not in allowed:
            raise self.fail(line, f"unknown {kind} {value!r}", nearest(value, allowed))
        return value

    def day(self, line: int, value: str) -> date | None:
        """An ISO date, a year or a year and month (their first day), or None for an open end."""
        try:
            return parse_day(value)
        except ValueError:
            raise self.fail(line, f"{value!r} is no date", "write YYYY-MM-DD, YYYY-MM, YYYY or nothing") from None

    def term(self, line: int, start: str, end: str) -> tuple[date | None, date | None]:
        first, last = self.day(line, start), self.day(line, end)
        if first and last and last <= first:
            raise self.fail(line, f"ends {end} before it begins {start}",
                            "valid_to is the first day it no longer holds")
        return first, last

    def number(self, line: int, value: str) -> int | None:
        """A house number, or None for nothing written."""
        if not value:
            return None
        if not value.isdigit():
            raise self.fail(line, f"{value!r} is no house number", "write digits or nothing")
        return int(value)

    def extent(self, line: int, numbers: tuple[str, str, str], start: str, end: str) -> Extent | None:
        """The numbers and days of a line; None when it holds for all of both."""
        low, high, parity = self.number(line, numbers[0]), self.number(line, numbers[1]), numbers[2]
        self.known(line, "parity", parity, PARITIES)
        if low is not None and high is not None and high < low:
            raise self.fail(line, f"numbers end at {high} before they begin at {low}", "write the smaller one first")
        found = Extent(low, high, parity, *self.term(line, start, end))
        return found if found.numbered() or found.valid_from or found.valid_to else None
