"""progress_try: wrong tries at a ticket number, whether there is such a ticket or not; five lock it for an hour."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment


class ProgressTry(Base):
    __tablename__ = "progress_try"

    id = sa.Column(sa.BigInteger, primary_key=True)
    number_hash = sa.Column(sa.LargeBinary, nullable=False, unique=True, comment="keyed hash of the number as typed")
    tries = sa.Column(sa.Integer, nullable=False)
    locked_until = sa.Column(Moment)
    changed_at = sa.Column(Moment, nullable=False)
