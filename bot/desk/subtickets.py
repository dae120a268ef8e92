"""协办: what departments are asked. Their people see only their own and what they may be shown; officers all of it."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import access_subticket, visible_subtickets
from actions.access.rules import DEPARTMENT as SCOPE
from actions.access.rules import Refused
from actions.due.clock import SHANGHAI
from actions.privacy.commands import record_audit
from actions.storage.tables import SharingConsent, Subticket, Ticket
from actions.tickets.commands import FieldsWrong, NotAllowed, StalePage, offered, perform_subticket
from actions.tickets.forms import LISTED, NO, YES
from actions.tickets.handover.queries import (
    asked_consents,
    history_of,
    of_department,
    sealed_fields,
    subtickets_of,
    ticket_of,
    with_tickets,
)
from actions.tickets.handover.rules import DEPARTMENT, TOWNSHIP
from actions.tickets.numbers import SUBTICKET, tidy_number
from actions.tickets.rules import Command, WrongState
from bot.conversation.wake import OUT
from bot.desk.decisions import names_of
from bot.desk.deeds import whole
from bot.desk.frame import Visit, pane_of, saved
from bot.desk.guard import door, needs, staff
from bot.desk.looks import case_shut, note_look
from bot.desk.people import is_restricted
from bot.desk.reasons import asked_reason
from bot.desk.story import SEALED, told
from bot.pages.forms import fields

router = APIRouter(dependencies=[Depends(door)])
SEE, HAND_OVER, ANSWER = "see_subtickets", "hand_over", "answer_subticket"
LIST_PANES, PANES = {"subtickets": "desk/pane_subtickets.html"}, {"subtickets": "desk/pane_subticket.html"}
DO = "/desk/subticket/{subticket}/do/{command}"
OVER = "over"
CAUSE = "cause"
OWN_EVENTS = ("accept", "answer", "return")  # commands whose lines a department reads whole: its own


def is_department(visit: Visit) -> bool:
    """Whether this is somebody of another department, who sees nothing of the ticket itself."""
    return visit.viewer.role.scope == SCOPE


def subticket_number(typed: str) -> str:
    """The number as stored. Raises Refused alike for a malformed, an unknown and another department's number."""
    number = tidy_number(typed, SUBTICKET)
    if number is None:
        raise Refused("no such sub-ticket")
    return number


def handover_view(session: Session, visit: Visit, ticket: Ticket) -> dict[str, Any]:
    """What the page of a ticket obtained through access says of others who were asked, and of consent for it."""
    parts, departments = visit.parts, visit.parts.lifecycle.departments
    readable, today = visit.viewer.may(SEALED), parts.now().astimezone(SHANGHAI).date()
    consents = asked_consents(session, ticket)
    return {"handover": {
        "rows": [_row(visit, row) for row in subtickets_of(session, ticket)],
        "consents": [{"row": row, "about": departments.asked(row.department, row.request),
                      "fields": [departments.fields.get(name, name) for name in row.fields],
                      "recipient": parts.opened(row.recipient) if readable else None} for row in consents],
        "names": names_of(session, [row.noted_by for row in consents]),
        "ask": [{"about": one.title, "name": one.department.name, "note": one.department.note,
                 "fields": [departments.fields[name] for name in one.department.fields]}
                for one in departments.requests(today, ticket.district, consent=True)],
    }}


def _row(visit: Visit, row: Subticket) -> dict[str, Any]:
    """One sub-ticket for a list."""
    parts, now = visit.parts, visit.parts.now()
    departments = parts.lifecycle.departments
    outcome = departments.outcomes.get(row.outcome or "")
    late = row.owner == DEPARTMENT and row.due_at is not None and row.due_at < now
    status = None if row.due_rule is None else parts.knowledge.clockwork.status(row.due_rule, None, row.sent_at)
    return {"row": row, "about": departments.asked(row.department, row.request), "late": late,
            "state": parts.lifecycle.parts.titles.get(row.state, row.state), "promise": status,
            "outcome": None if outcome is None else outcome.title}


def _shown(session: Session, visit: Visit, row: Subticket, ticket: Ticket) -> list[tuple[str, str | None]]:
    """(title, text) of what the department is shown of the person; None for what nobody has said."""
    parts, departments = visit.parts, visit.parts.lifecycle.departments
    sealed = sealed_fields(session, ticket)
    texts = {name: parts.opened_or_none(value) for name, value in sealed.items()}
    texts[CAUSE] = parts.event_titles.get(ticket.event_kind or "")
    return [(departments.fields.get(name, name), texts.get(name)) for name in row.fields]


def _history(session: Session, visit: Visit, row: Subticket, ticket: Ticket) -> list[dict[str, Any]]:
    """The lines of a sub-ticket. A department reads what its own people wrote; of others only that it was done."""
    table, lines = visit.parts.lifecycle.parts, history_of(session, row)
    if not is_department(visit):
        return told(visit, lines, case_shut(session, visit.viewer, ticket, visit.parts.now()), table)
    own = {table.commands[name].event for name in OWN_EVENTS}
    found = []
    for line in lines:
        if line["kind"] in own:
            found += told(visit, [line], False, table, readable=True)
        else:
            bare = {**line, "actor": "" if line["by"].startswith("staff:") else line["actor"], "data": {}}
            found += told(visit, [bare], True, table)
    return found


def _values(session: Session, visit: Visit, row: Subticket, *, reason_given: bool = False) -> dict[str, Any]:
    """Everything a page shows of a sub-ticket obtained through access; what is shown of the person is noted."""
    parts, viewer, ticket = visit.parts, visit.viewer, ticket_of(session, row)
    here = is_department(visit)
    open_ = row.owner == DEPARTMENT
    # a child's case: the department gives its reason here, officers gave theirs on the ticket's page
    held_back = is_restricted(ticket) and not reason_given if here else case_shut(session, viewer, ticket, parts.now())
    shown = _shown(session, visit, row, ticket) if here and open_ and not held_back else []
    consent = None if row.consent_id is None else session.get(SharingConsent, row.consent_id)
    table = parts.lifecycle.parts
    department = parts.lifecycle.departments.by_id.get(row.department)
    history = _history(session, visit, row, ticket)
    note_look(session, viewer, "subticket_read", f"subticket:{row.number}", parts.now(),
              {"fields": list(row.fields) if shown else [], "department": row.department})
    return {
        **_row(visit, row), "subticket": row, "here": here, "open": open_, "shown": shown,
        "held_back": held_back and (open_ or not here),
        "ticket": None if here else ticket, "unit": ticket.unit_name or ticket.district or "",
        "discreet": ticket.discreet, "minor": is_restricted(ticket), "history": history,
        "words": parts.opened(row.words) if (open_ or not here and viewer.may(SEALED)) and not held_back else None,
        "recipient": parts.opened(consent.recipient) if consent is not None and viewer.may(SEALED) else None,
        "fields": [parts.lifecycle.departments.fields.get(name, name) for name in row.fields],
        "basis": department.basis.title if department is not None else row.basis,
        "commands": [one for one in table.open_to(row.state) if viewer.may(one.permission) and _fits(one, row)],
        "show_reasons": parts.knowledge.intake.reasons, "states": parts.lifecycle.titles,
    }


def _fits(command: Command, row: Subticket) -> bool:
    """What is to be seen to is offered while it is."""
    return row.owner == TOWNSHIP or "township_owes" not in command.guards


@router.get("/desk/subtickets")
@needs(SEE)
def listed(request: Request, visit: Visit = Depends(staff)) -> Response:
    """A department's own list; for a township what others owe it, and what it owes itself."""
    over = request.query_params.get("show", "") == OVER
    with visit.parts.database.begin() as session:
        if is_department(visit):
            rows: Iterable[tuple[Subticket, Ticket | None]] = [
                (row, None) for row in of_department(session, visit.viewer, over)]
        else:
            rows = with_tickets(session, visit.viewer, TOWNSHIP) + with_tickets(session, visit.viewer, DEPARTMENT)
        found = [{**_row(visit, row), "ticket": ticket} for row, ticket in rows]
    title = visit.parts.lifecycle.departments.titled(visit.viewer.department or "")
    return visit.html(pane_of(request, LIST_PANES) or "desk/subtickets.html", page="subtickets", rows=found, over=over,
                      here=is_department(visit), department=title)


@router.get("/desk/subtickets/{subticket}")
@needs(SEE)
def page(request: Request, subticket: str, visit: Visit = Depends(staff)) -> Response:
    """One sub-ticket. Another department's number is answered as one that does not exist."""
    with visit.parts.database.begin() as session:
        values = _values(session, visit, access_subticket(session, visit.viewer, subticket_number(subticket)))
        return visit.html(pane_of(request, PANES) or "desk/subticket.html", page="subtickets", **values)


@router.post("/desk/subtickets/{subticket}/show")
@needs(ANSWER)
def show(subticket: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Shows what the department needs of a child's case, this once, for a reason that is noted before it is shown."""
    parts, reason = visit.parts, asked_reason(visit, sent)
    with parts.database.begin() as session:
        row = access_subticket(session, visit.viewer, subticket_number(subticket))
        if row.owner != DEPARTMENT or not is_restricted(ticket_of(session, row)):
            raise Refused("nothing is held back")
        if reason is not None:
            record_audit(session, actor=visit.viewer.actor, action="masked_read", object_=f"subticket:{row.number}",
                         now=parts.now(),
                         data={"what": list(row.fields), "reason": reason.reason, "words": reason.sealed})
        values = _values(session, visit, row, reason_given=reason is not None)
        return visit.html("desk/subticket.html", 422 if reason is None else 200, page="subtickets",
                          wrong="reason" if reason is None else "", **values)


def _command(visit: Visit, name: str) -> Command:
    """Raises Refused alike for a command nobody knows and one this person may not give."""
    command = visit.parts.lifecycle.parts.commands.get(name)
    if command is None:
        raise Refused("no such command")
    visit.viewer.require(command.permission)
    return command


def _form(session: Session, visit: Visit, row: Subticket, command: Command, sent: Mapping[str, str],
          wrong: Mapping[str, str], status: int) -> Response:
    ticket, parts = ticket_of(session, row), visit.parts
    choices = {one.id: {name: chosen.shown for name, chosen in offered(
        session, parts.work, visit.viewer, ticket, one, parts.now()).items()} if one.kind in LISTED else one.options
        for one in command.fields}
    return visit.html("desk/subdeed.html", status, page="subtickets", subticket=row, command=command, choices=choices,
                      sent=sent, wrong=wrong, yes=YES, no=NO, **_row(visit, row))


def _changed(visit: Visit, number: str) -> Response:
    """The page of 409: how it stands now, and what was done last."""
    with visit.parts.database.begin() as session:
        row = access_subticket(session, visit.viewer, number)
        values = _values(session, visit, row)
        return visit.html("desk/subticket_changed.html", 409, page="subtickets", **values)


@router.get(DO)
@needs(SEE)
def form(subticket: str, command: str, visit: Visit = Depends(staff)) -> Response:
    """The form of a command for this sub-ticket, as the table says."""
    deed, known = _command(visit, command), subticket_number(subticket)
    with visit.parts.database.begin() as session:
        row = access_subticket(session, visit.viewer, known)
        if row.state in deed.start:
            return _form(session, visit, row, deed, {}, {}, 200)
    return _changed(visit, known)


@router.post(DO)
@needs(SEE)
def do(subticket: str, command: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Does it. A page that is no longer true is told how it stands; a form that is wrong keeps what was typed."""
    deed, known, parts = _command(visit, command), subticket_number(subticket), visit.parts
    try:
        with parts.database.begin() as session:
            perform_subticket(session, parts.work, visit.viewer, number=known, command=command,
                              version=whole(sent.get("version", "")) or -1, form=sent, now=parts.now())
    except (StalePage, WrongState):
        return _changed(visit, known)
    except NotAllowed as refused:
        text = parts.lifecycle.reasons.text(refused.reason, **refused.parameters)
        return _again(visit, known, deed, sent, {"": text}, 409)
    except FieldsWrong as wrong:
        words = {name: parts.lifecycle.reasons.text(problem, **more)
                 for name, (problem, more) in wrong.problems.items()}
        return _again(visit, known, deed, sent, words, 422)
    parts.wake.ring(OUT)
    parts.wake.hint("tickets", "subtickets")
    with parts.database.begin() as session:
        still = session.execute(visible_subtickets(visit.viewer).where(Subticket.number == known)).first()
    return saved(f"/desk/subtickets/{known}" if still else "/desk/subtickets")


def _again(visit: Visit, number: str, deed: Command, sent: Mapping[str, str], wrong: Mapping[str, str],
           status: int) -> Response:
    with visit.parts.database.begin() as session:
        return _form(session, visit, access_subticket(session, visit.viewer, number), deed, sent, wrong, status)
