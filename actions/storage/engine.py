"""Opens the database: one engine per process, synchronous, with limits that end what hangs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session, sessionmaker

LOCK_TIMEOUT_MS = 5_000
AUDIT_KEY = "audit_key"  # what a session's info calls the key of the audit chain


def open_engine(url: str, *, pool_size: int = 5, idle_seconds: int = 60, name: str = "youmen") -> Engine:
    """An engine for `url` (postgresql://…).

    `idle_seconds` ends a transaction in which nothing happens any more; a lock is waited for at most 5 s,
    so that a forgotten transaction can never stop the hotline.
    """
    return sa.create_engine(
        url.replace("postgresql://", "postgresql+psycopg2://", 1),
        future=True,
        hide_parameters=True,  # a statement's error must not print what a resident wrote
        pool_size=pool_size,
        max_overflow=10,
        pool_pre_ping=True,
        connect_args={
            "application_name": name,
            "connect_timeout": 5,
            "options": f"-c timezone=UTC -c lock_timeout={LOCK_TIMEOUT_MS}"
            f" -c idle_in_transaction_session_timeout={idle_seconds * 1000}",
        },
    )


class Database:
    """The one way to speak to PostgreSQL: `with database.begin() as session:` is one transaction.

    Without `audit_key` nothing can be written that leaves a row in the audit log.
    """

    def __init__(self, engine: Engine, audit_key: bytes | None = None) -> None:
        self.engine = engine
        self._sessions = sessionmaker(engine, future=True, expire_on_commit=False, info={AUDIT_KEY: audit_key})

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back when anything is raised."""
        with self._sessions() as session, session.begin():
            yield session

    def session(self) -> Session:
        """A session whose transaction the caller ends; for the turn, which decides itself."""
        return self._sessions()

    def dispose(self) -> None:
        """Closes every connection of this process."""
        self.engine.dispose()
