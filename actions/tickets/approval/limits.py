"""Up to which amount a township decides, by unit, type and date; read from config/tickets/limits.yaml. Pure.

Sources: 社会救助法 44(2), 社会救助暂行办法 48 (power is the county's and may be delegated); 社会救助法 50 (aid first).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, require_keys
from actions.screening.evaluate import settings_at
from actions.screening.fields import day, figure, named, text
from actions.screening.model import ParameterUse, RuleSet

ALL = "all"
CONFIRMED, PENDING = "confirmed", "pending"
FIGURES = ("parameter", "amount", "times")


@dataclass(frozen=True)
class LimitRow:
    """One line of the file. `units` and `types` None: every one. Exactly one of `parameter`, `amount`, `of` is set."""

    units: frozenset[str] | None
    types: frozenset[str] | None
    start: date
    end: date | None
    parameter: str | None = None
    amount: Decimal | None = None
    of: str | None = None
    count: Decimal = Decimal(1)
    status: str = PENDING
    cite: str | None = None

    @property
    def rank(self) -> int:
        """How special the row is: a unit's own rule goes before a type's, both together before either."""
        return 2 * (self.units is not None) + (self.types is not None)

    def holds(self, unit: str | None, type_: str, on: date) -> bool:
        """True if the row speaks about this unit and type on this day."""
        return (
            (self.units is None or unit in self.units)
            and (self.types is None or type_ in self.types)
            and self.start <= on
            and (self.end is None or on <= self.end)
        )


@dataclass(frozen=True)
class Sample:
    """What another place has decided; shown, never used."""

    place: str
    year: str | None
    rule: str


@dataclass(frozen=True)
class Limits:
    """The whole file, checked."""

    rows: tuple[LimitRow, ...]
    aid_first: tuple[LimitRow, ...]
    elsewhere: tuple[Sample, ...]


@dataclass(frozen=True)
class Limit:
    """What holds for one unit, type and day. `yuan` None: no figure is known.

    `confirmed` False: nobody has confirmed a figure for this area, so a township decides nothing by itself.
    `count` × `standard`: how a figure tied to a standard was worked out; a standard that is itself only the last
    published one makes the limit `provisional` (it errs on the careful side, standards have only risen).
    """

    yuan: Decimal | None
    confirmed: bool
    since: date | None = None
    cite: str | None = None
    count: Decimal | None = None
    standard: ParameterUse | None = None
    provisional: bool = False

    def covers(self, amount: Decimal) -> bool:
        """True if a township may decide `amount` yuan by itself."""
        return self.confirmed and self.yuan is not None and amount <= self.yuan


NO_LIMIT = Limit(None, False)


def last_figure(use: ParameterUse) -> Decimal | None:
    """The figure as last published, in its unit; None when nobody has found one."""
    return Decimal(use.last[0]) if use.last is not None else None


def _worked_out(row: LimitRow, uses: Mapping[str, ParameterUse]) -> Limit:
    if row.parameter is not None:
        use = uses[row.parameter]
        found = last_figure(use)
        return Limit(found, found is not None and use.status == "stored_source", use.start or row.start, use.cite)
    if row.of is None:
        return Limit(row.amount, row.status == CONFIRMED and row.amount is not None, row.start, row.cite)
    use = uses[row.of]
    last = last_figure(use)
    return Limit(
        None if last is None else last * row.count,
        row.status == CONFIRMED and last is not None,
        row.start,
        row.cite,
        row.count,
        use,
        use.status == PENDING,
    )


def _found(rows: Collection[LimitRow], ruleset: RuleSet, unit: str | None, type_: str, on: date, region: str) -> Limit:
    holding = [row for row in rows if row.holds(unit, type_, on)]
    if not holding:
        return NO_LIMIT
    return _worked_out(max(holding, key=lambda row: row.rank), settings_at(ruleset, on, region).uses)


def limit_at(limits: Limits, ruleset: RuleSet, *, unit: str | None, type_: str, on: date, region: str) -> Limit:
    """What this unit may decide about this type of aid on the day of the decision."""
    return _found(limits.rows, ruleset, unit, type_, on, region)


def aid_limit_at(limits: Limits, ruleset: RuleSet, *, unit: str | None, type_: str, on: date, region: str) -> Limit:
    """What this unit may give at once, before any paper (社会救助法 50; 2026 意见: one month's standard)."""
    return _found(limits.aid_first, ruleset, unit, type_, on, region)


# --- reading the file ---


def _names(path: Path, entry: Any, key: str, known: Collection[str], kind: str) -> frozenset[str] | None:
    wanted = entry[key]
    if wanted == ALL:
        return None
    if not isinstance(wanted, list) or not wanted:
        raise ConfigError(path, line_of(entry, key), f"{key} must be {ALL} or a list", f"write {key}: [id, id]")
    return frozenset(named(path, entry, key, name, known, kind) for name in wanted)


def _row(path: Path, entry: Any, ruleset: RuleSet, units: Collection[str], types: Collection[str]) -> LimitRow:
    require_keys(path, entry, ("units", "types", "from"), ("to", "status", "cite", *FIGURES))
    given = [key for key in FIGURES if key in entry]
    if len(given) != 1:
        raise ConfigError(
            path, line_of(entry), f"the figure is given {len(given)} times", "give one of: " + ", ".join(FIGURES)
        )
    start, end = day(path, entry, "from"), day(path, entry, "to") if entry.get("to") else None
    if end is not None and end < start:
        raise ConfigError(path, line_of(entry, "to"), "the row ends before it begins", "write a later day, or no to:")
    row = LimitRow(
        _names(path, entry, "units", units, "unit"), _names(path, entry, "types", types, "type"), start, end
    )
    if given == ["parameter"]:
        for key in ("status", "cite"):
            if key in entry:
                raise ConfigError(path, line_of(entry, key), f"the parameter has its own {key}", "leave it out here")
        return replace(
            row, parameter=named(path, entry, "parameter", entry["parameter"], ruleset.parameters, "parameter")
        )
    for key in ("status", "cite"):
        if key not in entry:
            raise ConfigError(path, line_of(entry), f"this limit has no {key}", f"add {key}: …")
    row = replace(
        row,
        status=named(path, entry, "status", entry["status"], (CONFIRMED, PENDING), "status"),
        cite=named(path, entry, "cite", entry["cite"], ruleset.sources, "source"),
    )
    if given == ["amount"]:
        amount = None if entry["amount"] is None else figure(path, entry, "amount", entry["amount"])
        if amount is None and row.status == CONFIRMED:
            raise ConfigError(path, line_of(entry, "amount"), "confirmed, but no figure", "write it or status: pending")
        return replace(row, amount=amount)
    times = entry["times"]
    require_keys(path, times, ("of", "count"))
    return replace(
        row,
        of=named(path, times, "of", times["of"], ruleset.parameters, "parameter"),
        count=figure(path, times, "count", times["count"]),
    )


def _meet(left: frozenset[str] | None, right: frozenset[str] | None) -> bool:
    return left is None or right is None or bool(left & right)


def _rows(
    path: Path, data: Any, key: str, ruleset: RuleSet, units: Collection[str], types: Collection[str]
) -> tuple[LimitRow, ...]:
    entries = data[key]
    if not isinstance(entries, list):
        raise ConfigError(path, line_of(data, key), f"{key} must be a list", "write one row per line, beginning with -")
    rows = tuple(_row(path, entry, ruleset, units, types) for entry in entries)
    for (_, first), (number, second) in combinations(enumerate(rows), 2):
        apart = (first.end is not None and first.end < second.start) or (
            second.end is not None and second.end < first.start
        )
        if first.rank == second.rank and not apart and _meet(first.units, second.units) and _meet(
            first.types, second.types
        ):
            raise ConfigError(
                path,
                line_of(entries[number]),
                "two rows speak about the same unit, type and day",
                "end the earlier one with to: the day before",
            )
    return rows


def load_limits(path: Path, ruleset: RuleSet, units: Collection[str], types: Collection[str]) -> Limits:
    """Reads and checks the file. `units`: ids a row may name; `types`: programme ids. Raises ConfigError."""
    data = load_yaml(path)
    require_keys(path, data, ("limits", "aid_first"), ("elsewhere",))
    samples = []
    for entry in data.get("elsewhere") or ():
        require_keys(path, entry, ("place", "year", "rule"))
        samples.append(Sample(text(path, entry, "place"), entry["year"], text(path, entry, "rule")))
    return Limits(
        _rows(path, data, "limits", ruleset, units, types),
        _rows(path, data, "aid_first", ruleset, units, types),
        tuple(samples),
    )
