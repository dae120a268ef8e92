"""The officers' tickets: the list by due time, one ticket with facts, places, history and what can be done."""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from actions.access.queries import access_ticket, staff_name
from actions.access.rules import Refused
from actions.due.clock import SHANGHAI
from actions.language.mask import find_phones, mask_phone
from actions.privacy.commands import record_audit
from actions.storage.tables import ScreeningRecord, Ticket
from actions.tickets.commands import offers
from actions.tickets.commands.persons import phone_hash
from actions.tickets.desks import unit_choices
from actions.tickets.numbers import tidy_number
from actions.tickets.queries import (
    Narrow,
    count_by_state,
    grounds,
    history,
    list_tickets,
    tickets_of_phone,
)
from actions.tickets.watching import running_clocks
from bot.desk.decisions import decision_view, names_of
from bot.desk.deeds import ticket_number
from bot.desk.frame import Visit, pane_of
from bot.desk.guard import door, needs, staff
from bot.desk.looks import note_look
from bot.desk.people import SHOW, about, is_restricted
from bot.desk.story import told
from bot.desk.subtickets import handover_view
from bot.pages.forms import fields
from bot.pages.parts import WebParts

LIST_PANES = {"tickets": "desk/pane_tickets.html"}
TICKET_PANES = {"tickets": "desk/pane_ticket.html"}
SOON = timedelta(hours=2)
PAGE = 50
EVERY, WAITING = "all", ""
MINE, LATE = "mine", "late"  # what a list can be narrowed to
LONGEST_SOUGHT = 40

router = APIRouter(dependencies=[Depends(door)])


def lamp(ticket: Ticket, now: datetime) -> str:
    """late, soon (at most two hours left) or fine; paused, or stopped, while its clock does not run."""
    if ticket.due_state != "runs":
        return str(ticket.due_state)
    if ticket.due_at < now:
        return "late"
    return "soon" if ticket.due_at - now <= SOON else "fine"


def _words(parts: WebParts) -> dict[str, Any]:
    return {"states": parts.lifecycle.titles, "event_titles": parts.event_titles,
            "programme_titles": parts.programme_titles, "due_pending": parts.due_pending}


def _lack(parts: WebParts, lack: Mapping[str, Any]) -> str:
    """What keeps a verdict open, in words."""
    fact = parts.knowledge.ruleset.facts.get(lack.get("fact") or "")
    return fact.title if fact is not None else str(lack.get("what") or "")


def _because(parts: WebParts, verdict: Mapping[str, Any]) -> dict[str, list[str]]:
    """Fact in words → the articles it was weighed by."""
    found: dict[str, list[str]] = {}
    for reason in verdict.get("because", []):
        for line in parts.fact_titles({reason["fact"]: reason.get("value")}):
            cites = found.setdefault(line, [])
            if reason.get("cite") and reason["cite"] not in cites:
                cites.append(reason["cite"])
    return found


def _verdicts(parts: WebParts, record: ScreeningRecord | None) -> list[dict[str, Any]]:
    """Verdicts worth showing, with readable reasons."""
    verdicts = (record.outcome or {}).get("verdicts", []) if record is not None else []
    return [
        {"programme": verdict.get("programme"), "verdict": verdict["verdict"], "because": _because(parts, verdict),
         "missing": list(dict.fromkeys(filter(None, (_lack(parts, lack) for lack in verdict.get("missing", [])))))}
        for verdict in sorted(verdicts, key=lambda verdict: verdict.get("verdict") != "likely")
        if verdict.get("verdict") == "likely" or verdict.get("verdict") == "check" and verdict.get("because")
    ]


def _offered(session: Session, visit: Visit, ticket: Ticket) -> dict[str, Any]:
    """What can be done: the buttons, what stands under "more", and what cannot be done now, with the reason."""
    parts, reasons = visit.parts, visit.parts.lifecycle.reasons
    found = [(one.command, "" if one.why is None else reasons.text(one.why.reason, **one.why.parameters))
             for one in offers(session, parts.work, visit.viewer, ticket, parts.now())]
    near = [(command, why) for command, why in found if command.at_hand(ticket.state)]
    return {"commands": [command for command, why in near if not why],
            "barred": [(command, why) for command, why in near if why and not command.place],
            "aside": [(command, why) for command, why in found if not command.at_hand(ticket.state)]}


def _view(session: Session, visit: Visit, ticket: Ticket) -> dict[str, Any]:
    """Everything a page shows of a ticket obtained through access."""
    viewer, parts = visit.viewer, visit.parts
    screened, routed = grounds(session, ticket)
    phone = parts.opened_or_none(ticket.phone)
    callable_ = phone is not None and bool(find_phones(phone))
    return {
        "ticket": ticket, "lamp": lamp(ticket, parts.now()),
        "history": told(visit, history(session, ticket), is_restricted(ticket)),
        **_offered(session, visit, ticket),
        "running": running_clocks(session, parts.knowledge.clockwork, [ticket]).get(ticket.id, []),
        "fact_lines": parts.fact_titles(ticket.facts), "verdicts": _verdicts(parts, screened),
        "route": routed.outcome if routed is not None else None,
        "event_place": parts.opened_or_none(ticket.event_place),
        "household_place": parts.opened_or_none(ticket.household_place),
        # masked for everybody: who needs the number says why, and sees it once
        "phone": mask_phone(phone) if phone is not None and callable_ else phone,
        "may_call": callable_ and viewer.may(SHOW), **about(session, visit, ticket),
        "accepted_by": staff_name(session, ticket.accepted_by), **_words(parts),
        **decision_view(session, visit, ticket), **handover_view(session, visit, ticket),
    }


def _wanted(parts: WebParts, asked: str) -> tuple[str, Collection[str] | None]:
    """(the filter, the states it lets through). At first: what nobody has accepted yet."""
    states = parts.lifecycle.states
    if asked == EVERY:
        return EVERY, None
    if asked in states:
        return asked, (asked,)
    return WAITING, [state for state in states if any(c.id == "accept" for c in parts.lifecycle.open_to(state))]


def _page_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 else 1


def _units(visit: Visit) -> Mapping[str, str]:
    """The units a viewer of more than one can narrow the list to."""
    return {} if visit.viewer.role.scope == "unit" else unit_choices(
        visit.parts.knowledge.gazetteer, visit.parts.now().astimezone(SHANGHAI).date())


@router.get("/desk/tickets")
@needs("see_tickets")
def tickets(request: Request, visit: Visit = Depends(staff)) -> Response:
    """The viewer's tickets, page by page: life in danger first, then the earliest deadline."""
    return _list(request, visit)


def _table(session: Session, visit: Visit, tickets: Sequence[Ticket]) -> dict[str, Any]:
    """What a list shows of tickets obtained through access: each with its lamp, the clocks beside the one that leads,
    and whose hands it is in."""
    now = visit.parts.now()
    running = running_clocks(session, visit.parts.knowledge.clockwork, tickets)
    return {"rows": [(ticket, lamp(ticket, now), running.get(ticket.id, [])) for ticket in tickets],
            "names": names_of(session, [ticket.accepted_by for ticket in tickets])}


def _list(request: Request, visit: Visit, status: int = 200, sought: str = "") -> Response:
    """The list as its address asks for it; `sought`: what was looked for and not found."""
    parts, now, asked = visit.parts, visit.parts.now(), request.query_params
    state, states = _wanted(parts, asked.get("state", ""))
    units = _units(visit)
    unit, only = asked.get("unit", ""), asked.get("only", "")
    unit, only = unit if unit in units else "", only if only in (MINE, LATE) else ""
    narrow = Narrow(unit or None, visit.viewer.staff_id if only == MINE else None, now if only == LATE else None)

    def address(state: str, page: int = 1) -> str:
        held = {"state": state, "only": only, "unit": unit, "page": str(page) if page > 1 else ""}
        query = urlencode({name: value for name, value in held.items() if value})
        return f"/desk/tickets?{query}" if query else "/desk/tickets"

    with parts.database.begin() as session:
        counts = count_by_state(session, visit.viewer, narrow)
        total = sum(number for name, number in counts.items() if states is None or name in states)
        last = max(1, -(-total // PAGE))
        number = min(max(1, _page_number(request.query_params.get("page", ""))), last)
        rows = list_tickets(session, visit.viewer, states=states, narrow=narrow, limit=PAGE, offset=(number - 1) * PAGE,
                            only_open=states is not None and parts.lifecycle.open_states.issuperset(states))
        table = _table(session, visit, rows)
    waiting = _wanted(parts, "")[1] or ()
    return visit.html(
        pane_of(request, LIST_PANES) or "desk/tickets.html", status, page="tickets", state=state, every=EVERY,
        address=address, units=units, unit=unit, only=only, sought=sought,
        counts=counts, waiting_count=sum(counts.get(name, 0) for name in waiting), waiting_states=waiting,
        total=total, number=number, last=last, **table, **_words(parts))


@router.post("/desk/tickets/find")
@needs("see_tickets")
def find(request: Request, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """A ticket by its number, or those that name a phone. What is typed stands in no address and in no log."""
    parts, typed = visit.parts, sent.get("sought", "").strip()[:LONGEST_SOUGHT]
    number, phones = tidy_number(typed), find_phones(typed)
    with parts.database.begin() as session:
        if number is not None:
            try:
                return RedirectResponse(f"/desk/tickets/{access_ticket(session, visit.viewer, number).number}", 303)
            except Refused:
                return _list(request, visit, 404, typed)
        if len(phones) != 1:
            return _list(request, visit, 422, typed)
        mark = phone_hash(parts.keys, phones[0].number)
        rows = tickets_of_phone(session, visit.viewer, mark) if mark is not None else []
        record_audit(session, actor=visit.viewer.actor, action="tickets_sought", object_="phone", now=parts.now())
        table = _table(session, visit, rows)
    return visit.html("desk/found.html", page="tickets", **table, **_words(parts))


@router.get("/desk/tickets/{number}")
@needs("see_tickets")
def ticket_page(request: Request, number: str, visit: Visit = Depends(staff)) -> Response:
    """One ticket. Another unit's number is answered as one that does not exist."""
    pane = pane_of(request, TICKET_PANES)
    with visit.parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, ticket_number(number))
        values = _view(session, visit, ticket)
        note_look(session, visit.viewer, "ticket_read", f"ticket:{ticket.number}", visit.parts.now())
        return visit.html(pane or "desk/ticket.html", page="tickets", **values)
