"""Brings the database to the code's version: one linear history, its head checked in, one migrator at a time."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

FOLDER = Path(__file__).parent / "migrations"
HEAD_FILE = FOLDER / "HEAD"
LOCK_KEY = 0x796F756D656E  # "youmen"


class DatabaseNewer(Exception):
    """The database was migrated by newer code than this."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def code_head() -> str:
    """The revision this code expects, as checked in."""
    return HEAD_FILE.read_text(encoding="utf-8").strip()


def known_revisions() -> list[str]:
    """All revisions of the history, newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def migrate(engine: Engine) -> tuple[str | None, str]:
    """Upgrades to the head in one transaction under a lock; returns (revision before, revision after).

    Raises DatabaseNewer when the database holds a revision this code does not know.
    """
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        before = MigrationContext.configure(connection).get_current_revision()
        if before is not None and before not in known_revisions():
            raise DatabaseNewer(before)
        if before != code_head():
            command.upgrade(_config(connection), "head")
        return before, code_head()


def draft_revision(engine: Engine, message: str, revision: str) -> None:
    """Writes the next migration from the difference between tables and database, and the new head."""
    with engine.begin() as connection:
        command.revision(_config(connection), message=message, rev_id=revision, autogenerate=True)
    HEAD_FILE.write_text(revision + "\n", encoding="utf-8")
