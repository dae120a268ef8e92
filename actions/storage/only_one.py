"""OnlyOne: among all processes of an installation one does a thing; when it dies, another may."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError


class OnlyOne:
    """A session lock of PostgreSQL on a connection of its own; it falls when its holder dies. `name`: ≤ 8 letters."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._key = engine, int.from_bytes(name.encode("ascii"), "big")
        if not 0 < self._key < 2**63:
            raise ValueError(f"{name!r} makes no lock: 1 to 8 ASCII letters")
        self._connection: Connection | None = None

    def held(self) -> bool:
        """Takes the lock, or makes sure that it is still ours; False: another holds it. Raises DBAPIError."""
        if self._connection is not None:
            try:
                self._connection.execute(sa.text("SELECT 1"))
                return True
            except DBAPIError:
                self.give_up()
                raise
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()  # never back into the pool: the lock lives exactly as long as this connection
        if connection.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key}).scalar():
            self._connection = connection
            return True
        connection.close()
        return False

    def give_up(self) -> None:
        """Another may have it."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.invalidate()
            connection.close()
