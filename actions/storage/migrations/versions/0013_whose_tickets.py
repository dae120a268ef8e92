"""whose tickets"""
from __future__ import annotations

from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_ticket_taken_count', 'ticket', ['accepted_by', 'state'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_ticket_taken_count', table_name='ticket')
