"""conversation: who speaks with a contact now, in which order, and what has been understood so far."""

import sqlalchemy as sa

from actions.storage.base import Base, Json, Moment, one_of


class Conversation(Base):
    __tablename__ = "conversation"

    id = sa.Column(sa.BigInteger, primary_key=True)
    contact_id = sa.Column(sa.ForeignKey("contact.id"), nullable=False)
    mode = sa.Column(sa.Text, nullable=False, default="bot")
    owner_id = sa.Column(sa.ForeignKey("staff.id"), comment="the operator while mode is human")
    epoch = sa.Column(sa.Integer, nullable=False, default=0, comment="raised whenever somebody else speaks from now on")
    last_seq = sa.Column(sa.Integer, nullable=False, default=0)
    waiting_since = sa.Column(Moment, comment="somebody asked for a person, or a person is needed")
    waiting_reason = sa.Column(sa.Text)
    danger = sa.Column(sa.Text, nullable=False, default="none")
    danger_at = sa.Column(Moment)
    dialogue = sa.Column(Json, comment="the cut Rasa tracker and the fingerprint of its model")
    facts = sa.Column(Json, nullable=False, default=dict, comment="actions.turn.Facts.as_json()")
    created_at = sa.Column(Moment, nullable=False)
    last_message_at = sa.Column(Moment, nullable=False)
    last_resident_at = sa.Column(Moment)

    __table_args__ = (
        one_of("mode", "mode", "bot", "human", "closed"),
        one_of("danger", "danger", "none", "past", "now"),
        sa.CheckConstraint("(mode = 'human') = (owner_id IS NOT NULL)", name="human_has_owner"),
        # at most one open conversation per contact: accept finds or makes it
        sa.Index("ux_conversation_open", "contact_id", unique=True, postgresql_where=sa.text("mode <> 'closed'")),
        # desk, queue pane: who waits for a person, oldest first
        sa.Index("ix_conversation_queue", "waiting_since", postgresql_where=sa.text("waiting_since IS NOT NULL")),
        # desk, "mine" pane
        sa.Index("ix_conversation_owner", "owner_id", postgresql_where=sa.text("owner_id IS NOT NULL")),
        # desk, list of all conversations, newest first
        sa.Index("ix_conversation_recent", "last_message_at"),
    )
