"""The database follows the code: one history, its head checked in, nothing left out, nothing newer accepted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from actions.privacy.commands import record_audit
from actions.storage import tables  # noqa: F401
from actions.storage.base import metadata
from actions.storage.migrate import DatabaseNewer, code_head, known_revisions, migrate
from actions.storage.tables import Audit

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=timezone.utc)


def test_tables_and_migrations_say_the_same(database: Any) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_head_checked_in_is_the_newest_of_one_line() -> None:
    assert known_revisions()[0] == code_head()


def test_a_second_migration_changes_nothing(database: Any) -> None:
    assert migrate(database.engine) == (code_head(), code_head())


def test_many_at_once_migrate_once(postgres_url: str, postgres_admin: Any) -> None:
    from actions.storage.engine import open_engine

    with postgres_admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE DATABASE race"))
    engines = [open_engine(postgres_url.replace("/postgres?", "/race?"), pool_size=1) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(migrate, engines))
    finally:
        for engine in engines:
            engine.dispose()
        with postgres_admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("DROP DATABASE race WITH (FORCE)"))
    assert sorted(before or "" for before, _ in done) == ["", code_head(), code_head(), code_head()]


def test_a_newer_database_is_refused(database: Any) -> None:
    with database.begin() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = 'from-the-future'"))
    with pytest.raises(DatabaseNewer, match="from-the-future"):
        migrate(database.engine)


@pytest.mark.parametrize("statement", ["UPDATE audit SET action = 'x'", "DELETE FROM audit"])
def test_history_is_neither_changed_nor_deleted(database: Any, statement: str) -> None:
    with database.begin() as session:
        record_audit(session, actor="system", action="test", object_="thing:1", now=NOW)
    with pytest.raises(sa.exc.DBAPIError, match="only grows"), database.begin() as session:
        session.execute(sa.text(statement))
    with database.begin() as session:
        assert session.execute(sa.select(Audit.action)).scalars().all() == ["test"]


def test_a_time_without_zone_is_refused(database: Any) -> None:
    with pytest.raises(sa.exc.StatementError, match="without zone"), database.begin() as session:
        session.add(Audit(at=datetime(2026, 1, 1), actor="a", action="b", object="c", data={}, hash=b""))
