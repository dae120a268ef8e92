"""One turn: claim a waiting message, think, and commit everything or nothing. DESIGN 2 points 4 to 6."""
from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, aliased

from actions.language.replies import Replies
from actions.privacy.keys import Keys
from actions.storage.engine import Database
from actions.storage.tables import Contact, Conversation, Draft, Message, TurnAttempt
from actions.turn import Facts, Inbound, Turn, working
from bot.conversation.accept import AcceptTools, raise_danger
from bot.conversation.outbox import add_message, seal_hidden
from bot.conversation.second_reader import answer_of, judge
from bot.conversation.wake import OUT, Wake

log = structlog.get_logger(__name__)

ATTEMPTS = 3
Think = Callable[[Turn], None]


@dataclass(frozen=True)
class TurnTools:
    """What a worker needs: the database, texts, keys, wake-ups, the clock, and what answering danger takes."""

    database: Database
    replies: Replies
    keys: Keys
    wake: Wake
    now: Callable[[], datetime]
    accepting: AcceptTools


@dataclass(frozen=True)
class Worked:
    """The outcome of one turn.

    answered, handed_over (a person owns it), overtaken, begun_again, failed, given_up, or raised: words that no gate
    heard turned out to be danger; safety text, alarm and ticket are there, and the message waits for its turn.
    """

    outcome: str
    conversation_id: int


def _claim(session: Session) -> list[Message]:
    """The oldest waiting message that has no older one waiting in its conversation, with the texts right behind it.

    Locks message rows only, never the conversation: accepting and taking over must not wait for thinking.
    """
    older = aliased(Message)
    first = session.execute(
        sa.select(Message).where(
            Message.waiting,
            ~sa.exists().where(older.conversation_id == Message.conversation_id, older.waiting, older.id < Message.id),
        ).order_by(Message.id).limit(1).with_for_update(key_share=True, skip_locked=True)
    ).scalar_one_or_none()
    if first is None:
        return []
    rest = session.execute(
        sa.select(Message)
        .where(Message.conversation_id == first.conversation_id, Message.waiting, Message.id > first.id)
        .order_by(Message.id).with_for_update(key_share=True)
    ).scalars().all()
    burst = [first]
    if first.kind == "text":
        for message in rest:
            if message.kind != "text":
                break
            burst.append(message)
    return burst


def _note_attempt(tools: TurnTools, message_id: int, now: datetime) -> int:
    """Counts this attempt on a connection of its own, so that a crash leaves a trace. Returns the number so far."""
    with tools.database.begin() as session:
        session.add(TurnAttempt(message_id=message_id, worker=str(os.getpid()), started_at=now))
        session.flush()
        return int(session.execute(sa.select(sa.func.count()).select_from(TurnAttempt)
                                   .where(TurnAttempt.message_id == message_id)).scalar_one())


def _inbound(message: Message, keys: Keys) -> Inbound:
    secrets: dict[str, Any] = json.loads(keys.open(message.secrets)) if message.secrets else {}
    return Inbound(message.seq, message.kind, message.text, message.press, secrets,
                   tuple((hit["gate"], hit["level"]) for hit in message.danger or ()))


def work_one(tools: TurnTools, think: Think) -> Worked | None:
    """Works one turn. None when nothing waits. `think` fills the Turn and never commits."""
    now = tools.now()
    with tools.database.session() as session:
        burst = _claim(session)
        if not burst:
            session.rollback()
            return None
        ids, conversation_id = [message.id for message in burst], burst[0].conversation_id
        row = session.execute(
            sa.select(Conversation.mode, Conversation.epoch, Conversation.dialogue, Conversation.facts,
                      Conversation.danger, Conversation.danger_at, Conversation.waiting_since,
                      Contact.channel, Contact.id)
            .join(Contact, Contact.id == Conversation.contact_id).where(Conversation.id == conversation_id)
        ).one()
        mode, epoch, dialogue, facts, danger, danger_at, waiting_since, channel, contact_id = row
        if mode != "bot":
            _mark_handed_over(session, ids)
            session.commit()
            return Worked("handed_over", conversation_id)
        if _note_attempt(tools, ids[0], now) >= ATTEMPTS:
            session.rollback()
            _to_a_person(tools, conversation_id, epoch, ids, channel, "turn_given_up")
            return Worked("given_up", conversation_id)
        turn = Turn(
            session=session, now=now, conversation_id=conversation_id, contact_id=contact_id, channel=channel,
            messages=tuple(_inbound(message, tools.keys) for message in burst), facts=Facts.from_json(facts),
            replies_book=tools.replies, danger=danger, waiting_for_person=waiting_since is not None,
            dialogue=dialogue, judge=partial(judge, tools.accepting.gates),
        )
        doubtful = _settle_doubt(session, tools, turn)
        try:
            if turn.alarm is None:
                with working(turn):
                    think(turn)
            if turn.error is None:
                session.flush()
        except Exception as error:  # whatever it is: the resident gets an answer and a person
            turn.fail("turn", error)
        if turn.error is not None:
            session.rollback()
            step, error = turn.error
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise error  # the database went away, not the turn: the message waits for the next attempt
            log.error("turn_failed", conversation=conversation_id, step=step, error=type(error).__name__,
                      where=_where(error))
            _to_a_person(tools, conversation_id, epoch, ids, channel, "turn_failed")
            return Worked("failed", conversation_id)
        if turn.alarm is not None:
            hit = tools.accepting.gates.hit(turn.alarm, "now", "")
            raise_danger(session, tools.accepting, (doubtful or burst)[-1], (hit,), channel, tools.now())
            session.commit()
            outcome = "raised"
        else:
            outcome = _finish(session, tools, turn, epoch, danger_at, ids, burst[-1].seq)
    if outcome == "overtaken":
        _keep_draft(tools, turn, ids)
    elif outcome in ("answered", "raised"):
        tools.wake.ring(OUT)
    tools.wake.hint("queue", f"conversation:{conversation_id}", "tickets")
    return Worked(outcome, conversation_id)


def _where(error: BaseException) -> str:
    """File and line of the innermost frame: enough to find the fault, without what was said."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"


def _settle_doubt(session: Session, tools: TurnTools, turn: Turn) -> list[Message]:
    """Takes the answer to "is somebody in danger now?"; returns the messages because of which it was asked.

    Yes: the alarm. No: those messages are read now, as if nothing had been asked. Anything else: they are read together
    with what was said instead, and a person looks, for an unclear answer is no no.
    """
    doubt = turn.facts.doubt
    if doubt is None:
        return []
    turn.facts.doubt = None
    asked_about = list(session.execute(
        sa.select(Message).where(Message.conversation_id == turn.conversation_id, Message.author == "resident",
                                 Message.seq.in_(doubt["seqs"])).order_by(Message.seq)).scalars())
    if turn.danger == "now" or not asked_about:
        return []
    answer = answer_of(turn)
    if answer is True:
        turn.alarm = doubt["kind"]
        return asked_about
    earlier = tuple(_inbound(message, tools.keys) for message in asked_about)
    if answer is False:
        turn.messages = earlier
    elif turn.press is None:
        turn.messages = (*earlier, *turn.messages)
        turn.ask_for_person("danger")
    return asked_about


def _finish(session: Session, tools: TurnTools, turn: Turn, epoch: int, danger_at: datetime | None,
            ids: list[int], answers: int) -> str:
    """The one conditional write that decides: still the bot's conversation, still the same epoch, no new danger.

    Danger that came meanwhile has its ticket already, and from now on the bot asks only about safety (DESIGN 2
    point 2): what this turn thought up is thrown away, its messages wait on and are read again together with the cry.
    """
    now = tools.now()
    values: dict[str, Any] = {"dialogue": turn.dialogue, "facts": turn.facts.as_json(), "last_message_at": now}
    if turn.danger_over:  # unless new words of danger came in meanwhile
        values["danger"] = sa.case((Conversation.danger_at == danger_at, "past"), else_=Conversation.danger)
    if turn.handoff is not None:
        values["waiting_since"] = sa.func.coalesce(Conversation.waiting_since, now)
        values["waiting_reason"] = sa.func.coalesce(Conversation.waiting_reason, turn.handoff)
    mine = (Conversation.id == turn.conversation_id, Conversation.epoch == epoch, Conversation.mode == "bot")
    updated = session.execute(
        sa.update(Conversation)
        .where(*mine, sa.or_(Conversation.danger != "now", Conversation.danger_at.is_not_distinct_from(danger_at)))
        .values(**values).execution_options(synchronize_session=False)
    ).rowcount
    if not updated:
        session.rollback()
        still_mine = session.execute(sa.select(Conversation.id).where(*mine)).first()
        return "begun_again" if still_mine else "overtaken"
    conversation = session.execute(
        sa.select(Conversation).where(Conversation.id == turn.conversation_id).execution_options(populate_existing=True)
    ).scalar_one()
    for reply in turn.replies:
        add_message(session, conversation, turn.channel, author="bot", text=reply.text, now=now, buttons=reply.buttons,
                    asks=reply.asks, answers=answers, hidden=seal_hidden(tools.keys, reply.hidden))
    session.execute(sa.update(Message).where(Message.id.in_(ids)).values(waiting=False)
                    .execution_options(synchronize_session=False))
    session.commit()
    return "answered"


def _mark_handed_over(session: Session, ids: list[int]) -> bool:
    """False when none was waiting any more: another worker has dealt with them."""
    return bool(session.execute(
        sa.update(Message).where(Message.id.in_(ids), Message.waiting)
        .values(waiting=False, handed_over=True).execution_options(synchronize_session=False)).rowcount)


def _keep_draft(tools: TurnTools, turn: Turn, ids: list[int]) -> None:
    with tools.database.begin() as session:
        _mark_handed_over(session, ids)
        # another worker may have handed it over between our rollback and now; only an answer makes the draft useless
        handed = sa.select(Message.id).where(Message.id.in_(ids), Message.handed_over)
        if session.execute(handed).first() is None:
            return
        for reply in turn.replies:
            session.add(Draft(conversation_id=turn.conversation_id, answers=turn.seq, text=reply.text,
                              created_at=turn.now))


def _to_a_person(tools: TurnTools, conversation_id: int, epoch: int, ids: list[int], channel: str, reason: str) -> None:
    """An error is not an answer: apology, place in the queue, and the message is a person's. Its own transaction."""
    now = tools.now()
    with tools.database.begin() as session:
        if not _mark_handed_over(session, ids):
            return
        conversation = session.execute(sa.select(Conversation).where(Conversation.id == conversation_id)
                                       .with_for_update(key_share=True)).scalar_one()
        if conversation.mode == "bot" and conversation.epoch == epoch:
            conversation.waiting_since = conversation.waiting_since or now
            conversation.waiting_reason = conversation.waiting_reason or reason
            conversation.dialogue = None
            add_message(session, conversation, channel, author="system", text=tools.replies.text("turn_failed"),
                        now=now)
    tools.wake.ring(OUT)
    tools.wake.hint("queue", f"conversation:{conversation_id}")
