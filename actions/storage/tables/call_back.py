"""call_back: a resident wants to be phoned; who tried and what came of it. One open task for each contact."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment, one_of


class CallBack(Base):
    __tablename__ = "call_back"

    id = sa.Column(sa.BigInteger, primary_key=True)
    contact_id = sa.Column(sa.ForeignKey("contact.id"), nullable=False)
    # desk, side pane of a conversation
    conversation_id = sa.Column(sa.ForeignKey("conversation.id"), nullable=False, index=True)
    phone = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted")
    wish = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted: when it suits, in the resident's words")
    state = sa.Column(sa.Text, nullable=False, default="open")
    opened_by = sa.Column(sa.Text, nullable=False, comment="resident, or staff:<id>")
    opened_at = sa.Column(Moment, nullable=False)
    closed_at = sa.Column(Moment)

    __table_args__ = (
        one_of("state", "state", "open", "done", "not_reached"),
        # asked for again: the one task gets the new number
        sa.Index("ux_call_back_open", "contact_id", unique=True, postgresql_where=sa.text("state = 'open'")),
        # desk, folder of call-backs: oldest first
        sa.Index("ix_call_back_queue", "opened_at", postgresql_where=sa.text("state = 'open'")),
    )


class CallBackTry(Base):
    """One call somebody made. Append-only."""

    __tablename__ = "call_back_try"

    id = sa.Column(sa.BigInteger, primary_key=True)
    call_back_id = sa.Column(sa.ForeignKey("call_back.id"), nullable=False, index=True)
    staff_id = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    outcome = sa.Column(sa.Text, nullable=False)
    at = sa.Column(Moment, nullable=False)

    __table_args__ = (one_of("outcome", "outcome", "reached", "no_answer", "given_up"),)
