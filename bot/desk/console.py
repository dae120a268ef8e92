"""The operators' console: who waits, what was said, taking over, typing, giving back."""
from __future__ import annotations

import re
import uuid
from typing import Any, Callable

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from actions.access.queries import access_conversation, staff_name
from actions.access.rules import Refused, Viewer
from actions.storage.tables import Contact, Conversation
from actions.tickets.queries import tickets_of_conversation
from bot.conversation import ownership
from bot.conversation.ownership import NotYours
from bot.conversation.transcript import alarms, desk_lines, desk_rows, drafts, folder_counts
from bot.conversation.wake import OUT
from bot.desk.frame import Frame, pane_of, plain_answers
from bot.desk.guard import SIGNED_IN, Visit, needs
from bot.pages.errors import PageError
from bot.pages.forms import blank, fields, wants_json
from bot.pages.hints import HintBoard
from bot.pages.parts import WebParts

FOLDERS = ("waiting", "mine", "all")
PANES = {"list": "desk/pane_list.html", "talk": "desk/pane_talk.html", "side": "desk/pane_side.html"}
LONGEST = 10_000
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_BIGGEST = 2**63 - 1


def _row_id(text: str) -> int:
    """A conversation's id out of an address. Raises Refused: what cannot be does not exist."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > _BIGGEST:
        raise Refused("no such conversation")
    return int(text)


def console_router(parts: WebParts, frame: Frame, guard: Any, board: HintBoard) -> APIRouter:
    """Routes of the console."""
    router = APIRouter(dependencies=[Depends(guard)])

    def talk(session: Session, viewer: Viewer, conversation: Conversation) -> dict[str, Any]:
        contact = session.get(Contact, conversation.contact_id)
        mine = conversation.mode == "human" and conversation.owner_id == viewer.staff_id
        may = viewer.may("take_over")
        return {
            "conversation": conversation, "channel": contact.channel if contact else "", "lines": desk_lines(session, conversation),
            "drafts": drafts(session, conversation) if mine else [], "owner": staff_name(session, conversation.owner_id),
            "mine": mine, "may_take": may and conversation.mode == "bot",
            "fact_lines": parts.fact_titles(plain_answers(conversation.facts)),
            "places": (conversation.facts or {}).get("places") or {},
            "tickets": tickets_of_conversation(session, viewer, conversation.id), "states": parts.lifecycle.states,
        }

    def console(request: Request, visit: Visit, conversation_id: int | None, *, note: str = "", text: str = "",
                status: int = 200) -> Response:
        folder = request.query_params.get("folder", "waiting")
        folder = folder if folder in FOLDERS else "waiting"
        with parts.database.begin() as session:
            opened = None
            if conversation_id is not None:
                opened = talk(session, visit.viewer, access_conversation(session, visit.viewer, conversation_id))
            return frame.html(
                pane_of(request, PANES) or "desk/console.html", visit, status, folder=folder, folders=FOLDERS,
                counts=folder_counts(session, visit.viewer), rows=desk_rows(session, visit.viewer, folder),
                alarms=alarms(session, visit.viewer), open_id=conversation_id, talk=opened, note=note, text=text,
                new_id=lambda: str(uuid.uuid4()), longest=LONGEST, page="conversations",
            )

    @router.get("/desk")
    @needs(SIGNED_IN)
    def start(visit: Visit = Depends(guard)) -> Response:
        if visit.must_change:
            return RedirectResponse("/desk/password", 303)
        if visit.viewer.may("see_conversations"):
            return RedirectResponse("/desk/conversations", 303)
        if visit.viewer.may("see_tickets"):
            return RedirectResponse("/desk/tickets", 303)
        return frame.html("desk/empty.html", visit, page="")

    @router.get("/desk/conversations")
    @needs("see_conversations")
    def conversations(request: Request, visit: Visit = Depends(guard)) -> Response:
        return console(request, visit, None)

    @router.get("/desk/conversations/{conversation}")
    @needs("see_conversations")
    def conversation_page(request: Request, conversation: str, visit: Visit = Depends(guard)) -> Response:
        return console(request, visit, _row_id(conversation))

    def act(request: Request, visit: Visit, conversation_id: int, command: Callable[[Session], Any], folder: str) -> Response:
        """Runs a command in one transaction, tells the live pages, and goes back to the conversation."""
        try:
            with parts.database.begin() as session:
                command(session)
        except NotYours as other:
            if wants_json(request):
                return JSONResponse({"error": "not_yours"}, 409)
            with parts.database.begin() as session:
                owner = staff_name(session, other.owner_id)
            return frame.html("desk/conflict.html", visit, 409, mode=other.mode, owner=owner,
                              conversation_id=conversation_id, page="conversations")
        parts.wake.ring(OUT)
        parts.wake.hint("queue", f"conversation:{conversation_id}")
        if wants_json(request):
            return JSONResponse({"done": True})
        return RedirectResponse(f"/desk/conversations/{conversation_id}?folder={folder}", 303)

    @router.post("/desk/conversations/{conversation}/take_over")
    @needs("take_over")
    def take_over(request: Request, conversation: str, visit: Visit = Depends(guard)) -> Response:
        number = _row_id(conversation)
        return act(request, visit, number, lambda session: ownership.take_over(
            session, visit.viewer, number, parts.replies, parts.now()), "mine")

    @router.post("/desk/conversations/{conversation}/say")
    @needs("take_over")
    def say(request: Request, conversation: str, visit: Visit = Depends(guard), sent: dict[str, str] = Depends(fields)) -> Response:
        number, text = _row_id(conversation), sent.get("text", "")
        client_id = sent.get("id") or str(uuid.uuid4())
        if not _ID.fullmatch(client_id):
            raise PageError("bad_request")
        code = "blank" if blank(text) else "too_long" if len(text) > LONGEST else None
        if code is not None:
            error = PageError(code)
            if wants_json(request):
                return JSONResponse({"error": code}, error.status)
            return console(request, visit, number, note=code, text=text, status=error.status)
        return act(request, visit, number, lambda session: ownership.say(
            session, visit.viewer, number, text, client_id, parts.now()), "mine")

    @router.post("/desk/conversations/{conversation}/release")
    @needs("take_over")
    def release(request: Request, conversation: str, visit: Visit = Depends(guard)) -> Response:
        number = _row_id(conversation)
        return act(request, visit, number, lambda session: ownership.release(
            session, visit.viewer, number, parts.replies, parts.now()), "all")

    @router.post("/desk/conversations/{conversation}/close")
    @needs("take_over")
    def close(request: Request, conversation: str, visit: Visit = Depends(guard)) -> Response:
        number = _row_id(conversation)
        return act(request, visit, number, lambda session: ownership.close(
            session, visit.viewer, number, parts.replies, parts.now()), "all")

    def hints_for(visit: Visit) -> Callable[[str], str | None]:
        viewer = visit.viewer

        def wanted(hint: str) -> str | None:
            pane = hint.split(":")[0]
            if pane in ("queue", "conversation"):
                return hint if viewer.may("see_conversations") else None
            if pane in ("tickets", "ticket", "unit"):
                # never the number: it would tell that a ticket of another unit exists
                return "tickets" if viewer.may("see_tickets") else None
            return None

        return wanted

    @router.get("/desk/stream")
    @needs(SIGNED_IN)
    async def stream(visit: Visit = Depends(guard)) -> Response:
        return board.response(hints_for(visit))

    return router
