"""核查授权 of a case: who agrees to a look at their means, what checks said, the differences to be looked into."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import access_ticket
from actions.storage.tables import Ticket
from actions.tickets.approval.queries import lone_aids
from actions.tickets.authorisation.commands import (
    WORK,
    ask_authorisation,
    attach_result,
    clear_difference,
    note_answer,
)
from actions.tickets.authorisation.queries import authorisations, open_differences, signature_images
from actions.tickets.authorisation.rules import APPLICANT, HOUSEHOLD, MEMBER, SUPPORTER, Asked, AuthorisationWrong
from actions.tickets.handover.queries import owed_by_township
from bot.desk.decisions import names_of
from bot.desk.deeds import ticket_number, whole
from bot.desk.frame import Visit, saved
from bot.desk.guard import door, needs, staff
from bot.desk.looks import case_shut, note_look
from bot.pages.forms import fields

router = APIRouter(dependencies=[Depends(door)])
PAGE = "/desk/tickets/{number}/authorisations"
ROWS = 6  # persons one form takes; a larger household is written down in two
LONG = 1000  # characters of a result or reason


def _view(session: Session, visit: Visit, ticket: Ticket) -> dict[str, Any]:
    parts = visit.parts
    asked = authorisations(session, ticket)
    people = [member for one in asked for member in one.members]
    staff_ids = [one.authorisation.asked_by for one in asked] + [
        who for person in people for who in
        (person.member.noted_by, *(x for result in person.results for x in (result.attached_by, result.cleared_by)))]
    return {
        "ticket": ticket, "states": parts.lifecycle.titles, "asked": asked, "names": names_of(session, staff_ids),
        "opened": {person.member.id: parts.opened(person.member.name) for person in people},
        "guardians": {person.member.id: parts.opened_or_none(person.member.guardian) for person in people},
        "results": {result.id: {"reason": parts.opened(result.reason), "found": parts.opened(result.found),
                                "cleared": parts.opened_or_none(result.cleared)}
                    for person in people for result in person.results},
        "images": signature_images(session, ticket), "open": ticket.state in parts.lifecycle.open_states,
        "scopes": parts.knowledge.book.procedure.scopes, "channels": parts.knowledge.book.procedure.channels,
        "rows": range(1, ROWS + 1),
    }


def _page(visit: Visit, number: str, wrong: str = "", status: int = 200,
          sent: Mapping[str, str] | None = None) -> Response:
    with visit.parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, number)
        if case_shut(session, visit.viewer, ticket, visit.parts.now()):  # names and means: for a reason, as the case is
            return visit.html("desk/shown.html", status, page="tickets", ticket=ticket, lines=[], what="case",
                              show_reasons=visit.parts.knowledge.intake.reasons, sent={})
        values = _view(session, visit, ticket)
        note_look(session, visit.viewer, "authorisations_read", f"ticket:{number}", visit.parts.now())
        return visit.html("desk/authorisations.html", status, page="tickets", sent=sent or {},
                          wrong=visit.parts.lifecycle.reasons.text(wrong) if wrong else "", **values)


def _does(visit: Visit, number: str, sent: Mapping[str, str],
          deed: Callable[[Session, dict[str, Any]], Any]) -> Response:
    """Runs one command; what cannot be is said on the page, with what was typed."""
    known, parts = ticket_number(number), visit.parts
    common = {"number": known, "open_states": parts.lifecycle.open_states, "now": parts.now()}
    try:
        with parts.database.begin() as session:
            deed(session, common)
    except AuthorisationWrong as wrong:
        return _page(visit, known, wrong.reason, 422, sent)
    parts.wake.hint("tickets", f"ticket:{known}")
    return saved(PAGE.format(number=known))


def _people(sent: Mapping[str, str], kind: str) -> list[Asked]:
    """The persons of the form: the first of a household is the applicant."""
    found = []
    for row in range(1, ROWS + 1):
        name = sent.get(f"name_{row}", "").strip()[:50]
        if name:
            role = SUPPORTER if kind == SUPPORTER else APPLICANT if not found else MEMBER
            found.append(Asked(role, name, sent.get(f"identity_{row}", "")[:30], sent.get(f"under_14_{row}") == "yes",
                               sent.get(f"guardian_{row}", "")[:50]))
    return found


@router.get(PAGE)
@needs(WORK)
def page(number: str, visit: Visit = Depends(staff)) -> Response:
    """Who was asked, what they said, what checks have found."""
    return _page(visit, ticket_number(number))


@router.post(PAGE)
@needs(WORK)
def ask(number: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Notes whose means are to be checked."""
    procedure = visit.parts.knowledge.book.procedure
    kind = SUPPORTER if sent.get("kind") == SUPPORTER else HOUSEHOLD
    scope = [name for name in procedure.scopes if sent.get(f"scope_{name}")]
    return _does(visit, number, sent, lambda session, common: ask_authorisation(
        session, visit.viewer, visit.parts.keys, kind=kind, scope=scope, scopes=procedure.scopes,
        members=_people(sent, kind), **common))


@router.post(PAGE + "/members/{member}")
@needs(WORK)
def answer(number: str, member: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Notes what one person said."""
    image = sent.get("attachment", "")
    return _does(visit, number, sent, lambda session, common: note_answer(
        session, visit.viewer, visit.parts.keys, member=whole(member) or 0, answer=sent.get("answer", ""),
        channel=sent.get("channel") or None, channels=visit.parts.knowledge.book.procedure.channels,
        guardian=sent.get("guardian", "")[:50], attachment=(whole(image) or 0) if image else None, **common))


@router.post(PAGE + "/members/{member}/result")
@needs(WORK)
def result(number: str, member: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Attaches what a check said."""
    return _does(visit, number, sent, lambda session, common: attach_result(
        session, visit.viewer, visit.parts.keys, member=whole(member) or 0, outcome=sent.get("outcome", ""),
        reason=sent.get("reason", "")[:LONG], found=sent.get("found", "")[:LONG], **common))


@router.post(PAGE + "/results/{result}/clear")
@needs(WORK)
def clear(number: str, result: str, visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Notes what looking into a difference has found."""
    return _does(visit, number, sent, lambda session, common: clear_difference(
        session, visit.viewer, visit.parts.keys, result=whole(result) or 0,
        words=sent.get("words", "")[:LONG], **common))


@router.get("/desk/checks")
@needs(WORK)
def checks(visit: Visit = Depends(staff)) -> Response:
    """What waits for somebody: differences of checks, aid with one signature only, what departments gave back."""
    departments = visit.parts.lifecycle.departments
    with visit.parts.database.begin() as session:
        owed = [(row, ticket, departments.asked(row.department, row.request))
                for row, ticket in owed_by_township(session, visit.viewer)]
        return visit.html("desk/checks.html", page="checks", differences=open_differences(session, visit.viewer),
                          alone=lone_aids(session, visit.viewer), owed=owed)
