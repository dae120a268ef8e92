"""relative: a declared tie between a staff member and a person: by ticket, phone or identity number. Append-only."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment


class Relative(Base):
    __tablename__ = "relative"

    id = sa.Column(sa.BigInteger, primary_key=True)
    staff_id = sa.Column(sa.ForeignKey("staff.id"), nullable=False, index=True)
    relation = sa.Column(sa.Text, nullable=False, comment="an option of the command declare_tie")
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), index=True)
    phone_hash = sa.Column(sa.LargeBinary, comment="keyed; the number itself is not kept")
    identity_hash = sa.Column(sa.LargeBinary, comment="keyed; the number itself is not kept")
    name = sa.Column(sa.LargeBinary, comment="encrypted")
    declared_by = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    declared_at = sa.Column(Moment, nullable=False)
    withdrawn_by = sa.Column(sa.ForeignKey("staff.id"))
    withdrawn_at = sa.Column(Moment)

    __table_args__ = (
        sa.CheckConstraint(
            "ticket_id IS NOT NULL OR phone_hash IS NOT NULL OR identity_hash IS NOT NULL", name="names_somebody"
        ),
        sa.CheckConstraint("(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="withdrawn_by_somebody"),
        # a tie is not undone by whom it binds
        sa.CheckConstraint("withdrawn_by <> staff_id", name="withdrawn_by_another"),
    )
