"""What a decision stands on: limit, who may decide, the calculation, signatures; and the written refusal."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import access_ticket
from actions.access.rules import Refused
from actions.due.clock import SHANGHAI
from actions.storage.tables import Approval, Staff, Ticket
from actions.tickets.approval.limits import Limit
from actions.tickets.approval.queries import (
    aids,
    approvals,
    candidates,
    given_so_far,
    level_of,
    meetings,
    round_of,
    signatures,
    ties,
)
from actions.tickets.approval.rules import REFUSE, case_of, why_district
from actions.tickets.authorisation.queries import authorisations
from actions.tickets.authorisation.rules import DIFFERS
from actions.tickets.commands.signing import yuan
from actions.tickets.queries import history
from bot.desk.deeds import ticket_number
from bot.desk.frame import Visit
from bot.desk.guard import door, needs, staff
from bot.desk.looks import case_shut, note_look
from bot.desk.story import SEALED

router = APIRouter(dependencies=[Depends(door)])
AID = "aid_first"
# state → the command whose turn it is
NEXT = {"reviewing": "review", "approving": "approve"}


def _limit(visit: Visit, limit: Limit) -> dict[str, Any]:
    book = visit.parts.knowledge.book
    standard = limit.standard
    return {
        "yuan": None if limit.yuan is None else yuan(limit.yuan), "confirmed": limit.confirmed, "since": limit.since,
        "provisional": limit.provisional, "cite": book.cited(limit.cite),
        "count": None if limit.count is None else yuan(limit.count),
        "standard": None if standard is None else standard.title,
    }


def _suggestion(visit: Visit, ticket: Ticket, type_: str) -> dict[str, Any]:
    book = visit.parts.knowledge.book
    found = book.suggestion(type_, ticket.facts, visit.parts.now().astimezone(SHANGHAI).date())
    lines = [
        {"title": line.use.title, "standard": yuan(line.standard), "unit": line.use.unit, "people": line.people,
         "months": tuple(yuan(months) for months in line.months), "low": yuan(line.low), "high": yuan(line.high),
         "since": line.use.start, "cite": book.cited(line.use.cite), "pending": line.use.status == "pending"}
        for line in found.lines
    ]
    row = found.row
    return {"lines": lines, "people_known": found.people_known, "row": row,
            "cite": None if row is None else book.cited(row.cite)}


def names_of(session: Session, ids: Any) -> dict[int, str]:
    """Staff id → name."""
    return {one: staff.name for one in set(ids) - {None} if (staff := session.get(Staff, one)) is not None}


def _readable(visit: Visit, ticket: Ticket) -> bool:
    """Whether the words beside a decision are shown here; of a child's case they stand on the page a reason opens."""
    return visit.viewer.may(SEALED) and not ticket.minor


def _signed(session: Session, visit: Visit, ticket: Ticket) -> list[dict[str, Any]]:
    """Every signature, the rounds before this one marked."""
    rows, now = approvals(session, ticket), round_of(session, ticket)
    names = names_of(session, [who for row in rows for who in (row.staff_id, row.in_place_of)])
    readable = _readable(visit, ticket)
    return [
        {"level": row.level, "step": row.step, "opinion": row.opinion, "special": row.special, "at": row.at,
         "amount": None if row.amount is None else yuan(row.amount), "name": names.get(row.staff_id, ""),
         "in_place_of": names.get(row.in_place_of), "old": row.round != now,
         "note": visit.parts.opened_or_none(row.note) if readable else None}
        for row in rows
    ]


def _who(session: Session, visit: Visit, ticket: Ticket, opinion: str | None) -> list[dict[str, Any]]:
    """Who can take the next step, and why some cannot. Ties of others are told as a reason, never with the relation."""
    parts = visit.parts
    command = NEXT.get(ticket.state)
    if command == "approve" and opinion == "not_give":
        command = "refuse"
    if command is None:
        return []
    permission = parts.lifecycle.commands[command].permission
    found = candidates(session, parts.keys, parts.roles, ticket, permission, parts.now())
    return [{"name": one.staff.name, "in_place_of": one.in_place_of.name if one.in_place_of is not None else None,
             "why_not": one.why_not} for one in found]


def decision_view(session: Session, visit: Visit, ticket: Ticket) -> dict[str, Any]:
    """What the ticket page shows of decisions about a ticket obtained through access."""
    parts = visit.parts
    book, today = parts.knowledge.book, parts.now().astimezone(SHANGHAI).date()
    limit = book.limit(ticket.unit_id, ticket.programme, today)
    aid_limit = book.aid_limit(ticket.unit_id, ticket.programme, today)
    case = case_of(signatures(session, ticket, round_of(session, ticket)))
    readable = _readable(visit, ticket)
    given, met = aids(session, ticket), meetings(session, ticket)
    names = names_of(session, [who for aid in given for who in (aid.handler, aid.second)])
    asked = authorisations(session, ticket)
    results = [result for one in asked for member in one.members for result in member.results]
    return {"decision": {
        "level": level_of(ticket), "limit": _limit(visit, limit), "aid_limit": _limit(visit, aid_limit),
        "goes_up": None if case is None else why_district(case, limit), "case": case,
        "suggestion": _suggestion(visit, ticket, ticket.programme), "aid_suggestion": _suggestion(visit, ticket, AID),
        "signed": _signed(session, visit, ticket), "who": _who(session, visit, ticket, case and case.opinion),
        "mine": visit.viewer.staff_id in ties(session, parts.keys, ticket),
        "meetings": [{"held_on": one.held_on, "attendees": one.attendees, "opinion": one.opinion,
                      "amount": None if one.amount is None else yuan(one.amount),
                      "decision": parts.opened(one.decision) if readable else None} for one in met],
        "aids": [{"amount": yuan(aid.amount), "at": aid.given_at, "handler": names.get(aid.handler, ""),
                  "second": names.get(aid.second), "second_at": aid.second_at,
                  "object": parts.opened(aid.object) if readable else None} for aid in given],
        "given": yuan(given_so_far(session, ticket)),
        "authorised": sum(member.member.answer == "given" for one in asked for member in one.members),
        "asked": sum(len(one.members) for one in asked),
        "differences": sum(result.outcome == DIFFERS and result.cleared_at is None for result in results),
    }}


def _refusal(session: Session, ticket: Ticket) -> Approval | None:
    found = [row for row in approvals(session, ticket) if row.step == REFUSE]
    return found[-1] if found and ticket.state == "refused" else None


@router.get("/desk/tickets/{number}/refusal")
@needs(SEALED)
def refusal(number: str, visit: Visit = Depends(staff)) -> Response:
    """The written decision, to be printed: reason, article, the way to contest it (社会救助法 45, 76)."""
    parts = visit.parts
    with parts.database.begin() as session:
        ticket = access_ticket(session, visit.viewer, ticket_number(number))
        row = _refusal(session, ticket)
        line: Mapping[str, Any] | None = next(
            (line for line in reversed(history(session, ticket)) if line["kind"] == "refused"), None)
        if row is None or line is None or case_shut(session, visit.viewer, ticket, parts.now()):
            raise Refused("no refusal")
        note_look(session, visit.viewer, "ticket_read", f"ticket:{ticket.number}", parts.now())
        sources = parts.knowledge.ruleset.sources
        book = parts.knowledge.book
        ground = parts.lifecycle.commands["refuse"]
        titles = next(field.options for field in ground.fields if field.id == "ground")
        return visit.html(
            "desk/refusal.html", page="tickets", ticket=ticket, at=row.at, reason=parts.opened_or_none(row.note),
            ground=titles.get(row.data.get("ground", ""), ""), article=line["data"].get("article"),
            appeal=[(book.cited(source), sources[source].plain) for source in book.procedure.appeal])
