"""The only writer of tickets. Every command: lock, check, write state, event, notice and record in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.access.queries import visible_tickets
from actions.access.rules import Refused, Viewer
from actions.due.clock import SHANGHAI, Due
from actions.privacy.commands import record_audit
from actions.privacy.keys import Keys
from actions.storage.tables import Notice, ProgressTry, Ticket, TicketEvent
from actions.tickets.rules import Lifecycle, new_number, new_query_code, tidy_number

NUMBER_TRIES = 8
PROGRESS_TRIES, PROGRESS_LOCK = 5, timedelta(hours=1)


class StalePage(Exception):
    """Somebody changed the ticket since the page was read."""


class Settled(Exception):
    """The district has decided whose ticket it is; a unit cannot return it any more."""


class WrongUnit(Exception):
    """The unit proposed or chosen cannot be: none, an unknown one, or the one that has the ticket."""


@dataclass(frozen=True)
class Responsible:
    """Who answers for a ticket: a unit of the area, the district's own desk, or a district outside."""

    desk: str
    unit_id: str | None
    unit_name: str | None
    district: str | None


@dataclass(frozen=True)
class Request:
    """What is known when a ticket is opened. Places and phone are plain here and encrypted in the row."""

    responsible: Responsible
    programme: str
    due: Due
    due_rule: str
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
    conversation_id: int | None = None
    contact_id: int | None = None


@dataclass(frozen=True)
class Opened:
    """A new ticket. The query code is known only now; the row keeps its hash."""

    ticket: Ticket
    query_code: str


def _event(session: Session, ticket: Ticket, kind: str, actor: str, now: datetime, data: dict[str, Any]) -> TicketEvent:
    event = TicketEvent(ticket_id=ticket.id, kind=kind, actor=actor, at=now, data=data)
    session.add(event)
    session.flush()
    return event


def _notify(
    session: Session,
    event: TicketEvent,
    recipient: str,
    kind: str,
    now: datetime,
    state: str = "waiting",
    **parameters: str,
) -> None:
    session.add(
        Notice(event_id=event.id, recipient=recipient, kind=kind, parameters=parameters, state=state, created_at=now)
    )


def open_ticket(session: Session, keys: Keys, request: Request, now: datetime, actor: str = "bot") -> Opened:
    """Opens a ticket at the responsible desk (社会救助法 37(2): where the emergency happened).

    Never refuses (社会救助法 70(1)); the clock starts now.
    """
    code = new_query_code()
    values: dict[str, Any] = {
        "query_code_hash": keys.fingerprint("query_code", code),
        "conversation_id": request.conversation_id,
        "contact_id": request.contact_id,
        "state": "dispatched",
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
        "due_at": request.due.due,
        "due_rule": request.due_rule,
        "due_provisional": request.due.provisional,
        "created_at": now,
    }
    for _ in range(NUMBER_TRIES):
        row = session.execute(
            insert(Ticket)
            .values(number=new_number(now.astimezone(SHANGHAI).date()), **values)
            .on_conflict_do_nothing(index_elements=[Ticket.number])
            .returning(Ticket.id)
        ).scalar_one_or_none()
        if row is not None:
            break
    else:
        raise RuntimeError("no free ticket number in eight tries: the random source is broken")
    ticket = session.execute(sa.select(Ticket).where(Ticket.id == row)).scalar_one()
    event = _event(
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
        },
    )
    if ticket.unit_id is not None:
        _notify(session, event, f"unit:{ticket.unit_id}", "ticket_for_unit", now, number=ticket.number)
    return Opened(ticket, code)


def complete_ticket(
    session: Session, keys: Keys, number: str, request: Request, now: datetime, actor: str = "bot"
) -> Opened:
    """Adds what became known since the ticket was opened in haste; a place now known moves it while nobody works it.

    The clock goes on from the opening. A new query code is given, since the first was told to nobody.
    """
    ticket = session.execute(
        sa.select(Ticket).where(Ticket.number == number).with_for_update(key_share=True)
    ).scalar_one()
    code = new_query_code()
    ticket.query_code_hash = keys.fingerprint("query_code", code)
    ticket.version += 1
    moved = (request.responsible.desk, request.responsible.unit_id, request.responsible.district) != (
        ticket.desk,
        ticket.unit_id,
        ticket.district,
    )
    if moved and ticket.state == "dispatched" and request.responsible.desk != "district":
        before = {"desk": ticket.desk, "unit": ticket.unit_id, "district": ticket.district}
        ticket.desk, ticket.unit_id = request.responsible.desk, request.responsible.unit_id
        ticket.unit_name, ticket.district = request.responsible.unit_name, request.responsible.district
        event = _event(
            session,
            ticket,
            "rerouted",
            actor,
            now,
            {"from": before, "desk": ticket.desk, "unit": ticket.unit_id, "district": ticket.district},
        )
        if ticket.unit_id is not None:
            _notify(session, event, f"unit:{ticket.unit_id}", "ticket_for_unit", now, number=ticket.number)
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
    _event(session, ticket, "completed", actor, now, {"read_back": request.read_back})
    return Opened(ticket, code)


def tell_resident(session: Session, ticket: Ticket, kind: str, now: datetime, **parameters: str) -> None:
    """A notice about the ticket's last event, once; a discreet ticket stays silent. The post finds the way."""
    event = session.execute(
        sa.select(TicketEvent).where(TicketEvent.ticket_id == ticket.id).order_by(TicketEvent.id.desc()).limit(1)
    ).scalar_one()
    _notify(session, event, "resident", kind, now, "silent" if ticket.discreet else "waiting", **parameters)


def note_cry(session: Session, ticket: Ticket, conversation_id: int, seq: int, now: datetime) -> None:
    """Words of danger that belong to a ticket already open. Adds to its history only: the caller holds a conversation,
    and behind that lock no ticket may be waited for."""
    _event(session, ticket, "danger_again", "resident", now, {"conversation": conversation_id, "seq": seq})


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
    ).scalar_one()
    ticket.version += 1
    ticket.phone = keys.seal_or_none(phone) or ticket.phone
    ticket.event_point = keys.seal_or_none(point) or ticket.event_point
    told = {"seq": seq, "phone": phone is not None, **({"point": True} if point is not None else {})}
    _event(session, ticket, "supplemented", "resident", now, told)
    return ticket


def ask_progress(session: Session, keys: Keys, *, number: str, code: str, now: datetime) -> Ticket | None:
    """The ticket for a number with its query code; None for anything else, without telling what was wrong.

    Five wrong tries at a number lock it for an hour, whether a ticket has that number or not; so neither the answer
    nor the lock says that it exists (DESIGN 2 point 12). The caller commits also when the answer is None.
    """
    tidy = tidy_number(number) or number.strip().upper()[:40]
    slot = keys.fingerprint("progress", tidy)
    session.execute(
        insert(ProgressTry)
        .values(number_hash=slot, tries=0, changed_at=now)
        .on_conflict_do_nothing(index_elements=[ProgressTry.number_hash])
    )
    row = session.execute(
        sa.select(ProgressTry).where(ProgressTry.number_hash == slot).with_for_update(key_share=True)
    ).scalar_one()
    if row.locked_until is not None and row.locked_until > now:
        return None
    typed = "".join(letter for letter in code.upper() if letter.isalnum())
    ticket: Ticket | None = session.execute(
        sa.select(Ticket).where(Ticket.number == tidy, Ticket.query_code_hash == keys.fingerprint("query_code", typed))
    ).scalar_one_or_none()
    row.changed_at = now
    if ticket is not None:
        row.tries, row.locked_until = 0, None
        return ticket
    row.tries += 1
    if row.tries >= PROGRESS_TRIES:
        row.tries, row.locked_until = 0, now + PROGRESS_LOCK
    return None


def accept_ticket(
    session: Session, viewer: Viewer, lifecycle: Lifecycle, *, number: str, version: int, now: datetime
) -> Ticket:
    """An officer takes the ticket on (受理); the resident is told through the channel it came by, unless discreet.

    Raises Refused, StalePage, WrongState.
    """
    viewer.require(lifecycle.commands["accept"].permission)
    ticket = session.execute(
        visible_tickets(viewer).where(Ticket.number == number).with_for_update(key_share=True)
    ).scalar_one_or_none()
    if ticket is None:
        raise Refused("no such ticket")
    after = lifecycle.after("accept", ticket.state)
    if ticket.version != version:
        raise StalePage()
    ticket.state, ticket.version = after, ticket.version + 1
    ticket.accepted_at, ticket.accepted_by = now, viewer.staff_id
    event = _event(session, ticket, "accepted", viewer.actor, now, {})
    tells = lifecycle.commands["accept"].tells
    if tells and ticket.contact_id is not None:
        _notify(
            session,
            event,
            "resident",
            tells,
            now,
            "silent" if ticket.discreet else "waiting",
            number=ticket.number,
            unit_name=ticket.unit_name or ticket.district or "",
        )
    record_audit(session, actor=viewer.actor, action="ticket_accepted", object_=f"ticket:{ticket.number}", now=now)
    return ticket


def _own(session: Session, viewer: Viewer, number: str, version: int) -> Ticket:
    """The viewer's ticket, locked. Raises Refused, StalePage."""
    ticket: Ticket | None = session.execute(
        visible_tickets(viewer).where(Ticket.number == number).with_for_update(key_share=True)
    ).scalar_one_or_none()
    if ticket is None:
        raise Refused("no such ticket")
    if ticket.version != version:
        raise StalePage()
    return ticket


def _count(session: Session, ticket: Ticket, kind: str) -> int:
    return int(
        session.execute(
            sa.select(sa.func.count()).where(TicketEvent.ticket_id == ticket.id, TicketEvent.kind == kind)
        ).scalar_one()
    )


def _move(ticket: Ticket, to: Responsible, state: str) -> dict[str, Any]:
    """Gives the ticket to another desk; the clock goes on from the opening. Returns where it was."""
    before = {"desk": ticket.desk, "unit": ticket.unit_id, "unit_name": ticket.unit_name, "district": ticket.district}
    ticket.desk, ticket.unit_id, ticket.unit_name, ticket.district = to.desk, to.unit_id, to.unit_name, to.district
    ticket.state, ticket.version = state, ticket.version + 1
    ticket.accepted_at = ticket.accepted_by = None
    return before


def _tell_move(session: Session, ticket: Ticket, event: TicketEvent, tells: str | None, now: datetime) -> None:
    if ticket.unit_id is not None:
        _notify(session, event, f"unit:{ticket.unit_id}", "ticket_for_unit", now, number=ticket.number)
    if tells and ticket.contact_id is not None:
        state = "silent" if ticket.discreet else "waiting"
        _notify(session, event, "resident", tells, now, state, number=ticket.number, unit_name=ticket.unit_name or "")


def return_ticket(
    session: Session,
    viewer: Viewer,
    lifecycle: Lifecycle,
    keys: Keys,
    *,
    number: str,
    version: int,
    reason: str,
    proposed: Responsible | None,
    district: Responsible,
    now: datetime,
) -> Ticket:
    """A unit returns a ticket that is not its own (退单), with a reason and, if it knows, the right unit.

    The first return goes to the proposed unit, else to the `district` desk; the second one always to the district
    desk, so that no ticket wanders. After the district has decided none is possible. The resident is told nothing until
    it is settled; the clock goes on. Raises Refused, StalePage, WrongState, Settled, WrongUnit.
    """
    viewer.require(lifecycle.commands["return"].permission)
    ticket = _own(session, viewer, number, version)
    after = lifecycle.after("return", ticket.state)
    if _count(session, ticket, "assigned"):
        raise Settled()
    if proposed is not None and proposed.unit_id == ticket.unit_id:
        raise WrongUnit()
    again = _count(session, ticket, "returned") > 0
    to = district if again or proposed is None else proposed
    before = _move(ticket, to, after)
    event = _event(
        session,
        ticket,
        "returned",
        viewer.actor,
        now,
        {
            "from": before,
            "to": {"desk": to.desk, "unit": to.unit_id, "unit_name": to.unit_name},
            "proposed": None if proposed is None else {"unit": proposed.unit_id, "unit_name": proposed.unit_name},
            "reason": keys.seal(reason.strip()).decode(),
        },
    )
    _tell_move(session, ticket, event, None, now)
    record_audit(session, actor=viewer.actor, action="ticket_returned", object_=f"ticket:{ticket.number}", now=now)
    return ticket


def assign_ticket(
    session: Session, viewer: Viewer, lifecycle: Lifecycle, *, number: str, version: int, to: Responsible, now: datetime
) -> Ticket:
    """The district decides whose ticket it is; from then on no unit can return it. The resident is told the unit.

    Raises Refused, StalePage, WrongState, WrongUnit.
    """
    command = lifecycle.commands["assign"]
    viewer.require(command.permission)
    ticket = _own(session, viewer, number, version)
    after = lifecycle.after("assign", ticket.state)
    if to.unit_id is None or to.unit_id == ticket.unit_id:
        raise WrongUnit()
    before = _move(ticket, to, after)
    event = _event(
        session,
        ticket,
        "assigned",
        viewer.actor,
        now,
        {"from": before, "to": {"desk": to.desk, "unit": to.unit_id, "unit_name": to.unit_name}},
    )
    _tell_move(session, ticket, event, command.tells, now)
    record_audit(session, actor=viewer.actor, action="ticket_assigned", object_=f"ticket:{ticket.number}", now=now)
    return ticket
