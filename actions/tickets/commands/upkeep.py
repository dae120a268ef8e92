"""What keeps open tickets true while nobody touches them: clocks follow calendar and rules, owners follow units and
people."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from actions.access.rules import HEAD
from actions.due.clock import SHANGHAI
from actions.due.clockwork import Clockwork
from actions.storage.tables import Staff, Subticket, Ticket, TicketClock, Timer
from actions.tickets.commands import clocks
from actions.tickets.commands.doing import Doing, Work
from actions.tickets.commands.handing import lock_all, return_for_dissolved
from actions.tickets.commands.telling import notify, tell_contact, tell_unit, write_event
from actions.tickets.desks import Responsible, answering
from actions.tickets.handover.queries import subtickets_of
from actions.tickets.handover.rules import DEPARTMENT

UPKEEP, REF = "upkeep", "tickets"
BATCH = 100  # tickets a transaction
AT = time(0, 1)  # a unit ends and a year begins at midnight
SOON = timedelta(seconds=10)
WORKS = "work_ticket"


def set_upkeep(session: Session, at: datetime) -> None:
    """The upkeep runs at this moment, or when it was to run anyway if that is earlier."""
    at_least = sa.func.least(Timer.due_at, at)
    session.execute(insert(Timer).values(kind=UPKEEP, ref=REF, due_at=at)
                    .on_conflict_do_update(index_elements=[Timer.kind, Timer.ref], set_={"due_at": at_least}))


def keep_up(session: Session, work: Work, now: datetime) -> datetime:
    """One batch of everything below. Returns when to go on: at once while something is left, soon where somebody was at
    a ticket that needs it, else after midnight."""
    day = now.astimezone(SHANGHAI).date()
    done = begin_clocks(session, work, now) + recompute(session, work, now)
    done += move_dissolved(session, work, now) + take_from_absent(session, work, now)
    done += take_from_departments(session, work, now)
    if done:
        return now
    left = [_stale(work), *(_theirs(unit) for unit, _ in _dissolved(session, work, day)), _absent(work),
            _asked_of(_gone(session, work, day))]
    waits = any(session.execute(query.limit(1)).first() is not None for query in left)
    return now + SOON if waits else datetime.combine(day + timedelta(days=1), AT, SHANGHAI)


def _free(query: Any) -> Any:
    """Tickets nobody is at: who is, brings clocks and owner along."""
    return query.order_by(Ticket.id).limit(BATCH).with_for_update(key_share=True, skip_locked=True, of=Ticket)


def _open() -> Any:
    return sa.select(Ticket).where(Ticket.closed_at.is_(None))


def begin_clocks(session: Session, work: Work, now: datetime) -> int:
    """Open tickets without any clock get those they were opened with. How many got one."""
    none = ~sa.exists().where(TicketClock.ticket_id == Ticket.id)
    begun = 0
    for ticket in session.execute(_free(_open().where(none))).scalars().all():
        clocks.begin(session, work.clockwork, ticket, now)
        begun += bool(clocks.running(session, ticket))
    return begun


def recompute(session: Session, work: Work, now: datetime) -> int:
    """Clocks that rest on another calendar or other rules than today's are computed anew; what changed stands in the
    history of the ticket. Doing it again changes nothing. How many tickets were looked at."""
    tickets = session.execute(_free(_stale(work))).scalars().all()
    for ticket in tickets:
        _recompute(session, work.clockwork, ticket, now)
    return len(tickets)


def _stale(work: Work) -> Any:
    return sa.select(Ticket).where(sa.exists().where(
        TicketClock.ticket_id == Ticket.id, TicketClock.stopped_at.is_(None),
        TicketClock.basis != work.clockwork.digest))


def _recompute(session: Session, clockwork: Clockwork, ticket: Ticket, now: datetime) -> None:
    before = {row.id: _shown(row) for row in clocks.running(session, ticket).values()}
    clocks.settle(session, clockwork, ticket, now)
    session.flush()
    rows = session.execute(sa.select(TicketClock).where(TicketClock.id.in_(before)).order_by(TicketClock.id)).scalars()
    changed = [{"clock": row.clock, "from": before[row.id], "to": _shown(row)} for row in rows
               if _shown(row) != before[row.id]]
    if changed:
        data = {"clocks": changed, "calendar": clockwork.calendar.version}
        write_event(session, ticket, "recomputed", "system", now, data, versioned=False)


def _shown(row: TicketClock) -> dict[str, Any]:
    return {"rule": row.rule, "due": row.due_at.isoformat(), "provisional": row.provisional,
            "runs": row.stopped_at is None}


def move_dissolved(session: Session, work: Work, now: datetime) -> int:
    """Tickets of units that no longer answer for themselves go to who does. State and clocks go on; only the time to
    take it in hand begins anew. How many moved."""
    moved = 0
    for unit, to in _dissolved(session, work, now.astimezone(SHANGHAI).date()):
        tickets = session.execute(_free(_theirs(unit))).scalars().all()
        for ticket in tickets:
            _succeed(session, work, ticket, to, now)
        moved += len(tickets)
    return moved


def _dissolved(session: Session, work: Work, day: date) -> list[tuple[str, Responsible]]:
    """The units with open tickets for which somebody else answers on this day, and who."""
    units = session.execute(
        sa.select(Ticket.unit_id).where(Ticket.desk == "unit", Ticket.closed_at.is_(None)).distinct()
    ).scalars().all()
    found = [(unit, answering(work.gazetteer, unit, day)) for unit in units]
    return [(unit, to) for unit, to in found if to.unit_id != unit]


def _theirs(unit: str) -> Any:
    return _open().where(Ticket.desk == "unit", Ticket.unit_id == unit)


def _succeed(session: Session, work: Work, ticket: Ticket, to: Responsible, now: datetime) -> None:
    before = {"desk": ticket.desk, "unit": ticket.unit_id, "unit_name": ticket.unit_name}
    ticket.desk, ticket.unit_id, ticket.unit_name, ticket.district = to.desk, to.unit_id, to.unit_name, to.district
    ticket.accepted_by = None  # whoever works it next has it in hand
    ticket.version += 1
    moves = clocks.change_desk(session, work.clockwork, ticket, now)
    after = {"desk": to.desk, "unit": to.unit_id, "unit_name": to.unit_name}
    event = write_event(session, ticket, "succeeded", "system", now, {"from": before, "to": after, **moves})
    tell_contact(session, ticket, event, "ticket_moved", now, number=ticket.number,
                 unit_name=to.unit_name or to.district or "")
    if to.unit_id is None:
        notify(session, event, "district", "ticket_for_unit", now, number=ticket.number, unit_name=to.district or "")
    else:
        tell_unit(session, ticket, event, "ticket_for_unit", now)


def take_from_absent(session: Session, work: Work, now: datetime) -> int:
    """Open tickets in the hands of somebody who was switched off, works for another unit now, or has other work. How
    many."""
    tickets = session.execute(_free(_absent(work))).scalars().all()
    for ticket in tickets:
        _hand_on(session, ticket, now)
    return len(tickets)


def _absent(work: Work) -> Any:
    who, working = aliased(Staff), [role.id for role in work.roles.values() if WORKS in role.may]
    gone = sa.or_(~who.active, who.role.not_in(working),
                  sa.and_(who.unit_id.is_not(None), who.unit_id.is_distinct_from(Ticket.unit_id)))
    return _open().join(who, who.id == Ticket.accepted_by).where(gone)


def take_from_departments(session: Session, work: Work, now: datetime) -> int:
    """What departments have in hand that take nothing on any more is given back to the township. How many."""
    gone = _gone(session, work, now.astimezone(SHANGHAI).date())
    given = 0
    for ticket in session.execute(_free(_asked_of(gone))).scalars().all() if gone else []:
        for row in lock_all(session, subtickets_of(session, ticket)):
            if row.owner == DEPARTMENT and row.department in gone:
                event = return_for_dissolved(session, work, row, now)
                notify(session, event, clocks.recipient(ticket, "officer"), "subticket_returned", now,
                       number=ticket.number, department=work.lifecycle.departments.titled(row.department))
                given += 1
    return given


def _gone(session: Session, work: Work, day: date) -> list[str]:
    """Departments that were asked for something and take nothing on any more."""
    departments = work.lifecycle.departments.by_id
    asked = session.execute(sa.select(Subticket.department).where(Subticket.owner == DEPARTMENT).distinct()).scalars()
    return [name for name in asked if name not in departments or not departments[name].serves(day)]


def _asked_of(departments: list[str]) -> Any:
    return sa.select(Ticket).where(sa.exists().where(
        Subticket.ticket_id == Ticket.id, Subticket.owner == DEPARTMENT, Subticket.department.in_(departments)))


def hand_back(session: Session, work: Work, staff_id: int, now: datetime) -> list[str]:
    """Everything open that this person has in hand goes back to the head of the unit, or to its desk. The numbers.

    For who switches a person off, in the same transaction; the upkeep finds what was locked meanwhile.
    """
    query = _open().where(Ticket.accepted_by == staff_id).order_by(Ticket.id)
    tickets = session.execute(query.with_for_update(key_share=True, of=Ticket)).scalars().all()
    for ticket in tickets:
        _hand_on(session, ticket, now)
    return [ticket.number for ticket in tickets]


def _hand_on(session: Session, ticket: Ticket, now: datetime) -> None:
    """The unit stays accountable; its head has the ticket in hand, or nobody yet: then it is stuck, and shown so."""
    left = ticket.accepted_by
    head = None if ticket.unit_id is None else session.execute(
        sa.select(Staff).where(Staff.active, Staff.role == HEAD, Staff.unit_id == ticket.unit_id, Staff.id != left)
        .order_by(Staff.id).limit(1)).scalar_one_or_none()
    ticket.accepted_by = head.id if head is not None else None
    ticket.version += 1
    data = {"from_staff": left, "to_staff": ticket.accepted_by}
    event = write_event(session, ticket, "handed_back", "system", now, data)
    for rank in ("officer", "head"):
        to = clocks.recipient(ticket, rank)
        if rank == "officer" or to != clocks.recipient(ticket, "officer"):
            notify(session, event, to, "ticket_handed_back", now, number=ticket.number)


def take_in_hand(doing: Doing) -> None:
    """Who works a ticket that nobody has in hand has it in hand from then on."""
    ticket, viewer = doing.ticket, doing.viewer
    if ticket.accepted_by is None and ticket.accepted_at is not None and doing.command.permission == WORKS:
        ticket.accepted_by = viewer.staff_id
