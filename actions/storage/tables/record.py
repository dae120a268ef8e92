"""screening_record, route_record: append-only, complete enough to be replayed years later."""

import sqlalchemy as sa

from actions.storage.base import Base, Json, Moment


class ScreeningRecord(Base):
    __tablename__ = "screening_record"

    id = sa.Column(sa.BigInteger, primary_key=True)
    conversation_id = sa.Column(sa.ForeignKey("conversation.id"), index=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), index=True)
    ruleset = sa.Column(sa.Text, nullable=False)
    as_of = sa.Column(sa.Date, nullable=False)
    region = sa.Column(sa.Text, nullable=False)
    answers = sa.Column(Json, nullable=False)
    outcome = sa.Column(Json, nullable=False)
    created_at = sa.Column(Moment, nullable=False)


class RouteRecord(Base):
    __tablename__ = "route_record"

    id = sa.Column(sa.BigInteger, primary_key=True)
    conversation_id = sa.Column(sa.ForeignKey("conversation.id"), index=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), index=True)
    table_version = sa.Column(sa.Text, nullable=False)
    as_of = sa.Column(sa.Date, nullable=False)
    text = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted: the words the route was read from")
    outcome = sa.Column(Json, nullable=False)
    created_at = sa.Column(Moment, nullable=False)
