"""The week as it is written down: the township, its tickets and what each morning should show. Read here, played in town.py."""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from actions.due.clock import SHANGHAI

HERE = Path(__file__).parent
YEAR = 2026
LOOK_AT = "09:05"
ENDED, STATES = "23:59", ("kept", "missed", "runs")
_CLOCK = re.compile(r"(?P<clock>\w+) (?P<due>\d\d-\d\d \d\d:\d\d) (?P<how>kept|missed|runs)(?: (?P<stopped>\d\d-\d\d \d\d:\d\d))? (?P<why>\S.*)")


def moment(text: str) -> datetime:
    """"10-08 09:30" of the year of the week, in Chongqing."""
    return datetime.fromisoformat(f"{YEAR}-{text}").replace(tzinfo=SHANGHAI)


def shown(at: datetime) -> str:
    """A moment as the story writes it."""
    return at.astimezone(SHANGHAI).strftime("%m-%d %H:%M")


@dataclass(frozen=True)
class Step:
    """Somebody does something with a ticket; `refused` is part of the sentence with which the product says no."""

    at: datetime
    who: str
    command: str
    form: Mapping[str, str]
    refused: str | None = None


@dataclass(frozen=True)
class Expected:
    """A clock of a ticket as counted on paper. `stopped` is None while it runs."""

    clock: str
    due: str
    how: str
    stopped: str | None
    why: str

    @property
    def row(self) -> tuple[str, str, str, str | None]:
        """What is compared."""
        return self.clock, self.due, self.how, self.stopped


@dataclass(frozen=True)
class Case:
    """One ticket of the week."""

    id: str
    title: str
    came: Mapping[str, Any]
    steps: tuple[Step, ...]
    clocks: tuple[Expected, ...]
    told: tuple[str, ...]
    silent: int
    state: str
    owner: str
    late: Mapping[str, str]

    @property
    def at(self) -> datetime:
        """When it came."""
        return moment(self.came["at"])


@dataclass(frozen=True)
class Day:
    """One morning: what staff should see."""

    day: date
    name: str
    open: int
    hands: Mapping[str, list[str]]
    due: Mapping[str, list[str]]
    overdue: Mapping[str, list[str]]
    stuck: Mapping[str, list[str]]
    reminders: Mapping[str, int]
    deeds: tuple[Mapping[str, str], ...] = ()

    @property
    def at(self) -> datetime:
        """When it is looked at."""
        return datetime.fromisoformat(f"{self.day} {LOOK_AT}").replace(tzinfo=SHANGHAI)


@dataclass(frozen=True)
class Story:
    """All of it."""

    cast: Mapping[str, Any]
    cases: Mapping[str, Case]
    days: tuple[Day, ...]
    forms: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def _load(name: str) -> Any:
    return yaml.load((HERE / name).read_text("utf-8"), yaml.BaseLoader)  # every value is text, as a form sends it


def _step(line: Any) -> Step:
    """"10-08 09:30 zhang accept", or {that: form, refused: words}."""
    refused = line.pop("refused", None) if isinstance(line, dict) else None
    head, form = (line, {}) if isinstance(line, str) else next(iter(line.items()))
    day, time, who, command = head.split(" ")
    return Step(moment(f"{day} {time}"), who, command, form, refused)


def _clock(line: str) -> Expected:
    found = _CLOCK.fullmatch(line)
    assert found is not None and (found["how"] == "runs") == (found["stopped"] is None), f"not a clock: {line}"
    return Expected(found["clock"], found["due"], found["how"], found["stopped"], found["why"])


def load_story() -> Story:
    """Reads cast.yaml, forms.yaml, days.yaml and tickets/*.yaml."""
    cases = {}
    for path in sorted((HERE / "tickets").glob("*.yaml")):
        for entry in _load(f"tickets/{path.name}"):
            cases[entry["id"]] = Case(
                entry["id"], entry["title"], entry["came"], tuple(_step(line) for line in entry["steps"]),
                tuple(_clock(line) for line in entry["clocks"]), tuple(entry["told"]), int(entry.get("silent", 0)),
                entry["state"], entry["owner"], entry.get("late", {}))
    days = tuple(
        Day(date.fromisoformat(entry["day"]), entry["name"], int(entry["open"]), entry["hands"], entry["due"], entry["overdue"],
            entry["stuck"], {name: int(count) for name, count in entry["reminders"].items()}, tuple(entry.get("deeds", ())))
        for entry in _load("days.yaml"))
    return Story(_load("cast.yaml"), cases, days, _load("forms.yaml"))
