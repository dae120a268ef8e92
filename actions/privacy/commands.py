"""Writes consent and audit rows; both tables only ever grow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import sqlalchemy.event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, SessionTransaction

from actions.privacy.keys import Keys, KeyWrong
from actions.privacy.rules import audit_hash, head_mark
from actions.storage.engine import AUDIT_KEY
from actions.storage.tables import Audit, AuditHead, Consent, KeyCheck

WAITING = "audit_waiting"  # what a session's info calls the rows noted in its transaction
SAME_LOOK = timedelta(minutes=10)


def check_keys(session: Session, keys: Keys) -> None:
    """Notes with which key this database is written, the first time; raises KeyWrong for another key afterwards."""
    mark = keys.fingerprint("key_check")
    session.execute(insert(KeyCheck).values(id=1, fingerprint=mark).on_conflict_do_nothing())
    if bytes(session.execute(sa.select(KeyCheck.fingerprint)).scalar_one()) != mark:
        raise KeyWrong(
            "the field key does not belong to this database: restore field.key (or YOUMEN_FIELD_KEY) from your backup"
        )


def record_consent(
    session: Session,
    *,
    contact_id: int,
    conversation_id: int,
    notice: str,
    version: str,
    channel: str,
    answer: str,
    now: datetime,
) -> None:
    """Notes what a resident answered to which version of which notice (个人信息保护法 14, 17)."""
    session.add(
        Consent(
            contact_id=contact_id,
            conversation_id=conversation_id,
            notice=notice,
            version=version,
            channel=channel,
            answer=answer,
            at=now,
        )
    )


def record_audit(
    session: Session,
    *,
    actor: str,
    action: str,
    object_: str,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Notes a row of the audit chain (个人信息保护法 51, 54): written with the commit of this transaction, or never.

    Writers queue at the mark of the newest row. It is taken as the last lock, whatever a command or a whole turn does
    after this: who waits for the mark holds up nobody the mark's holder waits for. RuntimeError where the database was
    opened without its audit key.
    """
    if session.info.get(AUDIT_KEY) is None:
        raise RuntimeError("audit rows need Database(engine, audit_key=keys.audit_key)")
    said = json.loads(json.dumps(data or {}))  # as it will be read again
    noted = _Noted(_parts(session), {"at": now, "actor": actor, "action": action, "object": object_, "data": said})
    session.info.setdefault(WAITING, []).append(noted)


@dataclass(frozen=True)
class _Noted:
    """One row to be; `parts`: the transaction and the savepoints it was noted in."""

    parts: tuple[SessionTransaction, ...]
    values: dict[str, Any]


def _parts(session: Session) -> tuple[SessionTransaction, ...]:
    found, part = [], session.get_nested_transaction() or session.get_transaction()
    while part is not None:
        found.append(part)
        part = part.parent
    return tuple(found)


def _forget(session: Session, part: SessionTransaction) -> None:
    """What was noted in a part that was given up never happened."""
    if session.info.get(WAITING):
        session.info[WAITING] = [one for one in session.info[WAITING] if part not in one.parts]


def _write(session: Session) -> None:
    """Appends everything noted to the chain, behind everything else the transaction has to write."""
    if session.in_nested_transaction() or not session.info.get(WAITING):
        return
    session.flush()
    key, head = session.info[AUDIT_KEY], _locked_head(session)
    row, hash_ = None, None if head.hash is None else bytes(head.hash)
    for noted in session.info.pop(WAITING):
        one, previous = noted.values, hash_
        hash_ = audit_hash(key, previous, one["at"], one["actor"], one["action"], one["object"], one["data"])
        query = insert(Audit.__table__).values(**one, previous=previous, hash=hash_)
        row = session.execute(query.returning(Audit.__table__.c.id)).scalar_one()
    assert row is not None and hash_ is not None
    session.execute(
        sa.update(AuditHead.__table__).values(audit_id=row, hash=hash_, mark=head_mark(key, row, hash_))
    )


sa.event.listen(Session, "after_soft_rollback", _forget)
sa.event.listen(Session, "before_commit", _write)


def record_look(
    session: Session, *, actor: str, action: str, object_: str, now: datetime, data: dict[str, Any] | None = None
) -> None:
    """As record_audit, once in ten minutes for the same look of the same actor: a live page reads itself anew.

    With `data`, which says what was shown, another look at something else is another row.
    """
    same = [] if data is None else [Audit.data == data]
    noted = sa.exists().where(
        Audit.actor == actor, Audit.action == action, Audit.object == object_, Audit.at > now - SAME_LOOK, *same)
    if not session.execute(sa.select(noted)).scalar():
        record_audit(session, actor=actor, action=action, object_=object_, now=now, data=data)


def _locked_head(session: Session) -> Any:
    query = sa.select(AuditHead.audit_id, AuditHead.hash).with_for_update()
    head = session.execute(query).one_or_none()
    if head is None:  # the very first row of an empty log
        session.execute(insert(AuditHead).values(id=1).on_conflict_do_nothing())
        head = session.execute(query).one()
    return head
