"""Reads intakes, surges and keys; and finds other tickets of the same people, which looks beyond what a viewer sees."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import token_hash, visible_tickets
from actions.access.rules import Viewer
from actions.due.clock import SHANGHAI
from actions.intake.duplicates import DuplicateRules, Match, Reminder, Trace, reminders_of
from actions.storage.tables import ApiKey, Contact, Intake, Surge, Ticket, TicketPerson
from actions.tickets.commands.persons import SAME


def key_of(session: Session, token: str) -> ApiKey | None:
    """The system that holds this token; None for an unknown or ended one."""
    found: ApiKey | None = session.execute(
        sa.select(ApiKey).where(ApiKey.token_hash == token_hash(token), ApiKey.active)
    ).scalar_one_or_none()
    return found


def ticket_filed(session: Session, caller: str, external_id: str) -> Ticket | None:
    """What came of a request this caller filed; another caller's id does not exist for it."""
    found: Ticket | None = session.execute(
        sa.select(Ticket).join(Intake, Intake.ticket_id == Ticket.id)
        .where(Intake.caller == caller, Intake.external_id == external_id)
    ).scalar_one_or_none()
    return found


def intake_of(session: Session, ticket_id: int) -> Intake | None:
    """How a ticket already obtained through access came; None for one of the bot."""
    found: Intake | None = session.get(Intake, ticket_id)
    return found


def surges_on(session: Session, now: datetime) -> list[Surge]:
    """Every surge that is on, the newest first."""
    query = sa.select(Surge).where(Surge.starts_at <= now, Surge.ends_at > now, Surge.ended_at.is_(None))
    return list(session.execute(query.order_by(Surge.id.desc())).scalars())


def past_surges(session: Session, now: datetime, limit: int = 20) -> list[Surge]:
    """Surges that are over, the newest first."""
    over = sa.or_(Surge.ends_at <= now, Surge.ended_at.is_not(None))
    return list(session.execute(sa.select(Surge).where(over).order_by(Surge.id.desc()).limit(limit)).scalars())


def _trace(row: Ticket) -> Trace:
    return Trace(row.number, row.event_kind, row.created_at.astimezone(SHANGHAI).date(), row.unit_name,
                 row.household_unit_name, row.state)


def same_people(session: Session, ticket: Ticket) -> list[tuple[Ticket, frozenset[str]]]:
    """Other tickets of the people of this one, and by what they were recognised.

    By keyed hashes of phone and identity number, the contact the ticket came by, and contacts that were joined.
    """
    by: dict[int, set[str]] = defaultdict(set)
    for column, name in ((TicketPerson.phone_hash, "phone"), (TicketPerson.identity_hash, "identity")):
        own = sa.select(column).where(
            TicketPerson.ticket_id == ticket.id, TicketPerson.removed_at.is_(None), TicketPerson.role.in_(SAME),
            column.is_not(None))
        for other in session.execute(
            sa.select(TicketPerson.ticket_id).where(
                column.in_(own), TicketPerson.ticket_id != ticket.id, TicketPerson.removed_at.is_(None),
                TicketPerson.role.in_(SAME))
        ).scalars():
            by[other].add(name)
    if ticket.contact_id is not None:
        for other in session.execute(sa.select(Ticket.id).where(
                Ticket.contact_id == ticket.contact_id, Ticket.id != ticket.id)).scalars():
            by[other].add("contact")
    for other in session.execute(_joined(ticket)).scalars():
        by[other].add("person")
    if not by:
        return []
    rows = session.execute(sa.select(Ticket).where(Ticket.id.in_(by)).order_by(Ticket.id)).scalars()
    return [(row, frozenset(by[row.id])) for row in rows]


def _joined(ticket: Ticket) -> sa.sql.Select:
    """Tickets of the person this ticket's contact, or the ticket itself, was joined to."""
    person = sa.union(
        sa.select(Contact.person_id).where(Contact.id == ticket.contact_id, Contact.person_id.is_not(None)),
        sa.select(Ticket.person_id).where(Ticket.id == ticket.id, Ticket.person_id.is_not(None)),
    ).subquery()
    contacts = sa.select(Contact.id).where(Contact.person_id.in_(sa.select(person.c.person_id)))
    return sa.select(Ticket.id).where(
        Ticket.id != ticket.id,
        sa.or_(Ticket.person_id.in_(sa.select(person.c.person_id)), Ticket.contact_id.in_(contacts)))


@dataclass(frozen=True)
class Shown:
    """A reminder as this viewer may read it. `number` is None for a ticket of another unit: only where and when."""

    reminder: Reminder
    number: str | None
    unit_name: str | None


def reminders_for(session: Session, viewer: Viewer, rules: DuplicateRules, ticket: Ticket) -> list[Shown]:
    """The reminders of a ticket already obtained through access.

    Of another unit's ticket its unit, day, state and rule are shown, because a double application can only be seen
    across units; never its number or anything in it. Discreet and restricted ones stay unsaid to other units: the
    district sees them.
    """
    others = same_people(session, ticket)
    visible = set(session.execute(
        visible_tickets(viewer).where(Ticket.id.in_([row.id for row, _ in others])).with_only_columns(Ticket.id)
    ).scalars()) if others else set()
    told = [(row, by) for row, by in others if row.id in visible or not (row.discreet or row.minor)]
    asked = (ticket.facts or {}).get("asked_before", {}).get("value")
    numbers = {row.number: row.number if row.id in visible else None for row, _ in told}
    found = reminders_of(rules, _trace(ticket), [Match(_trace(row), by) for row, by in told], asked)
    return [
        Shown(one, numbers[one.match.trace.number], one.match.trace.unit_name) if one.match else Shown(one, None, None)
        for one in found
    ]


def surge_named(session: Session, surge_id: int | None) -> str | None:
    """What the surge was, in which a ticket was opened."""
    found: str | None = session.execute(sa.select(Surge.reason).where(Surge.id == surge_id)).scalar()
    return found
