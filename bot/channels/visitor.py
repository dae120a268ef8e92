"""Who writes in the web chat: a token and nothing else; what this browser may still see. DESIGN 2 point 12."""
from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.privacy.keys import Keys
from actions.storage.tables import Contact, Conversation, Message

CHANNEL = "web"
KEPT = timedelta(days=30)
SHARED_IDLE = timedelta(minutes=15)
SILENT = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)
UNUSED = timedelta(minutes=30)


@dataclass(frozen=True)
class Visitor:
    """A browser whose first message has made a contact."""

    contact_id: int
    shared: bool


@dataclass(frozen=True)
class Standing:
    """The open conversation of a visitor: idle, thinking (the bot), waiting (for a person) or with_person."""

    conversation_id: int | None
    state: str


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def _letters(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _stamped(keys: Keys, at: int, chance: str) -> str:
    body = f"{at:08x}.{chance}"
    return f"{body}.{_letters(keys.fingerprint('chat token', body)[:18])}"


def mint(keys: Keys, now: datetime) -> str:
    """A token that only we can have made: when, 192 random bits, and our mark over both."""
    return _stamped(keys, int(now.timestamp()), secrets.token_urlsafe(24))


def minted_at(keys: Keys, token: str | None) -> int | None:
    """When we made this token (seconds since 1970); None for one that is not ours."""
    if not token or len(token) > 80 or not token.isascii():
        return None
    at, _, rest = token.partition(".")
    try:
        expected = _stamped(keys, int(at, 16), rest.partition(".")[0])
    except ValueError:
        return None
    return int(at, 16) if hmac.compare_digest(expected, token) else None


def replacement(keys: Keys, token: str | None, now: datetime, attempt: str = "") -> str:
    """The token instead of one that may not be used.

    For the same `attempt` (the client's id of a message, which only that page knows) it is the same token again: a
    first message that is sent twice, because its answer was lost, makes one contact.
    """
    if not token or not attempt:
        return mint(keys, now)
    return _stamped(keys, 0, _letters(keys.fingerprint("chat token instead", token, attempt)[:24]))


def _holder(session: Session, keys: Keys, token: str) -> Contact | None:
    contact: Contact | None = session.execute(sa.select(Contact).where(
        Contact.channel == CHANNEL, Contact.address_hash == keys.fingerprint(CHANNEL, token))).scalar_one_or_none()
    return contact


def recognise(session: Session, keys: Keys, token: str | None, now: datetime,
              attempt: str = "") -> tuple[str, Visitor | None]:
    """(token to go on with, the visitor behind it).

    Only a token of our own making opens anything: nobody can plant a known one in another person's browser. It is
    a new one when none was sent, when it was not used within half an hour, or when the old one opens nothing any
    more: unused for 30 days, or for 15 minutes on a shared device. `attempt`: see `replacement`.
    """
    made = minted_at(keys, token)
    contact = _holder(session, keys, token) if token and made is not None else None
    if contact is None and token and made is not None and now.timestamp() - made <= UNUSED.total_seconds():
        return token, None
    if contact is None or token is None:
        token = replacement(keys, token, now, attempt)
        contact = _holder(session, keys, token) if attempt else None
        if contact is None:
            return token, None
    if contact.forgotten_at is None and now - contact.last_seen_at > (SHARED_IDLE if contact.shared_device else KEPT):
        forget(session, contact.id, now)
    if contact.forgotten_at is not None:
        return mint(keys, now), None
    return token, Visitor(contact.id, contact.shared_device)


def note_active(session: Session, visitor: Visitor, now: datetime) -> None:
    """The person is at the page: the time until it forgets starts again."""
    session.execute(sa.update(Contact).where(Contact.id == visitor.contact_id, Contact.last_seen_at < now - NOTED_EVERY)
                    .values(last_seen_at=now).execution_options(synchronize_session=False))


def set_shared(session: Session, visitor: Visitor) -> None:
    """Notes whether others use this device too."""
    session.execute(sa.update(Contact).where(Contact.id == visitor.contact_id).values(shared_device=visitor.shared))


def forget(session: Session, contact_id: int, now: datetime) -> None:
    """This browser's token opens nothing any more; the conversation remains for staff."""
    session.execute(sa.update(Contact).where(Contact.id == contact_id, Contact.forgotten_at.is_(None))
                    .values(forgotten_at=now))


def shown_from(session: Session, contact_id: int, now: datetime, veiled_at: datetime | None) -> datetime | None:
    """The moment before which nothing is shown; None: everything is.

    After twelve silent hours what was said before is hidden, and what came in since then is shown. `veiled_at`: the
    person left the page in a hurry at that moment.
    """
    spoken = session.execute(
        sa.select(Message.created_at).where(Message.contact_id == contact_id, Message.author == "resident")
        .order_by(Message.created_at.desc())).scalars()
    later, hidden = now, None
    for moment in spoken:
        if later - moment > SILENT:
            hidden = moment + SILENT
            break
        later = moment
    spoken.close()
    return max((moment for moment in (hidden, veiled_at) if moment is not None), default=None)


def standing(session: Session, contact_id: int) -> Standing:
    """Where the visitor's open conversation stands."""
    row = session.execute(
        sa.select(Conversation.id, Conversation.mode, Conversation.waiting_since)
        .where(Conversation.contact_id == contact_id, Conversation.mode != "closed")).one_or_none()
    if row is None:
        return Standing(None, "idle")
    if row.mode == "human":
        return Standing(row.id, "with_person")
    waiting = sa.exists().where(Message.conversation_id == row.id, Message.waiting)
    if session.execute(sa.select(waiting)).scalar():
        return Standing(row.id, "thinking")
    return Standing(row.id, "idle" if row.waiting_since is None else "waiting")
