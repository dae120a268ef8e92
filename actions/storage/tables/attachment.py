"""attachment: a file a resident sent; the app is asked for its content afterwards, and it is kept encrypted."""

import sqlalchemy as sa
from sqlalchemy.orm import deferred

from actions.storage.base import Base, Moment, one_of


class Attachment(Base):
    __tablename__ = "attachment"

    id = sa.Column(sa.BigInteger, primary_key=True)
    message_id = sa.Column(sa.ForeignKey("message.id"), nullable=False, unique=True)
    channel = sa.Column(sa.Text, nullable=False)
    state = sa.Column(sa.Text, nullable=False, default="waiting")
    due_at = sa.Column(Moment, nullable=False, comment="not asked for before this moment")
    tries = sa.Column(sa.Integer, nullable=False, default=0)
    size = sa.Column(sa.BigInteger, comment="bytes, as the app says or as they were")
    content = deferred(sa.Column(sa.LargeBinary, comment="encrypted"))
    changed_at = sa.Column(Moment, nullable=False)

    __table_args__ = (
        one_of("state", "state", "waiting", "kept", "too_large", "gone"),
        # courier: what is still to be fetched, oldest first
        sa.Index("ix_attachment_open", "channel", "due_at", postgresql_where=sa.text("state = 'waiting'")),
    )
