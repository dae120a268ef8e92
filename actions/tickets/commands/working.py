"""perform: the one way in which people do something with a ticket. Lock, check, write, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import as_now, as_viewer, sees, visible_tickets
from actions.access.rules import Refused, Viewer
from actions.due.clock import SHANGHAI
from actions.privacy.commands import record_audit
from actions.storage.tables import Staff, Ticket, TicketFile
from actions.tickets.commands import clocks, handing, upkeep
from actions.tickets.commands.doing import (
    EFFECTS,
    GUARDS,
    STANDING,
    Doing,
    NotAllowed,
    NothingToDo,
    StalePage,
    Work,
)
from actions.tickets.commands.telling import tell_contact, tell_unit, write_event
from actions.tickets.desks import unit_choices, unit_desk
from actions.tickets.forms import Chosen, File, Lists, check_form, kept_fields, plain_value, shown_value
from actions.tickets.handover.queries import consents_of
from actions.tickets.numbers import tidy_number
from actions.tickets.rules import CONSENT, SAME, Command, Field


def perform(
    session: Session,
    work: Work,
    viewer: Viewer,
    *,
    number: str,
    command: str,
    version: int,
    form: Mapping[str, str],
    now: datetime,
    files: Mapping[str, bytes] | None = None,
    data: Mapping[str, Any] | None = None,
    once: dict[str, str] | None = None,
) -> Ticket:
    """Does one command of the lifecycle: state, event, notices and audit row together; the caller commits.

    Checked in this order: the command and the permission for it, whether the viewer may see the ticket (Refused alike;
    once more behind the lock, as the viewer is then: switched off, moved, a delegation ended),
    its state (WrongState), the page's `version` (StalePage), the desk (NotAllowed), the form (FieldsWrong), the guards
    of the table (NotAllowed, FieldsWrong). The row is locked from the second check on: of many at once one succeeds.
    `data`: what the door adds to the event, such as the message in which it was said. `once` is filled with what the
    doer is shown now and what is kept nowhere.
    """
    doing = _begin(session, work, viewer, number, command, form, now)
    viewer = doing.viewer
    deed, ticket = doing.command, doing.ticket
    after, doing.before = deed.after(ticket.state), ticket.state
    doing.data.update(data or {})
    if ticket.version != version:
        raise StalePage(version)
    if ticket.desk not in deed.desks:
        raise NotAllowed("wrong_desk")
    clocks.know_any(doing)
    doing.values = check_form(deed, form, lists_for(session, work, viewer, ticket, now), files)
    for name in deed.guards:
        GUARDS[name](doing)
    doing.data["fields"] = kept_fields(deed, doing.values, lambda text: work.keys.seal(text).decode())
    if deed.effect is not None:
        EFFECTS[deed.effect](doing)
    clocks.apply(doing)
    upkeep.take_in_hand(doing)
    ticket.state, ticket.version = after, ticket.version + 1
    if work.lifecycle.states[after].open:
        ticket.closed_at = None
    elif ticket.closed_at is None:
        ticket.closed_at = now
    doing.event = write_event(session, ticket, deed.event, viewer.actor, now, doing.data)
    _keep_files(doing)
    _tell(doing)
    if once is not None:
        once.update(doing.once)
    if doing.data.get("called_back") and ticket.closed_at is None:
        handing.reply_together(session, work, ticket, doing.event, now)
    record_audit(session, actor=viewer.actor, action=f"ticket_{deed.event}", object_=f"ticket:{ticket.number}", now=now)
    return ticket


def _begin(session: Session, work: Work, viewer: Viewer, number: str, command: str, form: Mapping[str, str],
           now: datetime) -> Doing:
    """The ticket, locked, and whoever acts as they are now: the page was made, and the lock waited for, a while ago."""
    deed = work.lifecycle.commands.get(command)
    if deed is None:
        raise Refused("no such command")
    viewer.require(deed.permission)
    typed = [form.get(field.id, "") for field in deed.fields if field.kind == "ticket"]
    named = [tidy for one in typed if (tidy := tidy_number(one)) is not None]
    found = _locked(session, viewer, {number, *named})
    today = as_now(session, viewer, work.roles, now)
    today.require(deed.permission)
    ticket = found.pop(number, None)
    if ticket is None or today != viewer and not sees(session, today, ticket):
        raise Refused("no such ticket")
    return Doing(session, work, today, ticket, deed, {}, now, others=found)


def _locked(session: Session, viewer: Viewer, numbers: Collection[str]) -> dict[str, Ticket]:
    """These tickets, as far as the viewer may see them, locked in the order of their ids: whoever needs two never waits
    in a circle."""
    rows = session.execute(
        visible_tickets(viewer).where(Ticket.number.in_(numbers)).order_by(Ticket.id).with_for_update(key_share=True)
        .execution_options(populate_existing=True)  # what the session read before the lock may be old
    ).scalars()
    return {row.number: row for row in rows}


def _keep_files(doing: Doing) -> None:
    assert doing.event is not None
    for name, value in doing.values.items():
        if isinstance(value, File):
            doing.session.add(TicketFile(
                event_id=doing.event.id, field=name, kind=value.kind, size=len(value.content),
                content=doing.work.keys.seal_bytes(value.content), created_at=doing.now))


def _tell(doing: Doing) -> None:
    deed, ticket, event = doing.command, doing.ticket, doing.event
    assert event is not None
    if deed.tells_unit is not None:
        tell_unit(doing.session, ticket, event, deed.tells_unit, doing.now)
    moved = deed.to == SAME or ticket.state != doing.before
    # who asked for it in the talk is answered there; whoever holds number and code elsewhere may be somebody else
    answered = doing.viewer.contact_id is not None and doing.viewer.contact_id == ticket.contact_id
    said = bool(doing.said) or not deed.gives
    if deed.tells is not None and moved and said and not answered:
        told = {**{one.id: _said(doing, one) for one in deed.fields if one.tell}, **doing.said}
        tell_contact(doing.session, ticket, event, deed.tells, doing.now, number=ticket.number,
                     unit_name=ticket.unit_name or ticket.district or "", **told)


def _said(doing: Doing, field: Field) -> str:
    value = doing.values.get(field.id, "")
    return shown_value(value) or str(plain_value(value))


def lists_for(session: Session, work: Work, viewer: Viewer, ticket: Ticket, now: datetime) -> Lists:
    """What can be picked in a form about this ticket at this moment."""
    return Lists(now.astimezone(SHANGHAI).date(), lambda field: offered(session, work, viewer, ticket, field, now))


def offered(
    session: Session, work: Work, viewer: Viewer, ticket: Ticket, field: Field, now: datetime
) -> Mapping[str, Chosen]:
    """Id → what it stands for, of a field whose options depend on the ticket and the day; empty for any other."""
    today, departments = now.astimezone(SHANGHAI).date(), work.lifecycle.departments
    if field.kind == "unit":
        return {name: Chosen(unit_desk(work.gazetteer, name, today), title)
                for name, title in unit_choices(work.gazetteer, today).items()}
    if field.kind == "staff":
        return {str(one.value): one for one in colleagues(session, work, viewer, ticket, field)}
    if field.kind == "department":
        return {one.id: Chosen(one, one.title) for one in departments.serving(today, ticket.district) if one.takes_over}
    if field.kind == "request":
        found = departments.requests(today, ticket.district, consent=field.of == CONSENT)
        return {one.id: Chosen(one, departments.spelt(one)) for one in found}
    if field.kind == "consent":
        return {row.department: Chosen(row, departments.titled(row.department)) for row in consents_of(session, ticket)}
    return {}


def colleagues(session: Session, work: Work, viewer: Viewer, ticket: Ticket, field: Field) -> list[Chosen]:
    """Who can be named in a `staff` field: active people of the ticket's unit (of the district desk: of no unit) who
    may what the field asks; never the viewer."""
    rows = session.execute(
        sa.select(Staff)
        .where(Staff.active, Staff.id != viewer.staff_id, Staff.unit_id.is_not_distinct_from(ticket.unit_id))
        .order_by(Staff.name, Staff.id)
    ).scalars()
    return [Chosen(row.id, row.name) for row in rows
            if field.may is None or as_viewer(row, work.roles).may(field.may)]


@dataclass(frozen=True)
class Offer:
    """A command the viewer's role and the ticket's state allow; `why` says what stands in its way now, if anything."""

    command: Command
    why: NotAllowed | None = None


def offers(session: Session, work: Work, viewer: Viewer, ticket: Ticket, now: datetime) -> list[Offer]:
    """What this viewer can do, or could but for a reason, with a ticket obtained through access. Only looks; whatever
    there is nothing for, such as confirming aid nobody has given, is left out."""
    found = []
    for command in possible(work, viewer, ticket):
        why = barred(session, work, viewer, ticket, command, now)
        if not isinstance(why, NothingToDo):
            found.append(Offer(command, why))
    return found


def barred(session: Session, work: Work, viewer: Viewer, ticket: Ticket, command: Command,
           now: datetime) -> NotAllowed | None:
    """Why a command this role allows would be refused whatever the form said; None: it depends on the form.

    That there is nothing to do goes before every other reason: who has signed already is not told that they cannot
    refuse what nobody refuses.
    """
    doing = Doing(session, work, viewer, ticket, command, {}, now, before=ticket.state)
    found: NotAllowed | None = None
    for name in command.guards:
        if name in STANDING:
            try:
                GUARDS[name](doing)
            except NothingToDo as why:
                return why
            except NotAllowed as why:
                found = found or why
    return found


def possible(work: Work, viewer: Viewer, ticket: Ticket) -> list[Command]:
    """The commands role, state and desk allow for a ticket obtained through access."""
    return [command for command in work.lifecycle.open_to(ticket.state, ticket.desk) if viewer.may(command.permission)]
