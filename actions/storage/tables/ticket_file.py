"""ticket_file: what staff put beside a command, such as the picture of a signature; kept encrypted."""

import sqlalchemy as sa
from sqlalchemy.orm import deferred

from actions.storage.base import Base, Moment


class TicketFile(Base):
    __tablename__ = "ticket_file"

    id = sa.Column(sa.BigInteger, primary_key=True)
    # ticket page: the files named in its history
    event_id = sa.Column(sa.ForeignKey("ticket_event.id"), nullable=False, index=True)
    field = sa.Column(sa.Text, nullable=False, comment="id of the field of the command")
    kind = sa.Column(sa.Text, nullable=False, comment="media type, as its first bytes say")
    size = sa.Column(sa.BigInteger, nullable=False)
    content = deferred(sa.Column(sa.LargeBinary, nullable=False, comment="encrypted"))
    created_at = sa.Column(Moment, nullable=False)
