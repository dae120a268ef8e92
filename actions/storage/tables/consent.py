"""consent: which notice was shown, in which version, and what the resident said. Append-only."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment, one_of


class Consent(Base):
    __tablename__ = "consent"

    id = sa.Column(sa.BigInteger, primary_key=True)
    contact_id = sa.Column(sa.ForeignKey("contact.id"), nullable=False, index=True)
    conversation_id = sa.Column(sa.ForeignKey("conversation.id"), nullable=False)
    notice = sa.Column(sa.Text, nullable=False)
    version = sa.Column(sa.Text, nullable=False)
    channel = sa.Column(sa.Text, nullable=False)
    answer = sa.Column(sa.Text, nullable=False)
    at = sa.Column(Moment, nullable=False)

    __table_args__ = (one_of("answer", "answer", "given", "declined", "withdrawn", "unsure"),)
