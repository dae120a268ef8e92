"""perform_subticket: the one way to do something with a sub-ticket. Lock, check, write, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import access_subticket, as_now, visible_subtickets
from actions.access.rules import Refused, Viewer
from actions.privacy.commands import record_audit
from actions.storage.tables import Subticket, Ticket
from actions.tickets.commands.clocks import recipient
from actions.tickets.commands.doing import EFFECTS, GUARDS, Doing, StalePage, Work
from actions.tickets.commands.handing import history_data, note_subticket, reply_together
from actions.tickets.commands.telling import notify, write_event
from actions.tickets.commands.working import lists_for
from actions.tickets.forms import check_form, kept_fields
from actions.tickets.rules import Command

ANSWER = "answer_subticket"  # who answers by this permission is the department; the township is told at once
TOLD = {"answered": "subticket_answered", "returned": "subticket_returned"}


def perform_subticket(
    session: Session,
    work: Work,
    viewer: Viewer,
    *,
    number: str,
    command: str,
    version: int,
    form: Mapping[str, str],
    now: datetime,
) -> Subticket:
    """Does one command of subtickets.yaml: state, both histories, notices and audit row together; the caller commits.

    Checked in the order of `perform`, and refused in the same words. The ticket is locked first, then the sub-ticket,
    so that the last of two answers at the same moment finds the other one; version and state of the ticket stay.
    """
    deed = work.lifecycle.parts.commands.get(command)
    if deed is None:
        raise Refused("no such command")
    viewer.require(deed.permission)
    doing, row = _locked(session, work, viewer, deed, number, now)
    viewer = doing.viewer
    after = deed.after(row.state)
    if row.version != version:
        raise StalePage(version)
    doing.values = check_form(deed, form, lists_for(session, work, viewer, doing.ticket, now))
    for name in deed.guards:
        GUARDS[name](doing)
    doing.data["fields"] = kept_fields(deed, doing.values, lambda text: work.keys.seal(text).decode())
    row.state, row.version = after, row.version + 1
    if deed.effect is None:
        row.owner_since = now
    else:
        EFFECTS[deed.effect](doing)
    note_subticket(session, row, deed.event, viewer.actor, now, doing.data)
    _tell(doing, row)
    record_audit(session, actor=viewer.actor, action=deed.event, object_=f"subticket:{row.number}", now=now)
    return row


def _locked(
    session: Session, work: Work, viewer: Viewer, deed: Command, number: str, now: datetime
) -> tuple[Doing, Subticket]:
    """The ticket and then the sub-ticket, locked, and whoever acts as they are now. Raises Refused alike for none and
    for another department's."""
    found = access_subticket(session, viewer, number)
    ticket = session.execute(
        sa.select(Ticket).where(Ticket.id == found.ticket_id).with_for_update(key_share=True)
        .execution_options(populate_existing=True)).scalar_one()
    today = as_now(session, viewer, work.roles, now)
    today.require(deed.permission)
    row = session.execute(
        visible_subtickets(today).where(Subticket.number == number).with_for_update(key_share=True, of=Subticket)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if row is None:  # the ticket, or whoever acts, went elsewhere while this one waited
        raise Refused("no such sub-ticket")
    return Doing(session, work, today, ticket, deed, {}, now, subticket=row), row


def _tell(doing: Doing, row: Subticket) -> None:
    """The ticket's history gets a line; who answers for the ticket hears of an answer at once, the resident once."""
    session, work, ticket, now = doing.session, doing.work, doing.ticket, doing.now
    data: dict[str, Any] = history_data(work.lifecycle.departments, row)
    event = write_event(session, ticket, doing.command.event, doing.viewer.actor, now, data, versioned=False)
    if doing.command.permission == ANSWER and row.state in TOLD:
        notify(session, event, recipient(ticket, "officer"), TOLD[row.state], now, number=ticket.number,
               department=work.lifecycle.departments.titled(row.department))
    if ticket.closed_at is None:
        reply_together(session, work, ticket, event, now)
