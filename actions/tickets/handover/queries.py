"""Reads sub-tickets: of a ticket, of a department, of a township that owes a step; and what a department is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import visible_subtickets
from actions.access.rules import Viewer
from actions.storage.tables import (
    Intake,
    SharingConsent,
    Staff,
    Subticket,
    SubticketEvent,
    Ticket,
    TicketPerson,
)
from actions.tickets.handover.rules import DEPARTMENT, GIVEN, NOBODY, TOWNSHIP
from actions.tickets.queries import told_by_other

PERSONAL = ("name", "phone", "identity")


def subtickets_of(session: Session, ticket: Ticket) -> list[Subticket]:
    """What was asked of others about a ticket already obtained through access, in that order."""
    return list(session.execute(
        sa.select(Subticket).where(Subticket.ticket_id == ticket.id).order_by(Subticket.id)).scalars())


def not_over(session: Session, ticket: Ticket) -> list[Subticket]:
    """Those with which somebody still has to do something."""
    return [row for row in subtickets_of(session, ticket) if row.owner != NOBODY]


def consents_of(session: Session, ticket: Ticket) -> list[SharingConsent]:
    """The consents to be told of that hold now."""
    return list(session.execute(
        sa.select(SharingConsent).where(SharingConsent.ticket_id == ticket.id, SharingConsent.ended_at.is_(None),
                                        SharingConsent.answer == GIVEN).order_by(SharingConsent.id)).scalars())


def asked_consents(session: Session, ticket: Ticket) -> list[SharingConsent]:
    """Everything a person was asked, the newest first."""
    return list(session.execute(
        sa.select(SharingConsent).where(SharingConsent.ticket_id == ticket.id).order_by(SharingConsent.id.desc())
    ).scalars())


def of_department(session: Session, viewer: Viewer, over: bool, limit: int = 200) -> list[Subticket]:
    """A department's own list: what it owes, the earliest deadline first; or what is over, the newest first."""
    query = visible_subtickets(viewer)
    if over:
        query = query.where(Subticket.owner != DEPARTMENT).order_by(Subticket.owner_since.desc(), Subticket.id.desc())
    else:
        query = query.where(Subticket.owner == DEPARTMENT).order_by(Subticket.due_at.nulls_last(), Subticket.id)
    return list(session.execute(query.limit(limit)).scalars())


def with_tickets(session: Session, viewer: Viewer, owner: str, limit: int = 200) -> list[tuple[Subticket, Ticket]]:
    """Sub-tickets of the viewer's tickets on which `owner` owes the next step, who has waited longest first."""
    query = (visible_subtickets(viewer).add_columns(Ticket).join(Ticket, Ticket.id == Subticket.ticket_id)
             .where(Subticket.owner == owner).order_by(Subticket.owner_since, Subticket.id))
    return [(row, ticket) for row, ticket in session.execute(query.limit(limit))]


def owed_by_township(session: Session, viewer: Viewer) -> list[tuple[Subticket, Ticket]]:
    """Tasks of the township: what was returned, and answers that are looked at once more."""
    return with_tickets(session, viewer, TOWNSHIP)


def ticket_of(session: Session, row: Subticket) -> Ticket:
    """The ticket a sub-ticket hangs on. Its page is not for departments: only what `fields` names may be shown."""
    ticket: Ticket = session.execute(sa.select(Ticket).where(Ticket.id == row.ticket_id)).scalar_one()
    return ticket


def sealed_fields(session: Session, ticket: Ticket) -> Mapping[str, bytes | None]:
    """Field of departments.yaml → what is known, still sealed.

    Name and numbers are those of the person concerned, never of who asked for them or told of them. Where a reporter is
    hidden the place is left out: its words are the reporter's. Where nothing is to be sent unasked no phone is given.
    """
    person = session.execute(sa.select(TicketPerson).where(
        TicketPerson.ticket_id == ticket.id, TicketPerson.role == "applicant", TicketPerson.removed_at.is_(None))
    ).scalar_one_or_none()
    hidden = told_by_other(session, ticket) or session.execute(
        sa.select(Intake.reporter_hidden).where(Intake.ticket_id == ticket.id)).scalar()
    known: dict[str, bytes | None] = {
        name: None if person is None else getattr(person, name) for name in PERSONAL}
    if ticket.discreet:
        known["phone"] = None
    known["event_place"] = None if hidden else ticket.event_place
    known["household_place"] = None if hidden else ticket.household_place
    return known


def history_of(session: Session, row: Subticket) -> list[dict[str, Any]]:
    """The events of a sub-ticket already obtained through access, oldest first, with the name of who acted."""
    rows = session.execute(
        sa.select(SubticketEvent).where(SubticketEvent.subticket_id == row.id).order_by(SubticketEvent.id)
    ).scalars().all()
    ids = {int(one.actor[6:]) for one in rows if one.actor.startswith("staff:")}
    names = {f"staff:{staff.id}": staff.name
             for staff in session.execute(sa.select(Staff).where(Staff.id.in_(ids))).scalars()}
    return [{"id": one.id, "kind": one.kind, "actor": names.get(one.actor, one.actor), "by": one.actor, "at": one.at,
             "data": one.data, "state": one.state, "version": one.version} for one in rows]
