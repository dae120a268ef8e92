"""ticket_clock: one clock of a ticket, running or stopped: rule, deadline, pauses, who has been reminded."""

import sqlalchemy as sa

from actions.storage.base import Base, Json, Moment


class TicketClock(Base):
    __tablename__ = "ticket_clock"

    id = sa.Column(sa.BigInteger, primary_key=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), nullable=False)
    clock = sa.Column(sa.Text, nullable=False, comment="id of config/service_levels/clocks.yaml")
    rule = sa.Column(sa.Text, nullable=False, comment="id of config/service_levels/due.yaml")
    unit_id = sa.Column(sa.Text, comment="whose figure of the rule counts")
    started_at = sa.Column(Moment, nullable=False)
    due_at = sa.Column(Moment, nullable=False)
    provisional = sa.Column(sa.Boolean, nullable=False, comment="rests on a year whose days off are not published")
    basis = sa.Column(sa.Text, nullable=False,
                      comment="digest of the calendar, rules and plan due_at was computed with")
    pauses = sa.Column(Json, nullable=False, default=list, comment="ended ones: reason, from, to")
    paused_at = sa.Column(Moment, comment="it stands still since then")
    paused_for = sa.Column(sa.Text, comment="id of config/service_levels/pauses.yaml")
    extended_to = sa.Column(sa.Date, comment="last day of a granted extension")
    told = sa.Column(Json, nullable=False, default=list, comment="ids of the reminders that have gone out")
    stopped_at = sa.Column(Moment)

    __table_args__ = (
        sa.CheckConstraint("(paused_at IS NULL) = (paused_for IS NULL)", name="pause_has_reason"),
        sa.CheckConstraint("stopped_at IS NULL OR paused_at IS NULL", name="stopped_is_not_paused"),
        # ticket page: its clocks; one running clock of a kind
        sa.Index("ix_ticket_clock_ticket", "ticket_id"),
        sa.Index("uq_ticket_clock_running", "ticket_id", "clock", unique=True,
                 postgresql_where=sa.text("stopped_at IS NULL")),
        # the daily list: what is overdue
        sa.Index("ix_ticket_clock_due", "due_at", postgresql_where=sa.text("stopped_at IS NULL")),
        # upkeep: clocks that rest on an older calendar or rule
        sa.Index("ix_ticket_clock_basis", "basis", postgresql_where=sa.text("stopped_at IS NULL")),
    )
