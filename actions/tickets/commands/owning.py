"""What residents do with their own ticket, in the talk or with number and query code; and what only a person may do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from actions.access.queries import visible_tickets
from actions.access.rules import RESIDENT, Refused, Viewer
from actions.due.clock import SHANGHAI
from actions.storage.tables import Ticket
from actions.tickets.commands.doing import Doing, NotAllowed, Work, standing
from actions.tickets.commands.telling import last_event
from actions.tickets.commands.working import perform


def perform_own(
    session: Session,
    work: Work,
    viewer: Viewer,
    *,
    number: str,
    command: str,
    now: datetime,
    form: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Ticket:
    """Does a resident's command on the ticket as it stands: they speak of their ticket, not of a page they have read.

    Raises what `perform` raises, but never StalePage.
    """
    ticket = session.execute(
        visible_tickets(viewer).where(Ticket.number == number).with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if ticket is None:
        raise Refused("no such ticket")
    return perform(session, work, viewer, number=number, command=command, version=ticket.version, form=form or {},
                   now=now, files=files, data=data)


@standing
def urged_once_a_day(doing: Doing) -> None:
    """Whoever urges is heard by the unit at once; a second time on the same day adds nothing."""
    last = last_event(doing.session, doing.ticket, "urged", by=RESIDENT)
    if doing.viewer.actor == RESIDENT and last is not None and last.at.astimezone(SHANGHAI).date() == doing.today:
        raise NotAllowed("urged_once_a_day")


@standing
def withdraw_with_a_person(doing: Doing) -> None:
    """Where somebody is in danger, or may be read over the shoulder, a person asks before a ticket is given up."""
    if doing.viewer.actor == RESIDENT and (doing.ticket.discreet or doing.ticket.urgency == "life_danger"):
        raise NotAllowed("withdraw_with_a_person")
