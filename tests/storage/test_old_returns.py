"""A database of the version before: the reason of a return, kept as it was then, is still read."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from actions.storage.engine import Database, open_engine
from actions.storage.migrate import _config, migrate
from actions.storage.tables import Ticket
from actions.tickets.queries import disputes

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=timezone.utc)


@pytest.fixture
def empty(postgres_url: str, postgres_admin: sa.engine.Engine) -> Iterator[sa.engine.Engine]:
    """A database without tables."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with postgres_admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine = open_engine(postgres_url.replace("/postgres?", f"/{name}?"), pool_size=1)
    yield engine
    engine.dispose()
    with postgres_admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_the_reason_of_an_old_return_is_still_read(empty: sa.engine.Engine, keys: Any) -> None:
    with empty.begin() as connection:
        command.upgrade(_config(connection), "0007")
        connection.execute(sa.text("""
            INSERT INTO ticket (number, query_code_hash, state, version, desk, unit_id, programme, aid_first, urgency,
                discreet, legal_basis, read_back, facts, source, due_at, due_rule, due_provisional, created_at)
            VALUES ('YM261120-AAAAA-A', '', 'dispatched', 2, 'unit', 'u-longta', 'temporary_urgent', false, 'none',
                false, 'consent', 'none', '{}', 'bot', :now, 'small_quick_aid', false, :now)"""), {"now": NOW})
        connection.execute(sa.text("""
            INSERT INTO ticket_event (ticket_id, kind, actor, at, data) SELECT id, 'returned', 'staff:1', :now,
                jsonb_build_object('from', '{}'::jsonb, 'to', '{}'::jsonb, 'reason', CAST(:reason AS text)) FROM ticket
            """), {"now": NOW, "reason": keys.seal("这条路在龙塔那边").decode()})
    migrate(empty)
    with Database(empty).begin() as session:
        [line] = disputes(session, keys, session.execute(sa.select(Ticket)).scalar_one())
    assert line["reason"] == "这条路在龙塔那边"
