"""message: inbox, outbox and transcript are three views of this one table. Beside it: attempts and drafts."""

import sqlalchemy as sa

from actions.storage.base import Base, Json, Moment, one_of


class Message(Base):
    __tablename__ = "message"

    id = sa.Column(sa.BigInteger, primary_key=True)
    conversation_id = sa.Column(sa.ForeignKey("conversation.id"), nullable=False)
    contact_id = sa.Column(sa.ForeignKey("contact.id"), nullable=False)
    seq = sa.Column(sa.Integer, nullable=False)
    author = sa.Column(sa.Text, nullable=False)
    kind = sa.Column(sa.Text, nullable=False, default="text")
    text = sa.Column(sa.Text, nullable=False)
    buttons = sa.Column(Json, comment="[{id, title, value}]; the app sees id and title only")
    press = sa.Column(Json, comment="{asks, value} of the button a resident pressed")
    secrets = sa.Column(sa.LargeBinary, comment="encrypted JSON of what was masked in the text, such as phones")
    external_id = sa.Column(sa.Text, comment="the app's own identity of the message")
    waiting = sa.Column(sa.Boolean, nullable=False, default=False, comment="a turn has still to read it")
    handed_over = sa.Column(sa.Boolean, nullable=False, default=False, comment="a person answers it, not the bot")
    answers = sa.Column(sa.Integer, comment="seq of the resident's message this one answers")
    asks = sa.Column(sa.Text, comment="the fact this message asks for")
    danger = sa.Column(Json, comment="gates that fired: [{gate, level}]")
    staff_id = sa.Column(sa.ForeignKey("staff.id"))
    created_at = sa.Column(Moment, nullable=False)

    __table_args__ = (
        sa.UniqueConstraint("conversation_id", "seq"),
        sa.UniqueConstraint("contact_id", "external_id"),
        one_of("author", "author", "resident", "bot", "operator", "system"),
        one_of("kind", "kind", "text", "press", "location", "photo", "document", "voice", "contact", "note"),
        # the engine's claim: the oldest waiting message of each conversation
        sa.Index("ix_message_waiting", "conversation_id", "id", postgresql_where=sa.text("waiting")),
    )


class TurnAttempt(Base):
    __tablename__ = "turn_attempt"

    id = sa.Column(sa.BigInteger, primary_key=True)
    message_id = sa.Column(sa.ForeignKey("message.id"), nullable=False, index=True)
    worker = sa.Column(sa.Text, nullable=False)
    started_at = sa.Column(Moment, nullable=False)


class Draft(Base):
    """A reply that was overtaken by a person: kept for the operator, never sent by itself."""

    __tablename__ = "draft"

    id = sa.Column(sa.BigInteger, primary_key=True)
    conversation_id = sa.Column(sa.ForeignKey("conversation.id"), nullable=False, index=True)
    answers = sa.Column(sa.Integer)
    text = sa.Column(sa.Text, nullable=False)
    created_at = sa.Column(Moment, nullable=False)
