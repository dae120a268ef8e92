"""The post: turns notices into messages in the right conversation, and what has come due into deeds. DESIGN 2, 9-10."""
from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from actions.language.replies import Replies
from actions.storage.engine import Database
from actions.storage.tables import Contact, Conversation, Message, Notice, Ticket, TicketEvent, Timer
from bot.conversation.outbox import add_message

log = structlog.get_logger(__name__)

HELD_FOR = timedelta(minutes=30)
AGAIN_AFTER = timedelta(minutes=5)


def post_one(database: Database, replies: Replies, now: datetime) -> str | None:
    """Posts the oldest open notice. Returns its outcome (posted, held, silent) or None when there is none."""
    with database.begin() as session:
        notice = session.execute(
            sa.select(Notice).where(sa.or_(
                Notice.state == "waiting",
                sa.and_(Notice.state == "held", Notice.created_at <= now - HELD_FOR)))
            .order_by(Notice.id).limit(1).with_for_update(key_share=True, skip_locked=True)
        ).scalar_one_or_none()
        if notice is None:
            return None
        try:
            with session.begin_nested():
                notice.state = _deal_with(session, notice, replies, now)
        except DBAPIError:
            raise
        except Exception as error:  # one row that cannot be posted must not hold up the others
            log.error("notice_failed", notice=notice.id, error=type(error).__name__)
            notice.state = "silent"
        return str(notice.state)


def _deal_with(session: Session, notice: Notice, replies: Replies, now: datetime) -> str:
    if notice.recipient != "resident":
        return "posted"  # a unit reads its list; live pages got a hint
    ticket, contact = session.execute(
        sa.select(Ticket, Contact).join(TicketEvent, TicketEvent.ticket_id == Ticket.id)
        .join(Contact, Contact.id == Ticket.contact_id).where(TicketEvent.id == notice.event_id)
    ).one()
    if ticket.discreet or contact.forgotten_at is not None:
        return "silent"
    conversation = session.execute(
        sa.select(Conversation).where(Conversation.contact_id == contact.id)
        .order_by(Conversation.mode == "closed", Conversation.id.desc())
        .limit(1).with_for_update(key_share=True)
    ).scalar_one()
    if conversation.mode == "human" and notice.state == "waiting":
        return "held"  # it waits in the operator's composer
    message = add_message(session, conversation, contact.channel, author="system", now=now,
                          text=replies.text(notice.kind, **notice.parameters))
    notice.message_id = message.id
    return "posted"


def held_notices(session: Session, conversation_id: int) -> list[Notice]:
    """Notices that wait for the operator of this conversation."""
    # by contact: the ticket may come from an earlier conversation, the notice goes to the present one
    return list(session.execute(
        sa.select(Notice).join(TicketEvent, TicketEvent.id == Notice.event_id)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .join(Conversation, Conversation.contact_id == Ticket.contact_id)
        .where(Notice.state == "held", Conversation.id == conversation_id).order_by(Notice.id)).scalars())


def run_timer(database: Database, replies: Replies, now: datetime) -> str | None:
    """Does the timer that is due longest, and deletes it, in one transaction. Returns its kind, or None."""
    with database.begin() as session:
        timer = session.execute(
            sa.select(Timer).where(Timer.due_at <= now).order_by(Timer.due_at).limit(1)
            .with_for_update(key_share=True, skip_locked=True)).scalar_one_or_none()
        if timer is None:
            return None
        try:
            with session.begin_nested():
                TIMERS[timer.kind](session, timer.ref, replies, now)
        except DBAPIError:
            raise
        except Exception as error:
            log.error("timer_failed", timer=timer.id, error=type(error).__name__)
            timer.due_at = now + AGAIN_AFTER
            return str(timer.kind)
        session.delete(timer)
        return str(timer.kind)


def _danger_unanswered(session: Session, ref: str, replies: Replies, now: datetime) -> None:
    """A person owns it and has been silent for a minute after words of danger: the safety text goes out."""
    conversation_id, seq = (int(part) for part in ref.split(":"))
    conversation, channel = session.execute(
        sa.select(Conversation, Contact.channel).join(Contact, Contact.id == Conversation.contact_id)
        .where(Conversation.id == conversation_id).with_for_update(key_share=True, of=Conversation)).one()
    answered = session.execute(sa.select(Message.id).where(
        Message.conversation_id == conversation_id, Message.seq > seq, Message.author == "operator")).first()
    if answered is None and conversation.mode != "closed":
        add_message(session, conversation, channel, author="system", text=replies.text("danger_cry_now"), now=now,
                    answers=seq)


TIMERS = {"danger_unanswered": _danger_unanswered}
