"""Writes consent and audit rows; both tables only ever grow."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.privacy.keys import Keys, KeyWrong
from actions.storage.tables import Audit, Consent, KeyCheck

AUDIT_LOCK = 0x6175646974  # "audit": rows form one chain, so writers queue here for a moment


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


def audit_hash(
    previous: bytes | None, at: datetime, actor: str, action: str, object_: str, data: dict[str, Any]
) -> bytes:
    """The hash of one audit row: over the row before it and everything the row says."""
    body = json.dumps([at.isoformat(), actor, action, object_, data], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256((previous or b"") + body.encode()).digest()


def record_audit(
    session: Session,
    *,
    actor: str,
    action: str,
    object_: str,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Appends one row to the audit chain (个人信息保护法 51, 54). The last statement of a command, kept short."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": AUDIT_LOCK})
    previous = session.execute(sa.select(Audit.hash).order_by(Audit.id.desc()).limit(1)).scalar()
    session.add(
        Audit(
            at=now,
            actor=actor,
            action=action,
            object=object_,
            data=data or {},
            previous=previous,
            hash=audit_hash(previous, now, actor, action, object_, data or {}),
        )
    )
    session.flush()
