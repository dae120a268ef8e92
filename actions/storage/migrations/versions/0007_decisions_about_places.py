"""decisions about places"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import actions.storage.base

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('place_ruling',
    sa.Column('id', sa.BigInteger(), nullable=False, comment='goes up: a table version names the last one read'),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=True, comment='a road, estate or community, never a person or a whole address'),
    sa.Column('unit_id', sa.Text(), nullable=True),
    sa.Column('number_from', sa.Integer(), nullable=True),
    sa.Column('number_to', sa.Integer(), nullable=True),
    sa.Column('parity', sa.Text(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('withdraws', sa.BigInteger(), nullable=True, comment='the ruling that ends on valid_from'),
    sa.Column('ticket_id', sa.BigInteger(), nullable=True),
    sa.Column('staff_id', sa.BigInteger(), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'withdrawal') = (withdraws IS NOT NULL)", name=op.f('ck_place_ruling_withdrawal_names_a_ruling')),
    sa.CheckConstraint("kind = 'withdrawal' OR name IS NOT NULL AND unit_id IS NOT NULL", name=op.f('ck_place_ruling_ruling_has_place')),
    sa.CheckConstraint("kind IN ('override', 'alias', 'withdrawal')", name=op.f('ck_place_ruling_kind')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_place_ruling_staff_id')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_place_ruling_ticket_id')),
    sa.ForeignKeyConstraint(['withdraws'], ['place_ruling.id'], name=op.f('fk_place_ruling_withdraws')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_place_ruling'))
    )
    op.create_index(op.f('ix_place_ruling_ticket_id'), 'place_ruling', ['ticket_id'], unique=False)
    op.create_table('place_alias',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('unit_id', sa.Text(), nullable=False),
    sa.Column('seen', sa.Integer(), nullable=False, comment='how many accepted tickets bore the name'),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('last_event_id', sa.BigInteger(), nullable=False, comment='acceptance counted last'),
    sa.Column('decided_by', sa.BigInteger(), nullable=True),
    sa.Column('decided_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name=op.f('ck_place_alias_state')),
    sa.ForeignKeyConstraint(['decided_by'], ['staff.id'], name=op.f('fk_place_alias_decided_by')),
    sa.ForeignKeyConstraint(['last_event_id'], ['ticket_event.id'], name=op.f('fk_place_alias_last_event_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_place_alias')),
    sa.UniqueConstraint('name', 'unit_id', name=op.f('uq_place_alias_name_unit_id'))
    )
    op.add_column('ticket', sa.Column('event_point', sa.LargeBinary(), nullable=True, comment='encrypted: latitude, longitude and datum as sent, never converted'))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
