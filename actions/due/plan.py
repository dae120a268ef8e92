"""Which clocks a ticket has, which rule each follows, and who is reminded of it when. Pure."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from actions.due.rules import FOLDER, LARGEST, STATUSES, Rules, load_rules, names, one_of
from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys

CASE = ("programme", "urgency", "aid_first", "desk", "source", "event_kind")  # what `when` may look at
WHEN = ("before", "at", "after")
RANKS = ("officer", "head", "district")
OFFSETS = ("working_days", "hours")


@dataclass(frozen=True)
class Reminder:
    """One rung: `count` working days or hours before or after the deadline, or at it, and whom it goes to."""

    id: str
    when: str
    kind: str
    count: int
    to: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """The rule that runs when every column of the ticket named in `when` has one of its values."""

    when: Mapping[str, frozenset[str]]
    rule: str

    def fits(self, case: Mapping[str, str]) -> bool:
        """Whether this is the ticket's line."""
        return all(case.get(column, "") in values for column, values in self.when.items())


@dataclass(frozen=True)
class Clock:
    """One clock of a ticket. `leads`: lists sort by it and the resident is told of it.

    `opens`: it starts with a ticket that is opened in one of these states. `each_desk`: another desk gets the ticket,
    and it begins anew for that one. `waits`: while it runs nothing is to be done.
    """

    id: str
    title: str
    choices: tuple[Choice, ...]
    ladder: tuple[Reminder, ...]
    leads: bool
    opens: tuple[str, ...]
    each_desk: bool = False
    waits: bool = False

    def rule(self, case: Mapping[str, str]) -> str | None:
        """The id of the rule for such a ticket; None: it has no such clock."""
        return next((choice.rule for choice in self.choices if choice.fits(case)), None)


@dataclass(frozen=True)
class Plan:
    """Every clock with its reminders, and what the daily list calls stuck (working days)."""

    clocks: Mapping[str, Clock]
    quiet: int
    paused: int
    handed: int

    def opening(self, state: str) -> tuple[str, ...]:
        """The clocks that start with a ticket opened in this state."""
        return tuple(clock.id for clock in self.clocks.values() if state in clock.opens)


def _reminder(path: Path, entry: Any) -> Reminder:
    require_keys(path, entry, ["id", "when", "to"], ["by"])
    when, to = one_of(path, entry, "when", WHEN), names(path, entry, "to", RANKS)
    if when == "at":
        if "by" in entry:
            raise ConfigError(path, line_of(entry, "by"), "`at` is the deadline itself", "take `by` away")
        return Reminder(str(entry["id"]), when, "hours", 0, to)
    kind, _, count = str(entry.get("by") or "").partition(":")
    if kind not in OFFSETS or not count.isdigit() or not 1 <= int(count) <= LARGEST[kind]:
        raise ConfigError(path, line_of(entry), f"`by` is {entry.get('by')!r}", "write by: working_days:1 or hours:2")
    return Reminder(str(entry["id"]), when, kind, int(count), to)


def _ladders(path: Path, data: Any) -> dict[str, tuple[Reminder, ...]]:
    found = {}
    for name, rungs in data.items():
        ladder = tuple(_reminder(path, entry) for entry in rungs)
        if len({reminder.id for reminder in ladder}) < len(ladder):
            raise ConfigError(path, line_of(data, name), f"an id stands twice in {name}", "give each its own id")
        found[str(name)] = ladder
    return found


def _choice(path: Path, entry: Any, rules: Rules) -> Choice:
    require_keys(path, entry, ["rule"], ["when"])
    when = entry.get("when") or {}
    for column in when:
        if column not in CASE:
            raise ConfigError(path, line_of(when, column), f"unknown column {column!r}", nearest(str(column), CASE))
    return Choice({str(column): frozenset(names(path, when, column)) for column in when},
                  one_of(path, entry, "rule", tuple(rules.figures)))


def _days(path: Path, data: Any, key: str) -> int:
    value = data[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 365:
        raise ConfigError(path, line_of(data, key), f"{key} is {value!r}", "write a whole number of working days")
    return value


@lru_cache(maxsize=8)
def load_plan(folder: Path = FOLDER) -> Plan:
    """`clocks.yaml` and `reminders.yaml` of the folder. Raises ConfigError with file, line, what and how to mend it."""
    rules, reminders, path = load_rules(folder), folder / "reminders.yaml", folder / "clocks.yaml"
    said = load_yaml(reminders)
    require_keys(reminders, said, ["status", "cite", "ladders", "stuck"])
    one_of(reminders, said, "status", STATUSES)
    require_keys(reminders, said["stuck"], ["quiet_working_days", "paused_working_days", "handed_working_days"])
    ladders = _ladders(reminders, said["ladders"])
    data = load_yaml(path)
    require_keys(path, data, ["clocks"])
    clocks = {}
    for name, entry in data["clocks"].items():
        require_keys(path, entry, ["title", "rules", "ladder"], ["leads", "opens", "each_desk", "waits"])
        choices: Sequence[Choice] = [_choice(path, one, rules) for one in entry["rules"]]
        ladder = ladders[one_of(path, entry, "ladder", tuple(ladders))]
        clocks[str(name)] = Clock(str(name), str(entry["title"]), tuple(choices), ladder, entry.get("leads") is True,
                                  names(path, entry, "opens") if "opens" in entry else (),
                                  entry.get("each_desk") is True, entry.get("waits") is True)
    return Plan(clocks, _days(reminders, said["stuck"], "quiet_working_days"),
                _days(reminders, said["stuck"], "paused_working_days"),
                _days(reminders, said["stuck"], "handed_working_days"))
