"""Doing something with a ticket: one form and one post for every command of the lifecycle, drawn from its table."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import access_ticket, visible_tickets
from actions.access.rules import Refused
from actions.privacy.keys import KeyWrong
from actions.storage.tables import Ticket
from actions.tickets.commands import FieldsWrong, NotAllowed, StalePage, barred, offered, perform
from actions.tickets.forms import LISTED, NO, YES
from actions.tickets.numbers import tidy_number
from actions.tickets.queries import file_of, history
from actions.tickets.rules import Command, Field, WrongState
from bot.conversation.wake import OUT
from bot.desk.attachments import as_file
from bot.desk.frame import Visit, saved
from bot.desk.guard import door, needs, staff
from bot.desk.looks import case_shut, note_look
from bot.desk.story import SEALED, told
from bot.pages.forms import fields, files, takes_files

router = APIRouter(dependencies=[Depends(door)])
PATH = "/desk/ticket/{number}/do/{command}"
SAME_CLICK = timedelta(seconds=10)
LATEST = 1  # lines of history shown where the page says nothing about its age


def ticket_number(typed: str) -> str:
    """The number as stored. Raises Refused alike for a malformed, an unknown and another unit's number."""
    number = tidy_number(typed)
    if number is None:
        raise Refused("no such ticket")
    return number


def whole(text: str) -> int | None:
    """A whole number a page sent back; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def choices(session: Session, visit: Visit, ticket: Ticket, field: Field) -> Mapping[str, str]:
    """What a field offers: id → what people read. Empty for a field that is typed."""
    if field.kind not in LISTED:
        return field.options
    found = offered(session, visit.parts.work, visit.viewer, ticket, field, visit.parts.now())
    return {name: one.shown for name, one in found.items() if field.kind != "unit" or name != ticket.unit_id}


def _command(visit: Visit, name: str) -> Command:
    """Raises Refused alike for a command nobody knows and one this person may not give."""
    command = visit.parts.lifecycle.commands.get(name)
    if command is None:
        raise Refused("no such command")
    visit.viewer.require(command.permission)
    return command


def _fields(session: Session, visit: Visit, ticket: Ticket, command: Command, sent: Mapping[str, str],
            wrong: Mapping[str, str]) -> dict[str, Any]:
    """What a template needs to draw the form of a command."""
    return {"ticket": ticket, "command": command, "sent": sent, "wrong": wrong, "yes": YES, "no": NO,
            "choices": {field.id: choices(session, visit, ticket, field) for field in command.fields}}


def _form(session: Session, visit: Visit, ticket: Ticket, command: Command, sent: Mapping[str, str],
          wrong: Mapping[str, str], status: int, barred: bool = False) -> Response:
    """`barred`: nothing that could be typed would help; only the reason and the way back are shown."""
    note_look(session, visit.viewer, "ticket_read", f"ticket:{ticket.number}", visit.parts.now())
    return visit.html(
        "desk/deed.html", status, page="tickets", states=visit.parts.lifecycle.titles, barred=barred,
        **_fields(session, visit, ticket, command, sent, wrong))


def _changed(visit: Visit, number: str, seen: int, deed: Command, sent: Mapping[str, str]) -> Response:
    """The page of 409: what the ticket is now, what was done since the page was made, and what had been typed: to be
    sent again where it still can be, else to be copied."""
    parts = visit.parts
    with parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, number)
        lines = history(session, ticket)
        since = [line for line in lines if (line["version"] or 0) > seen > 0] or lines[-LATEST:]
        again = seen > 0 and ticket.state in deed.start and barred(
            session, parts.work, visit.viewer, ticket, deed, parts.now()) is None
        note_look(session, visit.viewer, "ticket_read", f"ticket:{number}", parts.now())
        return visit.html("desk/ticket_changed.html", 409, page="tickets", states=parts.lifecycle.titles, again=again,
                          typed=[(field.title, sent[field.id]) for field in deed.fields
                                 if field.kind == "text" and sent.get(field.id, "").strip()],
                          changes=told(visit, since, bool(ticket.minor)),
                          **_fields(session, visit, ticket, deed, sent, {}))


def _clicked_twice(visit: Visit, number: str, seen: int, deed: Command) -> bool:
    """Whether all that was done since the page was made is this very deed, by this person, a moment ago."""
    with visit.parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, number)
        since = [line for line in history(session, ticket) if (line["version"] or 0) > seen > 0]
    return (len(since) == 1 and since[0]["kind"] == deed.event and since[0]["actor_id"] == visit.viewer.actor
            and visit.parts.now() - since[0]["at"] < SAME_CLICK)


@router.get(PATH)
@needs("see_tickets")
def form(number: str, command: str, visit: Visit = Depends(staff)) -> Response:
    """The form of a command for this ticket, as the table says."""
    deed, known = _command(visit, command), ticket_number(number)
    with visit.parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, known)
        if ticket.state in deed.start:
            why = barred(session, visit.parts.work, visit.viewer, ticket, deed, visit.parts.now())
            if why is None:
                return _form(session, visit, ticket, deed, {}, {}, 200)
            told = {"": _why(visit, why.reason, why.parameters)}
            return _form(session, visit, ticket, deed, {}, told, 409, barred=True)
    return _changed(visit, known, 0, deed, {})


@router.post(PATH)
@needs("see_tickets")
@takes_files
def do(number: str, command: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields),
       beside: dict[str, bytes] = Depends(files)) -> Response:
    """Does it. A page that is no longer true is told what has changed; a form that is wrong keeps what was typed."""
    deed, known, parts = _command(visit, command), ticket_number(number), visit.parts
    seen, once = whole(sent.get("version", "")) or -1, dict[str, str]()
    try:
        with parts.database.begin() as session:
            perform(session, parts.work, visit.viewer, number=known, command=command, version=seen, form=sent,
                    now=parts.now(), files=beside, once=once)
    except (StalePage, WrongState):
        if not _clicked_twice(visit, known, seen, deed):
            return _changed(visit, known, seen, deed, sent)
    except NotAllowed as refused:
        return _again(visit, known, deed, sent, {"": _why(visit, refused.reason, refused.parameters)}, 409)
    except FieldsWrong as wrong:
        words = {name: _why(visit, *problem) for name, problem in wrong.problems.items()}
        return _again(visit, known, deed, sent, words, 422)
    parts.wake.ring(OUT)
    parts.wake.hint("tickets", f"ticket:{known}", "subtickets")
    if once:
        with parts.database.begin() as session:
            return visit.html("desk/once.html", page="tickets", ticket=access_ticket(session, visit.viewer, known),
                              once=once, progress=f"{parts.settings.address}/progress")
    with parts.database.begin() as session:
        # whoever gave it away may not see it any more
        still = session.execute(visible_tickets(visit.viewer).where(Ticket.number == known)).first()
    back = f"/desk/tickets/{known}{'/place' if deed.place else ''}" if still else "/desk/tickets"
    return saved(back, deed.id)


def _why(visit: Visit, reason: str, parameters: Mapping[str, Any]) -> str:
    return visit.parts.lifecycle.reasons.text(reason, **parameters)


def _again(visit: Visit, number: str, deed: Command, sent: Mapping[str, str], wrong: Mapping[str, str],
           status: int) -> Response:
    """The form with what was typed and what is wrong with it."""
    with visit.parts.database.begin() as session:
        return _form(session, visit, access_ticket(session, visit.viewer, number), deed, sent, wrong, status)


@router.get("/desk/ticket/{number}/file/{event}/{field}")
@needs(SEALED)
def file(number: str, event: str, field: str, visit: Visit = Depends(staff)) -> Response:
    """A file that stands in the history; every look is noted."""
    known, parts = ticket_number(number), visit.parts
    with parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, known)
        found = file_of(session, ticket, whole(event) or 0, field)
        if found is None or case_shut(session, visit.viewer, ticket, parts.now()):
            raise Refused("no such file")
        kind, sealed = str(found.kind), bytes(found.content)
        note_look(session, visit.viewer, "ticket_file_read", f"ticket_file:{found.id}", parts.now())
    try:
        raw = parts.keys.open_bytes(sealed)
    except KeyWrong:
        raise Refused("no such file") from None
    return as_file(raw, kind, f"{known}-{found.id}")
