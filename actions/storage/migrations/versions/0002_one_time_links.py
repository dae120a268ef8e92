"""one-time links"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import actions.storage.base

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('link',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False, comment='the token is only in the message'),
    sa.Column('button_id', sa.Text(), nullable=False, comment='the button it stands under: opening it is pressing that'),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('expires_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('opened_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.Column('page_hash', sa.LargeBinary(), nullable=True, comment='keyed hash of the cookie of the page it opened'),
    sa.Column('page_until', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['contact_id'], ['contact.id'], name=op.f('fk_link_contact_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_link')),
    sa.UniqueConstraint('page_hash', name=op.f('uq_link_page_hash')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_link_token_hash'))
    )
    op.create_index(op.f('ix_link_contact_id'), 'link', ['contact_id'], unique=False)


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
