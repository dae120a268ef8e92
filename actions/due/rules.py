"""Which clocks exist: named rules from config with their source, and generic ones such as working_days:10."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from functools import lru_cache
from pathlib import Path

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys

FOLDER = Path(__file__).resolve().parents[2] / "config" / "service_levels"
KINDS = ("working_days", "days", "hours", "office_minutes")
STATUSES = ("confirmed", "pending", "comparator")
LARGEST = {"working_days": 3650, "days": 3650, "hours": 87_600, "office_minutes": 525_600}
REQUIRED = ("title", "used_for", "kind", "count", "cite", "source", "published_on", "status")


class DueError(Exception):
    """A deadline cannot be computed; `what` says why, `mend` what to do."""

    def __init__(self, what: str, mend: str) -> None:
        self.what, self.mend = what, mend
        super().__init__(f"{what} — {mend}")


class UnknownRule(DueError):
    """No such rule; `mend` names the nearest one."""


class BadCount(DueError):
    """The number of a generic rule is missing, not whole, zero or far too large."""


@dataclass(frozen=True)
class Rule:
    """A clock: `count` working days, days, hours or office minutes, with its source and confirmation state."""

    id: str
    kind: str
    count: int
    cite: str
    status: str
    title: str = ""


@dataclass(frozen=True)
class Rules:
    """Every named rule, and the office hours that office minutes are counted in."""

    named: Mapping[str, Rule]
    office_hours: tuple[tuple[time, time], ...]

    def find(self, rule: str, unit: str | None = None) -> Rule:
        """The named rule, or the generic one that `rule` spells. Raises UnknownRule or BadCount.

        `unit` is accepted so that callers need not change when a unit gets a figure of its own; none has one yet.
        """
        rule = rule.strip()
        if rule in self.named:
            return self.named[rule]
        kind, colon, count = rule.partition(":")
        if colon and kind in KINDS:
            if not (count.isascii() and count.isdigit() and 1 <= int(count[:9]) <= LARGEST[kind]):
                raise BadCount(f"{rule!r} has no usable number", f"write {kind}:N with N from 1 to {LARGEST[kind]}")
            return Rule(rule, kind, int(count), "", "confirmed", "")
        generic = [f"{name}:N" for name in KINDS]
        raise UnknownRule(f"there is no rule {rule!r}", nearest(kind if colon else rule, [*self.named, *generic]))


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


@lru_cache(maxsize=8)
def load_rules(folder: Path = FOLDER) -> Rules:
    """`due.yaml` and `office_hours.yaml` of the folder. Raises ConfigError with file, line, what and how to mend."""
    path = folder / "due.yaml"
    data = load_yaml(path)
    require_keys(path, data, ["rules"])
    named: dict[str, Rule] = {}
    for name, entry in data["rules"].items():
        require_keys(path, entry, REQUIRED)
        kind, status, count = str(entry["kind"]), str(entry["status"]), entry["count"]
        if kind not in KINDS:
            raise ConfigError(path, line_of(entry, "kind"), f"unknown kind {kind!r}", nearest(kind, KINDS))
        if status not in STATUSES:
            raise ConfigError(path, line_of(entry, "status"), f"unknown status {status!r}", nearest(status, STATUSES))
        if not isinstance(count, int) or not 1 <= count <= LARGEST[kind]:
            raise ConfigError(path, line_of(entry, "count"), f"count {count!r} is out of range",
                              f"write a whole number from 1 to {LARGEST[kind]}")
        named[str(name)] = Rule(str(name), kind, count, str(entry["cite"]), status, str(entry["title"]))
    return Rules(named, _read_office_hours(folder / "office_hours.yaml"))
