"""When somebody is at the desk: office hours, how long an operator's lease lasts, what counts as one flood. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from actions.due.calendar import Calendar
from actions.due.clock import SHANGHAI, Due, due
from actions.due.rules import FOLDER, STATUSES, Rule
from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys

_OPENS = Rule("office_opens", "office_minutes", 1, "", "pending")
_DANGER = ("same_ticket_hours", "source_window_minutes", "source_tickets")


@dataclass(frozen=True)
class DeskTimes:
    """The figures of config/service_levels/desk.yaml. `status` as in due.yaml."""

    lease: timedelta
    beat_seconds: int
    held: timedelta
    same_ticket: timedelta
    source_window: timedelta
    source_tickets: int
    status: str


def _figure(path: Path, data: Any, key: str) -> int:
    value = data[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(path, line_of(data, key), f"{key} is {value!r}", "write a whole number above 0")
    return value


@lru_cache(maxsize=8)
def load_desk(folder: Path = FOLDER) -> DeskTimes:
    """Reads desk.yaml. Raises ConfigError; a lease must outlast several beats, or a slow network ends it."""
    path = folder / "desk.yaml"
    data = load_yaml(path)
    require_keys(path, data, ["status", "cite", "lease_minutes", "beat_seconds", "held_minutes", "danger"])
    require_keys(path, data["danger"], _DANGER)
    if data["status"] not in STATUSES:
        status = str(data["status"])
        raise ConfigError(path, line_of(data, "status"), f"unknown status {status!r}", nearest(status, STATUSES))
    lease, beat = timedelta(minutes=_figure(path, data, "lease_minutes")), _figure(path, data, "beat_seconds")
    if lease < timedelta(seconds=3 * beat):
        raise ConfigError(path, line_of(data, "lease_minutes"), "the lease is shorter than three beats",
                          "raise lease_minutes or lower beat_seconds")
    return DeskTimes(
        lease, beat, timedelta(minutes=_figure(path, data, "held_minutes")),
        timedelta(hours=_figure(path, data["danger"], "same_ticket_hours")),
        timedelta(minutes=_figure(path, data["danger"], "source_window_minutes")),
        _figure(path, data["danger"], "source_tickets"), str(data["status"]),
    )


def is_open(moment: datetime, hours: Sequence[tuple[time, time]], calendar: Calendar) -> bool:
    """Whether the office is open at this moment (aware): a working day, within its hours."""
    local = moment.astimezone(SHANGHAI)
    return calendar.is_working_day(local.date()) and any(
        opens <= local.time() < closes for opens, closes in hours)


def opens_at(moment: datetime, hours: Sequence[tuple[time, time]], calendar: Calendar) -> Due:
    """When the office opens next; the moment itself while it is open. `provisional`: in an unpublished year.

    Raises BadTime for a time no calendar reaches.
    """
    if is_open(moment, hours, calendar):
        return Due(moment.astimezone(SHANGHAI), False, (), "", _OPENS.status)
    first = due(_OPENS, moment, calendar, office_hours=hours)
    return Due(first.due - timedelta(minutes=1), first.provisional, first.steps, "", _OPENS.status)
