"""The officers' tickets: the list by due time, one ticket with facts, places and history, and accepting it."""
from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from actions.access.queries import access_ticket, staff_name
from actions.access.rules import Refused, Viewer
from actions.language.mask import mask_phone
from actions.privacy.commands import record_audit
from actions.storage.tables import ScreeningRecord, Ticket
from actions.tickets.commands import StalePage, accept_ticket
from actions.tickets.queries import count_by_state, grounds, history, list_tickets
from actions.tickets.rules import WrongState, tidy_number
from bot.conversation.wake import OUT
from bot.desk.frame import Frame, pane_of, plain_answers
from bot.desk.guard import Visit, needs
from bot.pages.forms import fields
from bot.pages.parts import WebParts

LIST_PANES = {"tickets": "desk/pane_tickets.html"}
TICKET_PANES = {"tickets": "desk/pane_ticket.html"}
SOON = timedelta(hours=2)


def lamp(ticket: Ticket, now: datetime) -> str:
    """late, soon (within two hours), or fine; done once it is accepted in time is still counted by the due time."""
    if ticket.due_at < now:
        return "late"
    return "soon" if ticket.due_at - now <= SOON else "fine"


def _number(typed: str) -> str:
    """The number as stored. Raises Refused alike for a malformed, an unknown and another unit's number."""
    number = tidy_number(typed)
    if number is None:
        raise Refused("no such ticket")
    return number


def workbench_router(parts: WebParts, frame: Frame, guard: Any) -> APIRouter:
    """Routes of the tickets."""
    router = APIRouter(dependencies=[Depends(guard)])
    words = {"states": parts.lifecycle.states, "event_titles": parts.event_titles,
             "programme_titles": parts.programme_titles, "due_pending": parts.due_pending}

    def screening(record: ScreeningRecord | None) -> list[dict[str, Any]]:
        """Verdicts worth showing, with readable reasons."""
        verdicts = (record.outcome or {}).get("verdicts", []) if record is not None else []
        return [
            {"programme": verdict.get("programme"), "verdict": verdict["verdict"],
             "because": [{"title": line, "cite": reason.get("cite")} for reason in verdict.get("because", [])
                         for line in parts.fact_titles({reason["fact"]: reason.get("value")})],
             "missing": [line for lack in verdict.get("missing", []) if (line := lack.get("reason"))]}
            for verdict in verdicts if verdict.get("verdict") in ("likely", "check")
        ]

    def view(session: Session, viewer: Viewer, ticket: Ticket) -> dict[str, Any]:
        screened, routed = grounds(session, ticket)
        phone = parts.keys.open_or_none(ticket.phone)
        accept = [command for command in parts.lifecycle.open_to(ticket.state) if viewer.may(command.permission)]
        return {
            "ticket": ticket, "lamp": lamp(ticket, parts.now()), "commands": accept, "history": history(session, ticket),
            "fact_lines": parts.fact_titles(plain_answers(ticket.facts)), "screening": screening(screened),
            "route": routed.outcome if routed is not None else None,
            "event_place": parts.keys.open_or_none(ticket.event_place),
            "household_place": parts.keys.open_or_none(ticket.household_place),
            # who works the ticket calls the number; the others need not read it
            "phone": phone if phone is None or viewer.may("accept_ticket") else mask_phone(phone),
            "accepted_by": staff_name(session, ticket.accepted_by), **words,
        }

    @router.get("/desk/tickets")
    @needs("see_tickets")
    def tickets(request: Request, visit: Visit = Depends(guard)) -> Response:
        state = request.query_params.get("state")
        state = state if state in parts.lifecycle.states else None
        now = parts.now()
        with parts.database.begin() as session:
            rows = list_tickets(session, visit.viewer, state=state)
            return frame.html(
                pane_of(request, LIST_PANES) or "desk/tickets.html", visit, page="tickets", state=state,
                counts=count_by_state(session, visit.viewer), rows=[(row, lamp(row, now)) for row in rows], **words)

    @router.get("/desk/tickets/{number}")
    @needs("see_tickets")
    def ticket_page(request: Request, number: str, visit: Visit = Depends(guard)) -> Response:
        pane = pane_of(request, TICKET_PANES)
        with parts.database.begin() as session:
            ticket = access_ticket(session, visit.viewer, _number(number))
            values = view(session, visit.viewer, ticket)
            if pane is None:  # a live pane that reads itself again is not another look
                record_audit(session, actor=visit.viewer.actor, action="ticket_read", object_=f"ticket:{ticket.number}",
                             now=parts.now())
            return frame.html(pane or "desk/ticket.html", visit, page="tickets", **values)

    @router.post("/desk/tickets/{number}/accept")
    @needs("accept_ticket")
    def accept(number: str, visit: Visit = Depends(guard), sent: dict[str, str] = Depends(fields)) -> Response:
        known = _number(number)
        version = sent.get("version", "")
        try:
            with parts.database.begin() as session:
                accept_ticket(session, visit.viewer, parts.lifecycle, number=known, now=parts.now(),
                              version=int(version) if version.isascii() and version.isdigit() else -1)
        except (StalePage, WrongState):
            with parts.database.begin() as session:
                values = view(session, visit.viewer, access_ticket(session, visit.viewer, known))
                return frame.html("desk/ticket_changed.html", visit, 409, page="tickets", **values)
        parts.wake.ring(OUT)
        parts.wake.hint("tickets", f"ticket:{known}")
        return RedirectResponse(f"/desk/tickets/{known}", 303)

    return router
