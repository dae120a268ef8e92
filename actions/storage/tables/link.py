"""link: a one-time address of our own page for a contact of another channel; once opened, that page."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment


class Link(Base):
    __tablename__ = "link"

    id = sa.Column(sa.BigInteger, primary_key=True)
    # a newer page ends the contact's older ones
    contact_id = sa.Column(sa.ForeignKey("contact.id"), nullable=False, index=True)
    token_hash = sa.Column(sa.LargeBinary, nullable=False, unique=True, comment="the token is only in the message")
    button_id = sa.Column(sa.Text, nullable=False, comment="the button it stands under: opening it is pressing that")
    created_at = sa.Column(Moment, nullable=False)
    expires_at = sa.Column(Moment, nullable=False)
    opened_at = sa.Column(Moment)
    page_hash = sa.Column(sa.LargeBinary, unique=True, comment="keyed hash of the cookie of the page it opened")
    page_until = sa.Column(Moment)
