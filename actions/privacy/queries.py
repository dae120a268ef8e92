"""Reads the audit chain as a whole, row by row, as it stood at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.privacy.rules import Head, Link, Verified, check_chain
from actions.storage.engine import AUDIT_KEY
from actions.storage.tables import Audit, AuditHead

AT_ONCE = 2000


def verify_audit(session: Session, noted: Mapping[int, bytes] = MappingProxyType({})) -> Verified:
    """Checks every row of the log; hotline and verification may run at the same time (个人信息保护法 54).

    The session must be fresh: rows and mark are read as they stood at one moment.
    """
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    row = session.execute(sa.select(AuditHead.audit_id, AuditHead.hash, AuditHead.mark)).one_or_none()
    head = Head(None, None, None) if row is None else Head(row[0], _raw(row[1]), _raw(row[2]))
    return check_chain(session.info[AUDIT_KEY], _links(session), head, noted)


def _raw(value: memoryview | bytes | None) -> bytes | None:
    return None if value is None else bytes(value)


def _links(session: Session) -> Iterator[Link]:
    query = sa.select(
        Audit.id, Audit.at, Audit.actor, Audit.action, Audit.object, Audit.data, Audit.previous, Audit.hash
    ).order_by(Audit.id).execution_options(yield_per=AT_ONCE)
    for id_, at, actor, action, object_, data, previous, hash_ in session.execute(query):
        yield Link(id_, at, actor, action, object_, data, _raw(previous), bytes(hash_))
