"""The only writer of declared ties between staff and residents (回避)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.rules import Refused, Viewer
from actions.language.mask import is_identity_number, tidy_identity
from actions.privacy.commands import record_audit
from actions.privacy.keys import Keys
from actions.storage.tables import Relative, Staff, Ticket
from actions.tickets.approval.queries import identity_mark, phone_mark

OVERSEE = "oversee_decisions"


class TieWrong(Exception):
    """A tie cannot be declared or withdrawn as asked; `reason` is an id of config/tickets/reasons.yaml."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def declare_tie(
    session: Session,
    viewer: Viewer,
    keys: Keys,
    *,
    staff_id: int,
    relation: str,
    relations: Collection[str],
    now: datetime,
    ticket: Ticket | None = None,
    name: str = "",
    phone: str = "",
    identity: str = "",
) -> Relative:
    """Notes that a staff member is tied to a person: by a ticket obtained through access, a phone, an identity.

    Everybody declares for themselves; who oversees decisions also for others. From then on that person signs nothing
    about whoever it is. Numbers are kept as keyed hashes only. Raises Refused, TieWrong.
    """
    if staff_id != viewer.staff_id:
        viewer.require(OVERSEE)
        if session.get(Staff, staff_id) is None:
            raise Refused("no such person")
    if relation not in relations:
        raise TieWrong("tie_relation")
    by_phone = phone_mark(keys, phone) if phone.strip() else None
    if phone.strip() and by_phone is None:
        raise TieWrong("tie_phone")
    if identity.strip() and not is_identity_number(tidy_identity(identity)):
        raise TieWrong("identity_wrong")
    by_identity = identity_mark(keys, identity) if identity.strip() else None
    if ticket is None and by_phone is None and by_identity is None:
        raise TieWrong("tie_nobody")
    tie = Relative(
        staff_id=staff_id,
        relation=relation,
        ticket_id=None if ticket is None else ticket.id,
        phone_hash=by_phone,
        identity_hash=by_identity,
        name=keys.seal_or_none(name.strip() or None),
        declared_by=viewer.staff_id,
        declared_at=now,
    )
    session.add(tie)
    session.flush()
    record_audit(
        session, actor=viewer.actor, action="tie_declared", object_=f"staff:{staff_id}", now=now, data={"tie": tie.id}
    )
    return tie


def withdraw_tie(session: Session, viewer: Viewer, *, tie: int, now: datetime) -> Relative:
    """Ends a tie that was declared in error. Never by whom it binds. Raises Refused, TieWrong."""
    viewer.require(OVERSEE)
    found: Relative | None = session.execute(
        sa.select(Relative).where(Relative.id == tie).with_for_update(key_share=True)
    ).scalar_one_or_none()
    if found is None:
        raise Refused("no such tie")
    if found.staff_id == viewer.staff_id:
        raise TieWrong("tie_own")
    if found.withdrawn_at is None:
        found.withdrawn_by, found.withdrawn_at = viewer.staff_id, now
        record_audit(session, actor=viewer.actor, action="tie_withdrawn", object_=f"staff:{found.staff_id}", now=now,
                     data={"tie": found.id})
    return found
