"""Whose place is it: why a ticket lies where it lies, who returned and assigned it, and what becomes a rule of it."""
from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import access_ticket
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
from actions.tickets.commands import possible
from actions.tickets.desks import unit_choices
from actions.tickets.queries import disputes, grounds
from bot.desk.deeds import ticket_number, whole
from bot.desk.frame import Visit, saved
from bot.desk.guard import door, needs, staff
from bot.desk.looks import note_look
from bot.desk.people import is_restricted
from bot.pages.forms import fields

router = APIRouter(dependencies=[Depends(door)])


def _point(kept: str | None) -> Any:
    return json.loads(kept) if kept else None


def _today(visit: Visit) -> Any:
    return visit.parts.now().astimezone(SHANGHAI).date()


def _view(session: Session, visit: Visit, ticket: Ticket) -> dict[str, Any]:
    parts = visit.parts
    gazetteer = parts.knowledge.gazetteer
    current = with_rulings(gazetteer, rulings(session), last_ruling(session))
    place = parts.keys.open_or_none(ticket.event_place) or ""
    past = disputes(session, parts.keys, ticket)
    routed = grounds(session, ticket)[1]
    open_to = {command.id for command in possible(parts.work, visit.viewer, ticket)}
    settled = any(line["kind"] == "assigned" for line in past)
    if is_restricted(ticket):  # the page of the ticket shows it for a reason
        return {**_without_place(past), "ticket": ticket, "settled": settled, "may_return": "return" in open_to and
                not settled, "may_assign": "assign" in open_to, "may_rule": False, "restricted": True,
                "units": unit_choices(gazetteer, _today(visit)), "event_titles": parts.lifecycle.event_titles}
    return {
        "restricted": False, "point": _point(parts.keys.open_or_none(ticket.event_point)),
        "ticket": ticket, "place": place, "spot": spot_of(place, current), "disputes": past, "settled": settled,
        "route": routed.outcome if routed is not None else None,
        "may_return": "return" in open_to and not settled, "may_assign": "assign" in open_to,
        "may_rule": visit.viewer.may(DECIDE) and settled,
        "units": unit_choices(gazetteer, _today(visit)), "event_titles": parts.lifecycle.event_titles,
    }


def _without_place(past: list[dict[str, Any]]) -> dict[str, Any]:
    return {"point": None, "place": "", "spot": None, "route": None,
            "disputes": [{**line, "reason": None} for line in past]}


def _page(visit: Visit, number: str, note: str = "", status: int = 200) -> Response:
    with visit.parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, number)
        values = _view(session, visit, ticket)
        note_look(session, visit.viewer, "ticket_read", f"ticket:{number}", visit.parts.now())
        return visit.html("desk/place.html", status, page="tickets", note=note, **values)


@router.get("/desk/tickets/{number}/place")
@needs("see_tickets")
def place(number: str, visit: Visit = Depends(staff)) -> Response:
    """Why the ticket lies where it lies, and what can be done about it."""
    return _page(visit, ticket_number(number))


@router.post("/desk/tickets/{number}/rule")
@needs(DECIDE)
def rule(number: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """One click: the road and numbers of a settled dispute belong to its unit from today on."""
    known, parts = ticket_number(number), visit.parts
    numbers = [sent.get(name, "").strip() for name in ("number_from", "number_to")]
    if any(text and whole(text) is None for text in numbers):
        return _page(visit, known, "numbers", 422)
    try:
        with parts.database.begin() as session:
            ticket = access_ticket(session, visit.viewer, known)
            record_override(
                session, visit.viewer, parts.knowledge.gazetteer, name=sent.get("name", ""), unit=ticket.unit_id or "",
                number_from=whole(numbers[0]), number_to=whole(numbers[1]), parity=sent.get("parity", ""),
                valid_from=_today(visit), ticket_number=known, now=parts.now())
    except WrongRuling as wrong:
        return _page(visit, known, wrong.what, 422)
    return saved("/desk/places")


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
        decide_alias(session, visit.viewer, alias=whole(alias) or 0, approve=sent.get("verdict") == "approve",
                     day=_today(visit), now=visit.parts.now())
    return saved("/desk/places")


@router.post("/desk/places/rulings/{ruling}/withdraw")
@needs(DECIDE)
def withdraw(ruling: str, visit: Visit = Depends(staff)) -> Response:
    """Ends a ruling today."""
    with visit.parts.database.begin() as session:
        withdraw_ruling(session, visit.viewer, ruling=whole(ruling) or 0, day=_today(visit), now=visit.parts.now())
    return saved("/desk/places")
