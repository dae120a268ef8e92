"""Puts an outgoing message into its conversation: next seq, row, delivery. The row of the conversation is locked."""
from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.orm import Session

from actions.privacy.keys import Keys, KeyWrong
from actions.storage.tables import Conversation, Delivery, Message
from actions.turn import HIDDEN

log = structlog.get_logger(__name__)

# the page of these reads messages itself and has them at once; every other channel's app is called by the courier
READ_CHANNELS = ("web", "terminal")


def with_ids(buttons: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Buttons with ids that tell nothing and cannot be made up."""
    return [{"id": secrets.token_urlsafe(9), "title": b["title"], "value": b["value"]} for b in buttons] or None


def seal_hidden(keys: Keys, hidden: str | None) -> bytes | None:
    """What only the resident reads of a message (a query code), encrypted for its row."""
    return None if hidden is None else keys.seal(json.dumps({"hidden": hidden}))


def full_text(message: Message, keys: Keys) -> str:
    """The text as the resident reads it; staff read the stored one, with dots in place of what is hidden.

    What cannot be decrypted stays dots: the words around it are still worth reading. Raises nothing.
    """
    if message.author == "resident" or message.secrets is None:
        return str(message.text)
    try:
        hidden = json.loads(keys.open(message.secrets)).get("hidden", HIDDEN)
    except KeyWrong:
        log.error("field_unreadable", message=message.id)
        return str(message.text)
    return str(message.text).replace(HIDDEN, hidden)


def add_message(  # noqa: PLR0913  one keyword for each column an outgoing message can have
    session: Session, conversation: Conversation, channel: str, *, author: str, text: str, now: datetime,
    buttons: list[dict[str, Any]] | None = None, asks: str | None = None, answers: int | None = None,
    staff_id: int | None = None, kind: str = "text", external_id: str | None = None, hidden: bytes | None = None,
) -> Message:
    """Appends one outgoing message. A note stays inside the house: no delivery. `hidden`: see `seal_hidden`."""
    conversation.last_seq += 1
    conversation.last_message_at = now
    message = Message(
        conversation_id=conversation.id, contact_id=conversation.contact_id, seq=conversation.last_seq, author=author,
        kind=kind, text=text, buttons=with_ids(buttons or []), asks=asks, answers=answers, staff_id=staff_id,
        external_id=external_id, secrets=hidden, waiting=False, handed_over=False, created_at=now,
    )
    session.add(message)
    session.flush()
    if kind != "note":
        session.add(Delivery(message_id=message.id, conversation_id=conversation.id, seq=message.seq, channel=channel,
                             try_number=1, state="waiting", due_at=now, changed_at=now))
    return message
