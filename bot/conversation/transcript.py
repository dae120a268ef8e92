"""Reads conversations: for the resident's page, for the desk, and as the books of a channel."""
from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import visible_conversations
from actions.access.rules import Viewer
from actions.intake.book import IntakeBook
from actions.intake.children import kept_back
from actions.privacy.keys import Keys
from actions.storage.tables import Contact, Conversation, DangerCall, Delivery, Draft, Message, Staff, Ticket
from bot.conversation.outbox import READ_CHANNELS, full_text


@dataclass(frozen=True)
class Line:
    """One line of a transcript as a page shows it."""

    id: int
    seq: int
    author: str
    kind: str
    text: str
    buttons: tuple[dict[str, str], ...]
    asks: str | None
    answers: int | None
    danger: tuple[dict[str, str], ...]
    staff_name: str | None
    handed_over: bool
    at: datetime
    doubt: str | None = None  # unclear: perhaps not delivered; failed: not delivered


def _lines(session: Session, where: list[Any], keys: Keys | None = None) -> list[Line]:
    rows = session.execute(
        sa.select(Message, Staff.name).outerjoin(Staff, Staff.id == Message.staff_id).where(*where).order_by(Message.id)
    ).all()
    return [
        Line(
            message.id, message.seq, message.author, message.kind,
            message.text if keys is None else full_text(message, keys),
            tuple({"id": b["id"], "title": b["title"]} for b in message.buttons or ()),
            message.asks, message.answers, tuple(message.danger or ()), name, message.handed_over, message.created_at,
        )
        for message, name in rows
    ]


def resident_lines(session: Session, keys: Keys, contact_id: int, after_id: int = 0,
                   not_before: datetime | None = None) -> list[Line]:
    """What the resident may see of their own talk, after a message id; staff notes are never among it.

    `not_before` hides what was said earlier (DESIGN 2 point 12: after twelve hours, until the query code is given).
    """
    where = [Message.contact_id == contact_id, Message.id > after_id, Message.kind != "note"]
    if not_before is not None:
        where.append(Message.created_at >= not_before)
    return _lines(session, where, keys)


def desk_lines(session: Session, conversation: Conversation) -> list[Line]:
    """The whole transcript of a conversation already obtained through access, notes included."""
    doubts = dict(session.execute(sa.select(Delivery.message_id, Delivery.state).where(
        Delivery.conversation_id == conversation.id, Delivery.state.in_(["unclear", "failed"]))).all())
    return [replace(line, doubt=doubts.get(line.id))
            for line in _lines(session, [Message.conversation_id == conversation.id])]


def drafts(session: Session, conversation: Conversation) -> list[str]:
    """Replies of the bot that a person overtook, for the composer."""
    return list(session.execute(
        sa.select(Draft.text).where(Draft.conversation_id == conversation.id).order_by(Draft.id)).scalars())


def mark_seen(session: Session, contact_id: int, up_to_id: int, now: datetime) -> None:
    """The resident's page has shown everything up to this message: its deliveries are sent.

    What goes to an app goes there all the same: a page that is a second window may show less than the app.
    """
    session.execute(
        sa.update(Delivery)
        .where(Delivery.state == "waiting", Delivery.message_id <= up_to_id, Delivery.channel.in_(READ_CHANNELS),
               Delivery.message_id.in_(sa.select(Message.id).where(Message.contact_id == contact_id)))
        .values(state="sent", changed_at=now).execution_options(synchronize_session=False))


@dataclass(frozen=True)
class QueueRow:
    """One conversation in a list of the desk."""

    id: int
    mode: str
    channel: str
    owner_name: str | None
    waiting_since: datetime | None
    waiting_reason: str | None
    danger: str
    last_text: str
    last_author: str
    last_kind: str
    last_message_at: datetime
    tickets: tuple[str, ...]
    shut: bool = False  # about a child: its words are kept back from this viewer
    same_source: int = 0  # other conversations with danger from this network at that time


def same_source(session: Session, viewer: Viewer, conversation_id: int, window: timedelta) -> list[int]:
    """The other conversations in which danger was said from the same network about the same time; never the address."""
    mine = sa.select(DangerCall).where(DangerCall.conversation_id == conversation_id)
    call = session.execute(mine).scalar_one_or_none()
    if call is None:
        return []
    seen = visible_conversations(viewer).subquery()
    return list(session.execute(
        sa.select(DangerCall.conversation_id).where(
            DangerCall.source_hash == call.source_hash, DangerCall.id != call.id,
            DangerCall.at.between(call.at - window, call.at + window),
            sa.exists().where(seen.c.id == DangerCall.conversation_id)).order_by(DangerCall.at)).scalars())


def desk_rows(session: Session, viewer: Viewer, book: IntakeBook, now: datetime, folder: str = "waiting",
              window: timedelta = timedelta(), limit: int = 100) -> list[QueueRow]:
    """Conversations of a folder: waiting (for a person; danger first, then oldest), mine, or all (newest first).

    `book` and `now` tell which of them are a child's and kept back from this viewer.
    """
    query = visible_conversations(viewer)
    if folder == "waiting":
        query = query.where(Conversation.waiting_since.isnot(None), Conversation.mode == "bot").order_by(
            (Conversation.waiting_reason == "danger").desc(), Conversation.waiting_since)
    elif folder == "mine":
        query = query.where(Conversation.owner_id == viewer.staff_id).order_by(Conversation.last_message_at.desc())
    else:
        query = query.order_by(Conversation.last_message_at.desc())
    conversations = session.execute(query.limit(limit)).scalars().all()
    shut = kept_back(session, viewer, book, conversations, now)
    return [_queue_row(session, conversation, conversation.id in shut, 0 if conversation.danger == "none" else len(
        same_source(session, viewer, conversation.id, window))) for conversation in conversations]


def _queue_row(session: Session, conversation: Conversation, shut: bool, crowd: int) -> QueueRow:
    last = None if shut else session.execute(
        sa.select(Message.text, Message.author, Message.kind)
        .where(Message.conversation_id == conversation.id, Message.author == "resident")
        .order_by(Message.seq.desc()).limit(1)).one_or_none()
    channel = session.execute(sa.select(Contact.channel).where(Contact.id == conversation.contact_id)).scalar_one()
    owner = session.execute(sa.select(Staff.name).where(Staff.id == conversation.owner_id)).scalar()
    tickets = session.execute(
        sa.select(Ticket.number).where(Ticket.conversation_id == conversation.id).order_by(Ticket.id))
    return QueueRow(
        conversation.id, conversation.mode, channel, owner, conversation.waiting_since, conversation.waiting_reason,
        conversation.danger, last[0] if last else "", last[1] if last else "", last[2] if last else "",
        conversation.last_message_at,
        tuple(tickets.scalars()), shut, crowd,
    )


def folder_counts(session: Session, viewer: Viewer) -> dict[str, int]:
    """How many conversations each folder of the desk holds."""
    scope = visible_conversations(viewer).subquery()
    waiting, mine, everything = session.execute(sa.select(
        sa.func.count().filter(scope.c.waiting_since.isnot(None), scope.c.mode == "bot"),
        sa.func.count().filter(scope.c.owner_id == viewer.staff_id),
        sa.func.count(),
    ).select_from(scope)).one()
    return {"waiting": waiting, "mine": mine, "all": everything}


def alarms(session: Session, viewer: Viewer) -> list[tuple[int, datetime, bool]]:
    """(conversation, since when, whether a person has it) of every danger that is not over, for the desk's alarm."""
    scope = visible_conversations(viewer).where(
        Conversation.danger == "now", Conversation.mode != "closed", Conversation.danger_at.isnot(None)).subquery()
    return [(row.id, row.danger_at, row.mode == "human") for row in session.execute(
        sa.select(scope.c.id, scope.c.danger_at, scope.c.mode).order_by(scope.c.danger_at))]
