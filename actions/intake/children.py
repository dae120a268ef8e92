"""Conversations about a child: which they are, and who may read them now (个人信息保护法 28, 31).

As with the ticket of a child nobody reads in passing. Whoever has the conversation in hand reads it; so does whoever
may take it over while somebody in it is in danger and nobody has it yet (未成年人保护法 63 makes that exception). Who
sees children's cases otherwise gives a reason, which opens it for a while and stands in the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import access_conversation, reason_given
from actions.access.rules import Viewer
from actions.intake.book import IntakeBook
from actions.intake.case import is_minor
from actions.privacy.commands import record_audit
from actions.storage.tables import ContactJoin, Conversation, Ticket

SEES, TAKES = "see_minor", "take_over"
TALK = "talk"  # what a reason is given for
CHILD_GATE = "child"  # how the gates of config/danger about children begin


def of_children(session: Session, book: IntakeBook, conversations: Sequence[Conversation]) -> frozenset[int]:
    """Those of the conversations in which a child was spoken of, or whose contact has a restricted ticket."""
    said = {row.id for row in conversations if _said(book, row)}
    joined = sa.exists().where(
        ContactJoin.ticket_id == Ticket.id, ContactJoin.contact_id == Conversation.contact_id,
        ContactJoin.ended_at.is_(None))
    theirs = sa.or_(Ticket.conversation_id == Conversation.id, Ticket.contact_id == Conversation.contact_id, joined)
    filed = session.execute(
        sa.select(Conversation.id).where(
            Conversation.id.in_([row.id for row in conversations]), sa.exists().where(Ticket.minor, theirs))
    ).scalars()
    return frozenset(said.union(filed))


def _said(book: IntakeBook, conversation: Conversation) -> bool:
    facts = conversation.facts or {}
    gates = facts.get("gates") or []
    return is_minor(book, facts.get("answers") or {}) or any(str(gate).startswith(CHILD_GATE) for gate in gates)


def kept_back(
    session: Session, viewer: Viewer, book: IntakeBook, conversations: Sequence[Conversation], now: datetime
) -> frozenset[int]:
    """Those of the conversations (obtained through access) which this viewer may not read at this moment."""
    children = of_children(session, book, conversations)
    return frozenset(row.id for row in conversations if row.id in children and not _open(session, viewer, row, now))


def _open(session: Session, viewer: Viewer, conversation: Conversation, now: datetime) -> bool:
    if conversation.mode == "human" and conversation.owner_id == viewer.staff_id:
        return True
    if conversation.mode == "bot" and conversation.danger == "now" and viewer.may(TAKES):
        return True
    return viewer.may(SEES) and reason_given(session, viewer, f"conversation:{conversation.id}", TALK, now)


def give_reason(
    session: Session, viewer: Viewer, conversation_id: int, *, reason: str, words: str | None, now: datetime
) -> None:
    """Notes why somebody reads a child's conversation; from now on it is open to them for a while. `words`: sealed.

    Raises Refused for who may not see children's cases or no conversations.
    """
    viewer.require(SEES)
    conversation = access_conversation(session, viewer, conversation_id)
    record_audit(session, actor=viewer.actor, action="masked_read", object_=f"conversation:{conversation.id}", now=now,
                 data={"what": TALK, "reason": reason, "words": words})

