"""Opens what every process shares: database, keys, texts, knowledge; with errors that speak."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from sqlalchemy.exc import OperationalError

from actions.access.rules import Role
from actions.privacy.commands import check_keys
from actions.privacy.keys import Keys, load_keys
from actions.steps.knowledge import Knowledge, load_knowledge
from actions.storage.engine import Database, open_engine
from actions.storage.migrate import DatabaseNewer, migrate
from actions.tickets.commands import Work
from actions.tickets.rules import Lifecycle
from bot.conversation.accept import AcceptTools
from bot.conversation.danger import Gates, load_gates
from bot.conversation.turn import TurnTools
from bot.conversation.wake import Wake
from bot.settings import Settings

STATE_FILE = "running.json"
KEPT_RULES = "rules"


class NotReady(Exception):
    """Something the process needs is not there; the text says what and how to mend it. Exit code 3."""


def system_clock() -> datetime:
    """Now, with zone."""
    return datetime.now(timezone.utc)


@dataclass
class Parts:
    """Everything a process is composed of."""

    settings: Settings
    database: Database
    keys: Keys
    knowledge: Knowledge
    gates: Gates
    roles: dict[str, Role]
    lifecycle: Lifecycle
    wake: Wake
    redis_url: str | None
    now: Callable[[], datetime]

    @property
    def work(self) -> Work:
        """What the commands of tickets need."""
        know = self.knowledge
        return Work(self.lifecycle, self.keys, know.gazetteer, self.roles, know.clockwork, know.book)


def running_state(settings: Settings) -> dict[str, object] | None:
    """What a running supervisor of this home wrote about itself; None when none runs."""
    path = settings.home / STATE_FILE
    try:
        state: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
        os.kill(int(str(state["pid"])), 0)
    except (OSError, ValueError, KeyError):
        return None
    return state


def server_urls(settings: Settings) -> tuple[str, str | None]:
    """(database, redis) of this installation. Raises NotReady when nothing runs and no URL is set."""
    if settings.database_url:
        return settings.database_url, settings.redis_url
    state = running_state(settings)
    if state is None:
        raise NotReady("no database runs here: start the hotline with `youmen up`, or set DATABASE_URL")
    return str(state["database_url"]), str(state["redis_url"]) if state.get("redis_url") else None


def open_database(
    url: str, *, name: str, keys: Keys | None = None, turn_seconds: int = 60, pool_size: int = 5
) -> Database:
    """The database, reached and migrated. Raises NotReady in one sentence."""
    engine = open_engine(url, name=name, idle_seconds=turn_seconds, pool_size=pool_size)
    try:
        migrate(engine)
    except DatabaseNewer as newer:
        raise NotReady(
            f"the database is at version {newer}, which this code does not know: run the newer code"
        ) from None
    except OperationalError as error:
        first = str(error.orig).strip().splitlines()[0] if error.orig else "unreachable"
        raise NotReady(f"the database cannot be reached ({first}): check DATABASE_URL or start it") from None
    return Database(engine, keys.audit_key if keys is not None else None)


def open_parts(
    settings: Settings,
    *,
    name: str,
    now: Callable[[], datetime] = system_clock,
    urls: tuple[str, str | None] | None = None,
    pool_size: int = 5,
    knowledge: Knowledge | None = None,
) -> Parts:
    """Opens everything. Raises NotReady, ConfigError, KeyWrong.

    `knowledge` is given where it was loaded before: the engine's parent loads it once for all its workers.
    """
    database_url, redis_url = urls or server_urls(settings)
    knowledge = knowledge or serving_knowledge(settings)
    keys = knowledge.keys
    database = open_database(
        database_url, name=name, keys=keys, turn_seconds=settings.turn_seconds, pool_size=pool_size
    )
    with database.begin() as session:
        check_keys(session, keys)
    return Parts(
        settings=settings,
        keys=keys,
        knowledge=knowledge,
        gates=load_gates(settings.config / "danger"),
        roles=dict(knowledge.roles),
        lifecycle=knowledge.lifecycle,
        database=database,
        wake=Wake(redis_url),
        redis_url=redis_url,
        now=now,
    )


def keys_of(settings: Settings) -> Keys:
    """The field key of this installation; made where there is none yet. Raises KeyWrong."""
    return load_keys(settings.home / "field.key", settings.field_key)


def serving_knowledge(settings: Settings) -> Knowledge:
    """What a service knows: with wrong rules it goes on with the last good ones. Raises ConfigError, KeyWrong."""
    return load_knowledge(settings.config, keys_of(settings), kept_rules=settings.home / KEPT_RULES)


def turn_tools(parts: Parts) -> TurnTools:
    """What a worker needs for its turns."""
    accepting = AcceptTools(parts.gates, parts.knowledge)
    return TurnTools(parts.database, parts.knowledge.replies, parts.keys, parts.wake, parts.now, accepting)
