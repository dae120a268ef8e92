"""delegation: who may do one thing in whose place, from when until when. Ended, never deleted."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment


class Delegation(Base):
    __tablename__ = "delegation"

    id = sa.Column(sa.BigInteger, primary_key=True)
    from_staff = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    to_staff = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    permission = sa.Column(sa.Text, nullable=False)
    starts_at = sa.Column(Moment, nullable=False)
    ends_at = sa.Column(Moment, nullable=False, comment="the first moment it does not hold any more")
    reason = sa.Column(sa.Text, nullable=False)
    recorded_by = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    recorded_at = sa.Column(Moment, nullable=False)
    ended_by = sa.Column(sa.ForeignKey("staff.id"))
    ended_at = sa.Column(Moment)

    __table_args__ = (
        sa.CheckConstraint("from_staff <> to_staff", name="to_another"),
        sa.CheckConstraint("starts_at < ends_at", name="ends_after_start"),
        sa.CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name="ended_by_somebody"),
        # every request of a signed-in person: what is delegated to them now
        sa.Index("ix_delegation_to", "to_staff", "ends_at"),
    )
