"""The only writer of call-backs. Number and wish are encrypted as other contact data is (个人信息保护法 51)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.access.queries import access_conversation, visible_conversations
from actions.access.rules import Refused, Viewer
from actions.call_backs.rules import AFTER, LONGEST_WISH, AlreadyClosed
from actions.privacy.commands import record_audit
from actions.privacy.keys import Keys
from actions.storage.tables import CallBack, CallBackTry

RESIDENT = "resident"


def ask_call_back(
    session: Session, keys: Keys, *, contact_id: int, conversation_id: int, phone: str, wish: str, now: datetime,
    actor: str = RESIDENT,
) -> int:
    """Opens the task, or gives the contact's open one a new number and time; its age and tries stay. Returns its id."""
    values = {"conversation_id": conversation_id, "phone": keys.seal(phone), "wish": keys.seal(wish[:LONGEST_WISH])}
    return int(
        session.execute(
            insert(CallBack)
            .values(contact_id=contact_id, state="open", opened_by=actor, opened_at=now, **values)
            .on_conflict_do_update(
                index_elements=[CallBack.contact_id], index_where=sa.text("state = 'open'"), set_=values
            )
            .returning(CallBack.id)
        ).scalar_one()
    )


def open_call_back(
    session: Session, viewer: Viewer, keys: Keys, conversation_id: int, phone: str, wish: str, now: datetime
) -> int:
    """An operator notes that somebody wants to be phoned. Raises Refused."""
    viewer.require("take_over")
    conversation = access_conversation(session, viewer, conversation_id)
    found = ask_call_back(
        session, keys, contact_id=conversation.contact_id, conversation_id=conversation_id, phone=phone, wish=wish,
        now=now, actor=viewer.actor,
    )
    record_audit(session, actor=viewer.actor, action="call_back_opened", object_=f"call_back:{found}", now=now)
    return found


def note_try(session: Session, viewer: Viewer, call_back_id: int, outcome: str, now: datetime) -> CallBack:
    """Logs one try: reached (the task is done), no_answer (it stays open), given_up. Raises Refused, AlreadyClosed."""
    viewer.require("take_over")
    if outcome not in AFTER:
        raise Refused("no such outcome")
    seen = visible_conversations(viewer).subquery()
    row: CallBack | None = session.execute(
        sa.select(CallBack)
        .where(CallBack.id == call_back_id, sa.exists().where(seen.c.id == CallBack.conversation_id))
        .with_for_update(key_share=True)
    ).scalar_one_or_none()
    if row is None:
        raise Refused("no such call-back")
    if row.state != "open":
        raise AlreadyClosed(row.state)
    row.state = AFTER[outcome]
    row.closed_at = None if row.state == "open" else now
    session.add(CallBackTry(call_back_id=row.id, staff_id=viewer.staff_id, outcome=outcome, at=now))
    record_audit(session, actor=viewer.actor, action=f"call_back_{outcome}", object_=f"call_back:{row.id}", now=now)
    return row
