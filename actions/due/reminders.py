"""When somebody is reminded of a clock: before its deadline, at it and after it, when the office opens. Pure."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from actions.due.calendar import Calendar
from actions.due.clock import SHANGHAI
from actions.due.plan import Reminder
from actions.due.rules import Rule

Hours = Sequence[tuple[time, time]]
WHOLE_DAYS = ("working_days", "days")


def working_day(day: date, count: int, calendar: Calendar) -> date:
    """The `count`-th working day after `day`, or before it if negative; 0: the last one that is not after it."""
    if count == 0:
        while not calendar.is_working_day(day):
            day -= timedelta(days=1)
        return day
    step = timedelta(days=1 if count > 0 else -1)
    left = abs(count)
    while left:
        day += step
        left -= calendar.is_working_day(day)
    return day


def _opening(day: date, hours: Hours) -> datetime:
    return datetime.combine(day, hours[0][0], SHANGHAI)


def moment_of(reminder: Reminder, rule: Rule, start: datetime, due_at: datetime, calendar: Calendar,
              hours: Hours) -> datetime | None:
    """When this reminder of a clock comes (Asia/Shanghai); None for one that would come before the clock has begun.

    The clock runs from `start` to `due_at` (both aware) by `rule`. Whole days are told of when the office opens on a
    working day, never at midnight.
    """
    begin, end = start.astimezone(SHANGHAI), due_at.astimezone(SHANGHAI)
    if reminder.kind == "working_days":
        count = -reminder.count if reminder.when == "before" else reminder.count
        found = _opening(working_day(end.date(), count, calendar), hours)
    elif reminder.when == "at" and rule.kind in WHOLE_DAYS:
        found = _opening(working_day(end.date(), 0, calendar), hours)
        if found <= begin:  # a clock of a few days within a holiday: no office opens before its end
            found = max(_opening(end.date(), hours), begin)
    else:
        found = end + timedelta(hours=-reminder.count if reminder.when == "before" else reminder.count)
        if rule.kind in WHOLE_DAYS and reminder.when == "after":  # it ended at midnight: nobody is told by night
            found = _opening(working_day(found.date() - timedelta(days=1), 1, calendar), hours)
    return None if reminder.when == "before" and found <= begin else found


def ladder_of(ladder: Sequence[Reminder], rule: Rule, start: datetime, due_at: datetime, calendar: Calendar,
              hours: Hours) -> list[tuple[datetime, Reminder]]:
    """Every reminder of a clock with its moment, the earliest first."""
    found = [(moment_of(reminder, rule, start, due_at, calendar, hours), reminder) for reminder in ladder]
    return sorted(((at, reminder) for at, reminder in found if at is not None), key=lambda pair: (pair[0], pair[1].id))
