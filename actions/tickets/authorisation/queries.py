"""Reads authorisations and check results of a ticket already obtained through access."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import visible_tickets
from actions.access.rules import Viewer
from actions.storage.tables import (
    Attachment,
    Authorisation,
    AuthorisationMember,
    CheckResult,
    Message,
    Ticket,
)
from actions.tickets.authorisation.rules import DIFFERS


@dataclass(frozen=True)
class MemberView:
    """One person of an authorisation with what checks have said, oldest first."""

    member: AuthorisationMember
    results: tuple[CheckResult, ...]


@dataclass(frozen=True)
class AuthorisationView:
    """An authorisation with its people."""

    authorisation: Authorisation
    members: tuple[MemberView, ...]


def authorisations(session: Session, ticket: Ticket) -> list[AuthorisationView]:
    """Every authorisation asked for in a case, oldest first."""
    heads = session.execute(
        sa.select(Authorisation).where(Authorisation.ticket_id == ticket.id).order_by(Authorisation.id)
    ).scalars().all()
    members: Sequence[AuthorisationMember] = session.execute(
        sa.select(AuthorisationMember)
        .where(AuthorisationMember.authorisation_id.in_([head.id for head in heads]))
        .order_by(AuthorisationMember.id)
    ).scalars().all()
    results: Sequence[CheckResult] = session.execute(
        sa.select(CheckResult).where(CheckResult.member_id.in_([member.id for member in members]))
        .order_by(CheckResult.id)
    ).scalars().all()
    return [
        AuthorisationView(
            head,
            tuple(
                MemberView(member, tuple(result for result in results if result.member_id == member.id))
                for member in members
                if member.authorisation_id == head.id
            ),
        )
        for head in heads
    ]


def open_differences(session: Session, viewer: Viewer) -> list[tuple[Ticket, CheckResult]]:
    """The mismatches that somebody has to look into, in the viewer's tickets, oldest first."""
    scope = visible_tickets(viewer).subquery()
    rows = session.execute(
        sa.select(Ticket, CheckResult)
        .join(Authorisation, Authorisation.ticket_id == Ticket.id)
        .join(AuthorisationMember, AuthorisationMember.authorisation_id == Authorisation.id)
        .join(CheckResult, CheckResult.member_id == AuthorisationMember.id)
        .where(CheckResult.outcome == DIFFERS, CheckResult.cleared_at.is_(None), Ticket.id.in_(sa.select(scope.c.id)))
        .order_by(CheckResult.attached_at, CheckResult.id)
    )
    return [(ticket, result) for ticket, result in rows]


def signature_images(session: Session, ticket: Ticket) -> list[tuple[Attachment, Message]]:
    """The photos and files the resident sent in this case's conversation that are kept, newest first."""
    if ticket.conversation_id is None:
        return []
    rows = session.execute(
        sa.select(Attachment, Message)
        .join(Message, Message.id == Attachment.message_id)
        .where(
            Message.conversation_id == ticket.conversation_id,
            Attachment.state == "kept",
            Message.kind.in_(("photo", "document")),
        )
        .order_by(Attachment.id.desc())
    )
    return [(attachment, message) for attachment, message in rows]
