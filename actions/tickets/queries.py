"""Reads tickets for pages and for the resident; only through access."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import visible_tickets
from actions.access.rules import Viewer
from actions.privacy.keys import Keys
from actions.storage.tables import (
    Contact,
    Intake,
    RouteRecord,
    ScreeningRecord,
    Staff,
    Ticket,
    TicketEvent,
    TicketFile,
    TicketPerson,
)

BOT = "bot"  # the source of what was said in the talk
CODE_EVENTS = ("code_given", "code_sent")


@dataclass(frozen=True)
class Narrow:
    """Which of the viewer's tickets: what is set must hold. `taken_by`: a staff id. `late`: its clock, which runs, was
    due before this moment."""

    unit: str | None = None
    taken_by: int | None = None
    late: datetime | None = None

    def of(self, query: Any) -> Any:
        """The query for these alone."""
        if self.unit is not None:
            query = query.where(Ticket.unit_id == self.unit)
        if self.taken_by is not None:
            query = query.where(Ticket.accepted_by == self.taken_by)
        if self.late is not None:
            query = query.where(Ticket.closed_at.is_(None), Ticket.due_state == "runs", Ticket.due_at < self.late)
        return query


EVERY = Narrow()


def list_tickets(
    session: Session, viewer: Viewer, *, states: Collection[str] | None = None, only_open: bool = False,
    narrow: Narrow = EVERY, limit: int = 100, offset: int = 0,
) -> list[Ticket]:
    """The viewer's tickets in these states (None: in any): life in danger first, then the earliest deadline.

    `only_open` says that all these states are open, so that years of closed tickets are not waded through.
    """
    query = narrow.of(visible_tickets(viewer))
    if only_open:
        query = query.where(Ticket.closed_at.is_(None))
    if states is not None:
        query = query.where(Ticket.state.in_(states))
    order = ((Ticket.urgency == "life_danger").desc(), Ticket.due_at, Ticket.id)
    return list(session.execute(query.order_by(*order).limit(limit).offset(offset)).scalars())


def tickets_of_phone(session: Session, viewer: Viewer, mark: bytes, limit: int = 50) -> list[Ticket]:
    """The viewer's tickets that name a person with this phone (its keyed hash), the newest first."""
    named = sa.select(TicketPerson.ticket_id).where(TicketPerson.phone_hash == mark, TicketPerson.removed_at.is_(None))
    query = visible_tickets(viewer).where(Ticket.id.in_(named)).order_by(Ticket.id.desc()).limit(limit)
    return list(session.execute(query).scalars())


def count_by_state(session: Session, viewer: Viewer, narrow: Narrow = EVERY) -> dict[str, int]:
    """How many of the viewer's tickets stand in each state."""
    scope = narrow.of(visible_tickets(viewer)).subquery()
    rows = session.execute(sa.select(scope.c.state, sa.func.count()).group_by(scope.c.state))
    return {state: number for state, number in rows}


def history(session: Session, ticket: Ticket) -> list[dict[str, Any]]:
    """The events of a ticket already obtained through access, oldest first, with the name of who acted."""
    rows = (
        session.execute(sa.select(TicketEvent).where(TicketEvent.ticket_id == ticket.id).order_by(TicketEvent.id))
        .scalars()
        .all()
    )
    ids = {int(row.actor[6:]) for row in rows if row.actor.startswith("staff:")}
    names = {
        f"staff:{staff.id}": staff.name
        for staff in session.execute(sa.select(Staff).where(Staff.id.in_(ids))).scalars()
    }
    return [
        {"id": row.id, "kind": row.kind, "actor": names.get(row.actor, row.actor), "actor_id": row.actor,
         "at": row.at, "data": row.data, "state": row.state, "version": row.version}
        for row in rows
    ]


def file_of(session: Session, ticket: Ticket, event_id: int, field: str) -> TicketFile | None:
    """The file one event of a ticket already obtained through access brought in this field."""
    found: TicketFile | None = session.execute(
        sa.select(TicketFile).join(TicketEvent, TicketEvent.id == TicketFile.event_id)
        .where(TicketEvent.ticket_id == ticket.id, TicketEvent.id == event_id, TicketFile.field == field)
    ).scalar_one_or_none()
    return found


def disputes(session: Session, keys: Keys, ticket: Ticket) -> list[dict[str, Any]]:
    """The returns and the district's decisions of a ticket already obtained through access, oldest first."""
    found = []
    for line in history(session, ticket):
        if line["kind"] in ("returned", "assigned"):
            # before forms were kept whole the reason stood by itself; history is never rewritten
            reason = line["data"].get("fields", {}).get("reason", {}).get("sealed") or line["data"].get("reason")
            found.append({**line, "reason": keys.open(reason.encode()) if reason else None})
    return found


def tickets_of_conversation(
    session: Session, viewer: Viewer, conversation_id: int, contact_id: int | None = None
) -> list[Ticket]:
    """The tickets a conversation has led to, as far as this viewer may see them; those of its contact, and of the
    person it was joined to, too, if named."""
    person = sa.select(Contact.person_id).where(Contact.id == contact_id, Contact.person_id.is_not(None))
    own = sa.or_(Ticket.conversation_id == conversation_id, Ticket.contact_id == contact_id,
                 Ticket.person_id.in_(person))
    query = visible_tickets(viewer).where(own).order_by(Ticket.id)
    return list(session.execute(query).scalars())


def own_tickets(session: Session, viewer: Viewer, limit: int = 3) -> list[Ticket]:
    """The newest tickets a resident has shown to be theirs, newest first."""
    return list(session.execute(visible_tickets(viewer).order_by(Ticket.id.desc()).limit(limit)).scalars())


def at_this_step_since(session: Session, ticket: Ticket) -> datetime:
    """Since when a ticket obtained through access stands where it stands."""
    elsewhere = sa.select(sa.func.max(TicketEvent.id)).where(
        TicketEvent.ticket_id == ticket.id, TicketEvent.state != ticket.state).scalar_subquery()
    since = session.execute(
        sa.select(sa.func.min(TicketEvent.at)).where(
            TicketEvent.ticket_id == ticket.id, TicketEvent.id > sa.func.coalesce(elsewhere, 0))).scalar()
    return since or ticket.created_at


def told_by_other(session: Session, ticket: Ticket) -> bool:
    """Whether somebody else told of the person in the talk: whoever writes from there is the reporter (主动发现)."""
    if ticket.source != BOT:
        return False
    consent = session.execute(sa.select(Intake.consent).where(Intake.ticket_id == ticket.id)).scalar()
    return consent is not None and consent != "not_needed"


def code_of_the_person(session: Session, ticket: Ticket) -> bool:
    """Whether the query code that holds was given to the person concerned."""
    given = sa.select(TicketEvent.id).where(TicketEvent.ticket_id == ticket.id, TicketEvent.kind.in_(CODE_EVENTS))
    return session.execute(given.limit(1)).first() is not None


def asks_as_reporter(session: Session, viewer: Viewer, ticket: Ticket) -> bool:
    """Whether a resident's side viewer only told of the person concerned: they learn that it was received, no more."""
    own = viewer.ticket_id == ticket.id and code_of_the_person(session, ticket)
    return not own and told_by_other(session, ticket)


def what_is_missing(session: Session, ticket: Ticket) -> str | None:
    """What the officer asked for last, in the words the resident was told (`ask_supplement`)."""
    data = session.execute(
        sa.select(TicketEvent.data).where(TicketEvent.ticket_id == ticket.id, TicketEvent.kind == "supplement_asked")
        .order_by(TicketEvent.id.desc()).limit(1)).scalar()
    return None if data is None else str(data["fields"]["missing"]["value"])


def grounds(session: Session, ticket: Ticket) -> tuple[ScreeningRecord | None, RouteRecord | None]:
    """The last screening and route of a ticket already obtained through access: why it is what and where it is."""

    def last(table: Any) -> Any:
        return session.execute(
            sa.select(table).where(table.ticket_id == ticket.id).order_by(table.id.desc()).limit(1)
        ).scalar()

    return last(ScreeningRecord), last(RouteRecord)


def latest_of_conversation(session: Session, conversation_id: int, states: Collection[str]) -> Ticket | None:
    """The newest ticket a conversation opened, in these states (the open ones: what is over takes nothing new).

    The interview and the danger gates look here before opening one.
    """
    ticket: Ticket | None = session.execute(
        sa.select(Ticket).where(Ticket.conversation_id == conversation_id, Ticket.state.in_(states))
        .order_by(Ticket.id.desc()).limit(1)
    ).scalar_one_or_none()
    return ticket


def _danger_tickets(*where: Any) -> Any:
    return sa.select(Ticket).where(Ticket.urgency == "life_danger", *where).order_by(Ticket.id.desc()).limit(1)


def danger_ticket_of_contact(
    session: Session, contact_id: int, since: datetime, states: Collection[str]
) -> Ticket | None:
    """The ticket a contact's cry opened after this moment, in these states (the open ones); a further cry belongs to
    it, whatever the conversation."""
    query = _danger_tickets(Ticket.contact_id == contact_id, Ticket.created_at > since, Ticket.state.in_(states))
    found: Ticket | None = session.execute(query).scalar_one_or_none()
    return found


def danger_ticket_of_group(session: Session, conversations: Collection[int], unit_id: str) -> Ticket | None:
    """The ticket that one of these conversations' cries opened for this township."""
    query = _danger_tickets(Ticket.conversation_id.in_(conversations), Ticket.unit_id == unit_id)
    found: Ticket | None = session.execute(query).scalar_one_or_none()
    return found
