"""Who speaks: a person takes over, releases, closes. Each raises the epoch, which ends every bot turn begun before."""
from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import visible_conversations
from actions.access.rules import Refused, Viewer
from actions.language.replies import Replies
from actions.privacy.commands import record_audit
from actions.storage.tables import Contact, Conversation, Delivery, Draft, Message
from bot.conversation.outbox import READ_CHANNELS, add_message


class NotYours(Exception):
    """Another operator owns the conversation, or nobody does; `mode` and `owner_id` say which."""

    def __init__(self, mode: str, owner_id: int | None) -> None:
        super().__init__(f"the conversation is {mode}")
        self.mode, self.owner_id = mode, owner_id


def _locked(session: Session, viewer: Viewer, conversation_id: int) -> tuple[Conversation, str]:
    """(conversation with its row locked, channel). Raises Refused."""
    viewer.require("take_over")
    row = session.execute(
        visible_conversations(viewer).add_columns(Contact.channel).join(Contact, Contact.id == Conversation.contact_id)
        .where(Conversation.id == conversation_id).with_for_update(key_share=True, of=Conversation)
    ).one_or_none()
    if row is None:
        raise Refused("no such conversation")
    return row[0], row[1]


def _owned(session: Session, viewer: Viewer, conversation_id: int) -> tuple[Conversation, str]:
    conversation, channel = _locked(session, viewer, conversation_id)
    if conversation.mode != "human" or conversation.owner_id != viewer.staff_id:
        raise NotYours(conversation.mode, conversation.owner_id)
    return conversation, channel


def take_over(session: Session, viewer: Viewer, conversation_id: int, replies: Replies, now: datetime) -> Conversation:
    """The operator speaks from now on; the bot is silent until release. Doing it twice changes nothing.

    Raises Refused, and NotYours when another operator owns it.
    """
    conversation, channel = _locked(session, viewer, conversation_id)
    if conversation.mode == "human" and conversation.owner_id == viewer.staff_id:
        return conversation
    if conversation.mode != "bot":
        raise NotYours(conversation.mode, conversation.owner_id)
    conversation.mode, conversation.owner_id = "human", viewer.staff_id
    conversation.epoch += 1
    conversation.waiting_since = conversation.waiting_reason = None
    session.flush()
    # replies the app has not been given yet are the bot's: with a person here they stay unsent
    _withhold(session, conversation, now)
    add_message(session, conversation, channel, author="system", text=replies.text("operator_joined"), now=now)
    record_audit(session, actor=viewer.actor, action="took_over", object_=f"conversation:{conversation.id}", now=now)
    return conversation


def _withhold(session: Session, conversation: Conversation, now: datetime) -> None:
    rows = session.execute(
        sa.select(Delivery, Message).join(Message, Message.id == Delivery.message_id).where(
            Delivery.conversation_id == conversation.id, Delivery.state == "waiting", Message.author == "bot",
            Delivery.channel.notin_(READ_CHANNELS))
        # one the courier is just claiming is on its way: neither wait for it nor call it unsent
        .with_for_update(key_share=True, skip_locked=True, of=Delivery)
    ).all()
    for delivery, message in rows:
        delivery.state, delivery.error, delivery.changed_at = "failed", "overtaken", now
        session.add(Draft(conversation_id=conversation.id, answers=message.answers, text=message.text, created_at=now))


def say(session: Session, viewer: Viewer, conversation_id: int, text: str, client_id: str,
        now: datetime) -> Message | None:
    """The operator's message to the resident. A repeated post (same client id) returns None and changes nothing.

    Raises Refused, NotYours.
    """
    conversation, channel = _owned(session, viewer, conversation_id)
    external_id = f"desk:{viewer.staff_id}:{client_id}"
    if session.execute(sa.select(Message.id).where(
            Message.contact_id == conversation.contact_id, Message.external_id == external_id)).first():
        return None
    # the timer of unanswered danger sees this message and stays silent; deleting it here, behind the conversation's
    # lock, would be against the lock order: the courier locks the timer first
    return add_message(session, conversation, channel, author="operator", text=text, now=now, staff_id=viewer.staff_id,
                       external_id=external_id)


def release(session: Session, viewer: Viewer, conversation_id: int, replies: Replies, now: datetime) -> Conversation:
    """Back to the bot. It starts a fresh dialogue; the facts remain. Raises Refused, NotYours."""
    conversation, channel = _owned(session, viewer, conversation_id)
    conversation.mode, conversation.owner_id, conversation.dialogue = "bot", None, None
    conversation.epoch += 1
    conversation.facts = {**conversation.facts, "asking": None, "misses": 0, "doubt": None}
    if conversation.danger == "now":  # a person has looked after it
        conversation.danger = "past"
    session.flush()
    _hand_over_waiting(session, conversation)
    add_message(session, conversation, channel, author="system", text=replies.text("operator_left"), now=now)
    record_audit(session, actor=viewer.actor, action="released", object_=f"conversation:{conversation.id}", now=now)
    return conversation


def _hand_over_waiting(session: Session, conversation: Conversation) -> None:
    """What was said before or during the takeover was the person's to answer; the bot starts with what comes next.

    Rows a turn holds are skipped: that turn is overtaken and marks them itself; waiting for it could deadlock.
    """
    held = sa.select(Message.id).where(Message.conversation_id == conversation.id, Message.waiting).with_for_update(
        key_share=True, skip_locked=True)
    ids = session.execute(held).scalars().all()
    if ids:
        session.execute(sa.update(Message).where(Message.id.in_(ids)).values(waiting=False, handed_over=True)
                        .execution_options(synchronize_session=False))


def close(session: Session, viewer: Viewer, conversation_id: int, replies: Replies, now: datetime) -> Conversation:
    """Ends the conversation; the next message of the resident opens a new one. Raises Refused, NotYours."""
    conversation, channel = _owned(session, viewer, conversation_id)
    add_message(session, conversation, channel, author="system", text=replies.text("conversation_closed"), now=now)
    conversation.mode, conversation.owner_id = "closed", None
    conversation.epoch += 1
    conversation.waiting_since = conversation.waiting_reason = None
    session.flush()
    record_audit(session, actor=viewer.actor, action="closed", object_=f"conversation:{conversation.id}", now=now)
    return conversation
