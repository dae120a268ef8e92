"""sources, persons, a keyed audit"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import actions.storage.base

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('api_key',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False, comment='which system of whom'),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_key')),
    sa.UniqueConstraint('name', name=op.f('uq_api_key_name')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_api_key_token_hash'))
    )
    op.create_table('audit_head',
    sa.Column('id', sa.SmallInteger(), nullable=False),
    sa.Column('audit_id', sa.BigInteger(), nullable=True, comment='none in an empty log'),
    sa.Column('hash', sa.LargeBinary(), nullable=True),
    sa.Column('mark', sa.LargeBinary(), nullable=True, comment='keyed; none until the first row written with the key'),
    sa.CheckConstraint('id = 1', name=op.f('ck_audit_head_one_row')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_head'))
    )
    op.create_table('surge',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False, comment='id of config/tickets/causes.yaml'),
    sa.Column('reason', sa.Text(), nullable=False, comment='what happened; no person is named here'),
    sa.Column('starts_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('ends_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('staff_id', sa.BigInteger(), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('ended_at', actions.storage.base.Moment(timezone=True), nullable=True, comment='switched off before its time'),
    sa.Column('ended_by', sa.BigInteger(), nullable=True),
    sa.CheckConstraint('ends_at > starts_at', name=op.f('ck_surge_ends_after_it_starts')),
    sa.ForeignKeyConstraint(['ended_by'], ['staff.id'], name=op.f('fk_surge_ended_by')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_surge_staff_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_surge'))
    )
    op.create_index('ix_surge_cause', 'surge', ['cause', 'ends_at'], unique=False)
    op.create_table('contact_join',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('how', sa.Text(), nullable=False),
    sa.Column('reason', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('joined_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('joined_by', sa.Text(), nullable=False),
    sa.Column('ended_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.Column('ended_by', sa.Text(), nullable=True),
    sa.CheckConstraint("how IN ('staff', 'proof')", name=op.f('ck_contact_join_how')),
    sa.ForeignKeyConstraint(['contact_id'], ['contact.id'], name=op.f('fk_contact_join_contact_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_contact_join_person_id')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_contact_join_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contact_join'))
    )
    op.create_index(op.f('ix_contact_join_person_id'), 'contact_join', ['person_id'], unique=False)
    op.create_index(op.f('ix_contact_join_ticket_id'), 'contact_join', ['ticket_id'], unique=False)
    op.create_index('ux_contact_join_open', 'contact_join', ['contact_id', 'ticket_id'], unique=True, postgresql_where=sa.text('ended_at IS NULL'))
    op.create_table('intake',
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False, comment='id of config/tickets/sources.yaml'),
    sa.Column('caller', sa.Text(), nullable=False, comment='staff:<id> or api:<id>'),
    sa.Column('external_id', sa.Text(), nullable=False, comment="the caller's own id of this request"),
    sa.Column('body_hash', sa.LargeBinary(), nullable=False, comment='keyed hash of what was sent under that id'),
    sa.Column('reference', sa.LargeBinary(), nullable=True, comment='encrypted: number of the letter or of the other system'),
    sa.Column('told', sa.LargeBinary(), nullable=True, comment='encrypted: what was said or written'),
    sa.Column('reporter_name', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('reporter_phone', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('reporter_hidden', sa.Boolean(), nullable=False, comment='also from the unit that works it'),
    sa.Column('consent', sa.Text(), nullable=False, comment='of the person concerned'),
    sa.Column('finding', sa.Text(), nullable=False, comment='of the look in the field'),
    sa.Column('merged_into', sa.BigInteger(), nullable=True),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("consent IN ('not_needed', 'open', 'given', 'declined', 'unable')", name=op.f('ck_intake_consent')),
    sa.CheckConstraint("finding IN ('not_needed', 'open', 'in_need', 'no_need', 'not_found')", name=op.f('ck_intake_finding')),
    sa.ForeignKeyConstraint(['merged_into'], ['ticket.id'], name=op.f('fk_intake_merged_into')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_intake_ticket_id')),
    sa.PrimaryKeyConstraint('ticket_id', name=op.f('pk_intake')),
    sa.UniqueConstraint('caller', 'external_id', name=op.f('uq_intake_caller_external_id'))
    )
    op.create_index(op.f('ix_intake_merged_into'), 'intake', ['merged_into'], unique=False)
    op.create_table('ticket_person',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False, comment='who this is to the ticket; a reporter never stands here'),
    sa.Column('name', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('relation', sa.LargeBinary(), nullable=True, comment='encrypted: to the applicant, in plain words'),
    sa.Column('phone', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('phone_hash', sa.LargeBinary(), nullable=True, comment='keyed hash, for matching only'),
    sa.Column('identity', sa.LargeBinary(), nullable=True, comment='encrypted; entered by staff only'),
    sa.Column('identity_hash', sa.LargeBinary(), nullable=True, comment='keyed hash, for matching only'),
    sa.Column('minor', sa.Boolean(), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('removed_at', actions.storage.base.Moment(timezone=True), nullable=True, comment='entered by mistake: not shown, not matched, never deleted'),
    sa.CheckConstraint("role IN ('applicant', 'member', 'supporter', 'proxy')", name=op.f('ck_ticket_person_role')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_ticket_person_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket_person'))
    )
    op.create_index('ix_ticket_person_identity', 'ticket_person', ['identity_hash'], unique=False, postgresql_where=sa.text('identity_hash IS NOT NULL'))
    op.create_index('ix_ticket_person_phone', 'ticket_person', ['phone_hash'], unique=False, postgresql_where=sa.text('phone_hash IS NOT NULL'))
    op.create_index(op.f('ix_ticket_person_ticket_id'), 'ticket_person', ['ticket_id'], unique=False)
    op.create_index('ux_ticket_person_applicant', 'ticket_person', ['ticket_id'], unique=True, postgresql_where=sa.text("role = 'applicant' AND removed_at IS NULL"))
    op.add_column('ticket', sa.Column('minor', sa.Boolean(), server_default='false', nullable=False, comment='restricted view'))
    op.add_column('ticket', sa.Column('surge_id', sa.BigInteger(), nullable=True, comment='opened while this surge was on'))
    op.alter_column('ticket', 'legal_basis',
               existing_type=sa.TEXT(),
               comment='consent, statutory duty, or emergency',
               existing_comment='consent, or emergency',
               existing_nullable=False)
    op.create_foreign_key(op.f('fk_ticket_surge_id'), 'ticket', 'surge', ['surge_id'], ['id'])
    op.drop_constraint(op.f('ck_ticket_legal_basis'), 'ticket')
    op.create_check_constraint(op.f('ck_ticket_legal_basis'), 'ticket', "legal_basis IN ('consent', 'duty', 'emergency')")
    # the log so far stays as it was written: the first row with the key follows its last one
    op.execute("INSERT INTO audit_head (id, audit_id, hash) "
               "VALUES (1, (SELECT max(id) FROM audit), (SELECT hash FROM audit ORDER BY id DESC LIMIT 1))")


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
