"""Takes messages out: claim, commit `sending`, call the app, commit what came of it. DESIGN 2 point 8."""
from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, aliased

from actions.privacy.keys import Keys, KeyWrong
from actions.steps.channel_policy import OPEN
from actions.storage.engine import Database
from actions.storage.tables import Contact, Conversation, Delivery, Draft, Message
from bot.conversation.outbox import full_text

log = structlog.get_logger(__name__)

TRIES = 6  # of what perhaps arrived and is sent again
GIVE_UP = timedelta(hours=24)  # an app that took nothing for so long gets it no more
SETTLE_SECONDS, SETTLE_EVERY = 15.0, 0.25
WAITS = (1, 5, 30, 120, 600)  # seconds before each next try
ABANDONED = timedelta(minutes=2)  # longer than any send takes: whoever claimed it is gone, wherever that was


def who_am_i() -> str:
    """This process, for the rows it is sending."""
    return f"{socket.gethostname()}:{os.getpid()}"


def still_sends(claimed_by: str | None, since: datetime, now: datetime, idle: bool) -> bool:
    """Whether the process that claimed a row may yet be sending it. `idle`: we send nothing, so our claims are old.

    On this machine we can look; of another machine we only know that no send takes so long.
    """
    if claimed_by == who_am_i():
        return not idle
    if claimed_by is None or now - since >= ABANDONED:
        return False
    host, _, pid = claimed_by.rpartition(":")
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is there, under another user
    return True


@dataclass(frozen=True)
class Outgoing:
    """What an app is asked to send. `message_id` serves as its id where the app takes one."""

    message_id: int
    address: str
    text: str
    buttons: tuple[tuple[str, str], ...]
    contact_id: int = 0
    page_button: str | None = None  # the id of the button that opens our own page, if there is one


class AppRefused(Exception):
    """The app will never take this message (blocked, address gone)."""


class TryLater(Exception):
    """The app did not take it; `seconds` from now it may, by its own word. As nothing went out, it counts as no try."""

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__("try later")
        self.seconds = seconds


class Sender(Protocol):
    """One app. `takes_ids` tells whether it recognises a repeated message by our id."""

    takes_ids: bool

    def send(self, outgoing: Outgoing) -> str | None:
        """Sends; returns the app's id. Raises AppRefused, TryLater; any other error means: perhaps delivered."""


def deliver_one(database: Database, senders: Mapping[str, Sender], keys: Keys, now: Callable[[], datetime]) -> bool:
    """Delivers the oldest message of some conversation that is due. False when nothing is."""
    if not senders:
        return False
    older = aliased(Delivery)
    with database.begin() as session:
        row = session.execute(
            sa.select(Delivery, Message, Contact, Conversation.mode).join(Message, Message.id == Delivery.message_id)
            .join(Contact, Contact.id == Message.contact_id)
            .join(Conversation, Conversation.id == Delivery.conversation_id)
            .where(Delivery.state == "waiting", Delivery.due_at <= now(), Delivery.channel.in_(list(senders)),
                   ~sa.exists().where(older.conversation_id == Delivery.conversation_id, older.seq < Delivery.seq,
                                      older.channel == Delivery.channel,  # a page nobody looks at holds up no app
                                      older.state.in_(["waiting", "sending"])))
            .order_by(Delivery.due_at, Delivery.id).limit(1)
            .with_for_update(key_share=True, skip_locked=True, of=Delivery)
        ).one_or_none()
        if row is None:
            return False
        delivery, message, contact, mode = row
        if message.author == "bot" and mode == "human":
            # put off by the app before the takeover, due again after it: the bot's words stay unsent (DESIGN 2 point 3)
            delivery.state, delivery.error, delivery.changed_at = "failed", "overtaken", now()
            session.add(Draft(conversation_id=delivery.conversation_id, answers=message.answers, text=message.text,
                              created_at=now()))
            return True
        again = senders[delivery.channel].takes_ids or _is_danger_text(session, message)
        delivery.state, delivery.changed_at, delivery.claimed_by = "sending", now(), who_am_i()
        try:
            address, text = keys.open(contact.address) if contact.address else "", full_text(message, keys)
        except KeyWrong:  # one row of another key must not hold up the others
            log.error("delivery_unreadable", delivery=delivery.id)
            delivery.state, delivery.error = "failed", "key"
            return True
        buttons = message.buttons or ()
        outgoing = Outgoing(message.id, address, text, tuple((b["id"], b["title"]) for b in buttons), contact.id,
                            next((b["id"] for b in buttons if b["value"] == OPEN), None))
        delivery_id, channel = delivery.id, delivery.channel
    outcome, external_id, error, later = "sent", None, None, None
    try:
        external_id = senders[channel].send(outgoing)
    except AppRefused as refused:
        outcome, error = "failed", str(refused)
    except TryLater as wait:
        outcome, error, later = "retried", "try_later", wait.seconds
    except Exception as unknown:
        # perhaps delivered: resend only where the app recognises our id, and what may save a life
        outcome, error = ("retried" if again else "unclear"), type(unknown).__name__
    _settle_surely(database, delivery_id, outcome, external_id, error, later, now)
    return True


def _is_danger_text(session: Session, message: Message) -> bool:
    """Whether this is a safety text: said twice is better than perhaps never."""
    if message.author != "system" or message.answers is None:
        return False
    return session.execute(sa.select(Message.id).where(
        Message.conversation_id == message.conversation_id, Message.seq == message.answers, Message.danger.isnot(None),
    )).first() is not None


def _settle_surely(database: Database, delivery_id: int, outcome: str, external_id: str | None, error: str | None,
                   later: float | None, now: Callable[[], datetime]) -> None:
    """As _settle; a database that went away meanwhile is waited for: only we know what the app said."""
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            return _settle(database, delivery_id, outcome, external_id, error, later, now())
        except OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(SETTLE_EVERY)


def _settle(database: Database, delivery_id: int, outcome: str, external_id: str | None, error: str | None,
            later: float | None, now: datetime) -> None:
    with database.begin() as session:
        delivery, said_at = session.execute(
            sa.select(Delivery, Message.created_at).join(Message, Message.id == Delivery.message_id)
            .where(Delivery.id == delivery_id).with_for_update(key_share=True, of=Delivery)).one()
        if delivery.state != "sending" or delivery.claimed_by != who_am_i():
            # we were taken for dead; what is certainly out must not go out again
            if outcome == "sent" and delivery.state in ("waiting", "unclear"):
                delivery.state, delivery.external_id = "sent", external_id
                delivery.error, delivery.changed_at = None, now
            return
        if outcome == "retried" and error == "try_later":
            outcome = "put_off" if later is not None else outcome
            if now - said_at >= GIVE_UP:
                outcome = "failed"
        elif outcome == "retried" and delivery.try_number >= TRIES:
            outcome = "unclear"
        if outcome == "put_off":  # the same try, at the moment the app named
            delivery.state, delivery.error, delivery.changed_at = "waiting", error, now
            delivery.due_at = now + timedelta(seconds=later or 0)
            return
        delivery.state, delivery.external_id, delivery.error, delivery.changed_at = outcome, external_id, error, now
        if outcome == "retried":
            seconds = WAITS[min(delivery.try_number, len(WAITS)) - 1]
            session.add(Delivery(
                message_id=delivery.message_id, conversation_id=delivery.conversation_id, seq=delivery.seq,
                channel=delivery.channel, try_number=delivery.try_number + 1, state="waiting",
                due_at=now + timedelta(seconds=seconds), changed_at=now))
    if outcome in ("failed", "unclear"):
        log.warning("delivery_not_sure", delivery=delivery_id, outcome=outcome, error=error)


def recover(database: Database, senders: Mapping[str, Sender], now: datetime, idle: bool = True) -> int:
    """After a crash: what was `sending` is sent again where the app takes our id, and danger texts everywhere.

    Elsewhere it is `unclear`, never resent. What another courier is sending at this moment is left to it, and
    what we are sending ourselves unless we are `idle`.
    """
    with database.begin() as session:
        stuck = session.execute(
            sa.select(Delivery, Message).join(Message, Message.id == Delivery.message_id)
            .where(Delivery.state == "sending", Delivery.channel.in_(list(senders)))
            .with_for_update(key_share=True, skip_locked=True, of=Delivery)).all()
        stuck = [(delivery, message) for delivery, message in stuck
                 if not still_sends(delivery.claimed_by, delivery.changed_at, now, idle)]
        for delivery, message in stuck:
            delivery.changed_at = now
            if senders[delivery.channel].takes_ids or _is_danger_text(session, message):
                delivery.state = "waiting"
            else:
                delivery.state, delivery.error = "unclear", "crash"
        return len(stuck)
