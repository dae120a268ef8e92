"""the bones"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import actions.storage.base

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('audit',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('object', sa.Text(), nullable=False),
    sa.Column('data', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('previous', sa.LargeBinary(), nullable=True),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit'))
    )
    op.create_table('person',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('identity', sa.LargeBinary(), nullable=True, comment='encrypted identity number'),
    sa.Column('identity_hash', sa.LargeBinary(), nullable=True, comment='keyed hash, for matching only'),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person')),
    sa.UniqueConstraint('identity_hash', name=op.f('uq_person_identity_hash'))
    )
    op.create_table('staff',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('login', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False, comment='id of config/roles/roles.yaml'),
    sa.Column('unit_id', sa.Text(), nullable=True, comment='officers and heads work for one unit'),
    sa.Column('password_hash', sa.Text(), nullable=False),
    sa.Column('must_change_password', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('failed_signins', sa.Integer(), nullable=False),
    sa.Column('locked_until', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff')),
    sa.UniqueConstraint('login', name=op.f('uq_staff_login'))
    )
    op.create_table('timer',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('ref', sa.Text(), nullable=False),
    sa.Column('due_at', actions.storage.base.Moment(timezone=True), nullable=False, comment='courier: what has come due'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_timer')),
    sa.UniqueConstraint('kind', 'ref', name=op.f('uq_timer_kind_ref'))
    )
    op.create_index(op.f('ix_timer_due_at'), 'timer', ['due_at'], unique=False)
    op.create_table('contact',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('address', sa.LargeBinary(), nullable=True, comment='encrypted; absent where the channel only knows a token'),
    sa.Column('address_hash', sa.LargeBinary(), nullable=False, comment='keyed hash of channel and address'),
    sa.Column('person_id', sa.BigInteger(), nullable=True),
    sa.Column('shared_device', sa.Boolean(), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('last_seen_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('forgotten_at', actions.storage.base.Moment(timezone=True), nullable=True, comment='the person left this device: the address opens nothing any more'),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_contact_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contact')),
    sa.UniqueConstraint('channel', 'address_hash', name=op.f('uq_contact_channel_address_hash'))
    )
    op.create_table('session',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('csrf', sa.Text(), nullable=False),
    sa.Column('staff_id', sa.BigInteger(), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('expires_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_session_staff_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_session')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_session_token_hash'))
    )
    op.create_index(op.f('ix_session_staff_id'), 'session', ['staff_id'], unique=False)
    op.create_table('conversation',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=False),
    sa.Column('mode', sa.Text(), nullable=False),
    sa.Column('owner_id', sa.BigInteger(), nullable=True, comment='the operator while mode is human'),
    sa.Column('epoch', sa.Integer(), nullable=False, comment='raised by takeover, release and close'),
    sa.Column('last_seq', sa.Integer(), nullable=False),
    sa.Column('waiting_since', actions.storage.base.Moment(timezone=True), nullable=True, comment='somebody asked for a person, or a person is needed'),
    sa.Column('waiting_reason', sa.Text(), nullable=True),
    sa.Column('danger', sa.Text(), nullable=False),
    sa.Column('danger_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.Column('dialogue', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True, comment='the cut Rasa tracker and the fingerprint of its model'),
    sa.Column('facts', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False, comment='actions.turn.Facts.as_json()'),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('last_message_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('last_resident_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.CheckConstraint("(mode = 'human') = (owner_id IS NOT NULL)", name=op.f('ck_conversation_human_has_owner')),
    sa.CheckConstraint("danger IN ('none', 'past', 'now')", name=op.f('ck_conversation_danger')),
    sa.CheckConstraint("mode IN ('bot', 'human', 'closed')", name=op.f('ck_conversation_mode')),
    sa.ForeignKeyConstraint(['contact_id'], ['contact.id'], name=op.f('fk_conversation_contact_id')),
    sa.ForeignKeyConstraint(['owner_id'], ['staff.id'], name=op.f('fk_conversation_owner_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_conversation'))
    )
    op.create_index('ix_conversation_owner', 'conversation', ['owner_id'], unique=False, postgresql_where=sa.text('owner_id IS NOT NULL'))
    op.create_index('ix_conversation_queue', 'conversation', ['waiting_since'], unique=False, postgresql_where=sa.text('waiting_since IS NOT NULL'))
    op.create_index('ux_conversation_open', 'conversation', ['contact_id'], unique=True, postgresql_where=sa.text("mode <> 'closed'"))
    op.create_table('consent',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=False),
    sa.Column('notice', sa.Text(), nullable=False),
    sa.Column('version', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("answer IN ('given', 'declined', 'withdrawn', 'unsure')", name=op.f('ck_consent_answer')),
    sa.ForeignKeyConstraint(['contact_id'], ['contact.id'], name=op.f('fk_consent_contact_id')),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_consent_conversation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consent'))
    )
    op.create_index(op.f('ix_consent_contact_id'), 'consent', ['contact_id'], unique=False)
    op.create_table('draft',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=False),
    sa.Column('answers', sa.Integer(), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_draft_conversation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_draft'))
    )
    op.create_index(op.f('ix_draft_conversation_id'), 'draft', ['conversation_id'], unique=False)
    op.create_table('message',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('author', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('buttons', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True, comment='[{id, title, value}]; the app sees id and title only'),
    sa.Column('press', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True, comment='{asks, value} of the button a resident pressed'),
    sa.Column('secrets', sa.LargeBinary(), nullable=True, comment='encrypted JSON of what was masked in the text, such as phones'),
    sa.Column('external_id', sa.Text(), nullable=True, comment="the app's own identity of the message"),
    sa.Column('waiting', sa.Boolean(), nullable=False, comment='a turn has still to read it'),
    sa.Column('handed_over', sa.Boolean(), nullable=False, comment='a person answers it, not the bot'),
    sa.Column('answers', sa.Integer(), nullable=True, comment="seq of the resident's message this one answers"),
    sa.Column('asks', sa.Text(), nullable=True, comment='the fact this message asks for'),
    sa.Column('danger', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True, comment='gates that fired: [{gate, level}]'),
    sa.Column('staff_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("author IN ('resident', 'bot', 'operator', 'system')", name=op.f('ck_message_author')),
    sa.CheckConstraint("kind IN ('text', 'press', 'location', 'photo', 'document', 'voice', 'contact', 'note')", name=op.f('ck_message_kind')),
    sa.ForeignKeyConstraint(['contact_id'], ['contact.id'], name=op.f('fk_message_contact_id')),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_message_conversation_id')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_message_staff_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_message')),
    sa.UniqueConstraint('contact_id', 'external_id', name=op.f('uq_message_contact_id_external_id')),
    sa.UniqueConstraint('conversation_id', 'seq', name=op.f('uq_message_conversation_id_seq'))
    )
    op.create_index('ix_message_waiting', 'message', ['conversation_id', 'id'], unique=False, postgresql_where=sa.text('waiting'))
    op.create_table('ticket',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('query_code_hash', sa.LargeBinary(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=True),
    sa.Column('contact_id', sa.BigInteger(), nullable=True),
    sa.Column('person_id', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False, comment='raised by every command; a stale page is told'),
    sa.Column('desk', sa.Text(), nullable=False, comment='who answers for it now: a unit, the district, or outside'),
    sa.Column('unit_id', sa.Text(), nullable=True, comment='config/places id of the responsible unit'),
    sa.Column('unit_name', sa.Text(), nullable=True),
    sa.Column('district', sa.Text(), nullable=True, comment='parent of the unit, or the receiving district outside the area'),
    sa.Column('programme', sa.Text(), nullable=False),
    sa.Column('event_kind', sa.Text(), nullable=True),
    sa.Column('aid_first', sa.Boolean(), nullable=False),
    sa.Column('urgency', sa.Text(), nullable=False),
    sa.Column('discreet', sa.Boolean(), nullable=False, comment='nothing is sent unasked'),
    sa.Column('legal_basis', sa.Text(), nullable=False, comment='consent, or emergency'),
    sa.Column('read_back', sa.Text(), nullable=False, comment='confirmed by the resident, or not'),
    sa.Column('facts', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('event_place', sa.LargeBinary(), nullable=True, comment="encrypted: the place in the resident's words"),
    sa.Column('household_place', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('household_unit_name', sa.Text(), nullable=True),
    sa.Column('phone', sa.LargeBinary(), nullable=True, comment='encrypted'),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('due_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('due_rule', sa.Text(), nullable=False),
    sa.Column('due_provisional', sa.Boolean(), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('accepted_at', actions.storage.base.Moment(timezone=True), nullable=True),
    sa.Column('accepted_by', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("(desk = 'unit') = (unit_id IS NOT NULL)", name=op.f('ck_ticket_unit_desk_has_unit')),
    sa.CheckConstraint("desk IN ('unit', 'district', 'outside')", name=op.f('ck_ticket_desk')),
    sa.CheckConstraint("legal_basis IN ('consent', 'emergency')", name=op.f('ck_ticket_legal_basis')),
    sa.CheckConstraint("urgency IN ('none', 'urgent', 'life_danger')", name=op.f('ck_ticket_urgency')),
    sa.ForeignKeyConstraint(['accepted_by'], ['staff.id'], name=op.f('fk_ticket_accepted_by')),
    sa.ForeignKeyConstraint(['contact_id'], ['contact.id'], name=op.f('fk_ticket_contact_id')),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_ticket_conversation_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_ticket_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket')),
    sa.UniqueConstraint('number', name=op.f('uq_ticket_number'))
    )
    op.create_index(op.f('ix_ticket_contact_id'), 'ticket', ['contact_id'], unique=False)
    op.create_index(op.f('ix_ticket_conversation_id'), 'ticket', ['conversation_id'], unique=False)
    op.create_index('ix_ticket_district_list', 'ticket', ['desk', 'state', 'due_at'], unique=False)
    op.create_index('ix_ticket_unit_list', 'ticket', ['unit_id', 'state', 'due_at'], unique=False)
    op.create_table('delivery',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('message_id', sa.BigInteger(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False, comment="the message's seq: order within the conversation"),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('try_number', sa.Integer(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('due_at', actions.storage.base.Moment(timezone=True), nullable=False, comment='not before this moment'),
    sa.Column('external_id', sa.Text(), nullable=True, comment="the app's identity of what it took"),
    sa.Column('error', sa.Text(), nullable=True, comment='kind of error, never its content'),
    sa.Column('changed_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('waiting', 'sending', 'sent', 'retried', 'unclear', 'failed')", name=op.f('ck_delivery_state')),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_delivery_conversation_id')),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_delivery_message_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery')),
    sa.UniqueConstraint('message_id', 'try_number', name=op.f('uq_delivery_message_id_try_number'))
    )
    op.create_index('ix_delivery_open', 'delivery', ['conversation_id', 'seq'], unique=False, postgresql_where=sa.text("state IN ('waiting', 'sending')"))
    op.create_table('route_record',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=True),
    sa.Column('ticket_id', sa.BigInteger(), nullable=True),
    sa.Column('table_version', sa.Text(), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('text', sa.LargeBinary(), nullable=False, comment='encrypted: the words the route was read from'),
    sa.Column('outcome', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_route_record_conversation_id')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_route_record_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_route_record'))
    )
    op.create_index(op.f('ix_route_record_conversation_id'), 'route_record', ['conversation_id'], unique=False)
    op.create_index(op.f('ix_route_record_ticket_id'), 'route_record', ['ticket_id'], unique=False)
    op.create_table('screening_record',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=True),
    sa.Column('ticket_id', sa.BigInteger(), nullable=True),
    sa.Column('ruleset', sa.Text(), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('region', sa.Text(), nullable=False),
    sa.Column('answers', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('outcome', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_screening_record_conversation_id')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_screening_record_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_screening_record'))
    )
    op.create_index(op.f('ix_screening_record_conversation_id'), 'screening_record', ['conversation_id'], unique=False)
    op.create_index(op.f('ix_screening_record_ticket_id'), 'screening_record', ['ticket_id'], unique=False)
    op.create_table('ticket_event',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False, comment='bot, system, or staff:<id>'),
    sa.Column('data', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_ticket_event_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket_event'))
    )
    op.create_index(op.f('ix_ticket_event_ticket_id'), 'ticket_event', ['ticket_id'], unique=False)
    op.create_table('turn_attempt',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('message_id', sa.BigInteger(), nullable=False),
    sa.Column('worker', sa.Text(), nullable=False),
    sa.Column('started_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_turn_attempt_message_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_turn_attempt'))
    )
    op.create_index(op.f('ix_turn_attempt_message_id'), 'turn_attempt', ['message_id'], unique=False)
    op.create_table('notice',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('event_id', sa.BigInteger(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False, comment='resident, or unit:<id>'),
    sa.Column('kind', sa.Text(), nullable=False, comment='id of a reply in config/replies'),
    sa.Column('parameters', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('created_at', actions.storage.base.Moment(timezone=True), nullable=False),
    sa.Column('message_id', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("state IN ('waiting', 'held', 'posted', 'silent')", name=op.f('ck_notice_state')),
    sa.ForeignKeyConstraint(['event_id'], ['ticket_event.id'], name=op.f('fk_notice_event_id')),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_notice_message_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice')),
    sa.UniqueConstraint('event_id', 'recipient', 'kind', name=op.f('uq_notice_event_id_recipient_kind'))
    )
    op.create_index('ix_notice_open', 'notice', ['id'], unique=False, postgresql_where=sa.text("state IN ('waiting', 'held')"))
    op.create_index('ix_conversation_recent', 'conversation', ['last_message_at'], unique=False)
    # history only grows; erasing personal data (个人信息保护法 47) says so for its own transaction
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF current_setting('youmen.erasing', true) = 'on' THEN
                RETURN COALESCE(NEW, OLD);
            END IF;
            RAISE EXCEPTION '% only grows: rows are neither changed nor deleted', TG_TABLE_NAME;
        END $$
    """)
    for table in ("ticket_event", "consent", "screening_record", "route_record", "audit"):
        op.execute(f"CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    raise RuntimeError("migrations go forward only; restore a backup to go back")
