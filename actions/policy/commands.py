"""Collects questions that have no reviewed answer yet."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from actions.privacy.keys import Keys
from actions.storage.tables import OpenQuestion

LONGEST = 500  # characters kept of one question


def note_unanswered(session: Session, keys: Keys, intent: str, text: str, now: datetime) -> None:
    """Keeps the question, encrypted and without who asked it, for whoever writes the answers."""
    session.add(OpenQuestion(intent=intent, text=keys.seal(text[:LONGEST]), asked_at=now))
