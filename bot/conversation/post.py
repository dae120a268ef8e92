"""The post: turns notices into messages in the right conversation, and what has come due into deeds. DESIGN 2, 9-10."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from actions.language.replies import Replies
from actions.privacy.keys import Keys
from actions.steps.knowledge import Knowledge
from actions.steps.own_ticket import OWN, survey_buttons
from actions.storage.engine import Database
from actions.storage.tables import Contact, Conversation, Message, Notice, Ticket, TicketEvent, Timer
from actions.tickets.commands import Work, keep_up
from actions.tickets.commands.clocks import TIMER as CLOCK
from actions.tickets.commands.clocks import remind
from actions.tickets.commands.handing import TIMER as DEPARTMENTS
from actions.tickets.commands.handing import tell_together
from actions.tickets.commands.upkeep import UPKEEP
from bot.conversation.outbox import add_message, seal_hidden
from bot.conversation.ownership import LEASE, end_lease

log = structlog.get_logger(__name__)

SEALED = "sealed"  # the parameter that holds what only the resident reads, encrypted
AGAIN_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Tools:
    """What timers do their deeds with."""

    know: Knowledge
    work: Work | None

    @property
    def tickets(self) -> Work:
        """What commands of tickets need. Raises LookupError where this process was given none."""
        if self.work is None:
            raise LookupError("this process works no tickets")
        return self.work


def _nobody(hint: str) -> None:
    """Nobody is told."""


def post_one(database: Database, know: Knowledge, now: datetime, tell: Callable[[str], None] = _nobody) -> str | None:
    """Posts the oldest open notice. Returns its outcome (posted, held, silent) or None when there is none.

    `tell` is given the hint of the conversation it changed, after the commit.

    A held one is due when it has waited long enough, or as soon as no person has the conversation any more.
    """
    with_person = sa.exists().where(
        TicketEvent.id == Notice.event_id, Ticket.id == TicketEvent.ticket_id,
        Conversation.contact_id == Ticket.contact_id, Conversation.mode == "human")
    with database.begin() as session:
        notice = session.execute(
            sa.select(Notice).where(sa.or_(
                Notice.state == "waiting",
                sa.and_(Notice.state == "held", sa.or_(Notice.created_at <= now - know.desk.held, ~with_person))))
            .order_by(Notice.id).limit(1).with_for_update(key_share=True, skip_locked=True)
        ).scalar_one_or_none()
        if notice is None:
            return None
        try:
            with session.begin_nested():
                notice.state = _deal_with(session, notice, know, now)
        except DBAPIError:
            raise
        except Exception as error:  # one row that cannot be posted must not hold up the others
            log.error("notice_failed", notice=notice.id, error=type(error).__name__)
            notice.state = "silent"
        outcome, message_id = str(notice.state), notice.message_id
        changed = session.execute(sa.select(Message.conversation_id).where(Message.id == message_id)).scalar()
    if changed is not None:
        tell(f"conversation:{changed}")
    return outcome


def _deal_with(session: Session, notice: Notice, know: Knowledge, now: datetime) -> str:
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
    if conversation.mode == "human" and notice.created_at > now - know.desk.held:
        return "held"  # it waits in the operator's composer
    buttons = _buttons(know, notice)
    message = add_message(session, conversation, contact.channel, author="system", now=now, buttons=buttons,
                          asks=OWN if buttons else None, text=words_of(know.replies, notice),
                          hidden=_hidden(know.keys, notice))
    notice.message_id = message.id
    return "posted"


def words_of(replies: Replies, notice: Notice) -> str:
    """The notice as staff may read it: what only the resident reads stands as dots."""
    return replies.text(notice.kind, **{key: value for key, value in notice.parameters.items() if key != SEALED})


def _hidden(keys: Keys, notice: Notice) -> bytes | None:
    sealed = notice.parameters.get(SEALED)
    return seal_hidden(keys, keys.open(sealed.encode())) if sealed else None


def _buttons(know: Knowledge, notice: Notice) -> list[dict[str, Any]]:
    """What can be pressed under a notice: its text's own buttons; under the one of closing, how it was."""
    if notice.kind == know.survey.notice:
        return survey_buttons(know.survey, notice.parameters["number"])
    return [{"title": button.title, "value": button.value} for button in know.replies.get(notice.kind).buttons]


def held_notices(session: Session, conversation_id: int) -> list[Notice]:
    """Notices that wait for the operator of this conversation."""
    # by contact: the ticket may come from an earlier conversation, the notice goes to the present one
    return list(session.execute(
        sa.select(Notice).join(TicketEvent, TicketEvent.id == Notice.event_id)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .join(Conversation, Conversation.contact_id == Ticket.contact_id)
        .where(Notice.state == "held", Conversation.id == conversation_id).order_by(Notice.id)).scalars())


def run_timer(database: Database, know: Knowledge, now: datetime, tell: Callable[[str], None] = _nobody,
              work: Work | None = None) -> str | None:
    """Does the timer that is due longest, and deletes it or puts it off, in one transaction. Its kind, or None.

    `tell`: as in post_one. `work` is what timers of tickets need.
    """
    tools = Tools(know, work)
    with database.begin() as session:
        timer = session.execute(
            sa.select(Timer).where(Timer.due_at <= now).order_by(Timer.due_at).limit(1)
            .with_for_update(key_share=True, skip_locked=True)).scalar_one_or_none()
        if timer is None:
            return None
        try:
            with session.begin_nested():
                again = TIMERS[timer.kind].run(session, timer.ref, tools, now)
        except DBAPIError:
            raise
        except Exception as error:
            log.error("timer_failed", timer=timer.id, error=type(error).__name__)
            timer.due_at = now + AGAIN_AFTER
            return str(timer.kind)
        kind, ref = str(timer.kind), str(timer.ref)
        if again is None:
            session.delete(timer)
        else:
            timer.due_at = again
    if again is None or TIMERS[kind].always:
        tell(TIMERS[kind].hint(ref))
    return kind


def _danger_unanswered(session: Session, ref: str, tools: Tools, now: datetime) -> None:
    """A person owns it and has been silent for a minute after words of danger: the safety text goes out."""
    conversation_id, seq = (int(part) for part in ref.split(":"))
    conversation, channel = session.execute(
        sa.select(Conversation, Contact.channel).join(Contact, Contact.id == Conversation.contact_id)
        .where(Conversation.id == conversation_id).with_for_update(key_share=True, of=Conversation)).one()
    answered = session.execute(sa.select(Message.id).where(
        Message.conversation_id == conversation_id, Message.seq > seq, Message.author == "operator")).first()
    if answered is None and conversation.mode != "closed":
        add_message(session, conversation, channel, author="system", now=now, answers=seq,
                    text=tools.know.replies.text("danger_cry_now"))


def _lease(session: Session, ref: str, tools: Tools, now: datetime) -> datetime | None:
    return end_lease(session, ref, tools.know.replies, tools.know.desk, now)


def _clock(session: Session, ref: str, tools: Tools, now: datetime) -> datetime | None:
    return remind(session, tools.tickets.clockwork, int(ref), now)


def _upkeep(session: Session, ref: str, tools: Tools, now: datetime) -> datetime | None:
    return keep_up(session, tools.tickets, now)


def _departments_told(session: Session, ref: str, tools: Tools, now: datetime) -> None:
    tell_together(session, tools.tickets, int(ref), now)


def _conversation(ref: str) -> str:
    return f"conversation:{ref.partition(':')[0]}"


def _tickets(ref: str) -> str:
    return "tickets"


@dataclass(frozen=True)
class TimerKind:
    """One kind of timer. `run` returns None when it is done, or when to look again; `hint` names the live pages that
    changed when it is done (`always`: whenever it ran)."""

    run: Callable[[Session, str, Tools, datetime], datetime | None]
    hint: Callable[[str], str]
    always: bool = False


TIMERS: dict[str, TimerKind] = {
    "danger_unanswered": TimerKind(_danger_unanswered, _conversation), LEASE: TimerKind(_lease, _conversation),
    CLOCK: TimerKind(_clock, _tickets, always=True), UPKEEP: TimerKind(_upkeep, _tickets, always=True),
    DEPARTMENTS: TimerKind(_departments_told, _tickets),
}
