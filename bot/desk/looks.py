"""Notes who looked at what: one audit row per person and object in ten minutes, whole page or live pane."""
from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.rules import Viewer
from actions.privacy.commands import record_audit
from actions.storage.tables import Audit

SAME_LOOK = timedelta(minutes=10)


def note_look(session: Session, viewer: Viewer, action: str, object_: str, now: datetime) -> None:
    """Writes the row unless this person's same look was noted in the last ten minutes. Last in its transaction."""
    noted = sa.exists().where(Audit.actor == viewer.actor, Audit.action == action, Audit.object == object_,
                              Audit.at > now - SAME_LOOK)
    if not session.execute(sa.select(noted)).scalar():
        record_audit(session, actor=viewer.actor, action=action, object_=object_, now=now)


def case_shown(session: Session, viewer: Viewer, number: str, now: datetime) -> bool:
    """Whether this person gave a reason for the whole case of a restricted ticket a moment ago."""
    given = sa.exists().where(Audit.actor == viewer.actor, Audit.action == "masked_read",
                              Audit.object == f"ticket:{number}", Audit.at > now - SAME_LOOK,
                              Audit.data["what"].astext == "case")
    return bool(session.execute(sa.select(given)).scalar())
