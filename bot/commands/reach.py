"""Reaches the database of this home: the running one, else a private one that is stopped afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from bot.settings import Settings

if TYPE_CHECKING:
    from actions.storage.engine import Database
    from bot.processes.parts import Parts


@contextmanager
def _servers(settings: Settings) -> Iterator[tuple[str, str | None]]:
    from bot.processes.parts import NotReady, server_urls
    from bot.processes.servers import start_postgres

    with ExitStack() as stack:
        try:
            urls = server_urls(settings)
        except NotReady:
            server = start_postgres(settings.home)
            stack.callback(server.stop)
            urls = (server.url, None)
        yield urls


@contextmanager
def reached_parts(settings: Settings, name: str) -> Iterator[Parts]:
    """Everything a process is composed of."""
    from bot.processes.parts import open_parts

    with _servers(settings) as urls:
        parts = open_parts(settings, name=name, urls=urls)
        try:
            yield parts
        finally:
            parts.database.dispose()


@contextmanager
def reached_database(settings: Settings, name: str) -> Iterator[Database]:
    """The database alone, with the key that belongs to it; no knowledge is loaded. Raises KeyWrong, NotReady."""
    from actions.privacy.commands import check_keys
    from bot.processes.parts import keys_of, open_database

    with _servers(settings) as urls:
        keys = keys_of(settings)
        database = open_database(urls[0], name=name, keys=keys)
        try:
            with database.begin() as session:
                check_keys(session, keys)
            yield database
        finally:
            database.dispose()
