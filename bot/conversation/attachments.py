"""Files residents send: noted with their message, fetched from the app afterwards, kept encrypted for the desk."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from actions.privacy.keys import Keys, KeyWrong
from actions.storage.engine import Database
from actions.storage.tables import Attachment, Message
from actions.turn import FILES

log = structlog.get_logger(__name__)

LOOKED_AT = (*FILES, "location", "contact")  # kinds of message that have a page of their own in the desk
TRIES = 20
LONGEST_WAIT = timedelta(minutes=30)


class TooLarge(Exception):
    """The app does not hand out a file of this size."""


class Gone(Exception):
    """The app does not know this file any more."""


def note_file(
    session: Session, message_id: int, channel: str, kind: str, extra: dict[str, Any], content: bytes | None,
    now: datetime,
) -> None:
    """Notes that a message came with a file; in the transaction that accepts it.

    `content`: the file itself, encrypted, where it came along; otherwise the app is asked for it afterwards.
    """
    file = extra.get(kind)
    if kind not in FILES or not isinstance(file, dict):
        return
    if content is not None:
        session.add(Attachment(message_id=message_id, channel=channel, state="kept", due_at=now, tries=0,
                               size=file.get("size"), content=content, changed_at=now))
    elif file.get("file_id"):
        session.add(Attachment(message_id=message_id, channel=channel, state="waiting", due_at=now, tries=0,
                               size=file.get("size"), changed_at=now))


def fetch_one(database: Database, keys: Keys, channel: str, fetch: Callable[[str], bytes],
              now: Callable[[], datetime]) -> bool:
    """Fetches the file that has been due longest; no transaction is open meanwhile. False when none is due.

    `fetch` raises TooLarge, Gone; any other error means: later. Only one process of an installation does this at once.
    """
    with database.begin() as session:
        row = session.execute(
            sa.select(Attachment.id, Attachment.tries, Message.kind, Message.secrets)
            .join(Message, Message.id == Attachment.message_id)
            .where(Attachment.state == "waiting", Attachment.channel == channel, Attachment.due_at <= now())
            .order_by(Attachment.due_at, Attachment.id).limit(1)).one_or_none()
    if row is None:
        return False
    values: dict[str, Any] = {}
    try:
        content = fetch(json.loads(keys.open(row.secrets))[row.kind]["file_id"])
        values = {"state": "kept", "content": keys.seal_bytes(content), "size": len(content)}
    except TooLarge:
        values = {"state": "too_large"}
    except (Gone, KeyWrong):
        values = {"state": "gone"}
    except Exception as error:
        tries = row.tries + 1
        wait = min(LONGEST_WAIT, timedelta(seconds=2 ** min(tries, 12)))
        values = {"tries": tries, "due_at": now() + wait} if tries < TRIES else {"tries": tries, "state": "gone"}
        log.warning("attachment_not_fetched", attachment=row.id, tries=tries, error=type(error).__name__)
    with database.begin() as session:
        session.execute(sa.update(Attachment).where(Attachment.id == row.id).values(changed_at=now(), **values)
                        .execution_options(synchronize_session=False))
    return True


def attachment_of(session: Session, conversation_id: int, message_id: int) -> tuple[Message, Attachment | None] | None:
    """(message, file or None) of a conversation already obtained through access; None for what has no page."""
    row = session.execute(
        sa.select(Message, Attachment).outerjoin(Attachment, Attachment.message_id == Message.id)
        .where(Message.id == message_id, Message.conversation_id == conversation_id, Message.author == "resident",
               Message.kind.in_(LOOKED_AT))).one_or_none()
    return None if row is None else (row[0], row[1])
