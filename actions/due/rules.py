"""Which clocks exist: named rules from config, dated and by unit, and generic ones such as working_days:10."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from functools import lru_cache
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys

FOLDER = Path(__file__).resolve().parents[2] / "config" / "service_levels"
KINDS = ("working_days", "days", "hours", "office_minutes")
PAUSABLE = ("working_days", "days", "office_minutes")  # hours on the wall clock stop for nothing
STATUSES = ("confirmed", "pending", "comparator")
LARGEST = {"working_days": 3650, "days": 3650, "hours": 87_600, "office_minutes": 525_600}
FIGURE = ("kind", "count", "cite", "source", "published_on", "status")


class DueError(Exception):
    """A deadline cannot be computed; `what` says why, `mend` what to do."""

    def __init__(self, what: str, mend: str) -> None:
        self.what, self.mend = what, mend
        super().__init__(f"{what} — {mend}")


class UnknownRule(DueError):
    """No such rule; `mend` names the nearest one."""


class UnknownReason(DueError):
    """No such reason for a pause; `mend` names the nearest one."""


class NoFigure(DueError):
    """The rule is known, its figure is not: nobody has found one, or none held on that day."""


class BadCount(DueError):
    """The number of a generic rule is missing, not whole, zero or far too large."""


@dataclass(frozen=True)
class Rule:
    """A clock: `count` working days, days, hours or office minutes, with its source and confirmation state.

    `since` and `units` say from which day and for which units the figure holds (None, empty: always, everywhere).
    """

    id: str
    kind: str
    count: int
    cite: str
    status: str
    title: str = ""
    since: date | None = None
    units: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reason:
    """A named reason to stop the days of some rules; `said` are the words it may be called by."""

    id: str
    title: str
    rules: frozenset[str]
    cite: str
    status: str
    said: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rules:
    """Every named rule, the reasons to pause one, and the office hours that office minutes are counted in."""

    named: Mapping[str, Rule]
    office_hours: tuple[tuple[time, time], ...]
    figures: Mapping[str, Sequence[Rule]] = field(default_factory=dict)
    reasons: Mapping[str, Reason] = field(default_factory=dict)

    def find(self, rule: str, unit: str | None = None, day: date | None = None) -> Rule:
        """The figure of a named rule for a unit on a day (the day its clock starts), or the generic one `rule` spells.

        A unit's own figure goes before the common one, a newer one before an older one; without a day the newest
        counts. Raises UnknownRule, BadCount, or NoFigure where nobody has found one or none held on that day.
        """
        rule = rule.strip()
        if rule in self.figures:
            return self._figure(rule, unit, day)
        kind, colon, count = rule.partition(":")
        if colon and kind in KINDS:
            if not (count.isascii() and count.isdigit() and 1 <= int(count[:9]) <= LARGEST[kind]):
                raise BadCount(f"{rule!r} has no usable number", f"write {kind}:N with N from 1 to {LARGEST[kind]}")
            return Rule(rule, kind, int(count), "", "confirmed", "")
        generic = [f"{name}:N" for name in KINDS]
        raise UnknownRule(f"there is no rule {rule!r}", nearest(kind if colon else rule, [*self.figures, *generic]))

    def _figure(self, rule: str, unit: str | None, day: date | None) -> Rule:
        holding = [
            figure for figure in self.figures[rule]
            if (not figure.units or unit in figure.units)
            and (figure.since is None or day is None or figure.since <= day)
        ]
        if not holding:
            raise NoFigure(f"{rule} has no figure for {unit or 'every unit'} on {day}",
                           "give another day or unit, or add a figure with that `since` to due.yaml")
        found = max(holding, key=lambda figure: (bool(figure.units), figure.since or date.min))
        if not found.count:
            raise NoFigure(f"no figure is known for {rule} ({found.cite})", "write its count into due.yaml once it is")
        return found

    def reason(self, said: str) -> Reason:
        """The reason with this id, or called so. Raises UnknownReason with the nearest."""
        said = said.strip()
        for reason in self.reasons.values():
            if said in (reason.id, reason.title) or said in reason.said:
                return reason
        titles = [reason.title for reason in self.reasons.values()]
        raise UnknownReason(f"nothing pauses for {said!r}", nearest(said, titles))

    def stops(self, reason: Reason, rule: Rule) -> bool:
        """Whether this reason stops this rule: never hours; a generic one always, a named one if it names it."""
        return rule.kind in PAUSABLE and (rule.id not in self.figures or rule.id in reason.rules)


def _clock(path: Path, entry: Mapping[str, object], key: str) -> time:
    try:
        return time.fromisoformat(str(entry[key]))
    except (KeyError, ValueError):
        raise ConfigError(path, line_of(entry), f"{key!r} is not a time of day", 'write it like "09:00"') from None


def _read_office_hours(path: Path) -> tuple[tuple[time, time], ...]:
    data = load_yaml(path)
    require_keys(path, data, ["status", "cite", "hours"])
    hours: list[tuple[time, time]] = []
    for entry in data["hours"]:
        opens, closes = _clock(path, entry, "from"), _clock(path, entry, "to")
        if opens >= closes or (hours and opens < hours[-1][1]):
            raise ConfigError(path, line_of(entry), "office hours overlap or run backwards", "list them in order")
        hours.append((opens, closes))
    if not hours:
        raise ConfigError(path, None, "no office hours", "list at least one period")
    return tuple(hours)


def one_of(path: Path, entry: Any, key: str, known: Sequence[str]) -> str:
    """The value of a key that must be one of `known`. Raises ConfigError with the nearest."""
    value = str(entry[key])
    if value not in known:
        raise ConfigError(path, line_of(entry, key), f"unknown {key} {value!r}", nearest(value, known))
    return value


def names(path: Path, entry: Any, key: str, known: Sequence[str] | None = None) -> tuple[str, ...]:
    """A list of names under a key, each one of `known` where that is given. Raises ConfigError."""
    values = entry[key]
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise ConfigError(path, line_of(entry, key), f"{key} is no list of names", f"write {key}: [a, b]")
    for place, value in enumerate(values):
        if known is not None and value not in known:
            raise ConfigError(path, line_of(values, place), f"unknown name {value!r} in {key}", nearest(value, known))
    return tuple(values)


def _figure(path: Path, name: str, title: str, entry: Any) -> Rule:
    require_keys(path, entry, FIGURE, ["since", "units"])
    kind, status, count = one_of(path, entry, "kind", KINDS), one_of(path, entry, "status", STATUSES), entry["count"]
    if count is None and status == "pending":  # a gap that is known: shown, and never filled by a guess
        count = 0
    elif not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= LARGEST[kind]:
        raise ConfigError(path, line_of(entry, "count"), f"count {count!r} is out of range",
                          f"write a whole number from 1 to {LARGEST[kind]}, or null with status pending")
    since = entry.get("since")
    try:
        day = None if since is None else date.fromisoformat(str(since))
    except ValueError:
        raise ConfigError(path, line_of(entry, "since"), f"{since!r} is no day", "write it like 2026-01-29") from None
    units = frozenset(names(path, entry, "units")) if "units" in entry else frozenset()
    return Rule(name, kind, count, str(entry["cite"]), status, title, day, units)


def _read_figures(path: Path) -> dict[str, tuple[Rule, ...]]:
    data = load_yaml(path)
    require_keys(path, data, ["rules"])
    found: dict[str, tuple[Rule, ...]] = {}
    for name, entry in data["rules"].items():
        require_keys(path, entry, ["title", "used_for", "figures"])
        figures: list[Rule] = []
        for place, one in enumerate(entry["figures"] or ()):
            figure = _figure(path, str(name), str(entry["title"]), one)
            if any(other.since == figure.since and (other.units & figure.units or other.units == figure.units)
                   for other in figures):
                raise ConfigError(path, line_of(entry["figures"], place),
                                  f"{name} has two figures for the same day and unit",
                                  "give the newer one its own `since`, or take one away")
            figures.append(figure)
        if not any(not figure.units for figure in figures):
            raise ConfigError(path, line_of(entry), f"{name} has no figure for units without their own",
                              "add one without `units` (count: null if nobody knows it)")
        found[str(name)] = tuple(figures)
    return found


def _read_reasons(path: Path, rules: Sequence[str]) -> dict[str, Reason]:
    data = load_yaml(path)
    require_keys(path, data, ["reasons"])
    found = {}
    for name, entry in data["reasons"].items():
        require_keys(path, entry, ["title", "said", "rules", "cite", "status"])
        found[str(name)] = Reason(
            str(name), str(entry["title"]), frozenset(names(path, entry, "rules", rules)), str(entry["cite"]),
            one_of(path, entry, "status", STATUSES), frozenset(names(path, entry, "said")))
    return found


@lru_cache(maxsize=8)
def load_rules(folder: Path = FOLDER) -> Rules:
    """`due.yaml`, `pauses.yaml`, `office_hours.yaml`. Raises ConfigError with file, line, what and how to mend it."""
    figures = _read_figures(folder / "due.yaml")
    reasons = _read_reasons(folder / "pauses.yaml", tuple(figures))
    for reason in reasons.values():
        for name in sorted(reason.rules):
            if all(figure.kind not in PAUSABLE for figure in figures[name]):
                raise ConfigError(folder / "pauses.yaml", None, f"{reason.id} is to pause {name}, which runs in hours",
                                  "hours on the wall clock stop for nothing: take it out of `rules`")
    rules = Rules({}, _read_office_hours(folder / "office_hours.yaml"), figures, reasons)
    newest = {}
    for name in figures:
        try:
            newest[name] = rules.find(name)
        except NoFigure:
            continue
    return Rules(newest, rules.office_hours, figures, reasons)
