"""Makes staff, signs them in and out, lends powers. Passwords are hashed with argon2; five wrong tries lock an hour."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy.orm import Session

from actions.access.queries import as_viewer, can_take, token_hash
from actions.access.rules import Refused, Role, Viewer
from actions.privacy.commands import record_audit
from actions.storage.tables import Delegation, Staff, StaffSession

TRIES = 5
LOCKED = timedelta(hours=1)
SIGNED_IN = timedelta(hours=12)
NOTED_EVERY = timedelta(seconds=5)
SYSTEM = "system"
PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"

_hasher = PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_hex(8))  # verified for unknown logins, so that timing tells nothing


class SignInRefused(Exception):
    """Wrong login or password, or locked. `until` is set when locked."""

    def __init__(self, until: datetime | None = None) -> None:
        super().__init__("sign-in refused")
        self.until = until


@dataclass(frozen=True)
class SignedIn:
    """A new session: the token for the cookie, the csrf value for forms."""

    token: str
    csrf: str
    staff_id: int


def new_password(length: int = 12) -> str:
    """A password that can be read aloud: no letters that look alike."""
    return "".join(secrets.choice(PASSWORD_LETTERS) for _ in range(length))


def create_staff(
    session: Session,
    *,
    login: str,
    name: str,
    role: str,
    unit_id: str | None,
    password: str,
    now: datetime,
    must_change_password: bool = True,
    department: str | None = None,
) -> Staff:
    """Adds a staff member. The caller has checked role, unit and department against config."""
    staff = Staff(
        login=login,
        name=name,
        role=role,
        unit_id=unit_id,
        department=department,
        password_hash=hash_password(password),
        must_change_password=must_change_password,
        active=True,
        failed_signins=0,
        created_at=now,
    )
    session.add(staff)
    session.flush()
    record_audit(
        session,
        actor=SYSTEM,
        action="staff_created",
        object_=f"staff:{staff.id}",
        now=now,
        data={"role": role, "unit": unit_id, "department": department},
    )
    return staff


def hash_password(password: str) -> str:
    """What is stored of a password. Slow and heavy on purpose: never inside a transaction that others wait for."""
    return _hasher.hash(password)


def reset_password(session: Session, staff_id: int, password: str, now: datetime) -> None:
    """Sets a password that somebody else has drawn: it must be changed, and every session of this person ends."""
    _set_password_hash(session, staff_id, hash_password(password), True)
    record_audit(session, actor=SYSTEM, action="password_reset", object_=f"staff:{staff_id}", now=now)


def set_password_hash(session: Session, staff_id: int, password_hash: str, now: datetime) -> None:
    """Sets the new password a person has chosen, hashed before, and ends every other session of theirs."""
    _set_password_hash(session, staff_id, password_hash, False)
    record_audit(session, actor=f"staff:{staff_id}", action="password_changed", object_=f"staff:{staff_id}", now=now)


def _set_password_hash(session: Session, staff_id: int, password_hash: str, must_change: bool) -> None:
    session.execute(
        sa.update(Staff)
        .where(Staff.id == staff_id)
        .values(password_hash=password_hash, must_change_password=must_change, failed_signins=0, locked_until=None)
    )
    session.execute(sa.delete(StaffSession).where(StaffSession.staff_id == staff_id))


def switch_off(session: Session, staff: Staff, now: datetime) -> None:
    """This person can no longer sign in, and no session of theirs opens anything; what they did stays."""
    staff.active = False
    session.execute(sa.delete(StaffSession).where(StaffSession.staff_id == staff.id))
    record_audit(session, actor=SYSTEM, action="staff_off", object_=f"staff:{staff.id}", now=now)


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


@dataclass(frozen=True)
class Account:
    """Whom a login names, and what the password must fit."""

    staff_id: int
    password_hash: str


def find_account(session: Session, login: str, now: datetime) -> Account | None:
    """The account with this login. Raises SignInRefused with `until` while it is locked."""
    staff = session.execute(sa.select(Staff).where(Staff.login == login, Staff.active)).scalar_one_or_none()
    if staff is None:
        return None
    if staff.locked_until is not None and staff.locked_until > now:
        raise SignInRefused(staff.locked_until)
    return Account(staff.id, staff.password_hash)


def fits(account: Account | None, password: str) -> bool:
    """True if the password is this account's; takes as long for an unknown login. Needs no transaction."""
    return _matches(account.password_hash if account is not None else _NOBODY, password) and account is not None


def finish_sign_in(session: Session, account: Account, right: bool, now: datetime) -> SignedIn | None:
    """Counts a try: a new session for the right password, None for a wrong one (commit either way).

    Raises SignInRefused with `until` when other tries have locked the account meanwhile.
    """
    return open_session(session, account.staff_id, now) if count_try(session, account, right, now) else None


def count_try(session: Session, account: Account, right: bool, now: datetime) -> bool:
    """Counts a try and says whether it opens the door. Raises SignInRefused as finish_sign_in does."""
    staff = session.execute(
        sa.select(Staff).where(Staff.id == account.staff_id, Staff.active).with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if staff is None:
        return False
    if staff.locked_until is not None and staff.locked_until > now:
        raise SignInRefused(staff.locked_until)
    if not right or staff.password_hash != account.password_hash:  # the password may have been changed meanwhile
        staff.failed_signins += 1
        locks = staff.failed_signins >= TRIES
        if locks:
            staff.failed_signins, staff.locked_until = 0, now + LOCKED
        note_failed_sign_in(session, f"staff:{staff.id}", locks, now)
        return False
    staff.failed_signins, staff.locked_until = 0, None
    return True


def note_failed_sign_in(session: Session, who: str, locks: bool, now: datetime) -> None:
    """A wrong try, and that it was the one which locked. `who`: staff:<id>, or login:<mark> for one nobody has."""
    record_audit(session, actor=who, action="sign_in_failed", object_=who, now=now)
    if locks:
        record_audit(session, actor=SYSTEM, action="locked_out", object_=who, now=now,
                     data={"until": (now + LOCKED).isoformat()})


def open_session(session: Session, staff_id: int, now: datetime, *, goes_on: bool = False) -> SignedIn:
    """A new session for a person who has just shown who they are; `goes_on`: they were signed in already."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    session.add(
        StaffSession(
            token_hash=token_hash(token), csrf=csrf, staff_id=staff_id, created_at=now, expires_at=now + SIGNED_IN
        )
    )
    if not goes_on:
        record_audit(session, actor=f"staff:{staff_id}", action="signed_in", object_=f"staff:{staff_id}", now=now)
    return SignedIn(token, csrf, staff_id)


def sign_in(session: Session, *, login: str, password: str, now: datetime) -> SignedIn | None:
    """All three steps in one transaction, for who is alone with the database; the pages take them one by one.

    None for a wrong password or login. Raises SignInRefused with `until` while the account is locked.
    """
    account = find_account(session, login, now)
    right = fits(account, password)
    return finish_sign_in(session, account, right, now) if account is not None else None


def note_at_desk(session: Session, viewer: Viewer, now: datetime) -> None:
    """An operator's page is open; whoever may not take over holds no conversation, and is not noted."""
    if viewer.may("take_over"):
        session.execute(
            sa.update(Staff).where(
                Staff.id == viewer.staff_id, sa.or_(Staff.at_desk_at.is_(None), Staff.at_desk_at < now - NOTED_EVERY)
            ).values(at_desk_at=now).execution_options(synchronize_session=False)
        )


def sign_out(session: Session, token: str, now: datetime) -> None:
    """Ends this session; once, however often it is asked."""
    ended = session.execute(
        sa.delete(StaffSession).where(StaffSession.token_hash == token_hash(token)).returning(StaffSession.staff_id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if ended is not None:
        record_audit(session, actor=f"staff:{ended}", action="signed_out", object_=f"staff:{ended}", now=now)


def end_old_sessions(session: Session, now: datetime) -> int:
    """Sessions that opened nothing any more are taken away, and that they ended stands in the log. How many."""
    ended = session.execute(
        sa.delete(StaffSession).where(StaffSession.expires_at <= now)
        .returning(StaffSession.staff_id, StaffSession.created_at, StaffSession.expires_at)
        .execution_options(synchronize_session=False)
    ).all()
    for staff_id, since, until in sorted(ended):
        record_audit(session, actor=SYSTEM, action="session_expired", object_=f"staff:{staff_id}", now=now,
                     data={"since": since.isoformat(), "until": until.isoformat()})
    return len(ended)


class CannotDelegate(Exception):
    """The power cannot be lent like this; `reason` is an id of config/tickets/reasons.yaml."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def delegate(
    session: Session,
    viewer: Viewer,
    roles: Mapping[str, Role],
    *,
    from_staff: int,
    to_staff: int,
    permission: str,
    delegable: Collection[str],
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    now: datetime,
) -> Delegation:
    """Lends one power of one person to a colleague of the same unit, from when until when, on record.

    By the giver; for somebody who is away by who oversees decisions, never to themselves. Only what the giver's own
    role permits: what was lent is not lent on. Raises Refused, CannotDelegate.
    """
    if from_staff != viewer.staff_id:
        viewer.require("oversee_decisions")
        if to_staff == viewer.staff_id:
            raise CannotDelegate("delegate_to_self")
    giver, taker = session.get(Staff, from_staff), session.get(Staff, to_staff)
    if giver is None or taker is None or not giver.active or not taker.active or giver.id == taker.id:
        raise CannotDelegate("delegate_whom")
    if permission not in delegable or not as_viewer(giver, roles).may(permission):
        raise CannotDelegate("delegate_what")
    if not can_take(giver, taker, roles):
        raise CannotDelegate("delegate_whom")
    if not starts_at < ends_at or ends_at <= now:
        raise CannotDelegate("delegate_when")
    if not reason.strip():
        raise CannotDelegate("delegate_why")
    known = _lent_so(session, from_staff, to_staff, permission, starts_at, ends_at)
    if known is not None:
        return known
    row = Delegation(
        from_staff=from_staff,
        to_staff=to_staff,
        permission=permission,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason.strip(),
        recorded_by=viewer.staff_id,
        recorded_at=now,
    )
    session.add(row)
    session.flush()
    record_audit(session, actor=viewer.actor, action="delegated", object_=f"delegation:{row.id}", now=now,
                 data={"from": from_staff, "to": to_staff, "permission": permission})
    return row


def _lent_so(
    session: Session, from_staff: int, to_staff: int, permission: str, starts_at: datetime, ends_at: datetime
) -> Delegation | None:
    """The same delegation, if it holds already: a form that is sent twice lends once, so that ending it ends it."""
    session.execute(sa.select(Staff.id).where(Staff.id == from_staff).with_for_update(key_share=True))
    found: Delegation | None = session.execute(sa.select(Delegation).where(
        Delegation.from_staff == from_staff, Delegation.to_staff == to_staff, Delegation.permission == permission,
        Delegation.starts_at == starts_at, Delegation.ends_at == ends_at, Delegation.ended_at.is_(None))
        .order_by(Delegation.id).limit(1)).scalar_one_or_none()
    return found


def end_delegation(session: Session, viewer: Viewer, *, delegation: int, now: datetime) -> Delegation:
    """Ends a delegation at once: the giver, the taker, or who oversees decisions. Raises Refused."""
    row: Delegation | None = session.execute(
        sa.select(Delegation).where(Delegation.id == delegation).with_for_update(key_share=True)
    ).scalar_one_or_none()
    if row is None or viewer.staff_id not in (row.from_staff, row.to_staff) and not viewer.may("oversee_decisions"):
        raise Refused("no such delegation")
    if row.ended_at is None:
        row.ended_by, row.ended_at = viewer.staff_id, now
        record_audit(session, actor=viewer.actor, action="delegation_ended", object_=f"delegation:{row.id}", now=now)
    return row
