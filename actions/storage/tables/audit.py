"""audit: who did or read what; each row carries the hash of the one before. audit_head: which row is the last."""

import sqlalchemy as sa

from actions.storage.base import Base, Json, Moment


class Audit(Base):
    __tablename__ = "audit"

    id = sa.Column(sa.BigInteger, primary_key=True)
    at = sa.Column(Moment, nullable=False)
    actor = sa.Column(sa.Text, nullable=False)
    action = sa.Column(sa.Text, nullable=False)
    object = sa.Column(sa.Text, nullable=False)
    data = sa.Column(Json, nullable=False, default=dict)
    previous = sa.Column(sa.LargeBinary)
    hash = sa.Column(sa.LargeBinary, nullable=False)

    # desk, every page that shows a person: whether this look was noted a moment ago
    __table_args__ = (sa.Index("ix_audit_look", "object", "actor", "action", "at"),)


class AuditHead(Base):
    """One row: the newest row of the log, marked with the key, so that cut-off rows show. Writers queue here."""

    __tablename__ = "audit_head"

    id = sa.Column(sa.SmallInteger, primary_key=True)
    audit_id = sa.Column(sa.BigInteger, comment="none in an empty log")
    hash = sa.Column(sa.LargeBinary)
    mark = sa.Column(sa.LargeBinary, comment="keyed; none until the first row written with the key")

    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)
