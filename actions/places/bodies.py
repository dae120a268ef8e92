"""Who stands behind a unit or a district: its desk, its number for people sent there, what it came from."""
from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from actions.places.extent import Extent
from actions.places.tables import Rows

GRADES = ("A", "B", "C")
STATES = ("confirmed", "pending")
DESKS = ("unit", "district")
KINDS = ("rename", "split", "merge", "transfer")
FORMER = "former-"


class Contact(NamedTuple):
    """Whom to name for a place outside: a label and a number, each only as good as its source."""

    label: str
    phone: str
    status: str


@dataclass(frozen=True)
class Contacts:
    """Lines by (city, district) with the days they hold; ("", "") is the line for every city without one."""

    lines: Mapping[tuple[str, str], tuple[tuple[Extent | None, Contact], ...]]

    def of(self, city: str, district: str | None, day: date) -> Contact:
        """The contact of a district, else of its city, else of any city; `{city}` in a label becomes the city."""
        for key in ((city, district or ""), (city, ""), ("", "")):
            for extent, contact in self.lines.get(key, ()):
                if extent is None or extent.holds(day):
                    return Contact(contact.label.replace("{city}", city), contact.phone, contact.status)
        raise LookupError(f"contacts.csv has no line that holds on {day}")


@dataclass(frozen=True)
class Desks:
    """Which desk answers for a unit on which day: its own, or the district's in its place."""

    lines: Mapping[str, tuple[tuple[Extent | None, str], ...]]

    def of(self, unit: str, day: date) -> str | None:
        """unit, district, or None: a gap that `doctor` and `places check` name."""
        return next((desk for extent, desk in self.lines.get(unit, ()) if extent is None or extent.holds(day)), None)


@dataclass(frozen=True)
class Succession:
    """One step in the history of a unit or district: what became of `before`."""

    before: str
    before_name: str
    after: str
    kind: str
    day: date | None
    line: int


def load_contacts(folder: Path) -> Contacts:
    """contacts.csv. Raises ConfigError, also when no line is left for cities without their own."""
    rows = Rows(folder, "contacts.csv",
                ("city", "district", "label", "phone", "valid_from", "valid_to", "status", "grade", "source"))
    found: dict[tuple[str, str], list[tuple[Extent | None, Contact]]] = {}
    for line, (city, district, label, phone, start, end, status, grade, source) in rows.rows:
        rows.known(line, "status", status, STATES)
        rows.known(line, "grade", grade, GRADES)
        if not (label and phone and source):
            raise rows.fail(line, "label, phone or source is missing", "nobody invents a number: leave the line out")
        found.setdefault((city, district), []).append(
            (rows.extent(line, ("", "", ""), start, end), Contact(label, phone, status)))
    if not any(extent is None for extent, _ in found.get(("", ""), ())):
        raise rows.fail(1, "no line for cities without their own", "add one with city, district and dates empty")
    return Contacts({key: tuple(lines) for key, lines in found.items()})


def load_desks(folder: Path, served: Collection[str]) -> Desks:
    """desks.csv. Raises ConfigError for an unknown unit; gaps are found by `gaps`."""
    rows = Rows(folder, "desks.csv", ("unit", "desk", "valid_from", "valid_to", "grade", "source"))
    found: dict[str, list[tuple[Extent | None, str]]] = {}
    for line, (unit, desk, start, end, grade, _source) in rows.rows:
        rows.known(line, "unit", unit, frozenset(served))
        rows.known(line, "desk", desk, DESKS)
        rows.known(line, "grade", grade, GRADES)
        found.setdefault(unit, []).append((rows.extent(line, ("", "", ""), start, end), desk))
    return Desks({unit: tuple(lines) for unit, lines in found.items()})


def gaps(desks: Desks, served: Collection[str]) -> list[tuple[str, date | None]]:
    """Units without a desk, each with the first day nobody answers (None: on no day at all, or before any line)."""
    missing: list[tuple[str, date | None]] = []
    for unit in sorted(served):
        spans = sorted(
            ((e.valid_from or date.min, e.valid_to or date.max) if e else (date.min, date.max)
             for e, _ in desks.lines.get(unit, ()))
        )
        reached = date.min
        for start, end in spans:
            if start > reached:
                break
            reached = max(reached, end)
        if reached < date.max:
            missing.append((unit, None if reached == date.min else reached))
    return missing


def load_succession(folder: Path, known: Collection[str]) -> tuple[Succession, ...]:
    """succession.csv: what became of former units and districts. Raises ConfigError."""
    rows = Rows(folder, "succession.csv", ("before", "before_name", "after", "kind", "date", "grade", "source"))
    found = []
    for line, (before, name, after, kind, day, grade, _source) in rows.rows:
        if not before.startswith(FORMER):
            rows.known(line, "unit or district", before, frozenset(known))
        rows.known(line, "unit or district", after, frozenset(known))
        rows.known(line, "kind", kind, KINDS)
        rows.known(line, "grade", grade, GRADES)
        found.append(Succession(before, name, after, kind, rows.day(line, day), line))
    return tuple(found)
