"""delivery: one row per outgoing message and try; tells whether the app took it."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment, one_of


class Delivery(Base):
    __tablename__ = "delivery"

    id = sa.Column(sa.BigInteger, primary_key=True)
    message_id = sa.Column(sa.ForeignKey("message.id"), nullable=False)
    conversation_id = sa.Column(sa.ForeignKey("conversation.id"), nullable=False)
    seq = sa.Column(sa.Integer, nullable=False, comment="the message's seq: order within the conversation")
    channel = sa.Column(sa.Text, nullable=False)
    try_number = sa.Column(sa.Integer, nullable=False, default=1)
    state = sa.Column(sa.Text, nullable=False, default="waiting")
    due_at = sa.Column(Moment, nullable=False, comment="not before this moment")
    external_id = sa.Column(sa.Text, comment="the app's identity of what it took")
    error = sa.Column(sa.Text, comment="kind of error, never its content")
    changed_at = sa.Column(Moment, nullable=False)
    claimed_by = sa.Column(sa.Text, comment="host:pid of the process that is sending it")

    __table_args__ = (
        sa.UniqueConstraint("message_id", "try_number"),
        one_of("state", "state", "waiting", "sending", "sent", "retried", "unclear", "failed"),
        # the courier's claim and the page's "seen up to": what is not out yet, in order
        sa.Index(
            "ix_delivery_open", "conversation_id", "seq", postgresql_where=sa.text("state IN ('waiting', 'sending')")
        ),
    )
