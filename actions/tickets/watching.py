"""Reads the clocks of tickets, what is stuck and why, and what staff were reminded of; only through access."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import visible_tickets
from actions.access.rules import HEAD, Viewer
from actions.due.clock import SHANGHAI, Due
from actions.due.clockwork import Clockwork
from actions.due.reminders import working_day
from actions.due.rules import DueError
from actions.storage.tables import Notice, Staff, Subticket, Ticket, TicketClock, TicketEvent
from actions.tickets.commands.clocks import stops_of
from actions.tickets.handover.rules import DEPARTMENT, TOWNSHIP

NEWS_DAYS = 14
OVERDUE, PAUSED, QUIET, UNDECIDED, NOBODY = "overdue", "paused", "quiet", "undecided", "nobody"
UNANSWERED, HANDED = "unanswered", "handed"


@dataclass(frozen=True)
class Told:
    """One clock of a ticket as a page tells it. `due` holds the days one by one; None where its rule is gone."""

    row: TicketClock
    title: str
    rule: str
    cite: str
    status: str
    state: str
    due: Due | None


def clocks_of(session: Session, clockwork: Clockwork, ticket: Ticket, now: datetime) -> list[Told]:
    """The clocks of a ticket already obtained through access: running ones by deadline, then stopped ones.

    `state`: late, runs, paused, kept (stopped in time) or missed.
    """
    rows = session.execute(sa.select(TicketClock).where(TicketClock.ticket_id == ticket.id)).scalars().all()
    ordered = sorted(rows, key=lambda row: (row.stopped_at is not None, row.stopped_at or row.due_at, row.id))
    return [_told(clockwork, row, now) for row in ordered]


@dataclass(frozen=True)
class Running:
    """A clock that runs beside the one a ticket shows: its title, and when it ends."""

    title: str
    due_at: datetime


def running_clocks(session: Session, clockwork: Clockwork, tickets: Iterable[Ticket]) -> dict[int, list[Running]]:
    """Ticket id → the clocks that run and do not lead, the next deadline first. A hand's breadth before the deadline
    that lists sort by there may be an earlier one: the call to the resident, the aid of tonight."""
    ids = [ticket.id for ticket in tickets]
    rows = session.execute(
        sa.select(TicketClock)
        .where(TicketClock.ticket_id.in_(ids), TicketClock.stopped_at.is_(None), TicketClock.paused_at.is_(None))
        .order_by(TicketClock.due_at, TicketClock.id)
    ).scalars()
    found: dict[int, list[Running]] = {}
    for row in rows:
        clock = clockwork.titled(row.clock)
        if clock is not None and not clock.leads:
            found.setdefault(row.ticket_id, []).append(Running(clock.title, row.due_at))
    return found


def _told(clockwork: Clockwork, row: TicketClock, now: datetime) -> Told:
    clock = clockwork.titled(row.clock)
    title = clock.title if clock is not None else row.clock
    try:
        figure = clockwork.figure(row.rule, row.unit_id, row.started_at)
        found = clockwork.due(row.rule, row.unit_id, row.started_at, stops_of(row, now), row.extended_to)
        return Told(row, title, figure.title, figure.cite, figure.status, _state(row, now), found)
    except DueError:
        return Told(row, title, row.rule, "", "pending", _state(row, now), None)


def _state(row: TicketClock, now: datetime) -> str:
    if row.stopped_at is not None:
        return "kept" if row.stopped_at <= row.due_at else "missed"
    return "paused" if row.paused_at is not None else "late" if row.due_at < now else "runs"


@dataclass
class Stuck:
    """A ticket that does not move, and why: reason → since when (aware), with the titles of its overdue clocks."""

    ticket: Ticket
    since: dict[str, datetime] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)

    @property
    def order(self) -> tuple[bool, datetime, int]:
        """Life in danger first, then who has waited longest."""
        return self.ticket.urgency != "life_danger", min(self.since.values()), self.ticket.id


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), SHANGHAI)


def stuck(session: Session, tickets: Any, clockwork: Clockwork, now: datetime) -> list[Stuck]:
    """What is stuck among `tickets` (a SELECT of Ticket, such as visible_tickets gives): overdue, stopped for a reason
    for too long, quiet, an extension nobody decides, a department that does not answer, what one gave back and nobody
    has seen to, or in nobody's hands."""
    today, plan = now.astimezone(SHANGHAI).date(), clockwork.plan
    quiet = _midnight(working_day(today, -plan.quiet, clockwork.calendar))
    paused = _midnight(working_day(today, -plan.paused, clockwork.calendar))
    opened = tickets.where(Ticket.closed_at.is_(None))
    found: dict[int, Stuck] = {}

    def note(ticket: Ticket, reason: str, since: datetime) -> Stuck:
        entry = found.setdefault(ticket.id, Stuck(ticket))
        entry.since[reason] = min(since, entry.since.get(reason, since))
        return entry

    runs = sa.and_(TicketClock.ticket_id == Ticket.id, TicketClock.stopped_at.is_(None))
    late = sa.and_(runs, TicketClock.paused_at.is_(None), TicketClock.due_at < now)
    for ticket, row in session.execute(tickets.add_columns(TicketClock).join(TicketClock, late)):
        clock = clockwork.titled(row.clock)
        note(ticket, OVERDUE, row.due_at).late.append(clock.title if clock is not None else row.clock)
    for ticket, since in session.execute(
            opened.add_columns(TicketClock.paused_at).join(TicketClock, sa.and_(runs, TicketClock.paused_at < paused))):
        note(ticket, PAUSED, since)
    waiting = [clock.id for clock in plan.clocks.values() if clock.waits]
    for ticket, since in session.execute(_quiet(opened, quiet, waiting, now)):
        note(ticket, QUIET, since)
    for ticket, since in session.execute(_undecided(opened)):
        note(ticket, UNDECIDED, since)
    for ticket, since in session.execute(_unanswered(opened, now, quiet)):
        note(ticket, UNANSWERED, since)
    handed = _midnight(working_day(today, -plan.handed, clockwork.calendar))
    for ticket, since in session.execute(_handed(opened, handed)):
        note(ticket, HANDED, since)
    for ticket in session.execute(_nobody(opened)).scalars():
        note(ticket, NOBODY, ticket.accepted_at or ticket.created_at)
    return sorted(found.values(), key=lambda entry: entry.order)


def _quiet(opened: Any, before: datetime, waiting: list[str], now: datetime) -> Any:
    """Tickets with which no person has done anything since `before`, and when somebody last did; without those that
    wait for one of the clocks `waiting`."""
    waits = sa.exists().where(TicketClock.ticket_id == Ticket.id, TicketClock.clock.in_(waiting),
                              TicketClock.stopped_at.is_(None), TicketClock.due_at >= now)
    by_people = sa.and_(TicketEvent.ticket_id == Ticket.id, TicketEvent.actor != "system")
    last = sa.select(sa.func.max(TicketEvent.at)).where(by_people).correlate(Ticket).scalar_subquery()
    since = sa.func.coalesce(last, Ticket.created_at)
    return opened.add_columns(since.label("since")).where(Ticket.created_at < before, since < before, ~waits)


def _undecided(opened: Any) -> Any:
    """Tickets with a request for more time that nobody has answered."""
    asked, later = sa.orm.aliased(TicketEvent), sa.orm.aliased(TicketEvent)
    answered = sa.exists().where(later.ticket_id == asked.ticket_id, later.id > asked.id,
                                 later.kind.in_(("extension_decided", "reopened")))
    waits = sa.and_(asked.ticket_id == Ticket.id, asked.kind == "extension_asked", ~answered)
    return opened.add_columns(asked.at).join(asked, waits)


def _unanswered(opened: Any, now: datetime, quiet: datetime) -> Any:
    """Tickets with a department that is late by our promise or, where none was made, has been silent since `quiet`."""
    late = sa.or_(Subticket.due_at < now, sa.and_(Subticket.due_at.is_(None), Subticket.owner_since < quiet))
    asked = sa.and_(Subticket.ticket_id == Ticket.id, Subticket.owner == DEPARTMENT, late)
    return opened.add_columns(sa.func.coalesce(Subticket.due_at, Subticket.owner_since)).join(Subticket, asked)


def _handed(opened: Any, before: datetime) -> Any:
    """Tickets with something a department gave back, or an answer to be looked at, that nobody has seen to."""
    owed = sa.and_(Subticket.ticket_id == Ticket.id, Subticket.owner == TOWNSHIP, Subticket.owner_since < before)
    return opened.add_columns(Subticket.owner_since).join(Subticket, owed)


def _nobody(opened: Any) -> Any:
    """Tickets whose officer has gone, and those of a unit where nobody can sign in."""
    staffed = sa.exists().where(Staff.unit_id == Ticket.unit_id, Staff.active)
    gone = sa.and_(Ticket.accepted_at.is_not(None), Ticket.accepted_by.is_(None))
    return opened.where(sa.or_(gone, sa.and_(Ticket.unit_id.is_not(None), ~staffed)))


def recipients(viewer: Viewer) -> list[str]:
    """Under which names notices reach this person."""
    if viewer.role.scope == "unit":
        own = [f"unit:{viewer.unit_id}"] if viewer.unit_id else []
        return [*own, f"head:{viewer.unit_id}"] if own and viewer.role.id == HEAD else own
    return ["district"] if viewer.may("supervise_ticket") else []


def news(session: Session, viewer: Viewer, now: datetime, limit: int = 50) -> list[tuple[Notice, Ticket]]:
    """What this person was told of in the last two weeks about tickets they may see, the newest first."""
    names: Iterable[str] = recipients(viewer)
    query = (
        visible_tickets(viewer).add_columns(Notice)
        .join(TicketEvent, TicketEvent.ticket_id == Ticket.id).join(Notice, Notice.event_id == TicketEvent.id)
        .where(Notice.recipient.in_(list(names)), Notice.created_at > now - timedelta(days=NEWS_DAYS))
        .order_by(Notice.id.desc()).limit(limit)
    )
    return [(notice, ticket) for ticket, notice in session.execute(query)]
