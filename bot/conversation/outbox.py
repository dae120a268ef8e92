"""Puts an outgoing message into its conversation: next seq, row, delivery. The row of the conversation is locked."""
from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from actions.storage.tables import Conversation, Delivery, Message

# the page of these reads messages itself and has them at once; every other channel's app is called by the courier
READ_CHANNELS = ("web", "terminal")


def with_ids(buttons: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Buttons with ids that tell nothing and cannot be made up."""
    return [{"id": secrets.token_urlsafe(9), "title": b["title"], "value": b["value"]} for b in buttons] or None


def add_message(
    session: Session, conversation: Conversation, channel: str, *, author: str, text: str, now: datetime,
    buttons: list[dict[str, Any]] | None = None, asks: str | None = None, answers: int | None = None,
    staff_id: int | None = None, kind: str = "text", external_id: str | None = None,
) -> Message:
    """Appends one outgoing message. A note stays inside the house: no delivery."""
    conversation.last_seq += 1
    conversation.last_message_at = now
    message = Message(
        conversation_id=conversation.id, contact_id=conversation.contact_id, seq=conversation.last_seq, author=author,
        kind=kind, text=text, buttons=with_ids(buttons or []), asks=asks, answers=answers, staff_id=staff_id,
        external_id=external_id, waiting=False, handed_over=False, created_at=now,
    )
    session.add(message)
    session.flush()
    if kind != "note":
        session.add(Delivery(message_id=message.id, conversation_id=conversation.id, seq=message.seq, channel=channel,
                             try_number=1, state="waiting", due_at=now, changed_at=now))
    return message
