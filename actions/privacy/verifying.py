"""Verifying the audit log as a deed: the walk, the anchor of a whole log, and the row that says it was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.privacy.anchors import AnchorsWrong, add_anchor, read_anchors
from actions.privacy.commands import record_audit
from actions.privacy.queries import verify_audit
from actions.privacy.rules import ANCHORS, Broken, Verified
from actions.storage.engine import AUDIT_KEY, Database
from actions.storage.tables import Audit

LOG, VERIFIED = "audit", "audit_verified"


def verify_and_note(
    database: Database,
    anchors: Path,
    *,
    actor: str,
    now: datetime,
    noted: Mapping[int, bytes] = MappingProxyType({}),
) -> Verified:
    """Walks the chain against the anchors and what the caller noted; a whole one gets a new anchor. Both ways it is
    noted in the log who looked and what was found (个人信息保护法 54)."""
    known, wrong = {}, None
    with database.begin() as session:
        key = session.info[AUDIT_KEY]
        try:
            known = read_anchors(anchors, key)
        except AnchorsWrong as error:
            wrong = Broken(None, ANCHORS, str(error))
        found = verify_audit(session, {**known, **noted})
    found = replace(found, broken=found.broken or wrong)
    if found.broken is None and found.last is not None and found.hash is not None:
        add_anchor(anchors, key, found.last, found.hash, now)
    with database.begin() as session:
        record_audit(session, actor=actor, action=VERIFIED, object_=LOG, now=now, data={
            "ok": found.broken is None, "rows": found.rows, "last": found.last, "anchors": found.anchors,
            "broken": None if found.broken is None else {"row": found.broken.row, "what": found.broken.what}})
    return found


def last_verified(session: Session) -> tuple[datetime, Mapping[str, Any]] | None:
    """When the log was last walked and what was found; None if never."""
    row = session.execute(
        sa.select(Audit.at, Audit.data).where(Audit.object == LOG, Audit.action == VERIFIED)
        .order_by(Audit.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else (row[0], row[1])
