"""staff: who may sign in, with which role, for which unit. session: one signed-in browser."""

import sqlalchemy as sa

from actions.storage.base import Base, Moment


class Staff(Base):
    __tablename__ = "staff"

    id = sa.Column(sa.BigInteger, primary_key=True)
    login = sa.Column(sa.Text, nullable=False, unique=True)
    name = sa.Column(sa.Text, nullable=False)
    role = sa.Column(sa.Text, nullable=False, comment="id of config/roles/roles.yaml")
    unit_id = sa.Column(sa.Text, comment="officers and heads work for one unit")
    department = sa.Column(sa.Text, comment="id of config/tickets/departments.yaml, for people of another department")
    password_hash = sa.Column(sa.Text, nullable=False)
    must_change_password = sa.Column(sa.Boolean, nullable=False, default=False)
    active = sa.Column(sa.Boolean, nullable=False, default=True)
    failed_signins = sa.Column(sa.Integer, nullable=False, default=0)
    locked_until = sa.Column(Moment)
    created_at = sa.Column(Moment, nullable=False)
    at_desk_at = sa.Column(Moment, comment="an operator's page was open at this moment")


class StaffSession(Base):
    __tablename__ = "session"

    id = sa.Column(sa.BigInteger, primary_key=True)
    token_hash = sa.Column(sa.LargeBinary, nullable=False, unique=True)
    csrf = sa.Column(sa.Text, nullable=False)
    staff_id = sa.Column(sa.ForeignKey("staff.id"), nullable=False, index=True)
    created_at = sa.Column(Moment, nullable=False)
    expires_at = sa.Column(Moment, nullable=False)
