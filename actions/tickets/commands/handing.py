"""协办: a department is asked for its part, answers, gives it back; consent before that; one reply to the resident."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.due.clock import SHANGHAI
from actions.due.rules import DueError
from actions.storage.tables import SharingConsent, Subticket, SubticketEvent, Ticket, TicketEvent, Timer
from actions.tickets.commands.doing import Doing, NotAllowed, NothingToDo, Work, effect, guard, standing
from actions.tickets.commands.telling import tell_contact, write_event
from actions.tickets.departments import Asked, Department, Departments
from actions.tickets.handover.queries import consents_of, not_over, subtickets_of
from actions.tickets.handover.rules import (
    DEPARTMENT,
    GIVEN,
    GUARDIAN,
    NOBODY,
    OPEN_STATES,
    TOWNSHIP,
    line_of,
    names_of,
    needs_guardian,
)
from actions.tickets.numbers import SUBTICKET, new_number

TIMER = "departments_told"
NUMBER_TRIES = 8
CALLED_BACK, RETURNED = "called_back", "returned"


def _asked(doing: Doing) -> Asked:
    asked: Asked = doing.picked("request")
    return asked


def _consent(doing: Doing, department: Department) -> SharingConsent | None:
    return next((row for row in consents_of(doing.session, doing.ticket) if row.department == department.id), None)


# --- of a ticket -------------------------------------------------------------------------------------------------


@standing
def subtickets_over(doing: Doing) -> None:
    """A ticket does not end while somebody else still works for it, or an answer has not been seen to."""
    rows, departments = not_over(doing.session, doing.ticket), doing.work.lifecycle.departments
    if rows:
        which = "、".join(departments.asked(row.department, row.request) for row in rows)
        raise NotAllowed("subtickets_open", which=which)


@standing
def consent_stands(doing: Doing) -> None:
    """Somebody agreed to be spoken of to somebody who is no agency."""
    if not consents_of(doing.session, doing.ticket):
        raise NothingToDo("sharing_none")


@guard
def one_at_a_time(doing: Doing) -> None:
    """A department has one open sub-ticket of a ticket; the table has a constraint for what this does not see."""
    department = _asked(doing).department
    if any(row.department == department.id for row in subtickets_of(doing.session, doing.ticket)
           if row.state in OPEN_STATES):
        raise NotAllowed("department_asked", department=department.title)


@guard
def sharing_agreed(doing: Doing) -> None:
    """Who is no agency is told nothing before the person agreed to this recipient and purpose (个人信息保护法 23)."""
    asked = _asked(doing)
    if not asked.department.basis.consent:
        return
    consent = _consent(doing, asked.department)
    covers = consent is not None and consent.request == asked.request.id
    if consent is None or not covers or not set(asked.department.fields) <= set(consent.fields):
        raise NotAllowed("sharing_needed", department=asked.department.title)


@guard
def guardian_asked(doing: Doing) -> None:
    """A child under fourteen does not agree alone (个人信息保护法 31); to say no they may."""
    ticket = doing.ticket
    alone = doing.picked("answer") == GIVEN and doing.picked("by") != GUARDIAN
    if alone and needs_guardian(ticket.minor, ticket.facts):
        raise NotAllowed("sharing_guardian")


@effect
def hand_over(doing: Doing) -> None:
    """The department's part of the ticket, with what it is shown and why it may be; the ticket itself goes on."""
    session, asked = doing.session, _asked(doing)
    department = asked.department
    consent = _consent(doing, department) if department.basis.consent else None
    row = Subticket(
        ticket_id=doing.ticket.id, department=department.id, request=asked.request.id, state="sent", version=1,
        owner=DEPARTMENT, owner_since=doing.now, words=doing.work.keys.seal(doing.values["words"]),
        fields=list(department.fields), basis=department.basis.id, cite=_cite(doing.work, department),
        consent_id=None if consent is None else consent.id, sent_by=doing.viewer.staff_id, sent_at=doing.now)
    _promise(doing.work, row, doing.ticket)
    _number(session, row, doing.now)
    _note(session, row, "subticket_sent", doing.viewer.actor, doing.now,
          {"fields_shown": row.fields, "basis": row.basis, "cite": row.cite})
    doing.data.update(subticket=row.number, fields_shown=row.fields, basis=row.basis, cite=row.cite)
    _tell_later(session, doing.work.lifecycle.departments, doing.ticket, doing.now)


def _cite(work: Work, department: Department) -> str:
    """Why it may be told, and the article that makes the matter its own, as they stand today."""
    duty = work.book.cited(department.duty)
    return department.basis.cite if duty is None else f"{department.basis.cite}；{duty}"


def _promise(work: Work, row: Subticket, ticket: Ticket) -> None:
    """When an answer is due by our own promise; none where the rule has no figure."""
    rule = work.lifecycle.departments.reply
    try:
        row.due_at, row.due_rule = work.clockwork.due(rule, ticket.unit_id, row.sent_at).due, rule
    except DueError:
        row.due_at = row.due_rule = None


def _number(session: Session, row: Subticket, now: datetime) -> None:
    for _ in range(NUMBER_TRIES):
        row.number = new_number(now.astimezone(SHANGHAI).date(), SUBTICKET)
        if session.execute(sa.select(Subticket.id).where(Subticket.number == row.number)).first() is None:
            break
    else:
        raise RuntimeError("no free number in eight tries: the random source is broken")
    session.add(row)
    session.flush()


def _tell_later(session: Session, departments: Departments, ticket: Ticket, now: datetime) -> None:
    """The resident is told once of all who were asked by then, not once for each."""
    session.execute(insert(Timer).values(kind=TIMER, ref=str(ticket.id), due_at=now + departments.tell_after)
                    .on_conflict_do_nothing(index_elements=[Timer.kind, Timer.ref]))


@effect
def note_sharing(doing: Doing) -> None:
    """What the person said, to which recipient, purpose and fields. It takes the place of what they said before; a no
    ends what the department was doing."""
    asked, values = _asked(doing), doing.values
    department = asked.department
    _end_consents(doing, [department.id])
    doing.session.flush()  # one answer for each department holds at a time
    doing.session.add(SharingConsent(
        ticket_id=doing.ticket.id, department=department.id, request=asked.request.id,
        recipient=doing.work.keys.seal(values["recipient"]), fields=list(department.fields),
        answer=doing.picked("answer"), given_by=doing.picked("by"), way=doing.picked("way"), asked_on=values["on"],
        noted_by=doing.viewer.staff_id, noted_at=doing.now))
    doing.data["fields_shown"] = list(department.fields)
    # who was told under the earlier consent is asked again under this one: another recipient may have been named
    _call_back(doing, [row for row in subtickets_of(doing.session, doing.ticket) if row.department == department.id])


@effect
def end_sharing(doing: Doing) -> None:
    """Taken back as easily as given (个人信息保护法 15): what is open comes back at once."""
    consent: SharingConsent = doing.picked("consent")
    _end_consents(doing, [consent.department])
    _call_back(doing, [row for row in subtickets_of(doing.session, doing.ticket) if row.consent_id == consent.id])


def _end_consents(doing: Doing, departments: Iterable[str]) -> None:
    for row in doing.session.execute(sa.select(SharingConsent).where(
            SharingConsent.ticket_id == doing.ticket.id, SharingConsent.ended_at.is_(None),
            SharingConsent.department.in_(list(departments)))).scalars():
        row.ended_at, row.ended_by = doing.now, doing.viewer.actor


@effect
def call_all_back(doing: Doing) -> None:
    """A ticket that was given up asks nothing of anybody any more."""
    _call_back(doing, subtickets_of(doing.session, doing.ticket))
    for row in not_over(doing.session, doing.ticket):
        row.owner, row.owner_since, row.version = NOBODY, doing.now, row.version + 1
        _note(doing.session, row, "subticket_dropped", doing.viewer.actor, doing.now, {"by": doing.command.id})


def _call_back(doing: Doing, rows: Iterable[Subticket]) -> None:
    """Open ones of these come back, with the ticket's own command as the reason."""
    numbers = []
    for row in lock_all(doing.session, rows):
        if row.state in OPEN_STATES:
            row.state, row.owner, row.owner_since, row.version = CALLED_BACK, NOBODY, doing.now, row.version + 1
            _note(doing.session, row, "subticket_called_back", doing.viewer.actor, doing.now, {"by": doing.command.id})
            numbers.append(row.number)
    if numbers:
        doing.data["called_back"] = numbers


def lock_all(session: Session, rows: Iterable[Subticket]) -> list[Subticket]:
    """These rows, locked and read anew, always behind the lock of their ticket."""
    ids = [row.id for row in rows]
    return list(session.execute(
        sa.select(Subticket).where(Subticket.id.in_(ids)).order_by(Subticket.id).with_for_update(key_share=True)
        .execution_options(populate_existing=True)).scalars())


# --- of a sub-ticket ---------------------------------------------------------------------------------------------


def _row(doing: Doing) -> Subticket:
    assert doing.subticket is not None, "a command of subtickets.yaml"
    return doing.subticket


def _department(doing: Doing) -> Department | None:
    return doing.work.lifecycle.departments.by_id.get(_row(doing).department)


@guard
def department_serves(doing: Doing) -> None:
    """A department that was dissolved takes nothing on and answers nothing: the township does."""
    department = _department(doing)
    if department is None or not department.serves(doing.today):
        raise NotAllowed("department_over", department=doing.work.lifecycle.departments.titled(_row(doing).department))


@guard
def township_owes(doing: Doing) -> None:
    """There is something to be seen to, once."""
    if _row(doing).owner != TOWNSHIP:
        raise NotAllowed("township_owes_nothing")


def _owner(doing: Doing, owner: str) -> None:
    row = _row(doing)
    row.owner, row.owner_since = owner, doing.now


@effect
def end_answered(doing: Doing) -> None:
    """Answered. After some departments the township looks once more whether help is still needed (民政 救助衔接)."""
    department = _department(doing)
    _row(doing).outcome = doing.picked("outcome")
    _owner(doing, TOWNSHIP if department is not None and department.check else NOBODY)


@effect
def end_returned(doing: Doing) -> None:
    """Not theirs: it is the township's task until somebody has seen to it."""
    _owner(doing, TOWNSHIP)


@effect
def end_called_back(doing: Doing) -> None:
    """The township does without."""
    _owner(doing, NOBODY)


@effect
def seen_to(doing: Doing) -> None:
    """Somebody has looked at what came back."""
    _owner(doing, NOBODY)


def _note(session: Session, row: Subticket, kind: str, actor: str, now: datetime, data: dict[str, Any]) -> None:
    session.add(SubticketEvent(subticket_id=row.id, kind=kind, actor=actor, at=now, data=data, state=row.state,
                               version=row.version))
    session.flush()


note_subticket = _note  # the engine of sub-tickets writes its lines through the same hand


def return_for_dissolved(session: Session, work: Work, row: Subticket, now: datetime) -> TicketEvent:
    """What a department had in hand that is no more: given back to the township. The caller holds the ticket's lock."""
    row.state, row.owner, row.owner_since, row.version = RETURNED, TOWNSHIP, now, row.version + 1
    _note(session, row, "subticket_department_over", "system", now, {})
    ticket = session.execute(sa.select(Ticket).where(Ticket.id == row.ticket_id)).scalar_one()
    return write_event(session, ticket, "subticket_department_over", "system", now,
                       history_data(work.lifecycle.departments, row), versioned=False)


def history_data(departments: Departments, row: Subticket) -> dict[str, Any]:
    """What the ticket's history says of a sub-ticket: which, and what became of it; never what was written."""
    outcome = departments.outcomes.get(row.outcome or "")
    about = departments.asked(row.department, row.request)
    return {"subticket": row.number, "department": row.department, "about": about,
            "outcome": None if outcome is None else outcome.title}


# --- the resident ------------------------------------------------------------------------------------------------


def tell_together(session: Session, work: Work, ticket_id: int, now: datetime) -> None:
    """Tells the resident once of all departments that were asked and of whom nothing was said yet."""
    ticket = session.execute(
        sa.select(Ticket).where(Ticket.id == ticket_id).with_for_update(key_share=True)
        .execution_options(populate_existing=True)).scalar_one_or_none()
    if ticket is None:
        return
    departments = work.lifecycle.departments
    rows = [row for row in subtickets_of(session, ticket) if row.told_at is None and row.state in OPEN_STATES]
    if not rows:
        return
    for row in rows:
        row.told_at = now
    names = "、".join(names_of(departments, rows))
    event = write_event(session, ticket, "departments_told", "system", now,
                        {"subtickets": [row.number for row in rows]}, versioned=False)
    tell_contact(session, ticket, event, "departments_asked", now, number=ticket.number,
                 unit_name=ticket.unit_name or ticket.district or "", names=names)


def reply_together(session: Session, work: Work, ticket: Ticket, event: TicketEvent, now: datetime) -> None:
    """One reply with all outcomes, once nobody owes a step any more. The caller holds the lock of the ticket.

    Nothing where nothing was answered and nobody was told that it was asked.
    """
    rows = [row for row in subtickets_of(session, ticket) if row.replied_at is None]
    if not rows or any(row.owner != NOBODY for row in rows):
        return
    said = [row for row in rows if row.outcome is not None or row.told_at is not None]
    for row in rows:
        row.replied_at = now
    if said:
        lines = [line_of(work.lifecycle.departments, row) for row in said]
        tell_contact(session, ticket, event, "departments_answered", now, number=ticket.number,
                     outcomes="；".join(dict.fromkeys(f"{line.name}：{line.says}" for line in lines)))
