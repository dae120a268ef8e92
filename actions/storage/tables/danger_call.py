"""danger_call: a conversation in which life was said to be in danger, and the keyed hash of where it came from."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment


class DangerCall(Base):
    """Append-only; a group is not stored but read: the calls from one source close in time."""

    __tablename__ = "danger_call"

    id = sa.Column(sa.BigInteger, primary_key=True)
    conversation_id = sa.Column(sa.ForeignKey("conversation.id"), nullable=False, unique=True)
    source_hash = sa.Column(sa.LargeBinary, nullable=False, comment="keyed hash of the network address")
    at = sa.Column(Moment, nullable=False)

    # accept and the desk: the other calls from this source
    __table_args__ = (sa.Index("ix_danger_call_source", "source_hash", "at"),)
