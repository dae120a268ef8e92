"""The operators' console: who waits, what was said, taking over, typing, handing on, giving back."""
from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from actions.access.commands import note_at_desk
from actions.access.queries import access_conversation, operators_at_desk, staff_name
from actions.access.rules import Refused, Viewer
from actions.call_backs.commands import RESIDENT, note_try, open_call_back
from actions.call_backs.queries import Task, count_open, open_tasks, tasks_of_conversation
from actions.call_backs.rules import LONGEST_WISH, AlreadyClosed
from actions.intake.children import SEES, give_reason, kept_back
from actions.language.mask import find_phones, mask_phone
from actions.storage.tables import Contact, Conversation, Staff
from actions.tickets.queries import tickets_of_conversation
from bot.conversation import ownership
from bot.conversation.ownership import NotThere, NotYours
from bot.conversation.post import held_notices, words_of
from bot.conversation.transcript import alarms, desk_lines, desk_rows, drafts, folder_counts, same_source
from bot.conversation.wake import OUT
from bot.desk.frame import Visit, pane_of
from bot.desk.guard import SIGNED_IN, door, needs, staff
from bot.desk.looks import note_look
from bot.desk.reasons import asked_reason
from bot.pages.errors import PageError
from bot.pages.forms import blank, fields, wants_json
from bot.pages.parts import WebParts

CALLS = "calls"
FOLDERS = ("waiting", "mine", CALLS, "all")
PANES = {"list": "desk/pane_list.html", "talk": "desk/pane_talk.html", "side": "desk/pane_side.html"}
LONGEST, LONGEST_NOTE = 10_000, 500
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_BIGGEST = 2**63 - 1

router = APIRouter(dependencies=[Depends(door)])


def _new_id() -> str:
    return str(uuid.uuid4())


def row_id(text: str) -> int:
    """A conversation's id out of an address. Raises Refused: what cannot be does not exist."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > _BIGGEST:
        raise Refused("no such conversation")
    return int(text)


def _places(parts: WebParts, conversation: Conversation) -> list[dict[str, Any]]:
    """The places said so far, in the resident's words, with the unit each means."""
    places = (conversation.facts or {}).get("places") or {}
    return [{"role": role, "text": parts.opened(place["text"].encode()), "unit_name": place.get("unit_name"),
             "sure": place.get("decision") in (None, "route")} for role, place in places.items()]


def _talk(session: Session, visit: Visit, conversation: Conversation) -> dict[str, Any]:
    """Everything the middle and the right pane show of one conversation."""
    viewer, parts = visit.viewer, visit.parts
    contact = session.get(Contact, conversation.contact_id)
    mine = conversation.mode == "human" and conversation.owner_id == viewer.staff_id
    shut = bool(kept_back(session, viewer, parts.knowledge.intake, [conversation], parts.now()))
    return {
        "shut": shut, "may_give_reason": shut and viewer.may(SEES), "show_reasons": parts.knowledge.intake.reasons,
        **_spoken(session, visit, conversation, shut=shut, mine=mine),
        "conversation": conversation, "channel": contact.channel if contact else "",
        "owner": staff_name(session, conversation.owner_id), "mine": mine,
        "may_take": viewer.may("take_over") and conversation.mode == "bot",
        "calls": [_call(visit, task) for task in tasks_of_conversation(session, viewer, conversation.id)],
        "colleagues": _colleagues(session, visit) if mine else [],
        "tickets": tickets_of_conversation(session, viewer, conversation.id, conversation.contact_id),
        "same_source": same_source(session, viewer, conversation.id, parts.knowledge.desk.source_window),
        "states": parts.lifecycle.titles,
    }


def _spoken(session: Session, visit: Visit, conversation: Conversation, *, shut: bool, mine: bool) -> dict[str, Any]:
    """What was said and understood; nothing of it where a child's conversation is kept back."""
    if shut:
        return {"lines": [], "drafts": [], "held": [], "fact_lines": [], "places": []}
    parts = visit.parts
    return {
        "lines": desk_lines(session, conversation), "drafts": drafts(session, conversation) if mine else [],
        "held": [words_of(parts.replies, notice) for notice in held_notices(session, conversation.id)],
        "fact_lines": parts.fact_titles((conversation.facts or {}).get("answers") or {}),
        "places": _places(parts, conversation),
    }


def _colleagues(session: Session, visit: Visit) -> list[Staff]:
    """Who could go on with a conversation now."""
    there = operators_at_desk(session, visit.parts.now() - visit.parts.knowledge.desk.lease)
    return [staff for staff in there if staff.id != visit.viewer.staff_id]


def _call(visit: Visit, task: Task) -> dict[str, Any]:
    """A call-back as the desk shows it: the number whole only to who may phone."""
    parts, row = visit.parts, task.row
    phone = parts.opened(row.phone)
    return {"id": row.id, "conversation_id": row.conversation_id, "state": row.state, "opened_at": row.opened_at,
            "by_staff": row.opened_by != RESIDENT, "wish": parts.opened(row.wish), "tries": task.tries,
            "masked": mask_phone(phone) if find_phones(phone) else phone,
            "phone": phone if visit.viewer.may("take_over") and find_phones(phone) else None}


def _console(request: Request, visit: Visit, conversation_id: int | None, *, note: str = "", text: str = "",
             status: int = 200) -> Response:
    folder = request.query_params.get("folder", "waiting")
    folder = folder if folder in FOLDERS else "waiting"
    panes = PANES if conversation_id is not None else {"list": PANES["list"]}
    with visit.parts.database.begin() as session:
        note_at_desk(session, visit.viewer, visit.parts.now())
        counts = {**folder_counts(session, visit.viewer), CALLS: count_open(session, visit.viewer)}
        calls = [_call(visit, task) for task in open_tasks(session, visit.viewer)] if folder == CALLS else []
        opened = None
        if conversation_id is not None:
            opened = _talk(session, visit, access_conversation(session, visit.viewer, conversation_id))
        answer = visit.html(
            pane_of(request, panes) or "desk/console.html", status, folder=folder, folders=FOLDERS,
            counts=counts, rows=[] if folder == CALLS else desk_rows(
                session, visit.viewer, visit.parts.knowledge.intake, visit.parts.now(), folder,
                visit.parts.knowledge.desk.source_window), calls=calls,
            alarms=alarms(session, visit.viewer), open_id=conversation_id, talk=opened, note=note, text=text,
            new_id=_new_id, page="conversations",
        )
        if opened is not None:
            look = "conversation_kept_back" if opened["shut"] else "conversation_read"
            note_look(session, visit.viewer, look, f"conversation:{conversation_id}", visit.parts.now())
        return answer


@router.get("/desk")
@needs(SIGNED_IN)
def start(visit: Visit = Depends(staff)) -> Response:
    """Where each role begins."""
    if visit.must_change:
        return RedirectResponse("/desk/password", 303)
    if visit.viewer.may("see_conversations"):
        return RedirectResponse("/desk/conversations", 303)
    if visit.viewer.may("see_tickets"):
        return RedirectResponse("/desk/tickets", 303)
    if visit.viewer.may("see_subtickets"):
        return RedirectResponse("/desk/subtickets", 303)
    return visit.html("desk/empty.html", page="")


@router.get("/desk/conversations")
@needs("see_conversations")
def conversations(request: Request, visit: Visit = Depends(staff)) -> Response:
    """The console with no conversation open."""
    return _console(request, visit, None)


@router.get("/desk/conversations/{conversation}")
@needs("see_conversations")
def conversation_page(request: Request, conversation: str, visit: Visit = Depends(staff)) -> Response:
    """The console with one conversation open; `pane` asks for one of its panes."""
    return _console(request, visit, row_id(conversation))


@router.post("/desk/conversations/{conversation}/show")
@needs(SEES)
def show(conversation: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Opens a child's conversation for a while to who says why; the reason stands in the audit log first."""
    row, parts, given = row_id(conversation), visit.parts, asked_reason(visit, sent)
    with parts.database.begin() as session:
        if given is None:
            access_conversation(session, visit.viewer, row)
            return visit.html("desk/shown.html", 422, page="conversations", ticket=None, conversation_id=row, lines=[],
                              what="", show_reasons=parts.knowledge.intake.reasons, sent=sent)
        give_reason(session, visit.viewer, row, reason=given.reason, words=given.sealed, now=parts.now())
    return RedirectResponse(f"/desk/conversations/{row}?folder=all", 303)


def _act(request: Request, visit: Visit, conversation_id: int, command: Callable[[Session], Any],
         folder: str) -> Response:
    """Runs a command in one transaction, tells the live pages, and goes back to the conversation."""
    try:
        with visit.parts.database.begin() as session:
            command(session)
    except NotYours as other:
        if wants_json(request):
            return JSONResponse({"error": "not_yours"}, 409)
        with visit.parts.database.begin() as session:
            owner = staff_name(session, other.owner_id)
        return visit.html("desk/conflict.html", 409, mode=other.mode, owner=owner, conversation_id=conversation_id,
                          page="conversations")
    except AlreadyClosed:
        return visit.html("desk/conflict.html", 409, mode="called", owner=None, conversation_id=conversation_id,
                          page="conversations")
    except NotThere:
        return visit.html("desk/conflict.html", 409, mode="not_there", owner=None, conversation_id=conversation_id,
                          page="conversations")
    visit.parts.wake.ring(OUT)
    visit.parts.wake.hint("queue", f"conversation:{conversation_id}")
    if wants_json(request):
        return JSONResponse({"done": True})
    return RedirectResponse(f"/desk/conversations/{conversation_id}?folder={folder}", 303)


@router.post("/desk/conversations/{conversation}/take_over")
@needs("take_over")
def take_over(request: Request, conversation: str, visit: Visit = Depends(staff)) -> Response:
    """The operator speaks from now on."""
    row, parts = row_id(conversation), visit.parts
    return _act(request, visit, row, lambda session: ownership.take_over(
        session, visit.viewer, row, parts.replies, parts.knowledge.desk, parts.now()), "mine")


@router.post("/desk/conversations/{conversation}/transfer")
@needs("take_over")
def transfer(request: Request, conversation: str, visit: Visit = Depends(staff),
             sent: dict[str, str] = Depends(fields)) -> Response:
    """A colleague who is at the desk goes on; both read why."""
    row, parts, why = row_id(conversation), visit.parts, sent.get("why", "")
    to = row_id(sent.get("to", ""))
    if len(why) > LONGEST_NOTE:
        raise PageError("too_long")
    return _act(request, visit, row, lambda session: ownership.transfer(
        session, visit.viewer, row, to, why, parts.roles, parts.replies, parts.knowledge.desk, parts.now()), "all")


@router.post("/desk/conversations/{conversation}/call_back")
@needs("take_over")
def call_back(request: Request, conversation: str, visit: Visit = Depends(staff),
              sent: dict[str, str] = Depends(fields)) -> Response:
    """An operator notes that somebody wants to be phoned, and when."""
    row, parts, wish = row_id(conversation), visit.parts, sent.get("wish", "").strip()
    phones = find_phones(sent.get("phone", ""))
    if len(phones) != 1 or len(wish) > LONGEST_WISH:
        return _console(request, visit, row, note="phone", status=422)
    return _act(request, visit, row, lambda session: open_call_back(
        session, visit.viewer, parts.keys, row, phones[0].number, wish or parts.replies.text("call_back_any_time"),
        parts.now()), request.query_params.get("folder", "all"))


@router.post("/desk/conversations/{conversation}/call_back/{call}")
@needs("take_over")
def tried(request: Request, conversation: str, call: str, visit: Visit = Depends(staff),
          sent: dict[str, str] = Depends(fields)) -> Response:
    """One try to phone: reached, no answer, or given up."""
    row, task, outcome = row_id(conversation), row_id(call), sent.get("outcome", "")
    return _act(request, visit, row, lambda session: note_try(
        session, visit.viewer, task, outcome, visit.parts.now()), request.query_params.get("folder", CALLS))


@router.post("/desk/beat")
@needs("take_over")
def beat(visit: Visit = Depends(staff)) -> Response:
    """The page is open: what this operator holds stays theirs. Renewed in silence, never asked about."""
    with visit.parts.database.begin() as session:
        note_at_desk(session, visit.viewer, visit.parts.now())
    return JSONResponse({"done": True})


@router.post("/desk/conversations/{conversation}/say")
@needs("take_over")
def say(request: Request, conversation: str, visit: Visit = Depends(staff),
        sent: dict[str, str] = Depends(fields)) -> Response:
    """One message of the operator. Posted again with the same `id`, it is said once."""
    row, text, client_id = row_id(conversation), sent.get("text", ""), sent.get("id") or _new_id()
    if not _ID.fullmatch(client_id):
        raise PageError("bad_request")
    code = "blank" if blank(text) else "too_long" if len(text) > LONGEST else None
    if code is not None and wants_json(request):
        raise PageError(code)
    if code is not None:
        return _console(request, visit, row, note=code, text=text, status=PageError(code).status)
    return _act(request, visit, row, lambda session: ownership.say(
        session, visit.viewer, row, text, client_id, visit.parts.now()), "mine")


@router.post("/desk/conversations/{conversation}/release")
@needs("take_over")
def release(request: Request, conversation: str, visit: Visit = Depends(staff)) -> Response:
    """Back to the bot."""
    row, parts = row_id(conversation), visit.parts
    return _act(request, visit, row, lambda session: ownership.release(
        session, visit.viewer, row, parts.replies, parts.now()), "all")


@router.post("/desk/conversations/{conversation}/close")
@needs("take_over")
def close(request: Request, conversation: str, visit: Visit = Depends(staff)) -> Response:
    """Ends the conversation."""
    row, parts = row_id(conversation), visit.parts
    return _act(request, visit, row, lambda session: ownership.close(
        session, visit.viewer, row, parts.replies, parts.now()), "all")


def hints_for(viewer: Viewer) -> Callable[[str], str | None]:
    """Lets through what this viewer's pages may be told."""

    def wanted(hint: str) -> str | None:
        pane = hint.split(":")[0]
        if pane in ("queue", "conversation"):
            return hint if viewer.may("see_conversations") else None
        if pane in ("tickets", "ticket", "unit"):
            # never the number: it would tell that a ticket of another unit exists
            return "tickets" if viewer.may("see_tickets") else None
        if pane == "subtickets":
            return "subtickets" if viewer.may("see_subtickets") else None
        return None

    return wanted


@router.get("/desk/stream")
@needs(SIGNED_IN)
async def stream(visit: Visit = Depends(staff)) -> Response:
    """Says which panes have something new to read."""
    return visit.desk.board.response(hints_for(visit.viewer), f"staff:{visit.token}")
