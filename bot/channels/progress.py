"""The progress page: number and query code, from any device. Shows the step and lets residents do what is theirs.

Never name, address, cause or amount. Whoever gave number and code gets a pass of a quarter of an hour, which stands in
the forms of the page: no cookie, no address, so it ends with the page.
"""

from __future__ import annotations

import hmac
import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import resident_viewer
from actions.access.rules import Viewer
from actions.intake.joins import join_proven
from actions.privacy.keys import Keys
from actions.steps.knowledge import Knowledge
from actions.steps.own_deeds import (
    BY_REPORTER,
    NOTED,
    RECEIVED,
    SUPPLEMENTING,
    Outcome,
    all_supplemented,
    answer_survey,
    ask_call,
    end_sharing,
    names,
    next_step,
    reopen,
    supplement,
    survey_open,
    urge,
    withdraw,
)
from actions.storage.tables import Ticket, TicketEvent
from actions.tickets.commands import FieldsWrong, ask_progress
from actions.tickets.handover.queries import consents_of, subtickets_of
from actions.tickets.handover.rules import line_of
from actions.tickets.queries import asks_as_reporter, at_this_step_since, told_by_other
from bot.channels.files import TAKEN, NotTaken, Upload, read_upload
from bot.channels.web import MOST_SECONDS, Chat, the_chat
from bot.conversation.wake import OUT
from bot.pages.errors import PageError
from bot.pages.forms import blank, fields, files, require_same_site, takes_files
from bot.pages.limits import Limit

router = APIRouter()
LONGEST = 40
WORDS = 2_000
PASS_FOR = timedelta(minutes=15)
MOST_DEEDS = 20  # in a minute, from one network
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


def mint_pass(keys: Keys, ticket: Ticket, now: datetime) -> str:
    """What stands in the forms of the page: this ticket, until when, and our mark. A new query code ends it."""
    body = f"{ticket.number}.{int((now + PASS_FOR).timestamp())}"
    return f"{body}.{_mark(keys, body, ticket)}"


def _mark(keys: Keys, body: str, ticket: Ticket) -> str:
    return keys.fingerprint("progress pass", body, bytes(ticket.query_code_hash).hex()).hex()[:40]


def open_pass(session: Session, keys: Keys, text: str, now: datetime) -> Ticket | None:
    """The ticket of a pass; None for one that is not ours or too old."""
    body, _, mark = text.rpartition(".")
    number, _, until = body.partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 12 and int(until) > now.timestamp()):
        return None
    ticket: Ticket | None = session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one_or_none()
    if ticket is None or not hmac.compare_digest(_mark(keys, body, ticket).encode(), mark.encode("utf-8", "replace")):
        return None
    return ticket


@dataclass(frozen=True)
class Asked:
    """What a form of the page asks to be done."""

    deed: str
    answer: str
    words: str
    phone: str
    sure: bool
    id: str
    upload: Upload | None


@router.get("/progress")
def form(request: Request, chat: Chat = Depends(the_chat)) -> Response:
    """The empty form."""
    return _ask_again(chat, own=_own(chat, request))


def _ask_again(chat: Chat, *, own: bool, asked: bool = False, expired: bool = False, number: str = "") -> Response:
    return chat.pages.html(
        "chat/progress.html", asked=asked, expired=expired, found=None, number=number, may_tell=own)


@router.post("/progress")
def look(request: Request, chat: Chat = Depends(the_chat), sent: dict[str, str] = Depends(fields)) -> Response:
    """The step the ticket is at; one and the same answer for a wrong number, a wrong code and too many tries."""
    require_same_site(request, chat.parts.settings)
    number, code = sent.get("number", "")[:LONGEST], sent.get("code", "")[:LONGEST]
    with chat.parts.database.begin() as session:
        ticket = ask_progress(session, chat.parts.keys, number=number, code=code, now=chat.parts.now())
        found = None if ticket is None else _shown(session, chat, ticket)
        _, visitor = chat.recognise(session, request)
        own = visitor is not None and not visitor.shared
        if ticket is not None and own and sent.get("here") == "1" and not told_by_other(session, ticket):
            found = {**(found or {}), "here": join_proven(
                session, contact_id=visitor.contact_id, ticket_id=ticket.id, now=chat.parts.now())}
    if found is None:
        return _ask_again(chat, own=own, asked=True, number=number)
    return _page(chat, found)


def _own(chat: Chat, request: Request) -> bool:
    """Whether this browser has talked with us and is nobody else's."""
    with chat.parts.database.begin() as session:
        _, visitor = chat.recognise(session, request)
    return visitor is not None and not visitor.shared


def _page(chat: Chat, found: dict[str, Any], **more: Any) -> Response:
    values: dict[str, Any] = {"said": "", "wrong": "", "ask": "", "typed": "", "typed_phone": "", **more}
    return chat.pages.html(
        "chat/progress.html", asked=False, expired=False, number="", found=found, survey=chat.parts.knowledge.survey,
        media=",".join(TAKEN), megabytes=chat.parts.settings.upload_megabytes, longest=WORDS,
        new_id=str(uuid.uuid4()), **values)


def _shown(session: Session, chat: Chat, ticket: Ticket) -> dict[str, Any]:
    """What the page shows of a ticket whose query code was given."""
    know, now = chat.parts.knowledge, chat.parts.now()
    if asks_as_reporter(session, _viewer(know, ticket), ticket):
        return {
            "number": ticket.number, "state": know.replies.text("reporter_state"), "open": True,
            "next": know.replies.text("reporter_next"), "who": names(know, ticket)["unit_name"],
            "opened": ticket.created_at, "since": ticket.created_at, "pass": mint_pass(chat.parts.keys, ticket, now),
            "waits": False, "survey": False, "withdraw": False, "may": ["supplement"], "here": None,
            "others": [], "sharing": [],
        }
    state = know.lifecycle.states[ticket.state]
    return {
        "number": ticket.number, "state": state.says, "open": state.open, "next": next_step(know, ticket),
        "who": ticket.unit_name or ticket.district or "", "opened": ticket.created_at,
        "since": at_this_step_since(session, ticket), "pass": mint_pass(chat.parts.keys, ticket, now),
        "waits": ticket.state == SUPPLEMENTING, "survey": survey_open(session, know, ticket, now),
        "withdraw": ticket.state in know.lifecycle.commands["withdraw"].start,
        "may": [command.id for command in know.lifecycle.open_to(ticket.state, ticket.desk)
                if _viewer(know, ticket).may(command.permission)],
        "here": None, **_others(session, know, ticket),
    }


def _others(session: Session, know: Knowledge, ticket: Ticket) -> dict[str, Any]:
    """Who else was asked, what became of it, what may be taken back; nothing where nothing is sent unasked."""
    if ticket.discreet:
        return {"others": [], "sharing": []}
    departments = know.lifecycle.departments
    sharing = consents_of(session, ticket) if know.lifecycle.states[ticket.state].open else []
    return {"others": [line_of(departments, row) for row in subtickets_of(session, ticket)],
            "sharing": [(row.department, departments.by_id[row.department].name) for row in sharing
                        if row.department in departments.by_id]}


def _viewer(know: Knowledge, ticket: Ticket) -> Viewer:
    """Whoever gave the query code: for this one ticket."""
    return resident_viewer(know.roles, ticket_id=ticket.id)


@router.post("/progress/do")
@takes_files
def do(request: Request, chat: Chat = Depends(the_chat), sent: dict[str, str] = Depends(fields),
       beside: dict[str, bytes] = Depends(files)) -> Response:
    """Urge, add, ask to be phoned, withdraw, say how it was. A page that is too old asks for number and code again."""
    parts = chat.parts
    require_same_site(request, parts.settings)
    limit = Limit(parts.redis_url, "progress", MOST_DEEDS, MOST_SECONDS)
    if not limit.allow(parts.keys.fingerprint("limit progress", chat.network(request)).hex()):
        raise PageError("too_fast")
    asked, wrong = _read(sent, beside.get("file", b""), parts.settings.upload_megabytes)
    with parts.database.begin() as session:
        ticket = open_pass(session, parts.keys, sent.get("pass", ""), parts.now())
        if ticket is None:
            return _ask_again(chat, own=_own(chat, request), expired=True)
        if wrong:
            return _page(chat, _shown(session, chat, ticket), wrong=wrong, typed=asked.words)
        try:
            outcome, ask = _done(session, chat, ticket, asked)
        except FieldsWrong as problems:
            if problems.problems.keys() != {"phone"}:
                raise PageError("bad_request") from problems
            return _page(chat, _shown(session, chat, ticket), wrong="phone", typed_phone=asked.phone)
        session.refresh(ticket)
        found = _shown(session, chat, ticket)
        number = ticket.number
    if outcome is not None and outcome.done:
        parts.wake.ring(OUT)
        parts.wake.hint("tickets", f"ticket:{number}")
    return _page(chat, found, said="" if outcome is None else outcome.text(parts.replies), ask=ask)


def _read(sent: dict[str, str], content: bytes, megabytes: int) -> tuple[Asked, str]:
    """(what is asked, why it cannot be taken as it is)."""
    wrong, upload, words = "", None, sent.get("words", "")
    deed = sent.get("deed", "")
    if len(words) > WORDS:
        wrong, words = "too_long", words[:WORDS]
    if deed == "supplement" and content:
        try:
            upload = read_upload(content, megabytes)
        except NotTaken as reason:
            wrong = reason.code
    if not wrong and (deed == "supplement" and upload is None or deed == "reopen") and blank(words):
        wrong = "blank"
    attempt = sent.get("id", "")
    return Asked(deed, sent.get("answer", ""), "" if blank(words) else words, sent.get("phone", "")[:LONGEST],
                 sent.get("sure") == "1",
                 attempt if _ID.fullmatch(attempt) else "", upload), wrong


def _done(session: Session, chat: Chat, ticket: Ticket, asked: Asked) -> tuple[Outcome | None, str]:
    """(what became of it, what the page asks next). Raises PageError for what no form of ours sends."""
    know, now = chat.parts.knowledge, chat.parts.now()
    viewer = _viewer(know, ticket)
    if asked.deed not in BY_REPORTER and asks_as_reporter(session, viewer, ticket):
        return Outcome(False, RECEIVED, names(know, ticket)), ""
    if asked.deed == "keep":
        return Outcome(False, "own_withdraw_kept", names(know, ticket)), ""
    if asked.deed == "urge":
        return urge(session, know, viewer, ticket, now), ""
    if asked.deed == "call":
        return ask_call(session, know, viewer, ticket, now, asked.phone, asked.answer), ""
    if asked.deed == "withdraw" and not asked.sure and ticket.state in know.lifecycle.commands["withdraw"].start:
        return None, "withdraw"
    if asked.deed == "withdraw":
        return withdraw(session, know, viewer, ticket, now), ""
    if asked.deed == "supplement":
        return _supplement(session, know, viewer, ticket, asked, now), ""
    if asked.deed == "all":
        return all_supplemented(session, know, viewer, ticket, now), ""
    if asked.deed == "unshare":
        return end_sharing(session, know, viewer, ticket, now, asked.answer), ""
    if asked.deed == "reopen":
        return reopen(session, know, viewer, ticket, now, asked.words), ""
    answer = know.survey.answers.get(asked.answer) if asked.deed == "survey" else None
    if answer is None:
        raise PageError("bad_request")
    outcome = answer_survey(session, know, viewer, ticket, now, answer)
    return outcome, "missing" if outcome.done and answer.reopens else ""


def _supplement(
    session: Session, know: Knowledge, viewer: Viewer, ticket: Ticket, asked: Asked, now: datetime
) -> Outcome:
    """A page that is sent again puts nothing on the ticket twice."""
    upload = asked.upload
    words = asked.words or know.replies.text(f"own_material_{upload.kind if upload else 'document'}")
    session.execute(sa.select(Ticket.id).where(Ticket.id == ticket.id).with_for_update(key_share=True))
    known = asked.id and session.execute(sa.select(TicketEvent.id).where(
        TicketEvent.ticket_id == ticket.id, TicketEvent.data["page"].astext == asked.id)).first()
    if known:
        reply = "own_material" if ticket.state == SUPPLEMENTING else "own_material_more"
        reply = NOTED if asks_as_reporter(session, viewer, ticket) else reply
        return Outcome(True, reply, names(know, ticket))
    return supplement(session, know, viewer, ticket, now, words, files={"file": upload.content} if upload else None,
                      data={"page": asked.id} if asked.id else None)
