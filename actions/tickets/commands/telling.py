"""The history of a ticket and who is told of it: events and notices, written beside the state in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.storage.tables import Notice, Ticket, TicketEvent
from actions.tickets.queries import told_by_other


def write_event(
    session: Session, ticket: Ticket, kind: str, actor: str, now: datetime, data: dict[str, Any], versioned: bool = True
) -> TicketEvent:
    """Adds a line to the history: what was done, and where the ticket stands after it.

    `versioned` is False for what is written without the ticket's lock and so raises no version.
    """
    event = TicketEvent(
        ticket_id=ticket.id, kind=kind, actor=actor, at=now, data=data, state=ticket.state,
        version=ticket.version if versioned else None,
    )
    session.add(event)
    session.flush()
    return event


def notify(
    session: Session,
    event: TicketEvent,
    recipient: str,
    kind: str,
    now: datetime,
    state: str = "waiting",
    **parameters: str,
) -> None:
    """One notice about an event. The post finds the way."""
    session.add(
        Notice(event_id=event.id, recipient=recipient, kind=kind, parameters=parameters, state=state, created_at=now)
    )


def tell_unit(session: Session, ticket: Ticket, event: TicketEvent, kind: str, now: datetime) -> None:
    """A notice to the unit that answers for the ticket, if one does."""
    if ticket.unit_id is not None:
        names = {"number": ticket.number, "unit_name": ticket.unit_name or ""}
        notify(session, event, f"unit:{ticket.unit_id}", kind, now, **names)


def tell_contact(
    session: Session, ticket: Ticket, event: TicketEvent, kind: str, now: datetime, **parameters: str
) -> None:
    """A notice to the resident, if the ticket came by a contact; a discreet ticket stays silent. Who told of somebody
    else in the talk is told no step of that person's case."""
    if ticket.contact_id is not None and not told_by_other(session, ticket):
        state = "silent" if ticket.discreet else "waiting"
        notify(session, event, "resident", kind, now, state, **parameters)


def count_events(session: Session, ticket: Ticket, kind: str, by: str | None = None) -> int:
    """How often this has happened to the ticket; `by` counts what one actor did."""
    query = sa.select(sa.func.count()).where(TicketEvent.ticket_id == ticket.id, TicketEvent.kind == kind)
    return int(session.execute(query if by is None else query.where(TicketEvent.actor == by)).scalar_one())


def last_event(session: Session, ticket: Ticket, *kinds: str, by: str | None = None) -> TicketEvent | None:
    """The newest event of one of these kinds; `by` looks at what one actor did."""
    query = sa.select(TicketEvent).where(TicketEvent.ticket_id == ticket.id, TicketEvent.kind.in_(kinds))
    if by is not None:
        query = query.where(TicketEvent.actor == by)
    found: TicketEvent | None = session.execute(query.order_by(TicketEvent.id.desc()).limit(1)).scalar_one_or_none()
    return found
