"""The progress page: number and query code, from any device. Shows the step, never name, address, cause or amount."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from actions.intake.joins import join_proven
from actions.storage.tables import Ticket
from actions.tickets.commands import ask_progress
from bot.channels.web import Chat, the_chat
from bot.pages.forms import fields, require_same_site

router = APIRouter()
LONGEST = 40


@router.get("/progress")
def form(request: Request, chat: Chat = Depends(the_chat)) -> Response:
    """The empty form."""
    return chat.pages.html("chat/progress.html", asked=False, found=None, number="", may_tell=_own(chat, request))


@router.post("/progress")
def look(request: Request, chat: Chat = Depends(the_chat), sent: dict[str, str] = Depends(fields)) -> Response:
    """The step the ticket is at; one and the same answer for a wrong number, a wrong code and too many tries."""
    require_same_site(request, chat.parts.settings)
    number, code = sent.get("number", "")[:LONGEST], sent.get("code", "")[:LONGEST]
    with chat.parts.database.begin() as session:
        ticket = ask_progress(session, chat.parts.keys, number=number, code=code, now=chat.parts.now())
        found = None if ticket is None else _shown(chat, ticket)
        _, visitor = chat.recognise(session, request)
        own = visitor is not None and not visitor.shared
        if ticket is not None and own and sent.get("here") == "1":
            found = {**(found or {}), "here": join_proven(
                session, contact_id=visitor.contact_id, ticket_id=ticket.id, now=chat.parts.now())}
    return chat.pages.html("chat/progress.html", asked=True, found=found, number="" if found else number, may_tell=own)


def _own(chat: Chat, request: Request) -> bool:
    """Whether this browser has talked with us and is nobody else's."""
    with chat.parts.database.begin() as session:
        _, visitor = chat.recognise(session, request)
    return visitor is not None and not visitor.shared


def _shown(chat: Chat, ticket: Ticket) -> dict[str, Any]:
    return {
        "number": ticket.number,
        "state": chat.parts.lifecycle.states[ticket.state].says,
        "next": chat.parts.replies.text(f"progress_next_{ticket.state}{'_discreet' if ticket.discreet else ''}"),
        "who": ticket.unit_name or ticket.district or "",
        "opened": ticket.created_at,
        "here": None,
    }
