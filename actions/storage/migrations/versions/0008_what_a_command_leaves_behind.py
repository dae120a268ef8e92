"""what a command leaves behind"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import actions.storage.base

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('ticket_file',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('event_id', sa.BigInteger(), nullable=False),
    sa.Column('field', sa.Text(), nullable=False, comment='id of the field of the command'),
    sa.Column('kind', sa.Text(), nullable=False, comment='media type, as its first bytes say'),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False, comment='encrypted'),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['event_id'], ['ticket_event.id'], name=op.f('fk_ticket_file_event_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket_file'))
    )
    op.create_index(op.f('ix_ticket_file_event_id'), 'ticket_file', ['event_id'], unique=False)
    op.add_column('ticket', sa.Column('sent_up', sa.Boolean(), server_default=sa.text('false'), nullable=False, comment="above the unit's limit: the district reviews and approves"))
    op.add_column('ticket_event', sa.Column('state', sa.Text(), nullable=True, comment='where the ticket stood after it'))
    op.add_column('ticket_event', sa.Column('version', sa.Integer(), nullable=True, comment="the ticket's version after it; none for what was noted without its lock"))
    op.add_column('ticket', sa.Column('closed_at', actions.storage.base.Moment(timezone=True), nullable=True, comment='since when nobody owes work on it; none while it is open'))
    op.drop_index('ix_ticket_district_list', table_name='ticket')
    op.drop_index('ix_ticket_unit_list', table_name='ticket')
    danger, still_open = sa.text("(urgency = 'life_danger') DESC"), sa.text('closed_at IS NULL')
    op.create_index('ix_ticket_unit_open_list', 'ticket', ['unit_id', danger, 'due_at', 'id'], unique=False, postgresql_where=still_open)
    op.create_index('ix_ticket_unit_list', 'ticket', ['unit_id', danger, 'due_at', 'id'], unique=False)
    op.create_index('ix_ticket_unit_count', 'ticket', ['unit_id', 'state'], unique=False)
    op.create_index('ix_ticket_open_list', 'ticket', [danger, 'due_at', 'id'], unique=False, postgresql_where=still_open)
    op.create_index('ix_ticket_list', 'ticket', [danger, 'due_at', 'id'], unique=False)
    op.create_index('ix_ticket_count', 'ticket', ['state'], unique=False)


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
