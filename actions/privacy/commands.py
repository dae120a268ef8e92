"""Writes consent and audit rows; both tables only ever grow."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.privacy.keys import Keys, KeyWrong
from actions.privacy.rules import audit_hash, head_mark
from actions.storage.engine import AUDIT_KEY
from actions.storage.tables import Audit, AuditHead, Consent, KeyCheck

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
    """Appends one row to the audit chain (个人信息保护法 51, 54). The last statement of a command, kept short.

    Writers queue at the mark of the newest row. RuntimeError where the database was opened without its audit key.
    """
    key = session.info.get(AUDIT_KEY)
    if key is None:
        raise RuntimeError("audit rows need Database(engine, audit_key=keys.audit_key)")
    head = _locked_head(session)
    said = json.loads(json.dumps(data or {}))  # as it will be read again
    hash_ = audit_hash(key, None if head.hash is None else bytes(head.hash), now, actor, action, object_, said)
    row = session.execute(
        insert(Audit.__table__)
        .values(at=now, actor=actor, action=action, object=object_, data=said, previous=head.hash, hash=hash_)
        .returning(Audit.__table__.c.id)
    ).scalar_one()
    session.execute(
        sa.update(AuditHead.__table__).values(audit_id=row, hash=hash_, mark=head_mark(key, row, hash_))
    )


def record_look(session: Session, *, actor: str, action: str, object_: str, now: datetime) -> None:
    """As record_audit, once in ten minutes for the same look of the same actor: a live page reads itself anew."""
    noted = sa.exists().where(
        Audit.actor == actor, Audit.action == action, Audit.object == object_, Audit.at > now - SAME_LOOK)
    if not session.execute(sa.select(noted)).scalar():
        record_audit(session, actor=actor, action=action, object_=object_, now=now)


def _locked_head(session: Session) -> Any:
    query = sa.select(AuditHead.audit_id, AuditHead.hash).with_for_update()
    head = session.execute(query).one_or_none()
    if head is None:  # the very first row of an empty log
        session.execute(insert(AuditHead).values(id=1).on_conflict_do_nothing())
        head = session.execute(query).one()
    return head
