"""contact: one person's address on one channel. person: joins contacts, made by staff or by proof, never by guess."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment


class Person(Base):
    __tablename__ = "person"

    id = sa.Column(sa.BigInteger, primary_key=True)
    name = sa.Column(sa.LargeBinary, comment="encrypted")
    identity = sa.Column(sa.LargeBinary, comment="encrypted identity number")
    identity_hash = sa.Column(sa.LargeBinary, unique=True, comment="keyed hash, for matching only")
    created_at = sa.Column(Moment, nullable=False)


class Contact(Base):
    __tablename__ = "contact"

    id = sa.Column(sa.BigInteger, primary_key=True)
    channel = sa.Column(sa.Text, nullable=False)
    address = sa.Column(sa.LargeBinary, comment="encrypted; absent where the channel only knows a token")
    address_hash = sa.Column(sa.LargeBinary, nullable=False, comment="keyed hash of channel and address")
    person_id = sa.Column(sa.ForeignKey("person.id"))
    shared_device = sa.Column(sa.Boolean, nullable=False, default=False)
    created_at = sa.Column(Moment, nullable=False)
    last_seen_at = sa.Column(Moment, nullable=False)
    forgotten_at = sa.Column(Moment, comment="the person left this device: the address opens nothing any more")

    __table_args__ = (
        # every inbound message finds its contact by this pair
        sa.UniqueConstraint("channel", "address_hash"),
    )
