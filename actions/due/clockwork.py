"""The clocks of a ticket put together: which rule one follows, when it is due, who is reminded when. Pure."""
from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from actions.due.calendar import Calendar, load_calendar
from actions.due.clock import SHANGHAI, Due, Pause, due
from actions.due.plan import Clock, Plan, Reminder, load_plan
from actions.due.reminders import ladder_of
from actions.due.rules import DueError, NoFigure, Rule, Rules, load_rules

FILES = ("due.yaml", "pauses.yaml", "office_hours.yaml", "clocks.yaml", "reminders.yaml")


@dataclass(frozen=True)
class Stop:
    """One pause of a clock: the id of its reason, from when to when (aware)."""

    reason: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Clockwork:
    """Calendar, rules and plan: everything a deadline rests on but the ticket itself."""

    calendar: Calendar
    rules: Rules
    plan: Plan
    digest: str = ""  # of everything read: another one, and open deadlines are computed again

    def figure(self, rule: str, unit: str | None, start: datetime) -> Rule:
        """The figure of a rule for a unit on the day the clock starts. Raises UnknownRule, NoFigure."""
        return self.rules.find(rule, unit, start.astimezone(SHANGHAI).date())

    def choose(self, clock: str, case: Mapping[str, str], unit: str | None, start: datetime) -> str | None:
        """The rule this clock follows for such a ticket; None: it has no such clock, or nobody knows the figure."""
        rule = self.plan.clocks[clock].rule(case)
        if rule is None:
            return None
        try:
            self.figure(rule, unit, start)
        except NoFigure:
            return None
        return rule

    def due(self, rule: str, unit: str | None, start: datetime, stops: Sequence[Stop] = (),
            extended: date | None = None) -> Due:
        """When the rule runs out. A stop whose reason does not stop it changes nothing. Raises NoFigure, BadTime."""
        figure = self.figure(rule, unit, start)
        pauses = []
        for stop in stops:
            reason = self.rules.reasons.get(stop.reason)
            if reason is not None and self.rules.stops(reason, figure):
                pauses.append(Pause(stop.start, stop.end, reason.title))
        return due(figure, start, self.calendar, pauses, self.rules.office_hours, extended)

    def status(self, rule: str, unit: str | None, start: datetime) -> str:
        """confirmed, pending or comparator: the state of the figure; pending for a rule that is no longer known."""
        try:
            return self.figure(rule, unit, start).status
        except DueError:
            return "pending"

    def stopped_by(self, rule: str, unit: str | None, start: datetime, reason: str) -> bool:
        """Whether this reason stops this clock; one whose rule has gone runs on to the deadline it was given."""
        try:
            return self.rules.stops(self.rules.reasons[reason], self.figure(rule, unit, start))
        except DueError:
            return False

    def leading(self, case: Mapping[str, str], unit: str | None, start: datetime, state: str) -> tuple[str, Due]:
        """Rule and deadline that lead a ticket opened now in this state; where nobody knows the figure of a clock that
        leads, the first of another one, for nobody is turned away for that. Raises NoFigure where no clock runs."""
        opening = self.plan.opening(state)
        for name in sorted(opening, key=lambda name: not self.plan.clocks[name].leads):
            rule = self.choose(name, case, unit, start)
            if rule is not None:
                return rule, self.due(rule, unit, start)
        raise NoFigure(f"no clock leads for {dict(case)}", "let one of clocks.yaml lead, with a figure in due.yaml")

    def ladder(self, clock: str, rule: str, unit: str | None, start: datetime,
               due_at: datetime) -> list[tuple[datetime, Reminder]]:
        """Every reminder of a clock that is due at `due_at`, the earliest first."""
        return ladder_of(self.plan.clocks[clock].ladder, self.figure(rule, unit, start), start, due_at, self.calendar,
                         self.rules.office_hours)

    def titled(self, clock: str) -> Clock | None:
        """The clock of this id; None for one that the plan no longer has."""
        return self.plan.clocks.get(clock)


def load_clockwork(config: Path) -> Clockwork:
    """The clockwork of a config folder. Raises ConfigError."""
    levels = config / "service_levels"
    calendar, rules, plan = load_calendar(config / "calendar"), load_rules(levels), load_plan(levels)
    read = hashlib.sha256(calendar.digest.encode())
    for name in FILES:
        read.update((levels / name).read_bytes())
    return Clockwork(calendar, rules, plan, read.hexdigest()[:16])
