"""Reads the audit log for who may, page by page, and hands it out; looking and handing out are noted themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.rules import Viewer
from actions.privacy.commands import record_audit
from actions.storage.tables import (
    ApiKey,
    Attachment,
    Audit,
    ContactJoin,
    Message,
    Staff,
    Ticket,
    TicketEvent,
    TicketFile,
)

READ = "read_audit"
MOST = 50_000  # rows of one export
KINDS_OF_ACTOR = ("api", "login")  # many actors of one kind: api:<id>, login:<mark>


@dataclass(frozen=True)
class Wanted:
    """Which rows. `actor`: staff:<id>, system, resident, api or login; `start` is the first moment, `end` the first
    one no more."""

    actor: str | None = None
    number: str | None = None
    action: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    def as_data(self) -> dict[str, str]:
        """What is asked for, as the log keeps it."""
        found = {"actor": self.actor, "ticket": self.number, "action": self.action,
                 "start": self.start and self.start.isoformat(), "end": self.end and self.end.isoformat()}
        return {name: value for name, value in found.items() if value}


def _objects(session: Session, number: str) -> list[str]:
    """Everything the log calls by another name though it belongs to this ticket: its talk, contacts and files."""
    ticket = session.execute(
        sa.select(Ticket.id, Ticket.conversation_id, Ticket.contact_id).where(Ticket.number == number)).one_or_none()
    found = [f"ticket:{number}"]
    if ticket is None:
        return found
    of_ticket: list[tuple[str, Any]] = [
        ("contact", sa.select(ContactJoin.contact_id).where(ContactJoin.ticket_id == ticket.id)),
        ("ticket_file", sa.select(TicketFile.id).join(TicketEvent, TicketEvent.id == TicketFile.event_id)
         .where(TicketEvent.ticket_id == ticket.id)),
        ("message", sa.select(Attachment.message_id).join(Message, Message.id == Attachment.message_id)
         .where(Message.conversation_id == ticket.conversation_id)),
    ]
    for kind, query in of_ticket:
        found += [f"{kind}:{one}" for one in session.execute(query).scalars()]
    return found + ([f"conversation:{ticket.conversation_id}"] if ticket.conversation_id is not None else [])


def _query(session: Session, wanted: Wanted) -> Any:
    query = sa.select(Audit)
    if wanted.actor in KINDS_OF_ACTOR:
        query = query.where(Audit.actor.startswith(f"{wanted.actor}:", autoescape=True))
    elif wanted.actor is not None:
        query = query.where(Audit.actor == wanted.actor)
    if wanted.number is not None:
        query = query.where(Audit.object.in_(_objects(session, wanted.number)))
    if wanted.action is not None:
        query = query.where(Audit.action == wanted.action)
    if wanted.start is not None:
        query = query.where(Audit.at >= wanted.start)
    if wanted.end is not None:
        query = query.where(Audit.at < wanted.end)
    return query


def audit_rows(session: Session, viewer: Viewer, wanted: Wanted, *, before: int | None, limit: int) -> list[Audit]:
    """The newest `limit` rows older than row `before`, newest first. Raises Refused."""
    viewer.require(READ)
    query = _query(session, wanted)
    if before is not None:
        query = query.where(Audit.id < before)
    return list(session.execute(query.order_by(Audit.id.desc()).limit(limit)).scalars())


def export_audit(session: Session, viewer: Viewer, wanted: Wanted, now: datetime) -> tuple[list[Audit], bool]:
    """(the newest rows, oldest first; whether older ones were left out). That they were handed out stands in the log
    first: the caller commits before the first byte. Raises Refused."""
    rows = audit_rows(session, viewer, wanted, before=None, limit=MOST + 1)
    kept = rows[:MOST][::-1]
    record_audit(session, actor=viewer.actor, action="audit_exported", object_="audit", now=now,
                 data={"rows": len(kept), **wanted.as_data()})
    return kept, len(rows) > MOST


def names_of_actors(session: Session, viewer: Viewer) -> dict[str, str]:
    """Actor → name, of everybody on the staff and every system with a key, switched off or not. Raises Refused."""
    viewer.require(READ)
    staff = session.execute(sa.select(Staff.id, Staff.name).order_by(Staff.name, Staff.id))
    systems = session.execute(sa.select(ApiKey.id, ApiKey.name))
    return {**{f"staff:{id_}": name for id_, name in staff}, **{f"api:{id_}": name for id_, name in systems}}

