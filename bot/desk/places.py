"""Whose place is it: why a ticket lies where it lies, returning and assigning it, and what becomes a rule of it."""
from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from actions.access.queries import access_ticket
from actions.access.rules import Refused
from actions.due.clock import SHANGHAI
from actions.places.commands import (
    DECIDE,
    WrongRuling,
    decide_alias,
    propose_aliases,
    record_override,
    withdraw_ruling,
)
from actions.places.queries import last_ruling, rulings, waiting_aliases
from actions.places.rulings import spot_of, with_rulings
from actions.storage.tables import Ticket
from actions.tickets.commands import (
    Responsible,
    Settled,
    StalePage,
    WrongUnit,
    assign_ticket,
    return_ticket,
)
from actions.tickets.queries import disputes, grounds
from actions.tickets.rules import WrongState, tidy_number
from bot.conversation.wake import OUT
from bot.desk.frame import Visit
from bot.desk.guard import door, needs, staff
from bot.desk.looks import note_look
from bot.pages.forms import blank, fields

router = APIRouter(dependencies=[Depends(door)])
REASON = 500  # characters of a reason: it is read on one screen


def _number(typed: str) -> str:
    """The number as stored. Raises Refused alike for a malformed and an unknown number."""
    number = tidy_number(typed)
    if number is None:
        raise Refused("no such ticket")
    return number


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _point(kept: str | None) -> Any:
    return json.loads(kept) if kept else None


def _today(visit: Visit) -> Any:
    return visit.parts.now().astimezone(SHANGHAI).date()


def _unit(visit: Visit, name: str) -> Responsible | None:
    """The served unit with this id, as who answers for a ticket today; None for nothing chosen or another area's."""
    gazetteer = visit.parts.knowledge.gazetteer
    if name not in gazetteer.served:
        return None
    unit = gazetteer.units[name]
    return Responsible("unit", unit.id, unit.name, gazetteer.district_name(unit.id, _today(visit)))


def _view(session: Session, visit: Visit, ticket: Ticket) -> dict[str, Any]:
    parts = visit.parts
    gazetteer = parts.knowledge.gazetteer
    current = with_rulings(gazetteer, rulings(session), last_ruling(session))
    place = parts.keys.open_or_none(ticket.event_place) or ""
    past = disputes(session, parts.keys, ticket)
    routed = grounds(session, ticket)[1]
    open_to = {command.id for command in parts.lifecycle.open_to(ticket.state) if visit.viewer.may(command.permission)}
    settled = any(line["kind"] == "assigned" for line in past)
    return {
        "point": _point(parts.keys.open_or_none(ticket.event_point)),
        "ticket": ticket, "place": place, "spot": spot_of(place, current), "disputes": past, "settled": settled,
        "route": routed.outcome if routed is not None else None,
        "may_return": "return" in open_to and ticket.desk == "unit" and not settled, "may_assign": "assign" in open_to,
        "may_rule": visit.viewer.may(DECIDE) and settled,
        "units": sorted((gazetteer.units[unit] for unit in gazetteer.served), key=lambda unit: unit.name),
    }


def _page(visit: Visit, number: str, note: str = "", status: int = 200) -> Response:
    with visit.parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, number)
        values = _view(session, visit, ticket)
        note_look(session, visit.viewer, "ticket_read", f"ticket:{number}", visit.parts.now())
        return visit.html("desk/place.html", status, page="tickets", note=note, **values)


def _done(visit: Visit, number: str, to: str = "") -> Response:
    """Wakes who must know, and shows where the ticket is now; whoever returned it may not see it any more."""
    visit.parts.wake.ring(OUT)
    visit.parts.wake.hint("tickets", f"ticket:{number}")
    return RedirectResponse(to or f"/desk/tickets/{number}/place", 303)


@router.get("/desk/tickets/{number}/place")
@needs("see_tickets")
def place(number: str, visit: Visit = Depends(staff)) -> Response:
    """Why the ticket lies where it lies, and what can be done about it."""
    return _page(visit, _number(number))


@router.post("/desk/tickets/{number}/return")
@needs("return_ticket")
def give_back(number: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """A unit returns a ticket with a reason and the unit it proposes."""
    known, parts, reason = _number(number), visit.parts, sent.get("reason", "")[:REASON]
    wish = sent.get("unit", "")
    proposed = _unit(visit, wish)
    if blank(reason):
        return _page(visit, known, "no_reason", 422)
    if wish and proposed is None:
        return _page(visit, known, "wrong_unit", 422)
    district = Responsible("district", None, None, parts.knowledge.gazetteer.area_name)
    try:
        with parts.database.begin() as session:
            return_ticket(session, visit.viewer, parts.lifecycle, parts.keys, number=known,
                          version=_whole(sent.get("version", "")) or -1, reason=reason, proposed=proposed,
                          district=district, now=parts.now())
    except (StalePage, WrongState):
        return _page(visit, known, "changed", 409)
    except Settled:
        return _page(visit, known, "settled", 409)
    except WrongUnit:
        return _page(visit, known, "wrong_unit", 422)
    return _done(visit, known, "/desk/tickets")


@router.post("/desk/tickets/{number}/assign")
@needs("assign_ticket")
def assign(number: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """The district decides whose ticket it is."""
    known, parts, to = _number(number), visit.parts, _unit(visit, sent.get("unit", ""))
    if to is None:
        return _page(visit, known, "wrong_unit", 422)
    try:
        with parts.database.begin() as session:
            assign_ticket(session, visit.viewer, parts.lifecycle, number=known,
                          version=_whole(sent.get("version", "")) or -1, to=to, now=parts.now())
    except (StalePage, WrongState):
        return _page(visit, known, "changed", 409)
    except WrongUnit:
        return _page(visit, known, "wrong_unit", 422)
    return _done(visit, known)


@router.post("/desk/tickets/{number}/rule")
@needs(DECIDE)
def rule(number: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """One click: the road and numbers of a settled dispute belong to its unit from today on."""
    known, parts = _number(number), visit.parts
    numbers = [sent.get(name, "").strip() for name in ("number_from", "number_to")]
    if any(text and _whole(text) is None for text in numbers):
        return _page(visit, known, "numbers", 422)
    try:
        with parts.database.begin() as session:
            ticket = access_ticket(session, visit.viewer, known)
            record_override(
                session, visit.viewer, parts.knowledge.gazetteer, name=sent.get("name", ""), unit=ticket.unit_id or "",
                number_from=_whole(numbers[0]), number_to=_whole(numbers[1]), parity=sent.get("parity", ""),
                valid_from=_today(visit), ticket_number=known, now=parts.now())
    except WrongRuling as wrong:
        return _page(visit, known, wrong.what, 422)
    return RedirectResponse("/desk/places", 303)


@router.get("/desk/places")
@needs(DECIDE)
def decisions(visit: Visit = Depends(staff)) -> Response:
    """Names heard on accepted tickets that wait for a yes or no, and the rulings that hold."""
    parts = visit.parts
    with parts.database.begin() as session:
        current = with_rulings(parts.knowledge.gazetteer, rulings(session), last_ruling(session))
        propose_aliases(session, visit.viewer, parts.keys, current, parts.now())
        return visit.html("desk/places.html", page="places", aliases=waiting_aliases(session, visit.viewer),
                          rulings=[r for r in rulings(session) if r.valid_to is None], names=parts.unit_names,
                          version=current.version)


@router.post("/desk/places/aliases/{alias}")
@needs(DECIDE)
def decide(alias: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Approves or rejects a name."""
    with visit.parts.database.begin() as session:
        decide_alias(session, visit.viewer, alias=_whole(alias) or 0, approve=sent.get("verdict") == "approve",
                     day=_today(visit), now=visit.parts.now())
    return RedirectResponse("/desk/places", 303)


@router.post("/desk/places/rulings/{ruling}/withdraw")
@needs(DECIDE)
def withdraw(ruling: str, visit: Visit = Depends(staff)) -> Response:
    """Ends a ruling today."""
    with visit.parts.database.begin() as session:
        withdraw_ruling(session, visit.viewer, ruling=_whole(ruling) or 0, day=_today(visit), now=visit.parts.now())
    return RedirectResponse("/desk/places", 303)
