"""progress tries"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import actions.storage.base

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('progress_try',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('number_hash', sa.LargeBinary(), nullable=False, comment='keyed hash of the number as typed'),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('locked_until', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.Column('changed_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_progress_try')),
    sa.UniqueConstraint('number_hash', name=op.f('uq_progress_try_number_hash'))
    )


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
