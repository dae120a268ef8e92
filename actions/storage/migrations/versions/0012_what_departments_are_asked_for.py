"""what departments are asked for"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import actions.storage.base

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('sharing_consent',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('department', sa.Text(), nullable=False),
    sa.Column('request', sa.Text(), nullable=False),
    sa.Column('recipient', sa.LargeBinary(), nullable=False, comment='encrypted: full name and how to reach it'),
    sa.Column('fields', postgresql.ARRAY(sa.Text()), nullable=False, comment='what they were told would be shown'),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('given_by', sa.Text(), nullable=False),
    sa.Column('way', sa.Text(), nullable=False),
    sa.Column('asked_on', sa.Date(), nullable=False),
    sa.Column('noted_by', sa.BigInteger(), nullable=False),
    sa.Column('noted_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('ended_at', actions.storage.base.Moment(timezone=True), nullable=True, comment='withdrawn, or asked anew'),
    sa.Column('ended_by', sa.Text(), nullable=True),
    sa.CheckConstraint("answer IN ('given', 'declined')", name=op.f('ck_sharing_consent_answer')),
    sa.CheckConstraint("given_by IN ('self', 'guardian')", name=op.f('ck_sharing_consent_given_by')),
    sa.CheckConstraint("way IN ('face', 'phone', 'paper', 'talk')", name=op.f('ck_sharing_consent_way')),
    sa.CheckConstraint('(ended_at IS NULL) = (ended_by IS NULL)', name=op.f('ck_sharing_consent_ended_by_somebody')),
    sa.ForeignKeyConstraint(['noted_by'], ['staff.id'], name=op.f('fk_sharing_consent_noted_by')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_sharing_consent_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sharing_consent'))
    )
    op.create_index('uq_sharing_consent_holds', 'sharing_consent', ['ticket_id', 'department'], unique=True, postgresql_where=sa.text('ended_at IS NULL'))
    op.create_table('subticket',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.Text(), nullable=False, comment="its own: nobody there learns the ticket's"),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('department', sa.Text(), nullable=False, comment='id of config/tickets/departments.yaml'),
    sa.Column('request', sa.Text(), nullable=False, comment='what it is asked, id of the same file'),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('owner', sa.Text(), nullable=False, comment='who has to do something about it now'),
    sa.Column('owner_since', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('words', sa.LargeBinary(), nullable=False, comment='encrypted: what the department is asked to do'),
    sa.Column('fields', postgresql.ARRAY(sa.Text()), nullable=False, comment='what of the person it is shown while it works on it'),
    sa.Column('basis', sa.Text(), nullable=False, comment='why it may be told'),
    sa.Column('cite', sa.Text(), nullable=False, comment='the article, as it was when it was handed over'),
    sa.Column('consent_id', sa.BigInteger(), nullable=True),
    sa.Column('outcome', sa.Text(), nullable=True, comment='id of config/tickets/departments.yaml'),
    sa.Column('due_at', actions.storage.base.Moment(timezone=True), nullable=True, comment='none where no time was promised'),
    sa.Column('due_rule', sa.Text(), nullable=True),
    sa.Column('sent_by', sa.BigInteger(), nullable=False),
    sa.Column('sent_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('told_at', actions.storage.base.Moment(timezone=True), nullable=True, comment='the resident was told that it was asked'),
    sa.Column('replied_at', actions.storage.base.Moment(timezone=True), nullable=True, comment='the resident was told what became of it'),
    sa.CheckConstraint("(state = 'answered') = (outcome IS NOT NULL)", name=op.f('ck_subticket_answered_with_an_outcome')),
    sa.CheckConstraint("(state IN ('sent', 'accepted')) = (owner = 'department')", name=op.f('ck_subticket_open_is_the_departments')),
    sa.CheckConstraint("basis <> 'consent' OR consent_id IS NOT NULL", name=op.f('ck_subticket_consent_is_on_record')),
    sa.CheckConstraint("owner IN ('department', 'township', 'nobody')", name=op.f('ck_subticket_owner')),
    sa.CheckConstraint("state IN ('sent', 'accepted', 'answered', 'returned', 'called_back')", name=op.f('ck_subticket_state')),
    sa.ForeignKeyConstraint(['consent_id'], ['sharing_consent.id'], name=op.f('fk_subticket_consent_id')),
    sa.ForeignKeyConstraint(['sent_by'], ['staff.id'], name=op.f('fk_subticket_sent_by')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_subticket_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subticket')),
    sa.UniqueConstraint('number', name=op.f('uq_subticket_number'))
    )
    op.create_index('ix_subticket_department', 'subticket', ['department', 'owner', 'id'], unique=False)
    op.create_index('ix_subticket_owed', 'subticket', ['owner', 'owner_since'], unique=False, postgresql_where=sa.text("owner <> 'nobody'"))
    op.create_index('ix_subticket_ticket', 'subticket', ['ticket_id'], unique=False)
    op.create_index('uq_subticket_open', 'subticket', ['ticket_id', 'department'], unique=True, postgresql_where=sa.text("state IN ('sent', 'accepted')"))
    op.create_table('subticket_event',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('subticket_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False, comment='system, resident, or staff:<id>'),
    sa.Column('data', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('state', sa.Text(), nullable=False, comment='where it stood after it'),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['subticket_id'], ['subticket.id'], name=op.f('fk_subticket_event_subticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subticket_event'))
    )
    op.create_index(op.f('ix_subticket_event_subticket_id'), 'subticket_event', ['subticket_id'], unique=False)
    op.add_column('staff', sa.Column('department', sa.Text(), nullable=True, comment='id of config/tickets/departments.yaml, for people of another department'))
    op.execute("CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON subticket_event "
               "FOR EACH ROW EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
