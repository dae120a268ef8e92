"""approval: one signature under a decision about a ticket. meeting: the record behind a special case. Append-only."""

import sqlalchemy as sa

from actions.storage.base import Base, Json, Moment, one_of


class Approval(Base):
    __tablename__ = "approval"

    id = sa.Column(sa.BigInteger, primary_key=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), nullable=False)
    round = sa.Column(sa.Integer, nullable=False, comment="a return for rework begins the next one")
    level = sa.Column(sa.Text, nullable=False)
    step = sa.Column(sa.Text, nullable=False)
    opinion = sa.Column(sa.Text, nullable=False)
    amount = sa.Column(sa.Numeric(12, 2), comment="yuan")
    special = sa.Column(sa.Boolean, nullable=False, default=False)
    staff_id = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    in_place_of = sa.Column(sa.ForeignKey("staff.id"), comment="who delegated the power")
    delegation_id = sa.Column(sa.ForeignKey("delegation.id"))
    limit_used = sa.Column(Json, nullable=False, comment="the limit as it stood at this moment, with its source")
    data = sa.Column(Json, nullable=False, default=dict, comment="ways and grounds by id; free text is sealed")
    note = sa.Column(sa.LargeBinary, comment="encrypted: opinion or written reason")
    at = sa.Column(Moment, nullable=False)

    __table_args__ = (
        one_of("level", "level", "township", "district"),
        one_of("step", "step", "propose", "review", "approve", "refuse"),
        one_of("opinion", "opinion", "give", "not_give"),
        sa.CheckConstraint("amount > 0", name="amount_is_positive"),
        sa.CheckConstraint("opinion = 'not_give' OR amount IS NOT NULL", name="giving_names_an_amount"),
        sa.CheckConstraint("(in_place_of IS NULL) = (delegation_id IS NULL)", name="in_place_by_delegation"),
        sa.CheckConstraint("in_place_of <> staff_id", name="in_place_of_another"),
        # whatever a program does: nobody signs twice in a round
        sa.UniqueConstraint("ticket_id", "round", "staff_id"),
    )


class Meeting(Base):
    __tablename__ = "meeting"

    id = sa.Column(sa.BigInteger, primary_key=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), nullable=False, index=True)
    held_on = sa.Column(sa.Date, nullable=False)
    attendees = sa.Column(Json, nullable=False, comment="names and offices of officials, as they are to be filed")
    record = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted")
    decision = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted")
    opinion = sa.Column(sa.Text, nullable=False)
    amount = sa.Column(sa.Numeric(12, 2), comment="yuan")
    recorded_by = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    recorded_at = sa.Column(Moment, nullable=False)

    __table_args__ = (
        one_of("opinion", "opinion", "give", "not_give"),
        sa.CheckConstraint("amount > 0", name="amount_is_positive"),
        sa.CheckConstraint("opinion = 'not_give' OR amount IS NOT NULL", name="giving_names_an_amount"),
    )
