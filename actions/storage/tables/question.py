"""open_question: what residents asked and nobody has a reviewed answer for yet; not tied to who asked."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment


class OpenQuestion(Base):
    __tablename__ = "open_question"

    id = sa.Column(sa.BigInteger, primary_key=True)
    intent = sa.Column(sa.Text, nullable=False)
    text = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted: people say more than they ask")
    asked_at = sa.Column(Moment, nullable=False, index=True, comment="youmen questions: the newest first")
