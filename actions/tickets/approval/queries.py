"""Reads what decisions need: signatures of this round, declared ties, who handled the case, aid given, meetings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import as_viewer, lent_to, visible_tickets
from actions.access.rules import Role, Viewer
from actions.language.mask import find_phones, tidy_identity
from actions.privacy.keys import Keys, KeyWrong
from actions.storage.tables import (
    Aid,
    Approval,
    Authorisation,
    AuthorisationMember,
    Meeting,
    Relative,
    Staff,
    Ticket,
    TicketEvent,
    TicketPerson,
)
from actions.tickets.approval.rules import DISTRICT, TOWNSHIP, Signature, conflict

# after one of these earlier signatures stand for nothing: the case is looked at anew, or by somebody else
NEW_ROUND = ("returned_for_rework", "reopened", "returned", "assigned", "transferred", "dispatched")
HANDLED = ("opened", "verified", "supplement_received")


def level_of(ticket: Ticket) -> str:
    """Who decides now: the township until it has sent the ticket up; on its own desk the district does."""
    return DISTRICT if ticket.sent_up or ticket.desk != "unit" else TOWNSHIP


def round_of(session: Session, ticket: Ticket) -> int:
    """A number that rises whenever the case has to be signed anew."""
    began = sa.select(sa.func.count()).where(TicketEvent.ticket_id == ticket.id, TicketEvent.kind.in_(NEW_ROUND))
    return 1 + int(session.execute(began).scalar_one())


def approvals(session: Session, ticket: Ticket, round_: int | None = None) -> list[Approval]:
    """The signatures of one round (None: of all), oldest first."""
    query = sa.select(Approval).where(Approval.ticket_id == ticket.id)
    if round_ is not None:
        query = query.where(Approval.round == round_)
    return list(session.execute(query.order_by(Approval.id)).scalars())


def signatures(session: Session, ticket: Ticket, round_: int) -> list[Signature]:
    """As approvals, in the shape the rules read."""
    return [
        Signature(
            row.level,
            row.step,
            frozenset({row.staff_id} if row.in_place_of is None else {row.staff_id, row.in_place_of}),
            row.opinion,
            row.amount,
            row.special,
        )
        for row in approvals(session, ticket, round_)
    ]


def handlers(session: Session, ticket: Ticket) -> frozenset[int]:
    """The staff who registered the case or looked into it: they do not decide about their own findings."""
    actors = session.execute(
        sa.select(TicketEvent.actor).where(TicketEvent.ticket_id == ticket.id, TicketEvent.kind.in_(HANDLED))
    ).scalars()
    return frozenset(int(actor[6:]) for actor in actors if actor.startswith("staff:"))


def phone_mark(keys: Keys, phone: str) -> bytes | None:
    """The keyed hash by which a phone number is recognised again; None when there is no number in the text."""
    found = find_phones(phone)
    return keys.fingerprint("relative_phone", found[0].number) if found else None


def identity_mark(keys: Keys, identity: str) -> bytes:
    """The keyed hash by which an identity number is recognised again."""
    return keys.fingerprint("relative_identity", tidy_identity(identity))


def _read(keys: Keys, sealed: Iterable[bytes | None]) -> list[str]:
    """What can be read of these fields; one under another key names nobody."""
    found = []
    for one in sealed:
        try:
            found.append(keys.open(one) if one is not None else "")
        except KeyWrong:
            continue
    return [text for text in found if text]


def ties(session: Session, keys: Keys, ticket: Ticket) -> dict[int, str]:
    """Staff id → relation, for everybody tied to this case: by ticket, by phone or identity number of the ticket, of
    anybody registered on it, or of a member of its authorisations."""
    people = session.execute(sa.select(TicketPerson.phone, TicketPerson.identity).where(
        TicketPerson.ticket_id == ticket.id, TicketPerson.removed_at.is_(None))).all()
    phones = _read(keys, [ticket.phone, *(phone for phone, _ in people)])
    identities = _read(keys, [identity for _, identity in people])
    by: list[Any] = [
        Relative.ticket_id == ticket.id,
        Relative.phone_hash.in_([mark for phone in phones if (mark := phone_mark(keys, phone)) is not None]),
        Relative.identity_hash.in_([identity_mark(keys, identity) for identity in identities]),
    ]
    members = (
        sa.select(AuthorisationMember.identity_hash)
        .join(Authorisation, Authorisation.id == AuthorisationMember.authorisation_id)
        .where(Authorisation.ticket_id == ticket.id, AuthorisationMember.identity_hash.is_not(None))
    )
    by.append(Relative.identity_hash.in_(members))
    rows = session.execute(
        sa.select(Relative.staff_id, Relative.relation).where(Relative.withdrawn_at.is_(None), sa.or_(*by))
    )
    return {staff_id: relation for staff_id, relation in rows}


def meetings(session: Session, ticket: Ticket, since: datetime | None = None) -> list[Meeting]:
    """The meetings about a case, the last one last."""
    query = sa.select(Meeting).where(Meeting.ticket_id == ticket.id)
    if since is not None:
        query = query.where(Meeting.recorded_at >= since)
    return list(session.execute(query.order_by(Meeting.id)).scalars())


def round_began(session: Session, ticket: Ticket) -> datetime:
    """When this round of signatures began."""
    began: datetime | None = session.execute(
        sa.select(TicketEvent.at)
        .where(TicketEvent.ticket_id == ticket.id, TicketEvent.kind.in_(NEW_ROUND))
        .order_by(TicketEvent.id.desc())
        .limit(1)
    ).scalar()
    return began if began is not None else ticket.created_at


def aids(session: Session, ticket: Ticket) -> list[Aid]:
    """What was given at once, oldest first."""
    return list(session.execute(sa.select(Aid).where(Aid.ticket_id == ticket.id).order_by(Aid.id)).scalars())


def given_so_far(session: Session, ticket: Ticket) -> Decimal:
    """Yuan given at once, all together."""
    return sum((aid.amount for aid in aids(session, ticket)), Decimal(0))


def lone_aids(session: Session, viewer: Viewer) -> list[tuple[Ticket, Aid]]:
    """Aid that waits for its second signature, in the viewer's tickets, oldest first."""
    scope = visible_tickets(viewer).subquery()
    rows = session.execute(
        sa.select(Ticket, Aid)
        .join(Aid, Aid.ticket_id == Ticket.id)
        .where(Aid.second.is_(None), Ticket.id.in_(sa.select(scope.c.id)))
        .order_by(Aid.recorded_at, Aid.id)
    )
    return [(ticket, aid) for ticket, aid in rows]


def paid_so_far(session: Session, ticket: Ticket) -> Decimal:
    """Yuan paid in this round."""
    began = sa.select(sa.func.coalesce(sa.func.max(TicketEvent.id), 0)).where(
        TicketEvent.ticket_id == ticket.id, TicketEvent.kind.in_(NEW_ROUND)
    )
    rows = session.execute(
        sa.select(TicketEvent.data).where(
            TicketEvent.ticket_id == ticket.id, TicketEvent.kind == "paid", TicketEvent.id > began.scalar_subquery()
        )
    ).scalars()
    return sum((Decimal(data["fields"]["amount"]["value"]) for data in rows), Decimal(0))


@dataclass(frozen=True)
class Candidate:
    """Somebody who holds a power at this level. `in_place_of`: whose, by delegation; `why_not`: id of a reason."""

    staff: Staff
    in_place_of: Staff | None
    why_not: str | None


def candidates(
    session: Session, keys: Keys, roles: Mapping[str, Role], ticket: Ticket, permission: str, now: datetime
) -> list[Candidate]:
    """Everybody who could take this step now, with what keeps some of them from it; by name."""
    level, round_ = level_of(ticket), round_of(session, ticket)
    signed = signatures(session, ticket, round_)
    own, tied = handlers(session, ticket), ties(session, keys, ticket)
    here = Staff.unit_id == ticket.unit_id if level == TOWNSHIP else Staff.unit_id.is_(None)
    found = []
    for staff in session.execute(sa.select(Staff).where(Staff.active, here).order_by(Staff.name, Staff.id)).scalars():
        viewer = as_viewer(staff, roles)
        if not viewer.may("see_tickets"):
            continue
        powers = [None] if viewer.may(permission) else [
            lent.in_place_of for lent in lent_to(session, staff, roles, now) if lent.permission == permission
        ]
        for other in powers:
            persons = {staff.id} if other is None else {staff.id, other.id}
            why = conflict(persons, own=own, relatives=tied, signatures=signed)
            found.append(Candidate(staff, other, why))
    return found


def relatives_seen_by(session: Session, viewer: Viewer) -> list[Relative]:
    """The declared ties a person may see: their own; who oversees decisions or audits sees all."""
    query = sa.select(Relative).order_by(Relative.id.desc())
    if not (viewer.may("oversee_decisions") or viewer.may("see_ties")):
        query = query.where(Relative.staff_id == viewer.staff_id)
    return list(session.execute(query).scalars())
