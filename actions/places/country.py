"""The country's township names and the home city's villages, packed: one dictionary entry for each name."""
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from actions.language.files import ConfigError, nearest

# A message with more of them is a list or an attack: its beginning and its end are read.
MOST_ENDINGS = 120
T = TypeVar("T")


def outer(things: list[T], most: int) -> list[T]:
    """The first and the last of a list that is longer than `most`."""
    return things if len(things) <= most else [*things[: most // 2], *things[-(most // 2) :]]


@dataclass(frozen=True)
class County:
    """Where a township lies; empty where the country knows no such level."""

    province: str
    city: str
    name: str


class Country:
    """Names → where they may lie. Built once, never changed; answers nothing about which of them is meant.

    A name's value is the number of its owner, or several numbers: below `len(counties)` a county, above it a unit.
    41,000 towns and 10,000 villages take about 8 MB this way, as objects they would take 40.
    """

    __slots__ = ("counties", "units", "names", "tails", "_last")

    def __init__(self, counties: tuple[County, ...], units: tuple[str, ...],
                 names: dict[str, int | tuple[int, ...]]) -> None:
        self.counties, self.units, self.names = counties, units, names
        lengths: dict[str, set[int]] = {}
        for name in names:
            lengths.setdefault(name[-2:], set()).add(len(name))
        # Names are found from their end: few texts hold an ending, most hold many beginnings.
        shared: dict[tuple[int, ...], tuple[int, ...]] = {}
        self.tails: dict[str, tuple[int, ...]] = {}
        for tail, sizes in lengths.items():
            ordered = tuple(sorted(sizes, reverse=True))
            self.tails[tail] = shared.setdefault(ordered, ordered)
        self._last = re.compile("[" + "".join(re.escape(last) for last in sorted({tail[-1] for tail in lengths})) + "]")

    def _owners(self, name: str) -> tuple[int, ...]:
        found = self.names.get(name, ())
        return (found,) if isinstance(found, int) else found

    def counties_of(self, name: str) -> list[County]:
        """The counties with a township of this full name."""
        return [self.counties[n] for n in self._owners(name) if n < len(self.counties)]

    def units_of(self, name: str) -> list[str]:
        """The home city's units with a community or village of this full name."""
        return [self.units[n - len(self.counties)] for n in self._owners(name) if n >= len(self.counties)]

    def spots(self, text: str) -> dict[int, int]:
        """Where names may stand: start → end of the longest name that begins there. O(length)."""
        found: dict[int, int] = {}
        tails, names = self.tails, self.names
        ends = [match.end() for match in self._last.finditer(text, 1)]
        if len(ends) > MOST_ENDINGS:
            ends = outer([end for end in ends if text[end - 2 : end] in tails], MOST_ENDINGS)
        for end in ends:
            for length in tails.get(text[end - 2 : end], ()):
                if length <= end and text[end - length : end] in names:
                    found[end - length] = end
        return found


def load_country(towns: Path, villages: Path, units: Iterable[str]) -> Country:
    """Reads the reduced tables. Raises ConfigError with file, line, what and how to mend it."""
    known = tuple(sorted(units))
    counties: list[County] = []
    names: dict[str, int | tuple[int, ...]] = {}
    for line, row in _rows(towns, "province,city,county,towns"):
        counties.append(County(row[0], row[1], row[2]))
        _own(names, row[3], len(counties) - 1, towns, line)
    numbers = {unit: len(counties) + place for place, unit in enumerate(known)}
    for line, row in _rows(villages, "unit,communities"):
        if row[0] not in numbers:
            raise ConfigError(villages, line, f"unknown unit {row[0]!r}", nearest(row[0], known))
        _own(names, row[1], numbers[row[0]], villages, line)
    return Country(tuple(counties), known, names)


def _rows(path: Path, head: str) -> list[tuple[int, list[str]]]:
    """The rows of a table without quotes. Plain splitting: the csv module would take three times as long at start."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise ConfigError(path, None, "the file is missing", "restore it from version control") from None
    except UnicodeDecodeError:
        raise ConfigError(path, None, "the file is not UTF-8", "save it as CSV UTF-8") from None
    if not lines or lines[0] != head:
        raise ConfigError(path, 1, f"columns are {lines[0] if lines else 'none'}", f"write {head}")
    rows = [(number, line.split(",")) for number, line in enumerate(lines[1:], 2) if line]
    for number, row in rows:
        if len(row) != head.count(",") + 1:
            raise ConfigError(path, number, f"{len(row)} values for the columns {head}", "write one value per column")
    return rows


def _own(names: dict[str, int | tuple[int, ...]], written: str, owner: int, path: Path, line: int) -> None:
    for name in written.split(" "):
        if len(name) < 2:
            raise ConfigError(path, line, f"{name!r} is no name", "separate the names by one space")
        before = names.get(name)
        if before is None:
            names[name] = owner
        elif isinstance(before, int):
            if before != owner:
                names[name] = (before, owner)
        elif owner not in before:
            names[name] = (*before, owner)
