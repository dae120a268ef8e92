"""委托与回避: who lends which power to whom and until when; who is tied to whom and keeps out of their case."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.commands import CannotDelegate, delegate, end_delegation
from actions.access.queries import as_viewer, delegations
from actions.due.clock import SHANGHAI
from actions.storage.tables import Staff, Ticket
from actions.tickets.approval.commands import OVERSEE, TieWrong, declare_tie, withdraw_tie
from actions.tickets.approval.queries import relatives_seen_by
from bot.desk.deeds import whole
from bot.desk.frame import Visit, saved
from bot.desk.guard import door, needs, staff
from bot.desk.looks import note_look
from bot.pages.forms import fields

router = APIRouter(dependencies=[Depends(door)])
WORKS, TIE = "work_ticket", "declare_tie"
REASON = 200  # characters: one line of the list


def relations(visit: Visit) -> Mapping[str, str]:
    """Relation → title, as the command of the table offers them."""
    return next(field.options for field in visit.parts.lifecycle.commands[TIE].fields if field.id == "relation")


def _people(session: Session, visit: Visit) -> dict[str, Any]:
    """Who could give, who could take: for oneself the own colleagues, for who oversees everybody."""
    parts, viewer = visit.parts, visit.viewer
    rows = session.execute(sa.select(Staff).where(Staff.active).order_by(Staff.name, Staff.id)).scalars().all()
    oversees = viewer.may(OVERSEE)
    seen = [row for row in rows if oversees or row.unit_id == viewer.unit_id]
    delegable = parts.knowledge.book.procedure.delegable
    able = {row.id: as_viewer(row, parts.roles) for row in seen}
    return {
        "givers": [row for row in seen if (oversees or row.id == viewer.staff_id)
                   and any(able[row.id].may(permission) for permission in delegable)],
        "takers": [row for row in seen if row.id != viewer.staff_id and able[row.id].may(WORKS)],
        "bound": [row for row in seen if able[row.id].may(TIE)] if oversees else [],
    }


def _page(visit: Visit, wrong: str = "", status: int = 200, sent: Mapping[str, str] | None = None) -> Response:
    parts, viewer = visit.parts, visit.viewer
    with parts.database.begin() as session:
        lent, tied = delegations(session, viewer), relatives_seen_by(session, viewer)
        ids = {who for row in lent for who in (row.from_staff, row.to_staff, row.recorded_by)}
        ids |= {who for row in tied for who in (row.staff_id, row.declared_by)}
        names = dict(session.execute(sa.select(Staff.id, Staff.name).where(Staff.id.in_(ids))).all())
        if tied:
            note_look(session, viewer, "ties_read", "relatives", parts.now())
        numbers = dict(session.execute(sa.select(Ticket.id, Ticket.number).where(
            Ticket.id.in_({row.ticket_id for row in tied} - {None}))).all())
        return visit.html(
            "desk/powers.html", status, page="powers", lent=lent, tied=tied, names=names, units=parts.unit_names,
            numbers=numbers if viewer.may("see_tickets") else {}, relations=relations(visit),
            delegable=parts.knowledge.book.procedure.delegable, oversees=viewer.may(OVERSEE),
            opened={row.id: parts.opened_or_none(row.name) for row in tied}, sent=sent or {}, **_people(session, visit),
            wrong=parts.lifecycle.reasons.text(wrong) if wrong else "")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _moment(day: date) -> datetime:
    return datetime.combine(day, time.min, SHANGHAI)


@router.get("/desk/powers")
@needs("see_tickets")
def powers(visit: Visit = Depends(staff)) -> Response:
    """What is lent and declared, as far as this person may see it."""
    return _page(visit)


@router.post("/desk/powers/delegations")
@needs(TIE)
def lend(visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Lends a power from the morning of one day to the evening of another."""
    parts, viewer = visit.parts, visit.viewer
    start, end = _day(sent.get("from_day", "")), _day(sent.get("to_day", ""))
    if start is None or end is None:
        return _page(visit, "delegate_when", 422, sent)
    try:
        with parts.database.begin() as session:
            delegate(session, viewer, parts.roles, from_staff=whole(sent.get("from", "")) or viewer.staff_id or 0,
                     to_staff=whole(sent.get("to", "")) or 0, permission=sent.get("permission", ""),
                     delegable=parts.knowledge.book.procedure.delegable, starts_at=_moment(start),
                     ends_at=_moment(end + timedelta(days=1)), reason=sent.get("reason", "")[:REASON], now=parts.now())
    except CannotDelegate as wrong:
        return _page(visit, wrong.reason, 422, sent)
    return saved("/desk/powers")


@router.post("/desk/powers/delegations/{delegation}/end")
@needs(TIE)
def end(delegation: str, visit: Visit = Depends(staff)) -> Response:
    """Ends a delegation now."""
    with visit.parts.database.begin() as session:
        end_delegation(session, visit.viewer, delegation=whole(delegation) or 0, now=visit.parts.now())
    return saved("/desk/powers")


@router.post("/desk/powers/ties")
@needs(TIE)
def declare(visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Declares a tie to a person, whoever's ticket may come."""
    parts, viewer = visit.parts, visit.viewer
    try:
        with parts.database.begin() as session:
            declare_tie(session, viewer, parts.keys, staff_id=whole(sent.get("staff", "")) or viewer.staff_id or 0,
                        relation=sent.get("relation", ""), relations=relations(visit), name=sent.get("name", "")[:50],
                        phone=sent.get("phone", ""), identity=sent.get("identity", ""), now=parts.now())
    except TieWrong as wrong:
        return _page(visit, wrong.reason, 422, sent)
    return saved("/desk/powers")


@router.post("/desk/powers/ties/{tie}/withdraw")
@needs(OVERSEE)
def withdraw(tie: str, visit: Visit = Depends(staff)) -> Response:
    """Ends a tie that was declared in error."""
    try:
        with visit.parts.database.begin() as session:
            withdraw_tie(session, visit.viewer, tie=whole(tie) or 0, now=visit.parts.now())
    except TieWrong as wrong:
        return _page(visit, wrong.reason, 409)
    return saved("/desk/powers")
