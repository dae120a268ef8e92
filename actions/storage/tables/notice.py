"""notice: what is to be said to whom, and why. Knows persons, never apps; the courier's post finds the way."""

import sqlalchemy as sa

from actions.storage.base import Base, Json, Moment, one_of


class Notice(Base):
    __tablename__ = "notice"

    id = sa.Column(sa.BigInteger, primary_key=True)
    event_id = sa.Column(sa.ForeignKey("ticket_event.id"), nullable=False)
    recipient = sa.Column(sa.Text, nullable=False, comment="resident, or unit:<id>")
    kind = sa.Column(sa.Text, nullable=False, comment="id of a reply in config/replies")
    parameters = sa.Column(Json, nullable=False, default=dict)
    state = sa.Column(sa.Text, nullable=False, default="waiting")
    created_at = sa.Column(Moment, nullable=False)
    message_id = sa.Column(sa.ForeignKey("message.id"))

    __table_args__ = (
        sa.UniqueConstraint("event_id", "recipient", "kind"),
        one_of("state", "state", "waiting", "held", "posted", "silent"),
        # courier: what is still to be said, oldest first
        sa.Index("ix_notice_open", "id", postgresql_where=sa.text("state IN ('waiting', 'held')")),
    )
