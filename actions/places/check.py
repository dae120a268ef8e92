"""Looks through the tables of an area for everything that is wrong or doubtful, not only for the first fault."""
from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, load_yaml, nearest
from actions.places.bodies import FORMER, gaps
from actions.places.gazetteer import load_gazetteer

ERROR, NOTE = "error", "note"
# table → columns that name a unit (several with `;`) and a district
UNITS = {
    "jurisdiction.csv": "unit", "unit_names.csv": "unit", "unit_codes.csv": "unit", "communities.csv": "unit",
    "places.csv": "units", "city_communities.csv": "unit", "desks.csv": "unit",
}
# table → what may not be said twice for the same day
TERMS = {
    "jurisdiction.csv": ("unit", "relation"), "unit_codes.csv": ("unit", "scheme"), "desks.csv": ("unit",),
    "unit_names.csv": ("unit", "name"), "contacts.csv": ("city", "district"),
}
MANY = ("known_as",)  # relations of which a unit may have several at once


@dataclass(frozen=True)
class Finding:
    """One fault (error) or one thing worth knowing (note), with file, line and how to mend it."""

    level: str
    kind: str
    file: str
    line: int | None
    what: str
    mend: str

    def as_json(self) -> dict[str, Any]:
        """The record `youmen places check` prints."""
        return asdict(self)


@dataclass(frozen=True)
class _Row:
    line: int
    cells: Mapping[str, str]


def check(folder: Path) -> list[Finding]:
    """Every finding of the area's tables, errors first. Reads the files alone; raises nothing for a wrong table."""
    tables = _Tables(folder)
    found = [*tables.dangling(), *tables.overlaps(), *tables.numbers(), *tables.clashes(), *tables.cycles()]
    try:
        gazetteer = load_gazetteer(folder)
    except ConfigError as error:
        # the loader stops at its first fault, which the passes above may have named already
        place = (error.path.name, error.line)
        if place not in {(f.file, f.line) for f in found if f.level == ERROR}:
            found.append(Finding(ERROR, "unreadable", *place, error.what, error.mend))
    else:
        found += [
            Finding(ERROR, "gap", "desks.csv", None, f"nobody answers for {unit}" + (f" from {day}" if day else ""),
                    "add a line that begins on that day")
            for unit, day in gaps(gazetteer.desks, gazetteer.served)
        ]
    return sorted(found, key=lambda f: (f.level, f.file, f.line or 0))


class _Tables:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.units = {row.cells["unit"]: row for row in self.rows("units.csv")}
        self.districts = {row.cells["district"]: row for row in self.rows("districts.csv")}
        try:
            self.served = set(load_yaml(folder / "area.yaml")["served"])
        except (ConfigError, KeyError, TypeError):
            self.served = set()

    def rows(self, name: str) -> list[_Row]:
        """The rows of a table as they are; none for a missing or unreadable one, which the loader names."""
        try:
            with (self.folder / name).open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.DictReader(stream)
                return [_Row(reader.line_num, {k: v or "" for k, v in row.items() if k}) for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error):
            return []

    def dangling(self) -> Iterator[Finding]:
        """References to units and districts that do not exist."""
        for name, column in UNITS.items():
            for row in self.rows(name):
                for unit in row.cells.get(column, "").split(";"):
                    if unit not in self.units:
                        yield _error("dangling", name, row.line, f"unknown unit {unit!r}", nearest(unit, self.units))
        for row in self.rows("jurisdiction.csv"):
            district = row.cells.get("district", "")
            if district not in self.districts:
                yield _error("dangling", "jurisdiction.csv", row.line, f"unknown district {district!r}",
                             nearest(district, self.districts))
        known = {*self.units, *self.districts}
        for row in self.rows("succession.csv"):
            for column in ("before", "after"):
                body = row.cells.get(column, "")
                if body not in known and not (column == "before" and body.startswith(FORMER)):
                    yield _error("dangling", "succession.csv", row.line, f"unknown {column} {body!r}",
                                 nearest(body, known))

    def overlaps(self) -> Iterator[Finding]:
        """Two lines that say the same of the same day."""
        for name, key in TERMS.items():
            of: dict[tuple[str, ...], list[_Row]] = defaultdict(list)
            for row in self.rows(name):
                if row.cells.get("relation") not in MANY:
                    of[tuple(row.cells.get(column, "") for column in key)].append(row)
            for said, rows in of.items():
                for before, after in _pairs(rows):
                    if _together(before, after):
                        yield _error("overlap", name, after.line,
                                     f"{' '.join(said)} is said twice for the same days (line {before.line})",
                                     "let one end before the other begins")

    def numbers(self) -> Iterator[Finding]:
        """Two lines of a road that give the same house numbers to different units."""
        of: dict[str, list[_Row]] = defaultdict(list)
        for row in self.rows("places.csv"):
            of[row.cells.get("name", "")].append(row)
        for name, rows in of.items():
            for before, after in _pairs(rows):
                if before.cells.get("units") == after.cells.get("units") and not _numbered(before):
                    yield _error("clash", "places.csv", after.line, f"{name} stands twice (line {before.line})",
                                 "remove one of the lines")
                elif _numbered(before) and _numbered(after) and _together(before, after) and _meet(before, after):
                    yield _error("overlap", "places.csv", after.line,
                                 f"numbers of {name} lie in two lines (line {before.line})", "part the numbers")

    def clashes(self) -> Iterator[Finding]:
        """Names that mean two things: an error where nothing could tell them apart, else a note."""
        codes: dict[tuple[str, str], _Row] = {}
        for row in self.rows("unit_codes.csv"):
            key = row.cells.get("scheme", ""), row.cells.get("code", "")
            other = codes.setdefault(key, row)
            if other.cells.get("unit") != row.cells.get("unit"):
                yield _error("clash", "unit_codes.csv", row.line,
                             f"{' '.join(key)} names two units (line {other.line})", "correct one of them")
        yield from self._same("units.csv", "official", lambda row: row.cells["unit"] in self.served, ERROR)
        yield from self._same("units.csv", "short", lambda row: row.cells["unit"] in self.served, ERROR)
        yield from self._same("communities.csv", "name", lambda row: row.cells.get("unit") in self.served, NOTE)
        shorts = {row.cells["short"]: row for row in self.units.values() if row.cells.get("short")}
        for row in self.rows("communities.csv"):
            stem = row.cells.get("name", "")[:-1]
            unit = shorts.get(stem) or shorts.get(stem[:-1])
            if unit is not None and unit.cells["unit"] != row.cells.get("unit"):
                yield Finding(NOTE, "clash", "communities.csv", row.line,
                              f"{row.cells['name']} bears the short name of {unit.cells['official']}",
                              "nothing to do: the short name alone means the unit")

    def _same(self, name: str, column: str, wanted: Any, level: str) -> Iterator[Finding]:
        first: dict[str, _Row] = {}
        for row in self.rows(name):
            value = row.cells.get(column, "")
            if not value or not wanted(row):
                continue
            other = first.setdefault(value, row)
            if other is not row and other.cells.get("unit") != row.cells.get("unit"):
                mend = "correct one of them" if level == ERROR else "nothing to do: without a parent it is asked"
                yield Finding(level, "clash", name, row.line, f"{value} means two units (line {other.line})", mend)

    def cycles(self) -> Iterator[Finding]:
        """A unit that comes from itself."""
        after: dict[str, list[tuple[str, _Row]]] = defaultdict(list)
        for row in self.rows("succession.csv"):
            if row.cells.get("kind") != "transfer":  # a transfer moves a part: both sides go on
                after[row.cells.get("before", "")].append((row.cells.get("after", ""), row))
        done: set[str] = set()
        for start in list(after):
            path = [start]
            stack = [iter(after[start])]
            while stack:
                step = next(stack[-1], None)
                if step is None:
                    done.add(path.pop())
                    stack.pop()
                    continue
                body, row = step
                if body in path:
                    yield _error("cycle", "succession.csv", row.line,
                                 " → ".join([*path[path.index(body):], body]), "one of these steps is wrong: remove it")
                elif body not in done:
                    path.append(body)
                    stack.append(iter(after.get(body, [])))


def _error(kind: str, file: str, line: int, what: str, mend: str) -> Finding:
    return Finding(ERROR, kind, file, line, what, mend)


def _pairs(rows: list[_Row]) -> Iterable[tuple[_Row, _Row]]:
    return ((one, other) for place, one in enumerate(rows) for other in rows[place + 1 :])


def _day(text: str, open_end: date) -> date:
    try:
        return date.fromisoformat(text + {4: "-01-01", 7: "-01"}.get(len(text), "")) if text else open_end
    except ValueError:
        return open_end


def _together(one: _Row, other: _Row) -> bool:
    """Whether two lines hold on a common day."""
    start = max(_day(row.cells.get("valid_from", ""), date.min) for row in (one, other))
    return start < min(_day(row.cells.get("valid_to", ""), date.max) for row in (one, other))


def _numbered(row: _Row) -> bool:
    return any(row.cells.get(column) for column in ("number_from", "number_to", "parity"))


def _meet(one: _Row, other: _Row) -> bool:
    """Whether two lines of a road share a house number."""
    if {one.cells.get("parity"), other.cells.get("parity")} == {"odd", "even"}:
        return False
    low = max(int(row.cells.get("number_from") or 0) for row in (one, other))
    return low <= min(int(row.cells.get("number_to") or 10**6) for row in (one, other))
