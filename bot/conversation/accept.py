"""Takes a message in: one short transaction, acknowledged only after its commit. DESIGN 2 points 1, 2 and 12."""
from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from actions.language.mask import find_phones, mask_identity, mask_phone
from actions.privacy.keys import Keys
from actions.steps.filing import file_ticket
from actions.steps.knowledge import Knowledge
from actions.steps.listening import listen
from actions.storage.tables import Contact, Conversation, DangerCall, Message, Ticket, Timer
from actions.tickets.commands import note_cry
from actions.tickets.queries import danger_ticket_of_contact, danger_ticket_of_group, latest_of_conversation
from actions.turn import Facts, Inbound, Turn
from bot.conversation.attachments import note_file
from bot.conversation.danger import Gates, Hit
from bot.conversation.outbox import add_message

log = structlog.get_logger(__name__)

OPERATOR_ANSWERS_WITHIN = timedelta(seconds=60)
ORDER = {"none": 0, "past": 1, "now": 2}


@dataclass(frozen=True)
class Incoming:
    """A message as a channel hands it over, already verified. `external_id` is the app's identity of it."""

    channel: str
    address: str
    external_id: str
    text: str
    kind: str = "text"
    button_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    file: bytes | None = None  # encrypted: what the channel brings along; an app is asked for its files afterwards
    source: str | None = None  # the network it came from, where the channel knows one; only its keyed hash is kept


@dataclass(frozen=True)
class Accepted:
    """What became of it. `duplicate` means it was here before and nothing was changed."""

    contact_id: int
    conversation_id: int
    seq: int | None
    duplicate: bool
    hits: tuple[Hit, ...] = ()

    @property
    def level(self) -> str:
        """The highest danger level of this message: none, past or now."""
        return max((hit.level for hit in self.hits), key=ORDER.__getitem__, default="none")


@dataclass(frozen=True)
class AcceptTools:
    """What accepting needs besides the session: the danger gates, and what steps know (texts, places, rules, keys)."""

    gates: Gates
    knowledge: Knowledge


def contact_for(session: Session, keys: Keys, channel: str, address: str, now: datetime, keep_address: bool) -> int:
    """The id of the contact with this address, made if it is new."""
    fingerprint = keys.fingerprint(channel, address)
    session.execute(
        insert(Contact).values(
            channel=channel, address_hash=fingerprint, address=keys.seal(address) if keep_address else None,
            shared_device=False, created_at=now, last_seen_at=now,
        ).on_conflict_do_nothing(index_elements=[Contact.channel, Contact.address_hash])
    )
    return int(session.execute(
        sa.select(Contact.id).where(Contact.channel == channel, Contact.address_hash == fingerprint)
    ).scalar_one())


def open_conversation(session: Session, contact_id: int, now: datetime) -> Conversation:
    """The contact's open conversation, made if there is none, its row locked: always the last lock taken."""
    while True:
        session.execute(
            insert(Conversation).values(
                contact_id=contact_id, mode="bot", epoch=0, last_seq=0, danger="none", facts={}, created_at=now,
                last_message_at=now,
            ).on_conflict_do_nothing(index_elements=[Conversation.contact_id], index_where=sa.text("mode <> 'closed'"))
        )
        conversation: Conversation | None = session.execute(
            sa.select(Conversation).where(Conversation.contact_id == contact_id, Conversation.mode != "closed")
            .with_for_update(key_share=True)
        ).scalar_one_or_none()
        if conversation is not None:
            return conversation
        # an operator closed it while we waited for the lock: the next round makes a new one


def safe_text(text: str) -> tuple[str, dict[str, Any]]:
    """(what may be stored and read by staff, what was hidden and is kept encrypted).

    Identity and card numbers nobody asked for are masked and thrown away (个人信息保护法 6); phones are kept
    encrypted.
    Control characters go: NUL and half surrogates cannot be stored, and the others steer the terminals of staff.
    """
    masked = mask_identity("".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs")))
    visible, phones = masked.text, find_phones(masked.text)
    for phone in reversed(phones):
        visible = visible[:phone.start] + mask_phone(phone.number) + visible[phone.end:]
    secrets: dict[str, Any] = {}
    if phones:
        secrets["phones"] = [phone.number for phone in phones]
    if masked.found:
        secrets["masked"] = list(masked.found)
    return visible, secrets


def _pressed(session: Session, conversation_id: int, button_id: str) -> tuple[str, dict[str, Any]] | None:
    """(title, {asks, value}) of a button this conversation was really shown."""
    if not (button_id.isascii() and button_id.isprintable()):  # none of ours; and JSON with NUL breaks the query
        return None
    rows = session.execute(
        sa.select(Message.buttons, Message.asks).where(
            Message.conversation_id == conversation_id,
            Message.buttons.contains([{"id": button_id}]),
        )
    )
    for buttons, asks in rows:
        for button in buttons:
            if button["id"] == button_id:
                return button["title"], {"asks": asks, "value": button["value"]}
    return None


def accept(session: Session, tools: AcceptTools, incoming: Incoming, now: datetime,
           keep_address: bool = True) -> Accepted:
    """Stores one message and answers danger. The caller commits, and only then acknowledges to the app.

    A duplicate (same contact and external id) changes nothing.
    """
    contact_id = contact_for(session, tools.knowledge.keys, incoming.channel, incoming.address, now, keep_address)
    known = session.execute(sa.select(Message.conversation_id, Message.seq).where(
        Message.contact_id == contact_id, Message.external_id == incoming.external_id)).one_or_none()
    if known is not None:
        return Accepted(contact_id, known[0], known[1], duplicate=True)
    conversation = open_conversation(session, contact_id, now)
    text, kind, press = incoming.text, incoming.kind, None
    if incoming.button_id is not None:
        found = _pressed(session, conversation.id, incoming.button_id)
        kind = "press" if found else "text"
        text, press = found if found else (incoming.text, None)
    visible, secrets = safe_text(text)
    secrets.update(incoming.extra)
    hits = tools.gates.check(visible) if kind != "press" else ()  # captions of photos too; a title is our own word
    seq = conversation.last_seq + 1
    stored = session.execute(
        insert(Message).values(
            conversation_id=conversation.id, contact_id=contact_id, seq=seq, author="resident", kind=kind, text=visible,
            press=press, secrets=tools.knowledge.keys.seal(json.dumps(secrets)) if secrets else None,
            external_id=incoming.external_id, waiting=conversation.mode == "bot",
            handed_over=conversation.mode == "human",
            danger=[{"gate": hit.gate, "level": hit.level} for hit in hits] or None, created_at=now,
        ).on_conflict_do_nothing(index_elements=[Message.contact_id, Message.external_id]).returning(Message.id)
    ).scalar_one_or_none()
    if stored is None:  # the same message came twice at once; the other one won the row lock
        known = session.execute(sa.select(Message.conversation_id, Message.seq).where(
            Message.contact_id == contact_id, Message.external_id == incoming.external_id)).one()
        return Accepted(contact_id, known[0], known[1], duplicate=True)
    note_file(session, stored, incoming.channel, kind, incoming.extra, incoming.file, now)
    conversation.last_seq = seq
    conversation.last_message_at = conversation.last_resident_at = now
    session.execute(sa.update(Contact).where(Contact.id == contact_id).values(last_seen_at=now))
    result = Accepted(contact_id, conversation.id, seq, duplicate=False, hits=hits)
    _answer_danger(session, tools, conversation, result, incoming.channel, visible, now, incoming.source)
    return result


def _note_source(session: Session, tools: AcceptTools, conversation: Conversation, source: str | None,
                 now: datetime) -> list[int]:
    """The other conversations with danger from this network a moment ago, once they are so many that it is a flood."""
    if source is None:
        return []
    mark = tools.knowledge.keys.fingerprint("source", source)
    session.execute(
        insert(DangerCall).values(conversation_id=conversation.id, source_hash=mark, at=now)
        .on_conflict_do_update(index_elements=[DangerCall.conversation_id], set_={"at": now, "source_hash": mark}))
    desk = tools.knowledge.desk
    others = session.execute(
        sa.select(DangerCall.conversation_id).where(
            DangerCall.source_hash == mark, DangerCall.at > now - desk.source_window,
            DangerCall.conversation_id != conversation.id)).scalars().all()
    return list(others) if len(others) >= desk.source_tickets else []


def _belongs_to(session: Session, turn: Turn, crowd: list[int]) -> tuple[bool, Ticket | None]:
    """(whether a ticket of its own may open, the flood's ticket it belongs to).

    In a flood from one network the same township has one ticket, and whoever has not said where opens none: the
    conversation stands in the queue with its alarm, and gets its ticket with the place.
    """
    if not crowd:
        return True, None
    unit = turn.facts.places.get("event", {}).get("unit")
    found = danger_ticket_of_group(session, crowd, unit) if unit is not None else None
    return unit is not None and found is None, found


def _open_danger_ticket(session: Session, tools: AcceptTools, conversation: Conversation, accepted: Accepted,
                        channel: str, text: str, crowd: list[int], now: datetime) -> None:
    """Life is in danger: a ticket opens with what is known, without a consent gate (个人信息保护法 13(4)).

    One for each contact: whoever cries again, in another conversation too, is heard on the ticket that is there.

    The conversation's facts stay as they are: a turn may be working on them; it finds the ticket and completes it.
    """
    know = tools.knowledge
    open_states = know.lifecycle.open_states  # what is over does not take a new cry
    if latest_of_conversation(session, conversation.id, open_states) is not None:
        return
    known = danger_ticket_of_contact(session, conversation.contact_id, now - know.desk.same_ticket, open_states)
    turn = Turn(
        session=session, now=now, conversation_id=conversation.id, contact_id=conversation.contact_id, channel=channel,
        messages=(Inbound(accepted.seq or 0, "text", text,
                          danger=tuple((hit.gate, hit.level) for hit in accepted.hits)),),
        facts=Facts.from_json(conversation.facts), replies_book=tools.knowledge.replies, danger="now",
    )
    try:
        with session.begin_nested():
            listen(turn, tools.knowledge)
            own, theirs = (False, known) if known is not None else _belongs_to(session, turn, crowd)
            if theirs is not None:
                note_cry(session, theirs, conversation.id, accepted.seq or 0, now)
            if own:
                file_ticket(turn, tools.knowledge, "none")
    except Exception as error:  # the message and the safety text must go through whatever a ticket lacks
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise  # nothing goes through any more: the app sends it again
        log.error("danger_ticket_failed", conversation=conversation.id, error=type(error).__name__)


def raise_danger(session: Session, tools: AcceptTools, message: Message, hits: tuple[Hit, ...], channel: str,
                 now: datetime) -> None:
    """Answers danger that was not heard when the message came in: as if a gate had. The caller commits.

    Whose conversation it is by now decides what is written, as in `accept`; a closed one is nobody's any more.
    """
    conversation = session.execute(sa.select(Conversation).where(Conversation.id == message.conversation_id)
                                   .with_for_update(key_share=True)
                                   .execution_options(populate_existing=True)).scalar_one()
    if conversation.mode == "closed":
        return
    message.danger = [*(message.danger or []), *({"gate": hit.gate, "level": hit.level} for hit in hits)]
    facts = Facts.from_json(conversation.facts)
    facts.doubt = None
    facts.gates = list(dict.fromkeys([*facts.gates, *(hit.gate for hit in hits)]))
    conversation.facts = facts.as_json()
    accepted = Accepted(message.contact_id, conversation.id, message.seq, duplicate=False, hits=hits)
    _answer_danger(session, tools, conversation, accepted, channel, message.text, now)


def _answer_danger(session: Session, tools: AcceptTools, conversation: Conversation, accepted: Accepted, channel: str,
                   text: str, now: datetime, source: str | None = None) -> None:
    if accepted.level == "none":
        return
    if ORDER[accepted.level] >= ORDER[conversation.danger]:
        conversation.danger, conversation.danger_at = accepted.level, now
    if accepted.level == "now":
        if conversation.mode == "bot":  # whoever was waiting already moves to the front, and keeps the time
            conversation.waiting_since, conversation.waiting_reason = conversation.waiting_since or now, "danger"
        crowd = _note_source(session, tools, conversation, source, now)
        _open_danger_ticket(session, tools, conversation, accepted, channel, text, crowd, now)
    if conversation.mode == "human":
        # nothing is written over a person; if that person stays silent, the courier sends the text
        if accepted.level == "now":
            session.execute(
                insert(Timer).values(kind="danger_unanswered", ref=f"{conversation.id}:{accepted.seq}",
                                     due_at=now + OPERATOR_ANSWERS_WITHIN)
                .on_conflict_do_nothing(index_elements=[Timer.kind, Timer.ref]))
        return
    said: set[str] = set()
    for hit in accepted.hits:
        if hit.level == accepted.level and hit.reply not in said:
            said.add(hit.reply)
            add_message(session, conversation, channel, author="system",
                        text=tools.knowledge.replies.text(hit.reply), now=now, answers=accepted.seq)
