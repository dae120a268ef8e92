"""When one ticket reminds of another: same person and cause, or two places for one emergency. Never blocks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class DuplicateRule:
    """A rule with its source and confirmation state; `months` is how far apart two tickets may lie."""

    id: str
    title: str
    cite: str
    status: str
    months: int = 0


@dataclass(frozen=True)
class DuplicateRules:
    """The rules of config/tickets/duplicates.yaml."""

    repeat: DuplicateRule
    double: DuplicateRule
    told: DuplicateRule
    told_answers: frozenset[str]
    silent_states: frozenset[str]


@dataclass(frozen=True)
class Trace:
    """What the rule looks at of a ticket. `unit_name`: where the emergency lies; `household`: the household's unit."""

    number: str
    event_kind: str | None
    opened_on: date
    unit_name: str | None
    household: str | None
    state: str


@dataclass(frozen=True)
class Match:
    """Another ticket of the same people, and by what they were recognised: phone, identity, contact or person."""

    trace: Trace
    by: frozenset[str]


@dataclass(frozen=True)
class Reminder:
    """A rule that speaks, and the other ticket it speaks of (None: what the resident said)."""

    rule: DuplicateRule
    match: Match | None


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier; the month's last day where it has no such day."""
    first = day.year * 12 + day.month - 1 - months
    year, month = divmod(first, 12)
    after = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (after - timedelta(days=1)).day))


def within(one: date, other: date, months: int) -> bool:
    """Whether two days lie less than so many months apart, in whatever order."""
    early, late = sorted((one, other))
    return early > months_before(late, months)


def reminders_of(
    rules: DuplicateRules, ticket: Trace, others: Iterable[Match], asked_before: object = None
) -> list[Reminder]:
    """What staff should know before they decide; the nearest ticket first.

    `others` are tickets of the same people, found by keyed hashes and joined contacts. Without a cause nothing is the
    same cause.
    """
    found = []
    for match in sorted(others, key=lambda match: abs((match.trace.opened_on - ticket.opened_on).days)):
        other = match.trace
        if other.number == ticket.number or other.state in rules.silent_states:
            continue
        if ticket.event_kind is None or other.event_kind != ticket.event_kind:
            continue
        if _two_places(ticket, other) and within(ticket.opened_on, other.opened_on, rules.double.months):
            found.append(Reminder(rules.double, match))
        elif within(ticket.opened_on, other.opened_on, rules.repeat.months):
            found.append(Reminder(rules.repeat, match))
    if isinstance(asked_before, str) and asked_before in rules.told_answers:
        found.append(Reminder(rules.told, None))
    return found


def _two_places(one: Trace, other: Trace) -> bool:
    if one.unit_name is None or other.unit_name is None or one.unit_name == other.unit_name:
        return False
    return one.unit_name == other.household or other.unit_name == one.household
