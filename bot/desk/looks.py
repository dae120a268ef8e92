"""Notes who looked at what, and knows who gave a reason for a restricted case a moment ago."""
from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from actions.access.queries import reason_given
from actions.access.rules import Viewer
from actions.privacy.commands import record_look
from actions.storage.tables import Ticket


def note_look(session: Session, viewer: Viewer, action: str, object_: str, now: datetime,
              data: dict[str, Any] | None = None) -> None:
    """Writes the row unless this person's same look was noted in the last ten minutes. Last in its transaction.

    With `data`, which says what was shown, another look at something else is another row.
    """
    record_look(session, actor=viewer.actor, action=action, object_=object_, now=now, data=data)


def case_shut(session: Session, viewer: Viewer, ticket: Ticket, now: datetime) -> bool:
    """Whether the case of this ticket is kept back: a child's, and this person gave no reason a moment ago."""
    return bool(ticket.minor) and not reason_given(session, viewer, f"ticket:{ticket.number}", "case", now)
