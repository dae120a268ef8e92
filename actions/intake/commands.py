"""The only writer of intakes, surges and keys of other systems. A request becomes a ticket as the bot's would."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.access.queries import token_hash
from actions.access.rules import Refused, Viewer
from actions.due.clock import SHANGHAI
from actions.intake.case import (
    OUTSIDE,
    ROUTED,
    Knows,
    helps_first,
    is_minor,
    keep_route,
    keep_screening,
    responsible_for,
    surge_of,
)
from actions.intake.checking import IntakeWrong, Problem, Told, check
from actions.language.mask import find_phones
from actions.places.gazetteer import Gazetteer
from actions.places.queries import last_ruling, rulings
from actions.places.record import outcome_of
from actions.places.resolver import Route, resolve_answer
from actions.places.rulings import with_rulings
from actions.privacy.commands import record_audit
from actions.privacy.keys import Keys
from actions.screening.evaluate import evaluate
from actions.storage.tables import ApiKey, Intake, Surge, Ticket
from actions.tickets.commands import Request, Responsible, open_ticket

TAKE_IN, SWITCH = "take_in", "switch_surge"
LONGEST_REASON = 200
JUST_NOW = timedelta(minutes=30)


class SentBefore(Exception):
    """The caller's id is known. `caller` and `external_id` lead to its ticket; `same`: the same words were sent."""

    def __init__(self, caller: str, external_id: str, same: bool) -> None:
        super().__init__("this id was sent before")
        self.caller, self.external_id, self.same = caller, external_id, same


class WrongSurge(Exception):
    """The switch cannot be set; `what` is cause, reason or until."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True)
class TakenIn:
    """A ticket just opened. `query_code` is None where whoever brought the request must not have it."""

    ticket: Ticket
    query_code: str | None


def take_in_at_desk(
    session: Session, know: Knows, viewer: Viewer, data: Mapping[str, Any], *, danger: bool, now: datetime,
    another: bool = False,
) -> TakenIn:
    """Opens a ticket for somebody who phones, comes, writes or is told of. Raises Refused, IntakeWrong, SentBefore.

    `danger`: a gate heard in the words that somebody may be dying. After SentBefore roll back and read the ticket.
    The same words from the same person a moment later are the same request under a new id, as when somebody goes back
    in the browser: SentBefore names the first one, unless `another` says that it is another matter.
    """
    viewer.require(TAKE_IN)
    if not another:
        _just_sent(session, know, viewer.actor, data, now)
    return _take_in(session, know, data, door="desk", caller=viewer.actor, danger=danger, now=now)


def take_in_by_key(
    session: Session, know: Knows, key: ApiKey, data: Mapping[str, Any], *, danger: bool, now: datetime
) -> TakenIn:
    """As take_in_at_desk, for a request another system sends."""
    return _take_in(session, know, data, door="api", caller=f"api:{key.id}", danger=danger, now=now)


def _take_in(
    session: Session, know: Knows, data: Mapping[str, Any], *, door: str, caller: str, danger: bool, now: datetime
) -> TakenIn:
    told = _unsaid(check(data, door, know.intake, know.ruleset), know.intake.reporter_word)
    mark = _body_hash(know, data)
    _sent_before(session, caller, told.external_id, mark)
    source, cause = know.intake.sources[told.source], know.intake.causes[told.cause]
    today = now.astimezone(SHANGHAI).date()
    places = with_rulings(know.gazetteer, rulings(session), last_ruling(session))
    route = resolve_answer(told.event_place, "event", places, today) if told.event_place else None
    responsible = _responsible(told, route, places, today)
    household = resolve_answer(told.household_place, "household", places, today) if told.household_place else None
    screening = evaluate(know.ruleset, told.answers, today, know.ruleset.default_region)
    urgency = "life_danger" if danger else "urgent" if told.answers.get("need_tonight", {}).get("value") else "none"
    first = helps_first(screening, urgency)
    surge, applicant = surge_of(session, cause, now), told.applicant
    request = Request(
        responsible=responsible, programme=cause.programme, due=None, due_rule=None,
        legal_basis="emergency" if danger else source.basis, event_kind=cause.event_kind, aid_first=first,
        urgency=urgency, discreet=told.discreet or cause.discreet,
        read_back="confirmed" if told.unit or route is not None and route.decision == "route" else "unconfirmed",
        facts=dict(told.answers), event_place=told.event_place, household_place=told.household_place,
        household_unit_name=household.unit_name if household is not None else None,
        phone=applicant.phone if applicant else None, source=source.id, persons=told.persons,
        minor=is_minor(know.intake, told.answers) or applicant is not None and applicant.minor,
        surge_id=surge.id if surge is not None else None, clockwork=know.clockwork,
    )
    opened = open_ticket(session, know.keys, request, now, caller)
    _keep(session, know, told, opened.ticket.id, caller, mark, now)
    keep_screening(session, screening, told.answers, now, ticket_id=opened.ticket.id)
    if route is not None:
        sealed = know.keys.seal(told.event_place or "")
        keep_route(session, outcome_of(route, "event"), sealed, now, ticket_id=opened.ticket.id)
    record_audit(session, actor=caller, action="ticket_taken_in", object_=f"ticket:{opened.ticket.number}", now=now,
                 data={"source": source.id, "cause": cause.id, "surge": request.surge_id})
    return TakenIn(opened.ticket, opened.query_code if source.code else None)


def _body_hash(know: Knows, data: Mapping[str, Any]) -> bytes:
    return know.keys.fingerprint("intake", json.dumps(data, ensure_ascii=False, sort_keys=True, default=str))


def _just_sent(session: Session, know: Knows, caller: str, data: Mapping[str, Any], now: datetime) -> None:
    """Raises SentBefore where this caller has filed the very same words under another id a moment ago."""
    recent = session.execute(
        sa.select(Intake.external_id, Intake.body_hash)
        .where(Intake.caller == caller, Intake.created_at > now - JUST_NOW).order_by(Intake.created_at)
    ).all()
    for external_id, mark in recent:
        if external_id != data.get("external_id") and \
                _body_hash(know, {**data, "external_id": external_id}) == bytes(mark):
            raise SentBefore(caller, external_id, True)


def _sent_before(session: Session, caller: str, external_id: str, mark: bytes) -> None:
    """Raises SentBefore where this caller's id is known."""
    known = session.execute(
        sa.select(Intake.body_hash).where(Intake.caller == caller, Intake.external_id == external_id)
    ).scalar_one_or_none()
    if known is not None:
        raise SentBefore(caller, external_id, bytes(known) == mark)


def _keep(
    session: Session, know: Knows, told: Told, ticket_id: int, caller: str, mark: bytes, now: datetime
) -> None:
    source, seal = know.intake.sources[told.source], know.keys.seal_or_none
    state = "open" if source.found else "not_needed"
    done = session.execute(
        insert(Intake).values(
            ticket_id=ticket_id, source=source.id, caller=caller, external_id=told.external_id, body_hash=mark,
            reference=seal(told.reference), told=seal(told.told),
            reporter_name=seal(told.reporter_name), reporter_phone=seal(told.reporter_phone),
            reporter_hidden=source.reporter == "hidden", consent=state,
            finding=state, created_at=now,
        ).on_conflict_do_nothing(index_elements=[Intake.caller, Intake.external_id]).returning(Intake.ticket_id)
    ).scalar_one_or_none()
    if done is None:  # the same request was sent twice at once; the other one was faster and has committed
        _sent_before(session, caller, told.external_id, mark)


def note_told_by_other(session: Session, keys: Keys, ticket: Ticket, conversation_id: int, now: datetime) -> None:
    """A ticket of the talk is about somebody who has not asked: what a report of a neighbour leaves, once."""
    session.execute(
        insert(Intake).values(
            ticket_id=ticket.id, source=ticket.source, caller=f"conversation:{conversation_id}",
            external_id=ticket.number, body_hash=keys.fingerprint("intake", ticket.number), reporter_hidden=True,
            consent="open", finding="open", created_at=now,
        ).on_conflict_do_nothing()
    )


def _unsaid(told: Told, word: str) -> Told:
    """What was typed without who told it, wherever somebody typed that: the unit reads all of it."""

    def plain(text: str | None) -> str | None:
        for phone in reversed(find_phones(text or "")):
            if text is not None and phone.number == told.reporter_phone:
                text = text[:phone.start] + word + text[phone.end:]
        return text.replace(told.reporter_name, word) if text is not None and told.reporter_name else text

    return replace(
        told, told=plain(told.told), event_place=plain(told.event_place), household_place=plain(told.household_place),
        reference=plain(told.reference),
        persons=tuple(replace(person, relation=plain(person.relation)) for person in told.persons))


def _responsible(told: Told, route: Route | None, places: Gazetteer, today: date) -> Responsible:
    """The unit staff chose, else where the words lead; a place that leads nowhere goes to the district's desk."""
    if told.unit is not None:
        unit = places.units.get(told.unit) if told.unit in places.served else places.unit_named(told.unit)
        if unit is None or unit.district_at(today) is None:
            raise IntakeWrong([Problem("unit", "unknown", "choose a unit of this area, by its official name")])
        return Responsible("unit", unit.id, unit.name, places.district_name(unit.id, today))
    if route is None or route.decision not in (*ROUTED, OUTSIDE):
        return responsible_for(None, places)
    return responsible_for(outcome_of(route, "event"), places)


def switch_on(
    session: Session, viewer: Viewer, know: Knows, *, cause: str, reason: str, until: datetime, now: datetime
) -> Surge:
    """From now until `until` many of this cause are expected (民发〔2022〕19号 第二条(四)).

    Raises Refused, WrongSurge.
    """
    viewer.require(SWITCH)
    found = know.intake.causes.get(cause)
    if found is None or not found.surge:
        raise WrongSurge("cause")
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise WrongSurge("reason")
    if until <= now:
        raise WrongSurge("until")
    row = Surge(cause=cause, reason=reason, starts_at=now, ends_at=until, staff_id=viewer.staff_id, created_at=now)
    session.add(row)
    session.flush()
    record_audit(session, actor=viewer.actor, action="surge_on", object_=f"surge:{row.id}", now=now,
                 data={"cause": cause, "reason": reason, "until": until.isoformat()})
    return row


def switch_off(session: Session, viewer: Viewer, *, surge: int, now: datetime) -> None:
    """Ends a surge before its time; tickets opened in it keep its flag. Raises Refused."""
    viewer.require(SWITCH)
    row = session.execute(
        sa.select(Surge).where(Surge.id == surge, Surge.ended_at.is_(None), Surge.ends_at > now).with_for_update()
    ).scalar_one_or_none()
    if row is None:
        raise Refused("no such surge is on")
    row.ended_at, row.ended_by = now, viewer.staff_id
    record_audit(session, actor=viewer.actor, action="surge_off", object_=f"surge:{surge}", now=now)


def make_api_key(session: Session, name: str, now: datetime) -> str:
    """A key for another system, shown once. ValueError for a name that is taken."""
    token = f"ym_{secrets.token_urlsafe(32)}"
    row = session.execute(
        insert(ApiKey).values(name=name, token_hash=token_hash(token), active=True, created_at=now)
        .on_conflict_do_nothing(index_elements=[ApiKey.name]).returning(ApiKey.id)
    ).scalar_one_or_none()
    if row is None:
        raise ValueError(f"{name} has a key already")
    record_audit(session, actor="system", action="api_key_made", object_=f"api:{row}", now=now, data={"name": name})
    return token


def end_api_key(session: Session, name: str, now: datetime) -> bool:
    """The key opens nothing any more; False where there is no such key. What came by it stays."""
    row = session.execute(
        sa.update(ApiKey).where(ApiKey.name == name, ApiKey.active).values(active=False).returning(ApiKey.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if row is not None:
        record_audit(session, actor="system", action="api_key_ended", object_=f"api:{row}", now=now)
    return row is not None
