"""clocks of tickets, and an owner of every ticket"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import actions.storage.base

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('ticket_clock',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('clock', sa.Text(), nullable=False, comment='id of config/service_levels/clocks.yaml'),
    sa.Column('rule', sa.Text(), nullable=False, comment='id of config/service_levels/due.yaml'),
    sa.Column('unit_id', sa.Text(), nullable=True, comment='whose figure of the rule counts'),
    sa.Column('started_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('due_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('provisional', sa.Boolean(), nullable=False, comment='rests on a year whose days off are not published'),
    sa.Column('basis', sa.Text(), nullable=False, comment='digest of the calendar, rules and plan due_at was computed with'),
    sa.Column('pauses', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False, comment='ended ones: reason, from, to'),
    sa.Column('paused_at', actions.storage.base.Moment(timezone=True), nullable=True, comment='it stands still since then'),
    sa.Column('paused_for', sa.Text(), nullable=True, comment='id of config/service_levels/pauses.yaml'),
    sa.Column('extended_to', sa.Date(), nullable=True, comment='last day of a granted extension'),
    sa.Column('told', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False, comment='ids of the reminders that have gone out'),
    sa.Column('stopped_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.CheckConstraint('(paused_at IS NULL) = (paused_for IS NULL)', name=op.f('ck_ticket_clock_pause_has_reason')),
    sa.CheckConstraint('stopped_at IS NULL OR paused_at IS NULL', name=op.f('ck_ticket_clock_stopped_is_not_paused')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_ticket_clock_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket_clock'))
    )
    op.create_index('ix_ticket_clock_basis', 'ticket_clock', ['basis'], unique=False, postgresql_where=sa.text('stopped_at IS NULL'))
    op.create_index('ix_ticket_clock_due', 'ticket_clock', ['due_at'], unique=False, postgresql_where=sa.text('stopped_at IS NULL'))
    op.create_index('ix_ticket_clock_ticket', 'ticket_clock', ['ticket_id'], unique=False)
    op.create_index('uq_ticket_clock_running', 'ticket_clock', ['ticket_id', 'clock'], unique=True, postgresql_where=sa.text('stopped_at IS NULL'))
    op.add_column('ticket', sa.Column('due_state', sa.Text(), server_default='runs', nullable=False, comment='of the clock that due_at is of'))
    op.create_check_constraint(op.f('ck_ticket_due_state'), 'ticket', "due_state IN ('runs', 'paused', 'stopped')")
    op.create_check_constraint(op.f('ck_ticket_unit_has_a_name'), 'ticket', "unit_id <> ''")


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
