"""ticket: one request for temporary assistance and who answers for it. ticket_event: append-only history."""

import sqlalchemy as sa

from actions.storage.base import Base, Json, Moment, one_of

DANGER, OPEN = sa.text("(urgency = 'life_danger') DESC"), sa.text("closed_at IS NULL")


class Ticket(Base):
    __tablename__ = "ticket"

    id = sa.Column(sa.BigInteger, primary_key=True)
    number = sa.Column(sa.Text, nullable=False, unique=True)
    query_code_hash = sa.Column(sa.LargeBinary, nullable=False)
    conversation_id = sa.Column(sa.ForeignKey("conversation.id"), index=True)
    contact_id = sa.Column(sa.ForeignKey("contact.id"), index=True)
    person_id = sa.Column(sa.ForeignKey("person.id"))
    state = sa.Column(sa.Text, nullable=False)
    version = sa.Column(sa.Integer, nullable=False, default=1, comment="raised by every command; a stale page is told")
    desk = sa.Column(sa.Text, nullable=False, comment="who answers for it now: a unit, the district, or outside")
    unit_id = sa.Column(sa.Text, comment="config/places id of the responsible unit")
    unit_name = sa.Column(sa.Text)
    district = sa.Column(sa.Text, comment="parent of the unit, or the receiving district outside the area")
    programme = sa.Column(sa.Text, nullable=False)
    event_kind = sa.Column(sa.Text)
    aid_first = sa.Column(sa.Boolean, nullable=False, default=False)
    urgency = sa.Column(sa.Text, nullable=False, default="none")
    discreet = sa.Column(sa.Boolean, nullable=False, default=False, comment="nothing is sent unasked")
    minor = sa.Column(sa.Boolean, nullable=False, default=False, server_default="false", comment="restricted view")
    surge_id = sa.Column(sa.ForeignKey("surge.id"), comment="opened while this surge was on")
    legal_basis = sa.Column(sa.Text, nullable=False, comment="consent, statutory duty, or emergency")
    read_back = sa.Column(sa.Text, nullable=False, default="none", comment="confirmed by the resident, or not")
    facts = sa.Column(Json, nullable=False)
    event_place = sa.Column(sa.LargeBinary, comment="encrypted: the place in the resident's words")
    event_point = sa.Column(sa.LargeBinary, comment="encrypted: latitude, longitude and datum as sent, never converted")
    household_place = sa.Column(sa.LargeBinary, comment="encrypted")
    household_unit_name = sa.Column(sa.Text)
    phone = sa.Column(sa.LargeBinary, comment="encrypted")
    source = sa.Column(sa.Text, nullable=False, default="bot")
    sent_up = sa.Column(sa.Boolean, nullable=False, default=False, server_default=sa.false(),
                        comment="above the unit's limit: the district reviews and approves")
    due_at = sa.Column(Moment, nullable=False)
    due_rule = sa.Column(sa.Text, nullable=False)
    due_provisional = sa.Column(sa.Boolean, nullable=False, default=False)
    due_state = sa.Column(sa.Text, nullable=False, default="runs", server_default="runs",
                          comment="of the clock that due_at is of")
    created_at = sa.Column(Moment, nullable=False)
    closed_at = sa.Column(Moment, comment="since when nobody owes work on it; none while it is open")
    accepted_at = sa.Column(Moment)
    accepted_by = sa.Column(sa.ForeignKey("staff.id"))

    __table_args__ = (
        one_of("desk", "desk", "unit", "district", "outside"),
        one_of("due_state", "due_state", "runs", "paused", "stopped"),
        one_of("urgency", "urgency", "none", "urgent", "life_danger"),
        one_of("legal_basis", "legal_basis", "consent", "duty", "emergency"),
        # somebody is accountable, always: the unit, else the district, also until somebody outside accepts
        sa.CheckConstraint("(desk = 'unit') = (unit_id IS NOT NULL)", name="unit_desk_has_unit"),
        sa.CheckConstraint("unit_id <> ''", name="unit_has_a_name"),
        # an officer's list /desk/tickets: life in danger first, then the earliest deadline; open ones, and all
        sa.Index("ix_ticket_unit_open_list", "unit_id", DANGER, "due_at", "id", postgresql_where=OPEN),
        sa.Index("ix_ticket_unit_list", "unit_id", DANGER, "due_at", "id"),
        # an officer's list /desk/tickets: how many in each state
        sa.Index("ix_ticket_unit_count", "unit_id", "state"),
        # the list /desk/tickets narrowed to what one has accepted
        sa.Index("ix_ticket_taken_count", "accepted_by", "state"),
        # the district's list /desk/tickets: the same over all units
        sa.Index("ix_ticket_open_list", DANGER, "due_at", "id", postgresql_where=OPEN),
        sa.Index("ix_ticket_list", DANGER, "due_at", "id"),
        sa.Index("ix_ticket_count", "state"),
    )


class TicketEvent(Base):
    __tablename__ = "ticket_event"

    id = sa.Column(sa.BigInteger, primary_key=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), nullable=False, index=True)
    kind = sa.Column(sa.Text, nullable=False)
    actor = sa.Column(sa.Text, nullable=False, comment="bot, system, or staff:<id>")
    data = sa.Column(Json, nullable=False, default=dict)
    state = sa.Column(sa.Text, comment="where the ticket stood after it")
    version = sa.Column(sa.Integer, comment="the ticket's version after it; none for what was noted without its lock")
    at = sa.Column(Moment, nullable=False)
