"""What is stuck, every day anew, and what the viewer was reminded of; and why a clock ends when it ends, day by day."""
from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from actions.access.queries import access_ticket, visible_tickets
from actions.storage.tables import Staff
from actions.tickets.watching import clocks_of, news, stuck
from bot.desk.deeds import ticket_number
from bot.desk.frame import Visit, pane_of
from bot.desk.guard import door, needs, staff
from bot.desk.looks import note_look

PANES = {"tickets": "desk/pane_stuck.html"}

router = APIRouter(dependencies=[Depends(door)])


@router.get("/desk/stuck")
@needs("see_tickets")
def page(request: Request, visit: Visit = Depends(staff)) -> Response:
    """The viewer's tickets that do not move, with the reasons; above them what the viewer was told."""
    parts, viewer, now = visit.parts, visit.viewer, visit.parts.now()
    with parts.database.begin() as session:
        entries = stuck(session, visible_tickets(viewer), parts.knowledge.clockwork, now)
        hands = {entry.ticket.accepted_by for entry in entries} - {None}
        names = {row.id: row.name for row in session.query(Staff).filter(Staff.id.in_(hands))}
        told = [(notice, ticket, parts.replies.text(notice.kind, **notice.parameters))
                for notice, ticket in news(session, viewer, now)]
        return visit.html(pane_of(request, PANES) or "desk/stuck.html", page="stuck", entries=entries, names=names,
                          news=told, states=parts.lifecycle.titles)


@router.get("/desk/tickets/{number}/clocks")
@needs("see_tickets")
def clocks(number: str, visit: Visit = Depends(staff)) -> Response:
    """Every clock of one ticket: its rule with the source, its pauses, and each day with why it counted or not."""
    parts, now = visit.parts, visit.parts.now()
    with parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, ticket_number(number))
        note_look(session, visit.viewer, "ticket_read", f"ticket:{ticket.number}", now)
        reasons = {name: reason.title for name, reason in parts.knowledge.clocks.reasons.items()}
        return visit.html("desk/clocks.html", page="tickets", ticket=ticket, reasons=reasons,
                          clocks=clocks_of(session, parts.knowledge.clockwork, ticket, now))
