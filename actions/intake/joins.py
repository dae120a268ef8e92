"""The only writer of which address belongs to which person: joined by staff or by proof, never by guess; reversible."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import access_conversation, visible_tickets
from actions.access.rules import RESIDENT, Refused, Viewer
from actions.privacy.commands import record_audit
from actions.privacy.keys import Keys
from actions.storage.tables import Contact, ContactJoin, Intake, Person, Ticket
from actions.tickets.commands import ask_progress
from actions.tickets.commands.telling import write_event

JOIN = "join_contacts"


class OtherPerson(Exception):
    """The contact is somebody else already; that join must be ended first."""


def _lock(session: Session, viewer: Viewer, number: str) -> Ticket:
    found: Ticket | None = session.execute(
        visible_tickets(viewer).where(Ticket.number == number).with_for_update(key_share=True)
        .execution_options(populate_existing=True)  # what the session read before the lock may be old
    ).scalar_one_or_none()
    if found is None:
        raise Refused("no such ticket")
    return found


def _join(
    session: Session, ticket: Ticket, contact_id: int, *, how: str, actor: str, reason: bytes | None, now: datetime
) -> bool:
    """True if something was joined; False where it was already so. Raises OtherPerson."""
    contact = session.execute(
        sa.select(Contact).where(Contact.id == contact_id).with_for_update(key_share=True)
    ).scalar_one()
    if _open(session, ContactJoin.contact_id == contact_id, ContactJoin.ticket_id == ticket.id):
        return False
    if None not in (contact.person_id, ticket.person_id) and contact.person_id != ticket.person_id:
        raise OtherPerson()
    person_id = ticket.person_id or contact.person_id
    if person_id is None:
        person = Person(created_at=now)
        session.add(person)
        session.flush()
        person_id = person.id
    ticket.person_id = contact.person_id = person_id
    session.add(ContactJoin(contact_id=contact_id, person_id=person_id, ticket_id=ticket.id, how=how, reason=reason,
                            joined_at=now, joined_by=actor))
    if ticket.contact_id is None:  # news of a ticket that came by no app can be told here from now on
        ticket.contact_id = contact_id
    _note(session, ticket, contact_id, "contact_joined", actor, now, how)
    return True


def _note(
    session: Session, ticket: Ticket, contact_id: int, kind: str, actor: str, now: datetime, how: str
) -> None:
    ticket.version += 1
    write_event(session, ticket, kind, actor, now, {"how": how})
    record_audit(session, actor=actor, action=kind, object_=f"contact:{contact_id}", now=now,
                 data={"ticket": ticket.number, "how": how})


def _open(session: Session, *where: Any) -> bool:
    query = sa.select(ContactJoin.id).where(ContactJoin.ended_at.is_(None), *where).limit(1)
    return session.execute(query).first() is not None


def join_by_staff(
    session: Session, viewer: Viewer, keys: Keys, *, number: str, conversation_id: int, reason: str, now: datetime
) -> bool:
    """Whoever writes in this conversation is the person of this ticket, says somebody who has made sure of it.

    False where it was so already. Raises Refused, OtherPerson.
    """
    viewer.require(JOIN)
    ticket = _lock(session, viewer, number)
    conversation = access_conversation(session, viewer, conversation_id)
    return _join(session, ticket, conversation.contact_id, how="staff", actor=viewer.actor, reason=keys.seal(reason),
                 now=now)


def join_by_proof(session: Session, keys: Keys, *, contact_id: int, number: str, code: str, now: datetime) -> bool:
    """Whoever writes from this contact knows number and query code of the ticket. Wrong ones are counted as tries.

    False for a wrong number or code, without telling which, and for a contact that is somebody else already. The caller
    commits also then.
    """
    ticket = ask_progress(session, keys, number=number, code=code, now=now)
    return ticket is not None and join_proven(session, contact_id=contact_id, ticket_id=ticket.id, now=now)


def join_proven(session: Session, *, contact_id: int, ticket_id: int, now: datetime) -> bool:
    """As join_by_proof, for a ticket whose query code was just given. False for a contact that is somebody else."""
    locked = session.execute(
        sa.select(Ticket).where(Ticket.id == ticket_id).with_for_update(key_share=True)
        .execution_options(populate_existing=True)  # what the session read before the lock may be old
    ).scalar_one()
    try:
        _join(session, locked, contact_id, how="proof", actor=RESIDENT, reason=None, now=now)
    except OtherPerson:
        return False
    return True


def unjoin(session: Session, viewer: Viewer, *, number: str, join: int, now: datetime) -> None:
    """Takes a join back; joined and un-joined both stay on record. Raises Refused."""
    viewer.require(JOIN)
    ticket = _lock(session, viewer, number)
    row = session.execute(
        sa.select(ContactJoin).where(
            ContactJoin.id == join, ContactJoin.ticket_id == ticket.id, ContactJoin.ended_at.is_(None)
        ).with_for_update()
    ).scalar_one_or_none()
    if row is None:
        raise Refused("no such join")
    row.ended_at, row.ended_by = now, viewer.actor
    session.flush()
    if not _open(session, ContactJoin.contact_id == row.contact_id):
        session.execute(sa.update(Contact).where(Contact.id == row.contact_id).values(person_id=None))
    if not _open(session, ContactJoin.ticket_id == ticket.id):
        ticket.person_id = None
    came_otherwise = session.get(Intake, ticket.id) is not None
    if came_otherwise and ticket.contact_id == row.contact_id:
        ticket.contact_id = None
    _note(session, ticket, row.contact_id, "contact_unjoined", viewer.actor, now, row.how)


def joins_of(session: Session, ticket: Ticket) -> list[ContactJoin]:
    """What is joined to a ticket already obtained through access."""
    query = sa.select(ContactJoin).where(ContactJoin.ticket_id == ticket.id, ContactJoin.ended_at.is_(None))
    return list(session.execute(query.order_by(ContactJoin.id)).scalars())
