"""Computes a deadline from a rule and a start, and says for every day why it counted or not."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from actions.due.calendar import Calendar, Day
from actions.due.rules import DueError, Rule

# Where the machine has no time zone data: China has had no summer time since 1991.
try:
    SHANGHAI: tzinfo = ZoneInfo("Asia/Shanghai")
except ZoneInfoNotFoundError:
    SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
END_OF_DAY = time(23, 59, 59)
FARTHEST = date(9990, 1, 1)


class BadTime(DueError):
    """A time is malformed, has no offset, or lies where no calendar reaches."""


@dataclass(frozen=True)
class Pause:
    """A named stop of the clock, half-open. It never stops hours on the wall clock."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True)
class Step:
    """One day on the way: `kind` as in the day table or provisional, whether it counted, and why."""

    date: date
    kind: str
    counted: bool
    why: str


@dataclass(frozen=True)
class Due:
    """The deadline (Asia/Shanghai), whether it rests on an unpublished year, and how it came about."""

    due: datetime
    provisional: bool
    steps: tuple[Step, ...]
    cite: str
    status: str


def in_shanghai(moment: datetime, what: str) -> datetime:
    """The moment on Shanghai's clocks. Raises BadTime for a naive one, or one that no calendar reaches."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise BadTime(f"{what} {moment.isoformat()} has no offset from UTC", "add one, such as +08:00")
    try:
        local = moment.astimezone(SHANGHAI)
    except OverflowError:
        raise BadTime(f"{what} {moment.isoformat()} is out of reach", "give a date of this century") from None
    if not 1992 <= local.year <= 2200:
        raise BadTime(f"{what} {moment.isoformat()} is out of reach", "give a date between 1992 and 2200")
    return local


def _pause_over_midnight(day: date, pauses: Sequence[Pause]) -> Pause | None:
    """The pause that the day's midnight lies in: such a day does not count, so a pause costs the nights it lasts."""
    midnight = datetime.combine(day + timedelta(days=1), time(0), SHANGHAI)
    return next((pause for pause in pauses if pause.start <= midnight < pause.end), None)


def _why(day: Day, calendar: Calendar) -> str:
    words = calendar.words
    if day.kind == "provisional":
        return words["provisional_work"] if day.worked else words["provisional_rest"]
    by_kind = {"work": "working_day", "makeup": "makeup_day", "holiday": "holiday", "rest": "rest_day"}
    return words[by_kind[day.kind]].format(name=day.name)


def _whole_days(rule: Rule, start: datetime, calendar: Calendar,
                pauses: Sequence[Pause]) -> tuple[datetime, list[Step]]:
    """Days end at 23:59:59; day 1 is the day after receipt."""
    words, when = calendar.words, start.date()
    steps = [Step(when, calendar.day(when).kind, False, words["start"])]
    left = rule.count
    while left:
        when += timedelta(days=1)
        if when > FARTHEST:
            raise BadTime("the clock never runs out", "give its pauses an end")
        day = calendar.day(when)
        pause = _pause_over_midnight(when, pauses)
        counted = day.worked if rule.kind == "working_days" else True
        why = _why(day, calendar) if rule.kind == "working_days" else words["calendar_day"]
        if counted and pause:
            counted, why = False, words["paused"].format(reason=pause.reason)
        left -= counted
        steps.append(Step(when, day.kind, counted, why))
    return datetime.combine(when, END_OF_DAY, SHANGHAI), steps


def _hours(rule: Rule, start: datetime, calendar: Calendar) -> tuple[datetime, list[Step]]:
    end = start + timedelta(hours=rule.count)
    steps, when = [], start.date()
    while when <= end.date():
        why = calendar.words["start_now" if when == start.date() else "hour_day"]
        steps.append(Step(when, calendar.day(when).kind, True, why))
        when += timedelta(days=1)
    return end, steps


def _open_spans(when: date, office_hours: Sequence[tuple[time, time]], start: datetime,
                pauses: Sequence[Pause]) -> list[tuple[datetime, datetime]]:
    """The stretches of one working day in which office minutes run."""
    spans = [(max(datetime.combine(when, opens, SHANGHAI), start), datetime.combine(when, closes, SHANGHAI))
             for opens, closes in office_hours]
    for pause in pauses:
        spans = [piece for opens, closes in spans
                 for piece in ((opens, min(closes, pause.start)), (max(opens, pause.end), closes))]
    return [(opens, closes) for opens, closes in sorted(set(spans)) if opens < closes]


def _office_minutes(rule: Rule, start: datetime, calendar: Calendar, pauses: Sequence[Pause],
                    office_hours: Sequence[tuple[time, time]]) -> tuple[datetime, list[Step]]:
    left, when, steps = timedelta(minutes=rule.count), start.date(), []
    while True:
        if when > FARTHEST:
            raise BadTime("the clock never runs out", "give its pauses an end")
        day = calendar.day(when)
        spans = _open_spans(when, office_hours, start, pauses) if day.worked else []
        word = calendar.words["office_day" if spans else "office_closed"]
        why = word if day.worked and day.kind != "provisional" else _why(day, calendar)
        steps.append(Step(when, day.kind, bool(spans), why))
        for opens, closes in spans:
            if left <= closes - opens:
                return opens + left, steps
            left -= closes - opens
        when += timedelta(days=1)


def _extended(end: datetime, steps: list[Step], until: date, calendar: Calendar) -> datetime:
    """The end moved to the end of `until`, its days added to the steps; an extension never makes it earlier."""
    later = datetime.combine(until, END_OF_DAY, SHANGHAI)
    if later <= end:
        return end
    when, why = steps[-1].date, calendar.words["extended"].format(until=until.isoformat())
    while when < until:
        when += timedelta(days=1)
        steps.append(Step(when, calendar.day(when).kind, False, why))
    return later


def due(rule: Rule, start: datetime, calendar: Calendar, pauses: Sequence[Pause] = (),
        office_hours: Sequence[tuple[time, time]] = (), extended: date | None = None) -> Due:
    """When `rule` runs out if it starts at `start` (aware). Raises BadTime for a naive or unreachable time.

    Working days and days: the day of receipt is not counted, the last ends at 23:59:59 Asia/Shanghai, a day whose
    midnight lies in a pause does not count. Hours run on the wall clock and nothing pauses them. Office minutes run
    in `office_hours` of working days. A plain day is not moved off a holiday: the stricter reading. `extended` is the
    day a granted extension reaches to; hours are not extended. Source of the conventions: notes/hotline.md 2.5.
    """
    begin = in_shanghai(start, "the start")
    stops = sorted((Pause(in_shanghai(pause.start, "a pause"), in_shanghai(pause.end, "a pause"), pause.reason)
                    for pause in pauses), key=lambda pause: (pause.start, pause.end, pause.reason))
    for pause in stops:
        if pause.end < pause.start:
            raise BadTime(f"the pause {pause.reason!r} ends before it begins", "exchange its two times")
    if rule.kind == "hours":
        end, steps = _hours(rule, begin, calendar)
    elif rule.kind == "office_minutes":
        if not office_hours:
            raise DueError("office minutes need office hours", "pass Rules.office_hours")
        end, steps = _office_minutes(rule, begin, calendar, stops, office_hours)
    else:
        end, steps = _whole_days(rule, begin, calendar, stops)
    # Only where days are told apart can a year that is not yet published change the result.
    tells_days = rule.kind in ("working_days", "office_minutes")
    provisional = tells_days and any(step.kind == "provisional" for step in steps)
    if extended is not None and rule.kind != "hours" and (later := _extended(end, steps, extended, calendar)) > end:
        end, provisional = later, False  # the day was named by a person, whatever the calendar will be
    return Due(end, provisional, tuple(steps), rule.cite, rule.status)
