"""audit: who did or read what; each row carries the hash of the one before, so that a gap shows."""

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
