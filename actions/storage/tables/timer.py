"""timer: what is due later is a row; claimed, done and deleted in one transaction."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment


class Timer(Base):
    __tablename__ = "timer"

    id = sa.Column(sa.BigInteger, primary_key=True)
    kind = sa.Column(sa.Text, nullable=False)
    ref = sa.Column(sa.Text, nullable=False)
    due_at = sa.Column(Moment, nullable=False, index=True, comment="courier: what has come due")

    __table_args__ = (sa.UniqueConstraint("kind", "ref"),)
