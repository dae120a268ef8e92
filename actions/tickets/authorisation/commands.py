"""The only writer of authorisations and check results. A mismatch becomes a task for the unit, and stops nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.queries import visible_tickets
from actions.access.rules import Refused, Viewer
from actions.privacy.commands import record_audit
from actions.privacy.keys import Keys
from actions.storage.tables import Authorisation, AuthorisationMember, CheckResult, Ticket
from actions.tickets.approval.queries import identity_mark
from actions.tickets.authorisation.queries import signature_images
from actions.tickets.authorisation.rules import (
    DIFFERS,
    GIVEN,
    OUTCOMES,
    Asked,
    AuthorisationWrong,
    check_answer,
    check_request,
)

WORK = "work_ticket"


def _ticket(session: Session, viewer: Viewer, number: str, open_states: Collection[str]) -> Ticket:
    """The viewer's ticket, kept from moving. Raises Refused alike for an unknown and another unit's; AuthorisationWrong
    for a closed one: nobody's means are looked at without an application under way (社会救助法 11)."""
    viewer.require(WORK)
    ticket: Ticket | None = session.execute(
        visible_tickets(viewer).where(Ticket.number == number).with_for_update(key_share=True)
        .execution_options(populate_existing=True)  # what the session read before the lock may be old
    ).scalar_one_or_none()
    if ticket is None:
        raise Refused("no such ticket")
    if ticket.state not in open_states:
        raise AuthorisationWrong("authorisation_closed")
    return ticket


def _member(session: Session, ticket: Ticket, member: int) -> AuthorisationMember:
    found: AuthorisationMember | None = session.execute(
        sa.select(AuthorisationMember)
        .join(Authorisation, Authorisation.id == AuthorisationMember.authorisation_id)
        .where(AuthorisationMember.id == member, Authorisation.ticket_id == ticket.id)
        .with_for_update(of=AuthorisationMember)
    ).scalar_one_or_none()
    if found is None:
        raise Refused("no such person")
    return found


def ask_authorisation(
    session: Session,
    viewer: Viewer,
    keys: Keys,
    *,
    number: str,
    open_states: Collection[str],
    kind: str,
    scope: Sequence[str],
    scopes: Collection[str],
    members: Sequence[Asked],
    now: datetime,
) -> Authorisation:
    """Notes whose means are to be checked, and which; nobody has answered yet. Raises Refused, AuthorisationWrong."""
    ticket = _ticket(session, viewer, number, open_states)
    check_request(kind, scope, scopes, members)
    head = Authorisation(
        ticket_id=ticket.id, kind=kind, scope=sorted(set(scope)), asked_by=viewer.staff_id, asked_at=now
    )
    session.add(head)
    session.flush()
    for member in members:
        identity = member.identity.strip()
        session.add(AuthorisationMember(
            authorisation_id=head.id,
            role=member.role,
            name=keys.seal(member.name.strip()),
            identity=keys.seal(identity) if identity else None,
            identity_hash=identity_mark(keys, identity) if identity else None,
            under_14=member.under_14,
            guardian=keys.seal_or_none(member.guardian.strip() or None),
        ))
    _note(session, viewer, ticket, "authorisation_asked", now, {"authorisation": head.id, "kind": kind})
    return head


def note_answer(
    session: Session,
    viewer: Viewer,
    keys: Keys,
    *,
    number: str,
    open_states: Collection[str],
    member: int,
    answer: str,
    channel: str | None,
    channels: Collection[str],
    guardian: str = "",
    attachment: int | None = None,
    now: datetime,
) -> AuthorisationMember:
    """Notes what one person said, through which channel and when, with the image of the signature where there is one.

    The image is one the resident has sent in this case's own conversation. Raises Refused, AuthorisationWrong.
    """
    ticket = _ticket(session, viewer, number, open_states)
    row = _member(session, ticket, member)
    if attachment is not None and attachment not in {one.id for one, _ in signature_images(session, ticket)}:
        raise AuthorisationWrong("authorisation_signature")
    said = guardian.strip() or (keys.open(row.guardian) if row.guardian is not None else "")
    check_answer(row.answer, answer, channel=channel, channels=channels, under_14=row.under_14, guardian=said,
                 signature=attachment is not None)
    row.answer, row.answered_at, row.noted_by = answer, now, viewer.staff_id
    if answer == GIVEN:
        row.channel, row.attachment_id = channel, attachment
        row.guardian = keys.seal_or_none(said or None)
    _note(session, viewer, ticket, f"authorisation_{answer}", now, {"member": row.id, "channel": channel})
    return row


def attach_result(
    session: Session,
    viewer: Viewer,
    keys: Keys,
    *,
    number: str,
    open_states: Collection[str],
    member: int,
    outcome: str,
    reason: str,
    found: str,
    now: datetime,
) -> CheckResult:
    """Attaches what a check of one person's means has said, and why it was asked for.

    Only with that person's own authorisation as it stands now: another's, or one that was withdrawn, is none. A
    mismatch is a task for the unit; the case goes on. Raises Refused, AuthorisationWrong.
    """
    ticket = _ticket(session, viewer, number, open_states)
    row = _member(session, ticket, member)
    if row.answer != GIVEN:
        raise AuthorisationWrong("check_not_authorised")
    if outcome not in OUTCOMES:
        raise AuthorisationWrong("check_outcome")
    if not reason.strip() or not found.strip():
        raise AuthorisationWrong("check_reason")
    result = CheckResult(
        member_id=row.id, outcome=outcome, reason=keys.seal(reason.strip()), found=keys.seal(found.strip()),
        attached_by=viewer.staff_id, attached_at=now,
    )
    session.add(result)
    session.flush()
    tells = "check_differs" if outcome == DIFFERS else None
    _note(session, viewer, ticket, "check_attached", now, {"result": result.id, "outcome": outcome}, tells)
    return result


def clear_difference(
    session: Session,
    viewer: Viewer,
    keys: Keys,
    *,
    number: str,
    open_states: Collection[str],
    result: int,
    words: str,
    now: datetime,
) -> CheckResult:
    """Notes what looking into a mismatch has found; the task is done. Raises Refused, AuthorisationWrong."""
    ticket = _ticket(session, viewer, number, open_states)
    row: CheckResult | None = session.execute(
        sa.select(CheckResult)
        .join(AuthorisationMember, AuthorisationMember.id == CheckResult.member_id)
        .join(Authorisation, Authorisation.id == AuthorisationMember.authorisation_id)
        .where(CheckResult.id == result, Authorisation.ticket_id == ticket.id, CheckResult.outcome == DIFFERS)
        .with_for_update(of=CheckResult)
    ).scalar_one_or_none()
    if row is None:
        raise Refused("no such task")
    if row.cleared_at is not None:
        raise AuthorisationWrong("check_cleared")
    if not words.strip():
        raise AuthorisationWrong("check_words")
    row.cleared, row.cleared_by, row.cleared_at = keys.seal(words.strip()), viewer.staff_id, now
    _note(session, viewer, ticket, "check_cleared", now, {"result": row.id})
    return row


def _note(session: Session, viewer: Viewer, ticket: Ticket, kind: str, now: datetime, data: dict[str, Any],
          tells_unit: str | None = None) -> None:
    """Event, notice to the unit and audit row. The ticket's version stays: no page about its state is made stale."""
    from actions.tickets.commands.telling import tell_unit, write_event

    event = write_event(session, ticket, kind, viewer.actor, now, data, versioned=False)
    if tells_unit is not None:
        tell_unit(session, ticket, event, tells_unit, now)
    record_audit(session, actor=viewer.actor, action=kind, object_=f"ticket:{ticket.number}", now=now, data=data)
