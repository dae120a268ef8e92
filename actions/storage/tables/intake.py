"""intake: how a ticket came that no conversation opened. surge: many of one cause at once. api_key: other systems."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment, one_of


class Intake(Base):
    __tablename__ = "intake"

    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), primary_key=True)
    source = sa.Column(sa.Text, nullable=False, comment="id of config/tickets/sources.yaml")
    caller = sa.Column(sa.Text, nullable=False, comment="staff:<id> or api:<id>")
    external_id = sa.Column(sa.Text, nullable=False, comment="the caller's own id of this request")
    body_hash = sa.Column(sa.LargeBinary, nullable=False, comment="keyed hash of what was sent under that id")
    reference = sa.Column(sa.LargeBinary, comment="encrypted: number of the letter or of the other system")
    told = sa.Column(sa.LargeBinary, comment="encrypted: what was said or written")
    # who told of somebody else. Hidden from the person concerned and from everything that person is told
    reporter_name = sa.Column(sa.LargeBinary, comment="encrypted")
    reporter_phone = sa.Column(sa.LargeBinary, comment="encrypted")
    reporter_hidden = sa.Column(sa.Boolean, nullable=False, default=False, comment="also from the unit that works it")
    consent = sa.Column(sa.Text, nullable=False, default="not_needed", comment="of the person concerned")
    finding = sa.Column(sa.Text, nullable=False, default="not_needed", comment="of the look in the field")
    merged_into = sa.Column(sa.ForeignKey("ticket.id"), index=True)
    created_at = sa.Column(Moment, nullable=False)

    __table_args__ = (
        # the same request sent twice is one ticket
        sa.UniqueConstraint("caller", "external_id"),
        one_of("consent", "consent", "not_needed", "open", "given", "declined", "unable"),
        one_of("finding", "finding", "not_needed", "open", "in_need", "no_need", "not_found"),
    )


class Surge(Base):
    """A switch that staff set for a time: 疫情, 灾情. Rows end, they are not deleted."""

    __tablename__ = "surge"

    id = sa.Column(sa.BigInteger, primary_key=True)
    cause = sa.Column(sa.Text, nullable=False, comment="id of config/tickets/causes.yaml")
    reason = sa.Column(sa.Text, nullable=False, comment="what happened; no person is named here")
    starts_at = sa.Column(Moment, nullable=False)
    ends_at = sa.Column(Moment, nullable=False)
    staff_id = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    created_at = sa.Column(Moment, nullable=False)
    ended_at = sa.Column(Moment, comment="switched off before its time")
    ended_by = sa.Column(sa.ForeignKey("staff.id"))

    __table_args__ = (
        sa.CheckConstraint("ends_at > starts_at", name="ends_after_it_starts"),
        # every opening of a ticket: is a surge on for its cause
        sa.Index("ix_surge_cause", "cause", "ends_at"),
    )


class ApiKey(Base):
    __tablename__ = "api_key"

    id = sa.Column(sa.BigInteger, primary_key=True)
    name = sa.Column(sa.Text, nullable=False, unique=True, comment="which system of whom")
    token_hash = sa.Column(sa.LargeBinary, nullable=False, unique=True)
    active = sa.Column(sa.Boolean, nullable=False, default=True)
    created_at = sa.Column(Moment, nullable=False)
