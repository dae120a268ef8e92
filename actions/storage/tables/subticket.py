"""subticket: one part of a ticket that a department was asked for (协办). sharing_consent: who may be told of whom."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from actions.storage.base import Base, Json, Moment, one_of

OPEN = sa.text("state IN ('sent', 'accepted')")


class Subticket(Base):
    __tablename__ = "subticket"

    id = sa.Column(sa.BigInteger, primary_key=True)
    number = sa.Column(sa.Text, nullable=False, unique=True, comment="its own: nobody there learns the ticket's")
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), nullable=False)
    department = sa.Column(sa.Text, nullable=False, comment="id of config/tickets/departments.yaml")
    request = sa.Column(sa.Text, nullable=False, comment="what it is asked, id of the same file")
    state = sa.Column(sa.Text, nullable=False)
    version = sa.Column(sa.Integer, nullable=False, default=1)
    owner = sa.Column(sa.Text, nullable=False, comment="who has to do something about it now")
    owner_since = sa.Column(Moment, nullable=False)
    words = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted: what the department is asked to do")
    fields = sa.Column(ARRAY(sa.Text), nullable=False, comment="what of the person it is shown while it works on it")
    basis = sa.Column(sa.Text, nullable=False, comment="why it may be told")
    cite = sa.Column(sa.Text, nullable=False, comment="the article, as it was when it was handed over")
    consent_id = sa.Column(sa.ForeignKey("sharing_consent.id"))
    outcome = sa.Column(sa.Text, comment="id of config/tickets/departments.yaml")
    due_at = sa.Column(Moment, comment="none where no time was promised")
    due_rule = sa.Column(sa.Text)
    sent_by = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    sent_at = sa.Column(Moment, nullable=False)
    told_at = sa.Column(Moment, comment="the resident was told that it was asked")
    replied_at = sa.Column(Moment, comment="the resident was told what became of it")

    __table_args__ = (
        one_of("state", "state", "sent", "accepted", "answered", "returned", "called_back"),
        one_of("owner", "owner", "department", "township", "nobody"),
        # somebody owes the next step, and only the department while it is open
        sa.CheckConstraint("(state IN ('sent', 'accepted')) = (owner = 'department')", name="open_is_the_departments"),
        sa.CheckConstraint("(state = 'answered') = (outcome IS NOT NULL)", name="answered_with_an_outcome"),
        sa.CheckConstraint("basis <> 'consent' OR consent_id IS NOT NULL", name="consent_is_on_record"),
        # two officers, one department: one open at a time
        sa.Index("uq_subticket_open", "ticket_id", "department", unique=True, postgresql_where=OPEN),
        # page of a ticket, progress page: what was asked of whom
        sa.Index("ix_subticket_ticket", "ticket_id"),
        # list of a department /desk/subtickets
        sa.Index("ix_subticket_department", "department", "owner", "id"),
        # tasks of a township /desk/checks, daily list /desk/stuck
        sa.Index("ix_subticket_owed", "owner", "owner_since", postgresql_where=sa.text("owner <> 'nobody'")),
    )


class SubticketEvent(Base):
    """Append-only."""

    __tablename__ = "subticket_event"

    id = sa.Column(sa.BigInteger, primary_key=True)
    subticket_id = sa.Column(sa.ForeignKey("subticket.id"), nullable=False, index=True)
    kind = sa.Column(sa.Text, nullable=False)
    actor = sa.Column(sa.Text, nullable=False, comment="system, resident, or staff:<id>")
    data = sa.Column(Json, nullable=False, default=dict)
    state = sa.Column(sa.Text, nullable=False, comment="where it stood after it")
    version = sa.Column(sa.Integer, nullable=False)
    at = sa.Column(Moment, nullable=False)


class SharingConsent(Base):
    """What the person said about one recipient and one purpose (个人信息保护法 23). Rows end, they are not deleted."""

    __tablename__ = "sharing_consent"

    id = sa.Column(sa.BigInteger, primary_key=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), nullable=False)
    department = sa.Column(sa.Text, nullable=False)
    request = sa.Column(sa.Text, nullable=False)
    recipient = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted: full name and how to reach it")
    fields = sa.Column(ARRAY(sa.Text), nullable=False, comment="what they were told would be shown")
    answer = sa.Column(sa.Text, nullable=False)
    given_by = sa.Column(sa.Text, nullable=False)
    way = sa.Column(sa.Text, nullable=False)
    asked_on = sa.Column(sa.Date, nullable=False)
    noted_by = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    noted_at = sa.Column(Moment, nullable=False)
    ended_at = sa.Column(Moment, comment="withdrawn, or asked anew")
    ended_by = sa.Column(sa.Text)

    __table_args__ = (
        one_of("answer", "answer", "given", "declined"),
        one_of("given_by", "given_by", "self", "guardian"),
        one_of("way", "way", "face", "phone", "paper", "talk"),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_somebody"),
        # handing over, page of a ticket: what holds now; one answer for each department
        sa.Index("uq_sharing_consent_holds", "ticket_id", "department", unique=True,
                 postgresql_where=sa.text("ended_at IS NULL")),
    )
