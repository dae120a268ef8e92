"""decisions and who may make them"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import actions.storage.base

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('delegation',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('from_staff', sa.BigInteger(), nullable=False),
    sa.Column('to_staff', sa.BigInteger(), nullable=False),
    sa.Column('permission', sa.Text(), nullable=False),
    sa.Column('starts_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('ends_at', actions.storage.base.Moment(timezone=True), nullable=False, comment='the first moment it does not hold any more'),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('recorded_by', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('ended_by', sa.BigInteger(), nullable=True),
    sa.Column('ended_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.CheckConstraint('(ended_by IS NULL) = (ended_at IS NULL)', name=op.f('ck_delegation_ended_by_somebody')),
    sa.CheckConstraint('from_staff <> to_staff', name=op.f('ck_delegation_to_another')),
    sa.CheckConstraint('starts_at < ends_at', name=op.f('ck_delegation_ends_after_start')),
    sa.ForeignKeyConstraint(['ended_by'], ['staff.id'], name=op.f('fk_delegation_ended_by')),
    sa.ForeignKeyConstraint(['from_staff'], ['staff.id'], name=op.f('fk_delegation_from_staff')),
    sa.ForeignKeyConstraint(['recorded_by'], ['staff.id'], name=op.f('fk_delegation_recorded_by')),
    sa.ForeignKeyConstraint(['to_staff'], ['staff.id'], name=op.f('fk_delegation_to_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delegation'))
    )
    op.create_index('ix_delegation_to', 'delegation', ['to_staff', 'ends_at'], unique=False)
    op.create_table('aid',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('object', sa.LargeBinary(), nullable=False, comment='encrypted: who received it'),
    sa.Column('circumstance', sa.LargeBinary(), nullable=False, comment='encrypted: the urgent circumstance'),
    sa.Column('form', sa.Text(), nullable=False, comment='an option of the command give_aid'),
    sa.Column('amount', sa.Numeric(precision=12, scale=2), nullable=False, comment='yuan, goods by their worth'),
    sa.Column('given_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('handler', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('second', sa.BigInteger(), nullable=True, comment='who confirmed it, at once or afterwards'),
    sa.Column('second_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.CheckConstraint('(second IS NULL) = (second_at IS NULL)', name=op.f('ck_aid_second_with_moment')),
    sa.CheckConstraint('amount > 0', name=op.f('ck_aid_amount_is_positive')),
    sa.CheckConstraint('second <> handler', name=op.f('ck_aid_two_persons')),
    sa.ForeignKeyConstraint(['handler'], ['staff.id'], name=op.f('fk_aid_handler')),
    sa.ForeignKeyConstraint(['second'], ['staff.id'], name=op.f('fk_aid_second')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_aid_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_aid'))
    )
    op.create_index('ix_aid_alone', 'aid', ['recorded_at'], unique=False, postgresql_where=sa.text('second IS NULL'))
    op.create_index(op.f('ix_aid_ticket_id'), 'aid', ['ticket_id'], unique=False)
    op.create_table('approval',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False, comment='a return for rework begins the next one'),
    sa.Column('level', sa.Text(), nullable=False),
    sa.Column('step', sa.Text(), nullable=False),
    sa.Column('opinion', sa.Text(), nullable=False),
    sa.Column('amount', sa.Numeric(precision=12, scale=2), nullable=True, comment='yuan'),
    sa.Column('special', sa.Boolean(), nullable=False),
    sa.Column('staff_id', sa.BigInteger(), nullable=False),
    sa.Column('in_place_of', sa.BigInteger(), nullable=True, comment='who delegated the power'),
    sa.Column('delegation_id', sa.BigInteger(), nullable=True),
    sa.Column('limit_used', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False, comment='the limit as it stood at this moment, with its source'),
    sa.Column('data', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False, comment='ways and grounds by id; free text is sealed'),
    sa.Column('note', sa.LargeBinary(), nullable=True, comment='encrypted: opinion or written reason'),
    sa.Column('at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("level IN ('township', 'district')", name=op.f('ck_approval_level')),
    sa.CheckConstraint("opinion = 'not_give' OR amount IS NOT NULL", name=op.f('ck_approval_giving_names_an_amount')),
    sa.CheckConstraint("opinion IN ('give', 'not_give')", name=op.f('ck_approval_opinion')),
    sa.CheckConstraint("step IN ('propose', 'review', 'approve', 'refuse')", name=op.f('ck_approval_step')),
    sa.CheckConstraint('(in_place_of IS NULL) = (delegation_id IS NULL)', name=op.f('ck_approval_in_place_by_delegation')),
    sa.CheckConstraint('amount > 0', name=op.f('ck_approval_amount_is_positive')),
    sa.CheckConstraint('in_place_of <> staff_id', name=op.f('ck_approval_in_place_of_another')),
    sa.ForeignKeyConstraint(['delegation_id'], ['delegation.id'], name=op.f('fk_approval_delegation_id')),
    sa.ForeignKeyConstraint(['in_place_of'], ['staff.id'], name=op.f('fk_approval_in_place_of')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_approval_staff_id')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_approval_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approval')),
    sa.UniqueConstraint('ticket_id', 'round', 'staff_id', name=op.f('uq_approval_ticket_id_round_staff_id'))
    )
    op.create_table('authorisation',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False, comment='of the household, or of one supporter'),
    sa.Column('scope', postgresql.ARRAY(sa.Text()), nullable=False, comment='ids of config/tickets/approval.yaml'),
    sa.Column('asked_by', sa.BigInteger(), nullable=False),
    sa.Column('asked_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('household', 'supporter')", name=op.f('ck_authorisation_kind')),
    sa.CheckConstraint('cardinality(scope) > 0', name=op.f('ck_authorisation_scope_is_said')),
    sa.ForeignKeyConstraint(['asked_by'], ['staff.id'], name=op.f('fk_authorisation_asked_by')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_authorisation_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_authorisation'))
    )
    op.create_index(op.f('ix_authorisation_ticket_id'), 'authorisation', ['ticket_id'], unique=False)
    op.create_table('meeting',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('held_on', sa.Date(), nullable=False),
    sa.Column('attendees', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False, comment='names and offices of officials, as they are to be filed'),
    sa.Column('record', sa.LargeBinary(), nullable=False, comment='encrypted'),
    sa.Column('decision', sa.LargeBinary(), nullable=False, comment='encrypted'),
    sa.Column('opinion', sa.Text(), nullable=False),
    sa.Column('amount', sa.Numeric(precision=12, scale=2), nullable=True, comment='yuan'),
    sa.Column('recorded_by', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("opinion = 'not_give' OR amount IS NOT NULL", name=op.f('ck_meeting_giving_names_an_amount')),
    sa.CheckConstraint("opinion IN ('give', 'not_give')", name=op.f('ck_meeting_opinion')),
    sa.CheckConstraint('amount > 0', name=op.f('ck_meeting_amount_is_positive')),
    sa.ForeignKeyConstraint(['recorded_by'], ['staff.id'], name=op.f('fk_meeting_recorded_by')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_meeting_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting'))
    )
    op.create_index(op.f('ix_meeting_ticket_id'), 'meeting', ['ticket_id'], unique=False)
    op.create_table('relative',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('staff_id', sa.BigInteger(), nullable=False),
    sa.Column('relation', sa.Text(), nullable=False, comment='an option of the command declare_tie'),
    sa.Column('ticket_id', sa.BigInteger(), nullable=True),
    sa.Column('phone_hash', sa.LargeBinary(), nullable=True, comment='keyed; the number itself is not kept'),
    sa.Column('identity_hash', sa.LargeBinary(), nullable=True, comment='keyed; the number itself is not kept'),
    sa.Column('name', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('declared_by', sa.BigInteger(), nullable=False),
    sa.Column('declared_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('withdrawn_by', sa.BigInteger(), nullable=True),
    sa.Column('withdrawn_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.CheckConstraint('(withdrawn_by IS NULL) = (withdrawn_at IS NULL)', name=op.f('ck_relative_withdrawn_by_somebody')),
    sa.CheckConstraint('ticket_id IS NOT NULL OR phone_hash IS NOT NULL OR identity_hash IS NOT NULL', name=op.f('ck_relative_names_somebody')),
    sa.CheckConstraint('withdrawn_by <> staff_id', name=op.f('ck_relative_withdrawn_by_another')),
    sa.ForeignKeyConstraint(['declared_by'], ['staff.id'], name=op.f('fk_relative_declared_by')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_relative_staff_id')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_relative_ticket_id')),
    sa.ForeignKeyConstraint(['withdrawn_by'], ['staff.id'], name=op.f('fk_relative_withdrawn_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_relative'))
    )
    op.create_index(op.f('ix_relative_staff_id'), 'relative', ['staff_id'], unique=False)
    op.create_index(op.f('ix_relative_ticket_id'), 'relative', ['ticket_id'], unique=False)
    op.create_table('authorisation_member',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('authorisation_id', sa.BigInteger(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('name', sa.LargeBinary(), nullable=False, comment='encrypted'),
    sa.Column('identity', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('identity_hash', sa.LargeBinary(), nullable=True, comment='keyed'),
    sa.Column('under_14', sa.Boolean(), nullable=False),
    sa.Column('guardian', sa.LargeBinary(), nullable=True, comment='encrypted: who answers for a child'),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=True),
    sa.Column('attachment_id', sa.BigInteger(), nullable=True, comment='the signature image, where there is one'),
    sa.Column('answered_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.Column('noted_by', sa.BigInteger(), nullable=True, comment='who noted the answer'),
    sa.CheckConstraint("(answer = 'waiting') = (answered_at IS NULL)", name=op.f('ck_authorisation_member_answered_at_a_moment')),
    sa.CheckConstraint("NOT under_14 OR answer <> 'given' OR guardian IS NOT NULL", name=op.f('ck_authorisation_member_guardian_for_a_child')),
    sa.CheckConstraint("answer <> 'given' OR channel IS NOT NULL", name=op.f('ck_authorisation_member_given_through_a_channel')),
    sa.CheckConstraint("answer IN ('waiting', 'given', 'declined', 'withdrawn')", name=op.f('ck_authorisation_member_answer')),
    sa.CheckConstraint("role IN ('applicant', 'member', 'supporter')", name=op.f('ck_authorisation_member_role')),
    sa.ForeignKeyConstraint(['attachment_id'], ['attachment.id'], name=op.f('fk_authorisation_member_attachment_id')),
    sa.ForeignKeyConstraint(['authorisation_id'], ['authorisation.id'], name=op.f('fk_authorisation_member_authorisation_id')),
    sa.ForeignKeyConstraint(['noted_by'], ['staff.id'], name=op.f('fk_authorisation_member_noted_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_authorisation_member'))
    )
    op.create_index(op.f('ix_authorisation_member_authorisation_id'), 'authorisation_member', ['authorisation_id'], unique=False)
    op.create_table('check_result',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=False),
    sa.Column('reason', sa.LargeBinary(), nullable=False, comment='encrypted: why it was asked for'),
    sa.Column('found', sa.LargeBinary(), nullable=False, comment='encrypted: what the check said'),
    sa.Column('attached_by', sa.BigInteger(), nullable=False),
    sa.Column('attached_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('cleared', sa.LargeBinary(), nullable=True, comment='encrypted: what looking into a difference found'),
    sa.Column('cleared_by', sa.BigInteger(), nullable=True),
    sa.Column('cleared_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.CheckConstraint("outcome IN ('agrees', 'differs', 'unavailable')", name=op.f('ck_check_result_outcome')),
    sa.CheckConstraint('(cleared IS NULL) = (cleared_by IS NULL) AND (cleared IS NULL) = (cleared_at IS NULL)', name=op.f('ck_check_result_cleared_by_somebody')),
    sa.ForeignKeyConstraint(['attached_by'], ['staff.id'], name=op.f('fk_check_result_attached_by')),
    sa.ForeignKeyConstraint(['cleared_by'], ['staff.id'], name=op.f('fk_check_result_cleared_by')),
    sa.ForeignKeyConstraint(['member_id'], ['authorisation_member.id'], name=op.f('fk_check_result_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_check_result'))
    )
    op.create_index(op.f('ix_check_result_member_id'), 'check_result', ['member_id'], unique=False)
    op.create_index('ix_check_result_open', 'check_result', ['attached_at'], unique=False, postgresql_where=sa.text("outcome = 'differs' AND cleared_at IS NULL"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
