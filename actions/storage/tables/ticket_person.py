"""ticket_person: the people a ticket is about. contact_join: which address belongs to which person, and who says so."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment, one_of


class TicketPerson(Base):
    __tablename__ = "ticket_person"

    id = sa.Column(sa.BigInteger, primary_key=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), nullable=False, index=True)
    role = sa.Column(sa.Text, nullable=False, comment="who this is to the ticket; a reporter never stands here")
    name = sa.Column(sa.LargeBinary, comment="encrypted")
    relation = sa.Column(sa.LargeBinary, comment="encrypted: to the applicant, in plain words")
    phone = sa.Column(sa.LargeBinary, comment="encrypted")
    phone_hash = sa.Column(sa.LargeBinary, comment="keyed hash, for matching only")
    identity = sa.Column(sa.LargeBinary, comment="encrypted; entered by staff only")
    identity_hash = sa.Column(sa.LargeBinary, comment="keyed hash, for matching only")
    minor = sa.Column(sa.Boolean, nullable=False, default=False)
    created_at = sa.Column(Moment, nullable=False)
    created_by = sa.Column(sa.Text, nullable=False)
    removed_at = sa.Column(Moment, comment="entered by mistake: not shown, not matched, never deleted")

    __table_args__ = (
        one_of("role", "role", "applicant", "member", "supporter", "proxy"),
        # one applicant: the household's others are members
        sa.Index("ux_ticket_person_applicant", "ticket_id", unique=True,
                 postgresql_where=sa.text("role = 'applicant' AND removed_at IS NULL")),
        # desk, page of a ticket: earlier tickets of the same people
        sa.Index("ix_ticket_person_phone", "phone_hash", postgresql_where=sa.text("phone_hash IS NOT NULL")),
        sa.Index("ix_ticket_person_identity", "identity_hash", postgresql_where=sa.text("identity_hash IS NOT NULL")),
    )


class ContactJoin(Base):
    """Append-only but for its end: joining can be undone, and both stay on record."""

    __tablename__ = "contact_join"

    id = sa.Column(sa.BigInteger, primary_key=True)
    contact_id = sa.Column(sa.ForeignKey("contact.id"), nullable=False)
    person_id = sa.Column(sa.ForeignKey("person.id"), nullable=False, index=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), nullable=False, index=True)
    how = sa.Column(sa.Text, nullable=False)
    reason = sa.Column(sa.LargeBinary, comment="encrypted")
    joined_at = sa.Column(Moment, nullable=False)
    joined_by = sa.Column(sa.Text, nullable=False)
    ended_at = sa.Column(Moment)
    ended_by = sa.Column(sa.Text)

    __table_args__ = (
        one_of("how", "how", "staff", "proof"),
        # desk, page of a ticket: what is joined to it; once at a time
        sa.Index("ux_contact_join_open", "contact_id", "ticket_id", unique=True,
                 postgresql_where=sa.text("ended_at IS NULL")),
    )
