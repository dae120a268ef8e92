"""The officers' tickets: the list by due time, one ticket with facts, places, history and what can be done."""
from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import access_ticket, staff_name
from actions.language.mask import find_phones, mask_phone
from actions.storage.tables import ScreeningRecord, Ticket
from actions.tickets.commands import possible
from actions.tickets.queries import count_by_state, grounds, history, list_tickets
from bot.desk.decisions import decision_view
from bot.desk.deeds import ticket_number
from bot.desk.frame import Visit, pane_of
from bot.desk.guard import door, needs, staff
from bot.desk.looks import note_look
from bot.desk.people import SHOW, about, is_restricted
from bot.desk.story import told
from bot.pages.parts import WebParts

LIST_PANES = {"tickets": "desk/pane_tickets.html"}
TICKET_PANES = {"tickets": "desk/pane_ticket.html"}
SOON = timedelta(hours=2)
PAGE = 50
EVERY, WAITING = "all", ""

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


def _view(session: Session, visit: Visit, ticket: Ticket) -> dict[str, Any]:
    """Everything a page shows of a ticket obtained through access."""
    viewer, parts = visit.viewer, visit.parts
    screened, routed = grounds(session, ticket)
    phone = parts.opened_or_none(ticket.phone)
    callable_ = phone is not None and bool(find_phones(phone))
    return {
        "ticket": ticket, "lamp": lamp(ticket, parts.now()),
        "history": told(visit, history(session, ticket), is_restricted(ticket)),
        "commands": possible(parts.work, viewer, ticket),
        "fact_lines": parts.fact_titles(ticket.facts), "verdicts": _verdicts(parts, screened),
        "route": routed.outcome if routed is not None else None,
        "event_place": parts.opened_or_none(ticket.event_place),
        "household_place": parts.opened_or_none(ticket.household_place),
        # masked for everybody: who needs the number says why, and sees it once
        "phone": mask_phone(phone) if phone is not None and callable_ else phone,
        "may_call": callable_ and viewer.may(SHOW), **about(session, visit, ticket),
        "accepted_by": staff_name(session, ticket.accepted_by), **_words(parts),
        **decision_view(session, visit, ticket),
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


@router.get("/desk/tickets")
@needs("see_tickets")
def tickets(request: Request, visit: Visit = Depends(staff)) -> Response:
    """The viewer's tickets, page by page: life in danger first, then the earliest deadline."""
    parts, now = visit.parts, visit.parts.now()
    state, states = _wanted(parts, request.query_params.get("state", ""))
    with parts.database.begin() as session:
        counts = count_by_state(session, visit.viewer)
        total = sum(number for name, number in counts.items() if states is None or name in states)
        last = max(1, -(-total // PAGE))
        number = min(max(1, _page_number(request.query_params.get("page", ""))), last)
        rows = list_tickets(session, visit.viewer, states=states, limit=PAGE, offset=(number - 1) * PAGE,
                            only_open=states is not None and parts.lifecycle.open_states.issuperset(states))
    waiting = _wanted(parts, "")[1] or ()
    return visit.html(
        pane_of(request, LIST_PANES) or "desk/tickets.html", page="tickets", state=state, every=EVERY,
        counts=counts, waiting_count=sum(counts.get(name, 0) for name in waiting), waiting_states=waiting,
        total=total, number=number, last=last, rows=[(row, lamp(row, now)) for row in rows], **_words(parts))


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
