"""place_ruling: append-only decisions of the desk about places. place_alias: names heard that wait for a decision."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment, one_of


class PlaceRuling(Base):
    __tablename__ = "place_ruling"

    id = sa.Column(sa.BigInteger, primary_key=True, comment="goes up: a table version names the last one read")
    kind = sa.Column(sa.Text, nullable=False)
    name = sa.Column(sa.Text, comment="a road, estate or community, never a person or a whole address")
    unit_id = sa.Column(sa.Text)
    number_from = sa.Column(sa.Integer)
    number_to = sa.Column(sa.Integer)
    parity = sa.Column(sa.Text, nullable=False, default="")
    valid_from = sa.Column(sa.Date, nullable=False)
    withdraws = sa.Column(sa.ForeignKey("place_ruling.id"), comment="the ruling that ends on valid_from")
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), index=True)
    staff_id = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    created_at = sa.Column(Moment, nullable=False)

    __table_args__ = (
        one_of("kind", "kind", "override", "alias", "withdrawal"),
        sa.CheckConstraint("(kind = 'withdrawal') = (withdraws IS NOT NULL)", name="withdrawal_names_a_ruling"),
        sa.CheckConstraint("kind = 'withdrawal' OR name IS NOT NULL AND unit_id IS NOT NULL", name="ruling_has_place"),
    )


class PlaceAlias(Base):
    __tablename__ = "place_alias"

    id = sa.Column(sa.BigInteger, primary_key=True)
    name = sa.Column(sa.Text, nullable=False)
    unit_id = sa.Column(sa.Text, nullable=False)
    seen = sa.Column(sa.Integer, nullable=False, comment="how many accepted tickets bore the name")
    state = sa.Column(sa.Text, nullable=False)
    last_event_id = sa.Column(sa.ForeignKey("ticket_event.id"), nullable=False, comment="acceptance counted last")
    decided_by = sa.Column(sa.ForeignKey("staff.id"))
    decided_at = sa.Column(Moment)
    created_at = sa.Column(Moment, nullable=False)

    __table_args__ = (
        sa.UniqueConstraint("name", "unit_id"),
        one_of("state", "state", "proposed", "approved", "rejected"),
    )
