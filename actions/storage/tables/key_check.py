"""key_check: one row that says which field key this database was written with; another key is refused at start."""

import sqlalchemy as sa

from actions.storage.base import Base


class KeyCheck(Base):
    __tablename__ = "key_check"

    id = sa.Column(sa.Integer, primary_key=True)
    fingerprint = sa.Column(sa.LargeBinary, nullable=False, comment="keyed hash of a fixed word")

    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)
