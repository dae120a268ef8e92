"""aid: what was given at once, before any paper. A row is never changed but for its second signature, never deleted."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment


class Aid(Base):
    __tablename__ = "aid"

    id = sa.Column(sa.BigInteger, primary_key=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), nullable=False, index=True)
    object = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted: who received it")
    circumstance = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted: the urgent circumstance")
    form = sa.Column(sa.Text, nullable=False, comment="an option of the command give_aid")
    amount = sa.Column(sa.Numeric(12, 2), nullable=False, comment="yuan, goods by their worth")
    given_at = sa.Column(Moment, nullable=False)
    handler = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    recorded_at = sa.Column(Moment, nullable=False)
    second = sa.Column(sa.ForeignKey("staff.id"), comment="who confirmed it, at once or afterwards")
    second_at = sa.Column(Moment)

    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount_is_positive"),
        sa.CheckConstraint("(second IS NULL) = (second_at IS NULL)", name="second_with_moment"),
        sa.CheckConstraint("second <> handler", name="two_persons"),
        # desk, aid that waits for its second signature
        sa.Index("ix_aid_alone", "recorded_at", postgresql_where=sa.text("second IS NULL")),
    )
