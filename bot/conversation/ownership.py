"""Who speaks: a person takes over, hands on, releases, closes, or is gone. Each raises the epoch, which ends every bot
turn begun before.

An operator holds a conversation on a lease: while the desk is open in a browser it is renewed in silence (access:
at_desk_at); when the page has been silent for too long a timer gives the conversation back to the queue.
"""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.access.commands import note_at_desk
from actions.access.queries import as_viewer, staff_name, visible_conversations
from actions.access.rules import Refused, Role, Viewer
from actions.due.desk import DeskTimes
from actions.language.replies import Replies
from actions.privacy.commands import record_audit
from actions.storage.tables import Contact, Conversation, Delivery, Draft, Message, Staff, Timer
from bot.conversation.outbox import READ_CHANNELS, add_message

LEASE = "lease"  # the kind of its timers; `ref` is conversation:epoch, so that an old one finds nothing to end


class NotThere(Exception):
    """The colleague to whom a conversation should be handed has no desk open."""


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


def _lease(session: Session, conversation: Conversation, due_at: datetime) -> None:
    """A timer of its own for each holder: nobody ever waits for the row of another."""
    session.execute(
        insert(Timer).values(kind=LEASE, ref=f"{conversation.id}:{conversation.epoch}", due_at=due_at)
        .on_conflict_do_nothing(index_elements=[Timer.kind, Timer.ref]))


def take_over(session: Session, viewer: Viewer, conversation_id: int, replies: Replies, desk: DeskTimes,
              now: datetime) -> Conversation:
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
    _lease(session, conversation, now + desk.lease)
    # replies the app has not been given yet are the bot's: with a person here they stay unsent
    _withhold(session, conversation, now)
    add_message(session, conversation, channel, author="system", text=replies.text("operator_joined"), now=now)
    note_at_desk(session, viewer, now)
    record_audit(session, actor=viewer.actor, action="took_over", object_=f"conversation:{conversation.id}", now=now)
    return conversation


def transfer(
    session: Session, viewer: Viewer, conversation_id: int, to_id: int, why: str, roles: Mapping[str, Role],
    replies: Replies, desk: DeskTimes, now: datetime,
) -> Conversation:
    """Hands the conversation on to a colleague who is at the desk. Both read `why`; the resident is told of the change.

    Raises Refused (also for a colleague who may not take over), NotYours, and NotThere when the colleague is away.
    """
    conversation, channel = _owned(session, viewer, conversation_id)
    colleague = session.execute(sa.select(Staff).where(Staff.id == to_id, Staff.active)).scalar_one_or_none()
    if colleague is None or to_id == viewer.staff_id:
        raise Refused("no such colleague")
    as_viewer(colleague, roles).require("take_over")
    if colleague.at_desk_at is None or colleague.at_desk_at <= now - desk.lease:
        raise NotThere()
    conversation.owner_id = to_id
    conversation.epoch += 1
    session.flush()
    _lease(session, conversation, now + desk.lease)
    note = replies.text("note_transferred", to=colleague.name, why=why.strip() or replies.text("note_no_reason"))
    add_message(session, conversation, channel, author="operator", kind="note", text=note, now=now,
                staff_id=viewer.staff_id)
    add_message(session, conversation, channel, author="system", text=replies.text("operator_changed"), now=now)
    record_audit(session, actor=viewer.actor, action="transferred", object_=f"conversation:{conversation.id}", now=now,
                 data={"to": f"staff:{to_id}"})
    return conversation


def end_lease(session: Session, ref: str, replies: Replies, desk: DeskTimes, now: datetime) -> datetime | None:
    """The timer of a lease has come: None when it is over, or the moment until which it runs on.

    Over: the conversation is the bot's again and waits for a person, the staff read a note, the resident one sentence.
    Danger that nobody has looked after stays danger.
    """
    conversation_id, epoch = (int(part) for part in ref.split(":"))
    row = session.execute(
        sa.select(Conversation, Contact.channel).join(Contact, Contact.id == Conversation.contact_id)
        .where(Conversation.id == conversation_id).with_for_update(key_share=True, of=Conversation)).one()
    conversation, channel = row
    if conversation.mode != "human" or conversation.epoch != epoch:
        return None
    seen = session.execute(sa.select(Staff.at_desk_at).where(Staff.id == conversation.owner_id, Staff.active)).scalar()
    if seen is not None and seen + desk.lease > now:
        until: datetime = seen + desk.lease
        return until
    gone = staff_name(session, conversation.owner_id)
    minutes = (now - seen) // timedelta(minutes=1) if seen is not None else desk.lease // timedelta(minutes=1)
    _to_the_bot(session, conversation)
    conversation.waiting_since = now
    conversation.waiting_reason = "danger" if conversation.danger == "now" else "operator_gone"
    session.flush()
    add_message(session, conversation, channel, author="system", kind="note",
                text=replies.text("note_operator_gone", name=gone, minutes=minutes), now=now)
    add_message(session, conversation, channel, author="system", text=replies.text("operator_gone"), now=now)
    record_audit(session, actor="system", action="lease_ended", object_=f"conversation:{conversation.id}", now=now)
    return None


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
    note_at_desk(session, viewer, now)
    # the timer of unanswered danger sees this message and stays silent; deleting it here, behind the conversation's
    # lock, would be against the lock order: the courier locks the timer first
    message = add_message(session, conversation, channel, author="operator", text=text, now=now,
                          staff_id=viewer.staff_id, external_id=external_id)
    record_audit(session, actor=viewer.actor, action="said", object_=f"conversation:{conversation.id}", now=now,
                 data={"seq": message.seq})
    return message


def release(session: Session, viewer: Viewer, conversation_id: int, replies: Replies, now: datetime) -> Conversation:
    """Back to the bot. It starts a fresh dialogue; the facts remain. Raises Refused, NotYours."""
    conversation, channel = _owned(session, viewer, conversation_id)
    if conversation.danger == "now":  # a person has looked after it
        conversation.danger = "past"
    _to_the_bot(session, conversation)
    add_message(session, conversation, channel, author="system", text=replies.text("operator_left"), now=now)
    record_audit(session, actor=viewer.actor, action="released", object_=f"conversation:{conversation.id}", now=now)
    return conversation


def _to_the_bot(session: Session, conversation: Conversation) -> None:
    """A fresh dialogue; the facts remain."""
    conversation.mode, conversation.owner_id, conversation.dialogue = "bot", None, None
    conversation.epoch += 1
    conversation.facts = {**conversation.facts, "asking": None, "misses": 0, "call_back": None, "doubt": None,
                          "doing": None}
    session.flush()
    _hand_over_waiting(session, conversation)


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
