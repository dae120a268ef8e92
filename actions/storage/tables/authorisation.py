"""authorisation: who lets the authorities check their means, each by themselves (核查授权); and what came of it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from actions.storage.base import Base, Moment, one_of


class Authorisation(Base):
    __tablename__ = "authorisation"

    id = sa.Column(sa.BigInteger, primary_key=True)
    ticket_id = sa.Column(sa.ForeignKey("ticket.id"), nullable=False, index=True)
    kind = sa.Column(sa.Text, nullable=False, comment="of the household, or of one supporter")
    scope = sa.Column(ARRAY(sa.Text), nullable=False, comment="ids of config/tickets/approval.yaml")
    asked_by = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    asked_at = sa.Column(Moment, nullable=False)

    __table_args__ = (
        one_of("kind", "kind", "household", "supporter"),
        sa.CheckConstraint("cardinality(scope) > 0", name="scope_is_said"),
    )


class AuthorisationMember(Base):
    __tablename__ = "authorisation_member"

    id = sa.Column(sa.BigInteger, primary_key=True)
    authorisation_id = sa.Column(sa.ForeignKey("authorisation.id"), nullable=False, index=True)
    role = sa.Column(sa.Text, nullable=False)
    name = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted")
    identity = sa.Column(sa.LargeBinary, comment="encrypted")
    identity_hash = sa.Column(sa.LargeBinary, comment="keyed")
    under_14 = sa.Column(sa.Boolean, nullable=False, default=False)
    guardian = sa.Column(sa.LargeBinary, comment="encrypted: who answers for a child")
    answer = sa.Column(sa.Text, nullable=False, default="waiting")
    channel = sa.Column(sa.Text)
    attachment_id = sa.Column(sa.ForeignKey("attachment.id"), comment="the signature image, where there is one")
    answered_at = sa.Column(Moment)
    noted_by = sa.Column(sa.ForeignKey("staff.id"), comment="who noted the answer")

    __table_args__ = (
        one_of("role", "role", "applicant", "member", "supporter"),
        one_of("answer", "answer", "waiting", "given", "declined", "withdrawn"),
        sa.CheckConstraint("(answer = 'waiting') = (answered_at IS NULL)", name="answered_at_a_moment"),
        sa.CheckConstraint("answer <> 'given' OR channel IS NOT NULL", name="given_through_a_channel"),
        sa.CheckConstraint("NOT under_14 OR answer <> 'given' OR guardian IS NOT NULL", name="guardian_for_a_child"),
    )


class CheckResult(Base):
    __tablename__ = "check_result"

    id = sa.Column(sa.BigInteger, primary_key=True)
    member_id = sa.Column(sa.ForeignKey("authorisation_member.id"), nullable=False, index=True)
    outcome = sa.Column(sa.Text, nullable=False)
    reason = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted: why it was asked for")
    found = sa.Column(sa.LargeBinary, nullable=False, comment="encrypted: what the check said")
    attached_by = sa.Column(sa.ForeignKey("staff.id"), nullable=False)
    attached_at = sa.Column(Moment, nullable=False)
    cleared = sa.Column(sa.LargeBinary, comment="encrypted: what looking into a difference found")
    cleared_by = sa.Column(sa.ForeignKey("staff.id"))
    cleared_at = sa.Column(Moment)

    __table_args__ = (
        one_of("outcome", "outcome", "agrees", "differs", "unavailable"),
        sa.CheckConstraint(
            "(cleared IS NULL) = (cleared_by IS NULL) AND (cleared IS NULL) = (cleared_at IS NULL)",
            name="cleared_by_somebody",
        ),
        # desk, differences that somebody has to look into
        sa.Index(
            "ix_check_result_open",
            "attached_at",
            postgresql_where=sa.text("outcome = 'differs' AND cleared_at IS NULL"),
        ),
    )
