"""Reads call-backs for the desk, through access, and for the resident's own dialogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import visible_conversations
from actions.access.rules import Viewer
from actions.storage.tables import CallBack, CallBackTry, Staff


@dataclass(frozen=True)
class Tried:
    """One call somebody made."""

    by: str
    outcome: str
    at: datetime


@dataclass(frozen=True)
class Task:
    """A call-back with its tries, oldest first. `row.phone` and `row.wish` are still encrypted."""

    row: CallBack
    tries: tuple[Tried, ...]


def _tasks(session: Session, viewer: Viewer, *where: Any, limit: int) -> list[Task]:
    seen = visible_conversations(viewer).subquery()
    rows = session.execute(
        sa.select(CallBack)
        .where(sa.exists().where(seen.c.id == CallBack.conversation_id), *where)
        .order_by(CallBack.opened_at, CallBack.id).limit(limit)
    ).scalars().all()
    tries: dict[int, list[Tried]] = {}
    for entry, name in session.execute(
        sa.select(CallBackTry, Staff.name).join(Staff, Staff.id == CallBackTry.staff_id)
        .where(CallBackTry.call_back_id.in_([row.id for row in rows])).order_by(CallBackTry.id)
    ):
        tries.setdefault(entry.call_back_id, []).append(Tried(name, entry.outcome, entry.at))
    return [Task(row, tuple(tries.get(row.id, ()))) for row in rows]


def open_tasks(session: Session, viewer: Viewer, limit: int = 100) -> list[Task]:
    """Who is to be phoned, whoever has waited longest first."""
    return _tasks(session, viewer, CallBack.state == "open", limit=limit)


def tasks_of_conversation(session: Session, viewer: Viewer, conversation_id: int) -> list[Task]:
    """The call-backs of one conversation, closed ones too."""
    return _tasks(session, viewer, CallBack.conversation_id == conversation_id, limit=20)


def count_open(session: Session, viewer: Viewer) -> int:
    """How many are to be phoned."""
    seen = visible_conversations(viewer).subquery()
    return int(session.execute(
        sa.select(sa.func.count()).select_from(CallBack)
        .where(CallBack.state == "open", sa.exists().where(seen.c.id == CallBack.conversation_id))
    ).scalar_one())


def has_open(session: Session, contact_id: int) -> bool:
    """Whether this contact is to be phoned already."""
    found = sa.select(CallBack.id).where(CallBack.contact_id == contact_id, CallBack.state == "open")
    return session.execute(found).first() is not None
