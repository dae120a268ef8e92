"""Taking in a request for somebody who phones, comes, writes or is told of; and the switch for a surge."""
from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import staff_name
from actions.access.rules import Refused
from actions.due.clock import SHANGHAI
from actions.intake.checking import IntakeWrong, Problem
from actions.intake.commands import (
    SWITCH,
    TAKE_IN,
    SentBefore,
    TakenIn,
    WrongSurge,
    switch_off,
    switch_on,
    take_in_at_desk,
)
from actions.intake.queries import past_surges, reminders_for, surges_on, ticket_filed
from actions.screening.model import DATE, ONE_OF, SOME_OF, YES_NO
from actions.storage.tables import Surge
from bot.conversation.danger import highest
from bot.conversation.wake import OUT
from bot.desk.frame import Visit, saved
from bot.desk.guard import door, needs, staff
from bot.pages.forms import fields

router = APIRouter(dependencies=[Depends(door)])
MEMBERS = 3
DOOR = "desk"


def _surge(found: list[Surge], asked: str) -> Surge | None:
    return next((surge for surge in found if str(surge.id) == asked), None)


def _form(session: Session, visit: Visit, sent: Mapping[str, str], problems: list[Problem], status: int = 200,
          asked: str = "") -> Response:
    parts, book = visit.parts, visit.parts.knowledge.intake
    on = surges_on(session, parts.now())
    surge = _surge(on, asked)
    facts = parts.knowledge.ruleset.facts
    gazetteer = parts.knowledge.gazetteer
    return visit.html(
        "desk/intake.html", status, page="intake", sources=book.at_door(DOOR), causes=list(book.causes.values()),
        surges=on, surge=surge, facts=[facts[name] for name in (book.short if surge else book.facts)], sent=sent,
        problems={problem.field: problem.what for problem in problems}, members=range(MEMBERS), longest=book.longest,
        units=sorted((gazetteer.units[unit] for unit in gazetteer.served), key=lambda unit: unit.name),
        external_id=sent.get("external_id") or str(uuid.uuid4()))


def _value(sent: Mapping[str, str], fact: Any) -> Any:
    """What the form says about one fact, as the rules take it; None for nothing."""
    if fact.type == SOME_OF:
        chosen = [name for name in fact.options if sent.get(f"f_{fact.id}_{name}")]
        return chosen or None
    typed = sent.get(f"f_{fact.id}", "").strip()
    if not typed:
        return None
    if fact.type == YES_NO:
        return {"yes": True, "no": False}.get(typed, typed)
    if fact.type in (ONE_OF, DATE):
        return typed
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else typed


def _data(visit: Visit, sent: Mapping[str, str]) -> dict[str, Any]:
    """The posted form as the intake takes it."""
    book, facts = visit.parts.knowledge.intake, visit.parts.knowledge.ruleset.facts
    names = ("source", "external_id", "cause", "event_place", "household_place", "unit", "name", "phone", "identity",
             "told", "reference")
    values = {name: (_value(sent, facts[name])) for name in dict.fromkeys([*book.facts, *book.short])}
    members = [
        {"role": "member", "name": sent.get(f"m{n}_name", ""), "relation": sent.get(f"m{n}_relation", ""),
         "minor": bool(sent.get(f"m{n}_minor"))}
        for n in range(MEMBERS) if sent.get(f"m{n}_name", "").strip() or sent.get(f"m{n}_relation", "").strip()
    ]
    told: dict[str, Any] = {name: sent[name] for name in names if sent.get(name, "").strip()}
    told["facts"] = {name: value for name, value in values.items() if value is not None}
    told["persons"] = members
    told["minor"], told["discreet"] = bool(sent.get("minor")), bool(sent.get("discreet"))
    if sent.get("reporter_name", "").strip() or sent.get("reporter_phone", "").strip():
        told["reporter"] = {"name": sent.get("reporter_name"), "phone": sent.get("reporter_phone")}
    return told


@router.get("/desk/intake")
@needs(TAKE_IN)
def form(request: Request, visit: Visit = Depends(staff)) -> Response:
    """The form; `surge` asks for the short one of a surge that is on."""
    with visit.parts.database.begin() as session:
        return _form(session, visit, {}, [], asked=request.query_params.get("surge", ""))


@router.post("/desk/intake")
@needs(TAKE_IN)
def take_in(visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Opens the ticket; the query code is shown now and never again."""
    parts = visit.parts
    danger = highest(parts.gates.check(sent.get("told", "")))
    now = danger is not None and danger.level == "now"
    try:
        with parts.database.begin() as session:
            taken = take_in_at_desk(session, parts.knowledge, visit.viewer, _data(visit, sent), danger=now,
                                    now=parts.now(), another=bool(sent.get("another")))
            page = _done(session, visit, taken, parts.replies.text(danger.reply) if now and danger else "")
    except IntakeWrong as wrong:
        with parts.database.begin() as session:
            return _form(session, visit, sent, wrong.problems, 422, sent.get("surge", ""))
    except SentBefore as known:
        with parts.database.begin() as session:
            if not known.same:
                return _form(session, visit, {**sent, "external_id": ""}, [Problem("external_id", "again", "")], 409,
                             sent.get("surge", ""))
            first = ticket_filed(session, known.caller, known.external_id)
            if first is None:
                raise Refused("the request that was faster is gone") from None
            other = sent if known.external_id != sent.get("external_id") else None
            return _done(session, visit, TakenIn(first, None), "", again=True, other=other)
    parts.wake.ring(OUT)
    parts.wake.hint("tickets", f"ticket:{taken.ticket.number}")
    return page


def _done(session: Session, visit: Visit, taken: TakenIn, safety: str, again: bool = False,
          other: Mapping[str, str] | None = None) -> Response:
    """What came of it. `other`: what was sent under another id, in case it is another matter after all."""
    parts, ticket = visit.parts, taken.ticket
    book = parts.knowledge.intake
    reminders = reminders_for(session, visit.viewer, book.duplicates, ticket)
    # a ticket for another unit is not this viewer's any more: what is needed to answer for it stands on this page
    own = visit.viewer.role.scope == "all" or ticket.unit_id == visit.viewer.unit_id
    return visit.html(
        "desk/intake_done.html", page="intake", ticket=ticket, code=taken.query_code, again=again, own=own,
        safety=safety, other=other, source=book.sources[ticket.source], reminders=reminders,
        states=parts.lifecycle.titles, due_pending=parts.due_pending, lamp="fine")


@router.get("/desk/surges")
@needs(SWITCH)
def surges(visit: Visit = Depends(staff)) -> Response:
    """What is on, and what was."""
    return _surges(visit)


def _surges(visit: Visit, note: str = "", status: int = 200, sent: Mapping[str, str] | None = None) -> Response:
    parts = visit.parts
    with parts.database.begin() as session:
        now = parts.now()
        on, past = surges_on(session, now), past_surges(session, now)
        names = {row.staff_id: staff_name(session, row.staff_id) for row in (*on, *past)}
        causes = parts.knowledge.intake.causes
        return visit.html("desk/surges.html", status, page="surges", on=on, past=past, names=names, note=note,
                          sent=sent or {},
                          causes={name: cause.title for name, cause in causes.items()},
                          choices=[cause for cause in causes.values() if cause.surge])


def _until(typed: str) -> datetime | None:
    """The end of the day typed, in Chongqing."""
    try:
        day = datetime.strptime(typed, "%Y-%m-%d").date()
    except ValueError:
        return None
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI)


@router.post("/desk/surges")
@needs(SWITCH)
def surge_on(visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Switches a surge on until the end of a day."""
    until, parts = _until(sent.get("until", "")), visit.parts
    if until is None:
        return _surges(visit, "until", 422, sent)
    try:
        with parts.database.begin() as session:
            switch_on(session, visit.viewer, parts.knowledge, cause=sent.get("cause", ""), until=until,
                      reason=sent.get("reason", ""), now=parts.now())
    except WrongSurge as wrong:
        return _surges(visit, wrong.what, 422, sent)
    return saved("/desk/surges")


@router.post("/desk/surges/{surge}/end")
@needs(SWITCH)
def surge_off(surge: str, visit: Visit = Depends(staff)) -> Response:
    """Switches it off before its time."""
    number = int(surge) if surge.isascii() and surge.isdigit() and len(surge) < 10 else 0
    with visit.parts.database.begin() as session:
        switch_off(session, visit.viewer, surge=number, now=visit.parts.now())
    return saved("/desk/surges")
