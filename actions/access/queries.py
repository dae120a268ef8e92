"""The one query builder for everything a person may see. A row outside the scope does not exist for the viewer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.rules import DEPARTMENT, RESIDENT, Refused, Role, Viewer
from actions.storage.tables import Audit, Conversation, Delegation, Staff, StaffSession, Subticket, Ticket

REASON_HOLDS = timedelta(minutes=10)


def token_hash(token: str) -> bytes:
    """What is stored of a session token."""
    return hashlib.sha256(token.encode()).digest()


def visible_tickets(viewer: Viewer) -> Any:
    """SELECT of the tickets this viewer may see; list, search, count and export all start from it."""
    query = sa.select(Ticket)
    if viewer.role.scope == "own":
        # NULL equals nothing: who has shown neither sees nothing
        return query.where(sa.or_(Ticket.contact_id == sa.literal(viewer.contact_id, sa.BigInteger),
                                  Ticket.id == sa.literal(viewer.ticket_id, sa.BigInteger)))
    if not viewer.may("see_tickets") or viewer.role.scope in ("none", DEPARTMENT):
        return query.where(sa.false())
    if viewer.role.scope == "unit":
        return query.where(Ticket.unit_id == viewer.unit_id) if viewer.unit_id else query.where(sa.false())
    return query


def visible_subtickets(viewer: Viewer) -> Any:
    """SELECT of the sub-tickets this viewer may see: a department its own, others those of the tickets they see."""
    query = sa.select(Subticket)
    if viewer.role.scope == DEPARTMENT:
        # NULL equals nothing: who belongs to no department sees nothing
        mine = Subticket.department == sa.literal(viewer.department, sa.Text)
        return query.where(mine if viewer.may("see_subtickets") else sa.false())
    seen = visible_tickets(viewer).with_only_columns(Ticket.id)
    return query.where(Subticket.ticket_id.in_(seen))


def visible_conversations(viewer: Viewer) -> Any:
    """SELECT of the conversations this viewer may see."""
    query = sa.select(Conversation)
    return query if viewer.may("see_conversations") else query.where(sa.false())


def access_ticket(session: Session, viewer: Viewer, number: str) -> Ticket:
    """One ticket by number. Raises Refused alike when it does not exist and when it is another unit's."""
    ticket = session.execute(visible_tickets(viewer).where(Ticket.number == number)).scalar_one_or_none()
    if ticket is None:
        raise Refused("no such ticket")
    return ticket


def access_subticket(session: Session, viewer: Viewer, number: str) -> Subticket:
    """One sub-ticket by its own number. Raises Refused alike when there is none and when it is not theirs to see."""
    found = session.execute(visible_subtickets(viewer).where(Subticket.number == number)).scalar_one_or_none()
    if found is None:
        raise Refused("no such sub-ticket")
    return found


def access_conversation(session: Session, viewer: Viewer, conversation_id: int) -> Conversation:
    """One conversation. Raises Refused alike when it does not exist and when it is not for this viewer."""
    found = session.execute(
        visible_conversations(viewer).where(Conversation.id == conversation_id)
    ).scalar_one_or_none()
    if found is None:
        raise Refused("no such conversation")
    return found


def reason_given(session: Session, viewer: Viewer, object_: str, what: str, now: datetime) -> bool:
    """Whether this person gave a reason to see this a moment ago; the reason stands in the audit log."""
    given = sa.exists().where(
        Audit.actor == viewer.actor, Audit.action == "masked_read", Audit.object == object_,
        Audit.at > now - REASON_HOLDS, Audit.data["what"].astext == what)
    return bool(session.execute(sa.select(given)).scalar())


def as_viewer(staff: Staff, roles: Mapping[str, Role], lent: frozenset[str] = frozenset()) -> Viewer:
    """A staff row as a viewer, with what others have lent. A role that is no longer in config can do nothing."""
    role = roles.get(staff.role) or Role(staff.role, staff.role, "none", frozenset())
    return Viewer(staff.id, staff.login, staff.name, role, staff.unit_id, department=staff.department, lent=lent)


@dataclass(frozen=True)
class Lent:
    """A power somebody holds in another's place for a time."""

    permission: str
    in_place_of: Staff
    delegation_id: int


def lent_to(session: Session, staff: Staff, roles: Mapping[str, Role], now: datetime) -> list[Lent]:
    """What this person may do in others' places at this moment, oldest delegation first.

    It ends with its time, when it is ended, when the giver has left or lost the power, when one of the two has gone to
    another unit, and when the taker has other work now (`can_take`).
    """
    rows = session.execute(
        sa.select(Delegation, Staff)
        .join(Staff, Staff.id == Delegation.from_staff)
        .where(
            Delegation.to_staff == staff.id,
            Delegation.starts_at <= now,
            Delegation.ends_at > now,
            Delegation.ended_at.is_(None),
            Staff.active,
            Staff.unit_id.is_not_distinct_from(staff.unit_id),
        )
        .order_by(Delegation.id)
    )
    return [
        Lent(delegation.permission, giver, delegation.id)
        for delegation, giver in rows
        if as_viewer(giver, roles).may(delegation.permission) and can_take(giver, staff, roles)
    ]


def can_take(giver: Staff, taker: Staff, roles: Mapping[str, Role]) -> bool:
    """Whether a power of one person can be another's: of the same desk, and somebody who works tickets."""
    giving, taking = as_viewer(giver, roles), as_viewer(taker, roles)
    return (giver.unit_id, giving.role.scope) == (taker.unit_id, taking.role.scope) and taking.may("work_ticket")


def delegations(session: Session, viewer: Viewer) -> list[Delegation]:
    """The delegations a person may see: those they gave, got or recorded; who oversees or audits sees all."""
    query = sa.select(Delegation).order_by(Delegation.id.desc())
    if not (viewer.may("oversee_decisions") or viewer.may("see_ties")):
        mine = (Delegation.from_staff, Delegation.to_staff, Delegation.recorded_by)
        query = query.where(sa.or_(*(column == viewer.staff_id for column in mine)))
    return list(session.execute(query).scalars())


def resident_viewer(
    roles: Mapping[str, Role], *, contact_id: int | None = None, ticket_id: int | None = None
) -> Viewer:
    """Who asks for help: for the tickets of the contact they write from, or the one whose query code they have given.

    For the commands of the lifecycle only; where config knows no such role they can do nothing.
    """
    role = roles.get(RESIDENT) or Role(RESIDENT, RESIDENT, "none", frozenset())
    return Viewer(None, RESIDENT, role.title, role, None, contact_id, ticket_id)


def as_now(session: Session, viewer: Viewer, roles: Mapping[str, Role], now: datetime) -> Viewer:
    """The same person with role, unit and lent powers as they stand at this moment; a resident stays who they are.

    Raises Refused for somebody who was switched off meanwhile.
    """
    if viewer.staff_id is None:
        return viewer
    row = session.execute(
        sa.select(Staff).where(Staff.id == viewer.staff_id, Staff.active).execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if row is None:
        raise Refused("switched off")
    return as_viewer(row, roles, frozenset(lent.permission for lent in lent_to(session, row, roles, now)))


def sees(session: Session, viewer: Viewer, ticket: Ticket) -> bool:
    """Whether this ticket is one the viewer may see."""
    found = visible_tickets(viewer).where(Ticket.id == ticket.id).with_only_columns(Ticket.id)
    return session.execute(found).first() is not None


def signed_in(
    session: Session, token: str | None, roles: Mapping[str, Role], now: datetime
) -> tuple[Viewer, str] | None:
    """(viewer, csrf) of a session token; None when it is unknown, over, or the person was switched off."""
    if not token:
        return None
    row = session.execute(
        sa.select(Staff, StaffSession.csrf)
        .join(StaffSession, StaffSession.staff_id == Staff.id)
        .where(StaffSession.token_hash == token_hash(token), StaffSession.expires_at > now, Staff.active)
    ).one_or_none()
    if row is None:
        return None
    lent = frozenset(lent.permission for lent in lent_to(session, row[0], roles, now))
    return as_viewer(row[0], roles, lent), row[1]


def must_change_password(session: Session, viewer: Viewer) -> bool:
    """True while the password is one that somebody else has set."""
    return bool(session.execute(sa.select(Staff.must_change_password).where(Staff.id == viewer.staff_id)).scalar())


def operators_at_desk(session: Session, since: datetime) -> list[Staff]:
    """Who had the desk open after this moment, by name."""
    return list(session.execute(
        sa.select(Staff).where(Staff.active, Staff.at_desk_at > since).order_by(Staff.name, Staff.id)).scalars())


def staff_name(session: Session, staff_id: int | None) -> str | None:
    """The name under which a colleague works."""
    name: str | None = session.execute(sa.select(Staff.name).where(Staff.id == staff_id)).scalar()
    return name
