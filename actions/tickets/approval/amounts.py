"""What amount could be fitting, worked out from a dated standard with every step shown; people decide. Pure.

Sources: config/tickets/amounts.yaml, each row with its own; the standards are those of config/screening/parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, require_keys
from actions.screening.evaluate import settings_at
from actions.screening.fields import day, figure, named, text, words
from actions.screening.model import ParameterUse, RuleSet
from actions.tickets.approval.limits import last_figure

STATUSES = ("confirmed", "comparator")
CASE, PERSON = "case", "person"


@dataclass(frozen=True)
class AmountRow:
    """How an amount is reckoned for one type of aid from one day on: months of the standard, a person or a case."""

    type: str
    start: date
    months: tuple[Decimal, Decimal]
    per: str
    status: str
    cite: str | None
    place: str | None
    note: str


@dataclass(frozen=True)
class Amounts:
    """The whole file, checked."""

    fact: str
    standards: Mapping[str, str]
    otherwise: tuple[str, ...]
    people: str
    rows: tuple[AmountRow, ...]


@dataclass(frozen=True)
class Line:
    """One calculation: `standard` yuan × people × months, from `low` to `high` yuan."""

    use: ParameterUse
    standard: Decimal
    people: tuple[int, int]
    months: tuple[Decimal, Decimal]
    low: Decimal
    high: Decimal


@dataclass(frozen=True)
class Suggestion:
    """What the desk shows beside a case. No lines: no rule or no standard is known for the day."""

    row: AmountRow | None
    lines: tuple[Line, ...]
    people_known: bool

    @property
    def low(self) -> Decimal | None:
        """The least of the lines, in yuan."""
        return min((line.low for line in self.lines), default=None)

    @property
    def high(self) -> Decimal | None:
        """The most of the lines, in yuan."""
        return max((line.high for line in self.lines), default=None)


def _answer(facts: Mapping[str, Any], name: str) -> Any:
    """What a ticket keeps of a fact: {"value": …, "how": …}, or the bare value."""
    kept = facts.get(name)
    return kept.get("value") if isinstance(kept, Mapping) and "value" in kept else kept


def _people(answer: Any) -> tuple[int, int] | None:
    """(least, most) persons; None when nobody has said a number. An open end counts as its beginning."""
    if isinstance(answer, Mapping):
        least, most = answer.get("from"), answer.get("to")
        least, most = (least if least is not None else most), (most if most is not None else least)
    else:
        least = most = answer
    try:
        low, high = int(str(least)), int(str(most))
    except ValueError:
        return None
    return (low, high) if 1 <= low <= high else None


def suggest(
    amounts: Amounts, ruleset: RuleSet, *, type_: str, facts: Mapping[str, Any], on: date, region: str
) -> Suggestion:
    """The calculation for this type of aid on this day. Never raises for odd facts: what is not known is left open."""
    rows = [row for row in amounts.rows if row.type == type_ and row.start <= on]
    people = _people(_answer(facts, amounts.people))
    if not rows:
        return Suggestion(None, (), people is not None)
    row = max(rows, key=lambda found: found.start)
    counted = (people or (1, 1)) if row.per == PERSON else (1, 1)
    register = _answer(facts, amounts.fact)
    own = amounts.standards.get(register) if isinstance(register, str) else None
    uses = settings_at(ruleset, on, region).uses
    lines = []
    for name in (own,) if own else amounts.otherwise:
        standard = last_figure(uses[name])
        if standard is not None:
            low, high = standard * counted[0] * row.months[0], standard * counted[1] * row.months[1]
            lines.append(Line(uses[name], standard, counted, row.months, low, high))
    return Suggestion(row, tuple(lines), people is not None or row.per == CASE)


# --- reading the file ---


def _months(path: Path, entry: Any) -> tuple[Decimal, Decimal]:
    months = entry["months"]
    require_keys(path, months, ("from", "to"))
    low, high = figure(path, months, "from", months["from"]), figure(path, months, "to", months["to"])
    if low > high:
        raise ConfigError(path, line_of(months, "to"), "months run backwards", "write the smaller number first")
    return low, high


def _row(path: Path, entry: Any, ruleset: RuleSet, types: Collection[str]) -> AmountRow:
    require_keys(path, entry, ("type", "from", "months", "per", "status", "note"), ("cite", "place"))
    status = named(path, entry, "status", entry["status"], STATUSES, "status")
    cite, place = entry.get("cite"), entry.get("place")
    if status == "confirmed" and cite is None:
        raise ConfigError(path, line_of(entry), "a confirmed rule cites no source", "add cite: <id of sources.yaml>")
    if status == "comparator" and place is None:
        raise ConfigError(path, line_of(entry), "another place's rule names no place", "add place: …")
    return AmountRow(
        named(path, entry, "type", entry["type"], types, "type"),
        day(path, entry, "from"),
        _months(path, entry),
        named(path, entry, "per", entry["per"], (CASE, PERSON), "way of reckoning"),
        status,
        None if cite is None else named(path, entry, "cite", cite, ruleset.sources, "source"),
        place,
        text(path, entry, "note"),
    )


def load_amounts(path: Path, ruleset: RuleSet, types: Collection[str]) -> Amounts:
    """Reads and checks the file. `types`: programme ids. Raises ConfigError with file, line, what and how to mend."""
    data = load_yaml(path)
    require_keys(path, data, ("standard", "people", "amounts"))
    standard = data["standard"]
    require_keys(path, standard, ("fact", "by", "otherwise"))
    fact = named(path, standard, "fact", standard["fact"], ruleset.facts, "fact")
    standards = {}
    for option, parameter in standard["by"].items():
        named(path, standard["by"], option, option, ruleset.facts[fact].options, f"answer to {fact}")
        standards[option] = named(path, standard["by"], option, parameter, ruleset.parameters, "parameter")
    otherwise = tuple(
        named(path, standard, "otherwise", name, ruleset.parameters, "parameter")
        for name in words(path, standard, "otherwise")
    )
    rows = tuple(_row(path, entry, ruleset, types) for entry in data["amounts"])
    seen: dict[tuple[str, date], int] = {}
    for entry, row in zip(data["amounts"], rows, strict=True):
        if (row.type, row.start) in seen:
            raise ConfigError(
                path, line_of(entry), f"two rows for {row.type} begin on one day", "give one of them another day"
            )
        seen[(row.type, row.start)] = 1
    people = named(path, data, "people", data["people"], ruleset.facts, "fact")
    return Amounts(fact, standards, otherwise, people, rows)
