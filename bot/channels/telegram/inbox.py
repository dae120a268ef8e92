"""Takes one update in: one short transaction; what the app is to be told comes after its commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from telegram import Update

from actions.privacy.keys import Keys
from actions.storage.engine import Database
from actions.storage.tables import Contact, Delivery, Message
from bot.channels.telegram.updates import Heard, read_update
from bot.channels.telegram.words import CHANNEL, Words
from bot.conversation.accept import AcceptTools, accept
from bot.conversation.wake import OUT, TURN, Wake

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Inbox:
    """What taking in needs. `now` is the clock (aware)."""

    database: Database
    tools: AcceptTools
    wake: Wake
    now: Callable[[], datetime]
    words: Words

    @property
    def keys(self) -> Keys:
        """Opens encrypted fields and makes keyed hashes."""
        return self.tools.knowledge.keys


@dataclass(frozen=True)
class Call:
    """A method of the Bot API, in the library's spelling, with its values."""

    method: str
    values: dict[str, Any]


def take(inbox: Inbox, update: Update) -> list[Call]:
    """Stores what the update brings; returns what the app should be told now. A repeated update changes nothing."""
    heard = read_update(update, inbox.words)
    calls = [Call("answer_callback_query", {"callback_query_id": heard.callback_id})] if heard.callback_id else []
    if heard.what == "message" and heard.incoming is not None:
        with inbox.database.begin() as session:
            accepted = accept(session, inbox.tools, heard.incoming, inbox.now())
        if not accepted.duplicate:
            inbox.wake.ring(TURN)
            inbox.wake.ring(OUT)  # a safety text may wait
            inbox.wake.hint("queue", f"conversation:{accepted.conversation_id}")
    elif heard.what == "group":
        calls += _refuse_group(inbox, heard)
    elif heard.what == "blocked":
        _blocked(inbox, heard)
    else:
        log.info("telegram_update_ignored", update=update.update_id, kind=heard.kind)
    return calls


def _refuse_group(inbox: Inbox, heard: Heard) -> list[Call]:
    """Help is asked for alone: a group is told so once, and left. Nothing said there is kept."""
    assert heard.chat is not None
    with inbox.database.begin() as session:
        first = _first_seen(session, inbox.keys, heard.chat, inbox.now())
    log.info("telegram_group_refused", kind=heard.kind, first=first)
    told = [Call("send_message", {"chat_id": heard.chat, "text": inbox.tools.knowledge.replies.text("telegram_group")})]
    return [*(told if first else []), Call("leave_chat", {"chat_id": heard.chat})]


def _first_seen(session: Session, keys: Keys, chat: str, now: datetime) -> bool:
    """Notes the group's keyed hash. A contact without conversation is only the memory of having told it."""
    return (
        session.execute(
            insert(Contact)
            .values(
                channel=CHANNEL,
                address_hash=keys.fingerprint(CHANNEL, chat),
                created_at=now,
                last_seen_at=now,
                shared_device=False,
            )
            .on_conflict_do_nothing(index_elements=[Contact.channel, Contact.address_hash])
            .returning(Contact.id)
        ).scalar_one_or_none()
        is not None
    )


def _blocked(inbox: Inbox, heard: Heard) -> None:
    """Whoever blocks the bot gets nothing any more: what waits has failed, and the desk sees it."""
    assert heard.chat is not None
    with inbox.database.begin() as session:
        contact_id = session.execute(
            sa.select(Contact.id).where(
                Contact.channel == CHANNEL, Contact.address_hash == inbox.keys.fingerprint(CHANNEL, heard.chat)
            )
        ).scalar()
        failed = (
            session.execute(
                sa.update(Delivery)
                .where(
                    Delivery.channel == CHANNEL,
                    Delivery.state == "waiting",
                    Delivery.message_id.in_(sa.select(Message.id).where(Message.contact_id == contact_id)),
                )
                .values(state="failed", error="blocked", changed_at=inbox.now())
                .execution_options(synchronize_session=False)
            ).rowcount
            if contact_id is not None
            else 0
        )
    log.info("telegram_blocked", contact=contact_id, failed=failed)
