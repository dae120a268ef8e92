"""Reads the questions that have no reviewed answer yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.privacy.keys import Keys
from actions.storage.tables import OpenQuestion


@dataclass(frozen=True)
class Unanswered:
    """One question without an answer."""

    id: int
    asked_at: datetime
    intent: str
    text: str


def unanswered(session: Session, keys: Keys, limit: int = 1000) -> list[Unanswered]:
    """The newest questions first."""
    rows = session.execute(sa.select(OpenQuestion).order_by(OpenQuestion.asked_at.desc()).limit(limit)).scalars()
    return [Unanswered(row.id, row.asked_at, row.intent, keys.open(row.text)) for row in rows]
