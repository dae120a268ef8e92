"""What tests of every room stand on: a real PostgreSQL with a fresh database for each test, a fixed key, a clock that is set by hand."""
from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from hypothesis import Phase, settings

from actions.access import commands as access_commands
from actions.access.rules import Role, load_roles
from actions.language.replies import Replies
from actions.privacy.keys import Keys
from actions.steps.knowledge import Knowledge, load_knowledge
from actions.storage.engine import Database, open_engine
from actions.storage.migrate import migrate
from actions.tickets.commands import Work, load_table
from actions.tickets.rules import Lifecycle
from bot.conversation.danger import Gates, load_gates
from bot.logs import configure_logs
from bot.processes.servers import start_postgres

# No example is timed. Each run looks for new examples, but continuous integration (.ci/run sets YOUMEN_STEADY) takes the
# same ones for the same test, so that it says of a commit tomorrow what it says today; it does not look for the smallest
# failing example, which may take longer than a test may, and would end the whole run.
settings.register_profile("searching", deadline=None, print_blob=True)
settings.register_profile("steady", deadline=None, print_blob=True, derandomize=True,
                          phases=(Phase.explicit, Phase.generate))
settings.load_profile("steady" if os.environ.get("YOUMEN_STEADY") else "searching")

CONFIG = Path(__file__).resolve().parent.parent / "config"
TEMPLATE = "youmen_template"


class Clock:
    """A clock that only goes when told. Calling it gives the time."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        """Goes forward: `advance(minutes=3)`."""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Friday 2026-11-20 10:00 in Chongqing."""
    return Clock(datetime(2026, 11, 20, 2, 0, tzinfo=timezone.utc))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL of its own for this run; its template holds the migrated tables."""
    home = Path(tempfile.mkdtemp(prefix="youmen-test-", dir="/var/tmp"))
    home.chmod(0o755)  # under root the server runs as a user of its own
    server = start_postgres(home)
    try:
        admin = open_engine(server.url, pool_size=1)
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # a test database is thrown away: it need not survive a power cut
            connection.execute(sa.text("ALTER SYSTEM SET fsync = off"))
            connection.execute(sa.text("SELECT pg_reload_conf()"))
            connection.execute(sa.text(f"CREATE DATABASE {TEMPLATE}"))
        template = open_engine(server.url.replace("/postgres?", f"/{TEMPLATE}?"), pool_size=1)
        migrate(template)
        template.dispose()
        admin.dispose()
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_admin(postgres_url: str) -> Iterator[sa.engine.Engine]:
    """A connection that makes and drops databases."""
    engine = open_engine(postgres_url, pool_size=1)
    yield engine
    engine.dispose()


@contextmanager
def fresh_database(postgres_url: str, admin: sa.engine.Engine) -> Iterator[str]:
    """The address of an empty, migrated database that is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"))
    yield postgres_url.replace("/postgres?", f"/{name}?")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database_url(postgres_url: str, postgres_admin: sa.engine.Engine) -> Iterator[str]:
    """A fresh database for one test."""
    with fresh_database(postgres_url, postgres_admin) as url:
        yield url


@pytest.fixture
def database(database_url: str, keys: Keys) -> Iterator[Database]:
    """The database of this test."""
    database = Database(open_engine(database_url, pool_size=5), keys.audit_key)
    yield database
    database.dispose()


@pytest.fixture(autouse=True)
def usual_logs() -> None:
    """Logs as a process has them, for tests that read lines; a command run in this process may have changed them."""
    configure_logs("info", "tests")


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    """Hashing that costs nothing; the real cost is not what these tests measure."""
    access_commands._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session")
def keys() -> Keys:
    """A fixed key."""
    return Keys(b"k" * 32)


@pytest.fixture(scope="session")
def knowledge(keys: Keys) -> Knowledge:
    """Places, rules, clocks, texts and answers, as every process loads them."""
    return load_knowledge(CONFIG, keys)


@pytest.fixture(scope="session")
def replies(knowledge: Knowledge) -> Replies:
    """The texts residents read."""
    return knowledge.replies


@pytest.fixture(scope="session")
def gates() -> Gates:
    """The danger gates."""
    return load_gates(CONFIG / "danger")


@pytest.fixture(scope="session")
def roles() -> Mapping[str, Role]:
    """Who may do what."""
    return load_roles(CONFIG / "roles" / "roles.yaml")


@pytest.fixture(scope="session")
def lifecycle(roles: Mapping[str, Role], replies: Replies, knowledge: Knowledge) -> Lifecycle:
    """What a ticket can become."""
    return load_table(CONFIG, roles, replies, knowledge.clockwork)


@pytest.fixture(scope="session")
def work(lifecycle: Lifecycle, knowledge: Knowledge, roles: Mapping[str, Role]) -> Work:
    """What the commands of tickets need."""
    return Work(lifecycle, knowledge.keys, knowledge.gazetteer, roles, knowledge.clockwork, knowledge.book)


def pytest_configure(config: pytest.Config) -> None:
    """Settings of the machine must not reach the tests."""
    for name in list(os.environ):
        if name.startswith("YOUMEN_") and name not in ("YOUMEN_SHARED", "YOUMEN_VENV") or name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]


@pytest.fixture(scope="session")
def dialogue():  # type: ignore[no-untyped-def]
    """The trained model, loaded once for the whole run (importing Rasa takes 10 to 20 seconds); trained if need be."""
    from actions.places.dictionary import jieba_words
    from actions.places.gazetteer import load_gazetteer
    from bot.dialogue.model import model_files, quiet_rasa, train
    from bot.settings import load_settings

    settings = load_settings({})
    words = jieba_words(load_gazetteer(CONFIG / "places"))
    quiet_rasa(settings)
    settings.build.mkdir(exist_ok=True)
    if not model_files(settings, words).archive.exists():
        train(settings, words)
    from bot.dialogue.engine import Dialogue

    return Dialogue(model_files(settings, words))
