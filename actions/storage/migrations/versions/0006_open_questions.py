"""open questions"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import actions.storage.base

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('open_question',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('intent', sa.Text(), nullable=False),
    sa.Column('text', sa.LargeBinary(), nullable=False, comment='encrypted: people say more than they ask'),
    sa.Column('asked_at', actions.storage.base.Moment(timezone=True), nullable=False, comment='youmen questions: the newest first'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_open_question'))
    )
    op.create_index(op.f('ix_open_question_asked_at'), 'open_question', ['asked_at'], unique=False)


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
