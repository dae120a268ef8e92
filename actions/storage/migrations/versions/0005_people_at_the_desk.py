"""people at the desk"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import actions.storage.base

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('call_back',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=False),
    sa.Column('phone', sa.LargeBinary(), nullable=False, comment='encrypted'),
    sa.Column('wish', sa.LargeBinary(), nullable=False, comment="encrypted: when it suits, in the resident's words"),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('opened_by', sa.Text(), nullable=False, comment='resident, or staff:<id>'),
    sa.Column('opened_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('closed_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('open', 'done', 'not_reached')", name=op.f('ck_call_back_state')),
    sa.ForeignKeyConstraint(['contact_id'], ['contact.id'], name=op.f('fk_call_back_contact_id')),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_call_back_conversation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_call_back'))
    )
    op.create_index(op.f('ix_call_back_conversation_id'), 'call_back', ['conversation_id'], unique=False)
    op.create_index('ix_call_back_queue', 'call_back', ['opened_at'], unique=False, postgresql_where=sa.text("state = 'open'"))
    op.create_index('ux_call_back_open', 'call_back', ['contact_id'], unique=True, postgresql_where=sa.text("state = 'open'"))
    op.create_table('danger_call',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=False),
    sa.Column('source_hash', sa.LargeBinary(), nullable=False, comment='keyed hash of the network address'),
    sa.Column('at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_danger_call_conversation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_danger_call')),
    sa.UniqueConstraint('conversation_id', name=op.f('uq_danger_call_conversation_id'))
    )
    op.create_index('ix_danger_call_source', 'danger_call', ['source_hash', 'at'], unique=False)
    op.create_table('attachment',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('message_id', sa.BigInteger(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('due_at', actions.storage.base.Moment(timezone=True), nullable=False, comment='not asked for before this moment'),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=True, comment='bytes, as the app says or as they were'),
    sa.Column('content', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('changed_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('waiting', 'kept', 'too_large', 'gone')", name=op.f('ck_attachment_state')),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_attachment_message_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attachment')),
    sa.UniqueConstraint('message_id', name=op.f('uq_attachment_message_id'))
    )
    op.create_index('ix_attachment_open', 'attachment', ['channel', 'due_at'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_table('call_back_try',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('call_back_id', sa.BigInteger(), nullable=False),
    sa.Column('staff_id', sa.BigInteger(), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=False),
    sa.Column('at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("outcome IN ('reached', 'no_answer', 'given_up')", name=op.f('ck_call_back_try_outcome')),
    sa.ForeignKeyConstraint(['call_back_id'], ['call_back.id'], name=op.f('fk_call_back_try_call_back_id')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_call_back_try_staff_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_call_back_try'))
    )
    op.create_index(op.f('ix_call_back_try_call_back_id'), 'call_back_try', ['call_back_id'], unique=False)
    op.create_index('ix_audit_look', 'audit', ['object', 'actor', 'action', 'at'], unique=False)
    op.alter_column('conversation', 'epoch',
               existing_type=sa.INTEGER(),
               comment='raised whenever somebody else speaks from now on',
               existing_comment='raised by takeover, release and close',
               existing_nullable=False)
    op.add_column('delivery', sa.Column('claimed_by', sa.Text(), nullable=True, comment='host:pid of the process that is sending it'))
    op.add_column('staff', sa.Column('at_desk_at', actions.storage.base.Moment(timezone=True), nullable=True, comment="an operator's page was open at this moment"))
    # who phoned and what came of it is history too
    op.execute(
        "CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON call_back_try"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
