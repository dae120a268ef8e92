"""Opening a ticket, completing one that was opened in haste, and what a resident adds while the bot talks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.due.clock import SHANGHAI, Due
from actions.due.clockwork import Clockwork
from actions.privacy.keys import Keys
from actions.storage.tables import Ticket, TicketEvent
from actions.tickets.commands import clocks
from actions.tickets.commands.persons import (
    APPLICANT,
    PersonGiven,
    add_people,
    is_own_phone,
    keep_applicant_phone,
)
from actions.tickets.commands.telling import tell_unit, write_event
from actions.tickets.desks import Responsible
from actions.tickets.numbers import new_number, new_query_code
from actions.tickets.queries import code_of_the_person

NUMBER_TRIES = 8


@dataclass(frozen=True)
class Request:
    """What is known when a ticket is opened. Places and phone are plain here and encrypted in the row."""

    responsible: Responsible
    programme: str
    due: Due | None
    due_rule: str | None
    legal_basis: str
    event_kind: str | None = None
    aid_first: bool = False
    urgency: str = "none"
    discreet: bool = False
    read_back: str = "none"
    facts: dict[str, Any] = field(default_factory=dict)
    event_place: str | None = None
    event_point: str | None = None
    household_place: str | None = None
    household_unit_name: str | None = None
    phone: str | None = None
    source: str = "bot"
    persons: tuple[PersonGiven, ...] = ()
    minor: bool = False
    surge_id: int | None = None
    state: str = "dispatched"
    conversation_id: int | None = None
    contact_id: int | None = None
    clockwork: Clockwork | None = None  # starts the clocks and says what is due; without it `due` and its rule do

    @property
    def desk(self) -> str:
        """Which kind of desk answers for it."""
        return self.responsible.desk

    def deadline(self, now: datetime) -> tuple[str, Due]:
        """The rule and deadline the resident is told of. Raises NoFigure where config has none."""
        if self.clockwork is not None:
            return self.clockwork.leading(clocks.case_of(self), self.responsible.unit_id, now, self.state)
        if self.due is None or self.due_rule is None:
            raise ValueError("a ticket needs its clockwork, or a deadline and its rule")
        return self.due_rule, self.due


@dataclass(frozen=True)
class Opened:
    """A new ticket and the event that says so. The query code is known only now; the row keeps its hash."""

    ticket: Ticket
    query_code: str
    event: TicketEvent


@cache
def _insert(names: tuple[str, ...]) -> Any:
    """Writes a ticket of these columns unless its number is taken. As text: SQLAlchemy 1.4 compiles ON CONFLICT anew
    each time, which costs more than the row."""
    table = Ticket.__table__
    values = [sa.bindparam(name, type_=table.c[name].type) for name in names]
    statement = insert(table).values(dict(zip(names, values, strict=True)))
    written = statement.on_conflict_do_nothing(index_elements=[table.c.number]).returning(*table.c)
    text = str(written.compile(dialect=postgresql.dialect(paramstyle="named")))
    return sa.select(Ticket).from_statement(sa.text(text).bindparams(*values).columns(*table.c))


def open_ticket(session: Session, keys: Keys, request: Request, now: datetime, actor: str = "bot") -> Opened:
    """Opens a ticket at the responsible desk (社会救助法 37(2): where the emergency happened).

    Never refuses (社会救助法 70(1)); the clock starts now.
    """
    code = new_query_code()
    rule, due = request.deadline(now)
    values: dict[str, Any] = {
        "query_code_hash": keys.fingerprint("query_code", code),
        "conversation_id": request.conversation_id,
        "contact_id": request.contact_id,
        "state": request.state,
        "version": 1,
        "desk": request.responsible.desk,
        "unit_id": request.responsible.unit_id,
        "unit_name": request.responsible.unit_name,
        "district": request.responsible.district,
        "programme": request.programme,
        "event_kind": request.event_kind,
        "aid_first": request.aid_first,
        "urgency": request.urgency,
        "discreet": request.discreet,
        "legal_basis": request.legal_basis,
        "read_back": request.read_back,
        "facts": request.facts,
        "event_place": keys.seal_or_none(request.event_place),
        "event_point": keys.seal_or_none(request.event_point),
        "household_place": keys.seal_or_none(request.household_place),
        "household_unit_name": request.household_unit_name,
        "phone": keys.seal_or_none(request.phone),
        "source": request.source,
        "minor": request.minor,
        "surge_id": request.surge_id,
        "sent_up": False,
        "due_at": due.due,
        "due_rule": rule,
        "due_provisional": due.provisional,
        "due_state": "runs",
        "created_at": now,
    }
    for _ in range(NUMBER_TRIES):
        values["number"] = new_number(now.astimezone(SHANGHAI).date())
        ticket = session.execute(_insert(tuple(values)), values).scalar_one_or_none()
        if ticket is not None:
            break
    else:
        raise RuntimeError("no free ticket number in eight tries: the random source is broken")
    if request.clockwork is not None:
        clocks.open_with(session, request.clockwork, ticket)
    event = write_event(
        session,
        ticket,
        "opened",
        actor,
        now,
        {
            "desk": ticket.desk,
            "unit": ticket.unit_id,
            "district": ticket.district,
            "due": ticket.due_at.isoformat(),
            "due_rule": ticket.due_rule,
            "source": ticket.source,
        },
    )
    add_people(session, keys, ticket.id, request.persons, actor, now)
    tell_unit(session, ticket, event, "ticket_for_unit", now)
    return Opened(ticket, code, event)


def complete_ticket(
    session: Session, keys: Keys, number: str, request: Request, now: datetime, actor: str = "bot"
) -> Opened:
    """Adds what became known since the ticket was opened in haste; a place now known moves it while nobody works it.

    The clocks go on from the opening, those that only now turn out to be its own too; a unit that gets it only now has
    its whole time to take it in hand. A new query code is given, since
    the first was told to nobody.
    """
    ticket = session.execute(
        sa.select(Ticket).where(Ticket.number == number).with_for_update(key_share=True)
        .execution_options(populate_existing=True)  # what the session read before the lock may be old
    ).scalar_one()
    code = new_query_code()
    if not code_of_the_person(session, ticket):  # whoever told of somebody is given no code to that person's own
        ticket.query_code_hash = keys.fingerprint("query_code", code)
    ticket.version += 1
    moved = (request.responsible.desk, request.responsible.unit_id, request.responsible.district) != (
        ticket.desk,
        ticket.unit_id,
        ticket.district,
    )
    before = {"desk": ticket.desk, "unit": ticket.unit_id, "district": ticket.district}
    rerouted = moved and ticket.state == "dispatched" and request.responsible.desk != "district"
    if rerouted:
        ticket.desk, ticket.unit_id = request.responsible.desk, request.responsible.unit_id
        ticket.unit_name, ticket.district = request.responsible.unit_name, request.responsible.district
    ticket.facts = request.facts
    ticket.event_kind = request.event_kind or ticket.event_kind
    ticket.aid_first = ticket.aid_first or request.aid_first
    ticket.discreet = ticket.discreet or request.discreet
    ticket.read_back = request.read_back
    if request.legal_basis == "consent":
        ticket.legal_basis = "consent"
    ticket.event_place = keys.seal_or_none(request.event_place) or ticket.event_place
    ticket.event_point = keys.seal_or_none(request.event_point) or ticket.event_point
    ticket.household_place = keys.seal_or_none(request.household_place) or ticket.household_place
    ticket.household_unit_name = request.household_unit_name or ticket.household_unit_name
    ticket.phone = keys.seal_or_none(request.phone) or ticket.phone
    ticket.minor = ticket.minor or request.minor
    ticket.surge_id = ticket.surge_id or request.surge_id
    for person in request.persons:
        if person.role == APPLICANT:
            keep_applicant_phone(session, keys, ticket.id, person.phone, actor, now)
    moves: dict[str, Any] = {}
    if request.clockwork is not None and ticket.closed_at is None:
        clocks.begin(session, request.clockwork, ticket, now)
        moves = clocks.change_desk(session, request.clockwork, ticket, now) if rerouted else {}
    if rerouted:
        after = {"desk": ticket.desk, "unit": ticket.unit_id, "district": ticket.district}
        event = write_event(session, ticket, "rerouted", actor, now, {"from": before, **after, **moves})
        tell_unit(session, ticket, event, "ticket_for_unit", now)
    event = write_event(session, ticket, "completed", actor, now, {"read_back": request.read_back})
    return Opened(ticket, code, event)


def note_cry(session: Session, ticket: Ticket, conversation_id: int, seq: int, now: datetime) -> None:
    """Words of danger that belong to a ticket already open. Adds to its history only: the caller holds a conversation,
    and behind that lock no ticket may be waited for."""
    data = {"conversation": conversation_id, "seq": seq}
    write_event(session, ticket, "danger_again", "resident", now, data, versioned=False)


def supplement_ticket(
    session: Session,
    keys: Keys,
    number: str,
    seq: int,
    now: datetime,
    *,
    phone: str | None = None,
    point: str | None = None,
) -> Ticket:
    """Notes on the ticket that the resident added something in message `seq`; a new phone or point replaces the old."""
    ticket = session.execute(
        sa.select(Ticket).where(Ticket.number == number).with_for_update(key_share=True)
        .execution_options(populate_existing=True)  # what the session read before the lock may be old
    ).scalar_one()
    ticket.version += 1
    ticket.phone = keys.seal_or_none(phone) or ticket.phone
    ticket.event_point = keys.seal_or_none(point) or ticket.event_point
    if is_own_phone(ticket.facts):
        keep_applicant_phone(session, keys, ticket.id, phone, "resident", now)
    told = {"seq": seq, "phone": phone is not None, **({"point": True} if point is not None else {})}
    write_event(session, ticket, "supplemented", "resident", now, told)
    return ticket
