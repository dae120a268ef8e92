"""A deadline as the record that `youmen due` prints."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actions.due.calendar import Calendar, load_calendar
from actions.due.clock import SHANGHAI, BadTime, Pause, due, in_shanghai
from actions.due.rules import Rules, load_rules


def read_time(text: str) -> datetime:
    """An ISO 8601 time with offset. Raises BadTime for anything else, also for a time without offset."""
    text = text.strip()
    iso = text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        raise BadTime(f"{text!r} is not a time", "write it like 2026-09-18T10:00:00+08:00") from None
    if moment.tzinfo is None:
        raise BadTime(f"{text!r} has no offset from UTC", "add one, such as +08:00")
    return moment


def due_record(rule: str, start: str, unit: str | None = None, pauses: Sequence[tuple[str, str, str]] = (),
               calendar: Calendar | None = None, rules: Rules | None = None) -> dict[str, Any]:
    """The record of DESIGN 5 for one deadline; `pauses` are (from, to, reason), times in ISO 8601 with offset.

    A reason is an id, a title or another word of pauses.yaml. Raises UnknownRule and UnknownReason (with the nearest
    name), NoFigure, BadCount or BadTime, all of them DueError.
    """
    calendar, rules = calendar or load_calendar(), rules or load_rules()
    begin = read_time(start)
    found = rules.find(rule, unit, in_shanghai(begin, "the start").date())
    spans = [(in_shanghai(read_time(first), "a pause"), in_shanghai(read_time(last), "a pause"), rules.reason(reason))
             for first, last, reason in pauses]
    if any(last < first for first, last, _ in spans):
        raise BadTime("a pause ends before it begins", "exchange its two times")
    stops = [Pause(first, last, reason.title) for first, last, reason in spans if rules.stops(reason, found)]
    result = due(found, begin, calendar, stops, rules.office_hours)
    return {
        "rule": rule,
        "from": begin.astimezone(SHANGHAI).isoformat(),
        "due": result.due.isoformat(),
        "provisional": result.provisional,
        "steps": [{"date": step.date.isoformat(), "kind": step.kind, "counted": step.counted, "why": step.why}
                  for step in result.steps],
        "pauses": [{"from": first.isoformat(), "to": last.isoformat(),
                    "reason": reason.title, "stops": rules.stops(reason, found),
                    "why": reason.cite if rules.stops(reason, found)
                    else calendar.words["not_paused"].format(reason=reason.title)} for first, last, reason in spans],
        "calendar": calendar.version,
        "cite": result.cite or None,
        "status": result.status,
    }
