"""Who a ticket is about, masked; who told of it; what is shown whole for a reason; contacts joined and un-joined."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import access_ticket
from actions.access.rules import Refused
from actions.intake.joins import JOIN, OtherPerson, join_by_staff, joins_of, unjoin
from actions.intake.queries import intake_of, reminders_for, surge_named
from actions.language.mask import mask_identity, mask_name, mask_phone
from actions.privacy.commands import record_audit
from actions.storage.tables import Intake, Ticket, TicketPerson
from actions.tickets.commands import CALL_PHONE, wanted_call
from actions.tickets.commands.persons import people_of
from actions.tickets.queries import history
from bot.desk.console import row_id
from bot.desk.deeds import ticket_number, whole
from bot.desk.frame import Visit, saved
from bot.desk.guard import door, needs, staff
from bot.desk.reasons import asked_reason
from bot.desk.story import told
from bot.pages.forms import blank, fields

SHOW, REPORTER, MINOR = "show_masked", "see_reporter", "see_minor"
WORDS = 200
MASKS: dict[str, Callable[[str], str]] = {
    "name": mask_name, "phone": mask_phone, "identity": lambda number: mask_identity(number).text,
    "relation": lambda text: text,
}

router = APIRouter(dependencies=[Depends(door)])


def is_restricted(ticket: Ticket) -> bool:
    """Whether the case itself is masked: a child's (未成年人保护法 4, 63; notes policy 4, P6)."""
    return bool(ticket.minor)


def sees_reporter(visit: Visit, intake: Intake) -> bool:
    """Whoever tells in confidence is hidden from the unit that works the ticket, and from the person concerned."""
    return visit.viewer.may(REPORTER) or not intake.reporter_hidden and visit.viewer.may(SHOW)


def _person(visit: Visit, row: TicketPerson, number: int) -> dict[str, Any]:
    """One person as the page shows them: masked; of a child only that there is one."""
    shown: dict[str, Any] = {"number": number, "id": row.id, "role": row.role, "minor": row.minor, "any": False}
    for name, mask in MASKS.items():
        plain = visit.parts.opened_or_none(getattr(row, name))
        shown["any"] = shown["any"] or plain is not None
        shown[name] = None if plain is None or row.minor else mask(plain)
    return shown


def _may_show(visit: Visit, minor: bool) -> bool:
    return visit.viewer.may(SHOW) and (not minor or visit.viewer.may(MINOR))


def _call(session: Session, visit: Visit, ticket: Ticket) -> dict[str, Any] | None:
    """The wish to be phoned, masked; of a child's ticket only that there is one."""
    asked = wanted_call(session, ticket)
    if asked is None or ticket.closed_at is not None:
        return None
    number = visit.parts.opened_or_none(asked.data[CALL_PHONE].encode())
    return {"at": asked.at, "when": asked.data["fields"]["when"]["value"],
            "phone": None if is_restricted(ticket) or number is None else mask_phone(number)}


def about(session: Session, visit: Visit, ticket: Ticket) -> dict[str, Any]:
    """What the page of a ticket obtained through access says of people and of how it came."""
    parts, book = visit.parts, visit.parts.knowledge.intake
    intake = intake_of(session, ticket.id)
    reporter, letter = None, None
    if intake is not None:
        name, phone = (parts.opened_or_none(sealed) for sealed in (intake.reporter_name, intake.reporter_phone))
        if (name or phone) and sees_reporter(visit, intake):
            reporter = {"name": mask_name(name or ""), "phone": mask_phone(phone or "")}
        letter = parts.opened_or_none(intake.reference)
    source = book.sources.get(ticket.source)
    return {
        "people": [_person(visit, row, number) for number, row in enumerate(people_of(session, ticket.id), 1)],
        "intake": intake, "source_title": source.title if source else ticket.source, "letter": letter,
        "reporter": reporter, "restricted": is_restricted(ticket), "may_show": _may_show(visit, ticket.minor),
        "told": parts.opened_or_none(intake.told) if intake is not None and not ticket.minor else None,
        "may_show_minor": _may_show(visit, True), "show_reasons": book.reasons,
        "surge": surge_named(session, ticket.surge_id),
        "reminders": reminders_for(session, visit.viewer, book.duplicates, ticket),
        "call": _call(session, visit, ticket),
        "joins": joins_of(session, ticket) if visit.viewer.may(JOIN) else [], "may_join": visit.viewer.may(JOIN),
    }


def _case(session: Session, visit: Visit, ticket: Ticket) -> list[tuple[str, str]]:
    """Everything of a restricted ticket that its page keeps back."""
    parts, intake = visit.parts, intake_of(session, ticket.id)
    lines = [("event_place", parts.opened_or_none(ticket.event_place)),
             ("household_place", parts.opened_or_none(ticket.household_place)),
             ("phone", parts.opened_or_none(ticket.phone)),
             ("told", parts.opened_or_none(intake.told) if intake is not None else None)]
    return [(name, text) for name, text in lines if text] + [
        ("fact", line) for line in parts.fact_titles(ticket.facts)]


def _wanted(session: Session, visit: Visit, ticket: Ticket, what: str) -> list[tuple[str, str]]:
    """(id of the title, text) of what is asked to be seen. Raises Refused where this person may not, or it is not."""
    parts, kind, _, number = visit.parts, *what.partition(":")
    lines: list[tuple[str, str | None]] = []
    if kind == "reporter":
        intake = intake_of(session, ticket.id)
        if intake is None or not sees_reporter(visit, intake):
            raise Refused("no such field")
        lines = [("name", parts.opened_or_none(intake.reporter_name)),
                 ("phone", parts.opened_or_none(intake.reporter_phone))]
    elif kind == "person":
        rows = {row.id: row for row in people_of(session, ticket.id)}
        row = rows.get(whole(number) or 0)
        if row is None or not _may_show(visit, ticket.minor or row.minor):
            raise Refused("no such field")
        lines = [(name, parts.opened_or_none(getattr(row, name))) for name in MASKS]
    elif kind == "phone" and _may_show(visit, ticket.minor):
        lines = [("phone", parts.opened_or_none(ticket.phone))]
    elif kind == "call" and _may_show(visit, ticket.minor):
        asked = wanted_call(session, ticket)
        lines = [("phone", parts.opened_or_none(asked.data[CALL_PHONE].encode()))] if asked is not None else []
    elif kind == "case" and is_restricted(ticket) and _may_show(visit, True):
        lines = list(_case(session, visit, ticket))
    found = [(name, text) for name, text in lines if text]
    if not found:
        raise Refused("no such field")
    return found


@router.post("/desk/tickets/{number}/show")
@needs(SHOW)
def show(number: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Shows one masked field whole, this once, for a reason that stands in the audit log before it is shown."""
    parts, known, what = visit.parts, ticket_number(number), sent.get("what", "")
    given, reasons = asked_reason(visit, sent), parts.knowledge.intake.reasons
    with parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, known)
        lines = _wanted(session, visit, ticket, what)
        if given is None:
            return visit.html("desk/shown.html", 422, page="tickets", ticket=ticket, lines=[], what=what,
                              show_reasons=reasons, sent=sent)
        record_audit(session, actor=visit.viewer.actor, action="masked_read", object_=f"ticket:{known}",
                     now=parts.now(), data={"what": what, "reason": given.reason, "words": given.sealed})
        past = told(visit, history(session, ticket)) if what == "case" else []
        return visit.html("desk/shown.html", page="tickets", ticket=ticket, lines=lines, what=what, history=past,
                          show_reasons=reasons, sent=sent)


@router.post("/desk/tickets/{number}/contacts")
@needs(JOIN)
def join(number: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Somebody made sure that a conversation is with the person of this ticket."""
    known, parts, reason = ticket_number(number), visit.parts, sent.get("reason", "")[:WORDS].strip()
    if blank(reason):
        return _refused(visit, known, "no_reason", 422)
    wanted = sent.get("conversation", "").strip()
    if not (whole(wanted) or 0):
        return _refused(visit, known, "no_conversation", 422)
    try:
        with parts.database.begin() as session:
            join_by_staff(session, visit.viewer, parts.keys, number=known, reason=reason, now=parts.now(),
                          conversation_id=row_id(wanted))
    except OtherPerson:
        return _refused(visit, known, "other_person", 409)
    except Refused:  # of a ticket nobody may see the answer below is a Refused again
        return _refused(visit, known, "no_conversation", 404)
    return _done(visit, known)


@router.post("/desk/tickets/{number}/contacts/{join}/end")
@needs(JOIN)
def end(number: str, join: str, visit: Visit = Depends(staff)) -> Response:
    """It was somebody else."""
    known = ticket_number(number)
    with visit.parts.database.begin() as session:
        unjoin(session, visit.viewer, number=known, join=whole(join) or 0, now=visit.parts.now())
    return _done(visit, known)


def _refused(visit: Visit, number: str, note: str, status: int) -> Response:
    with visit.parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, number)
        return visit.html("desk/not_joined.html", status, page="tickets", ticket=ticket, note=note)


def _done(visit: Visit, number: str) -> Response:
    visit.parts.wake.hint("tickets", f"ticket:{number}")
    return saved(f"/desk/tickets/{number}")
