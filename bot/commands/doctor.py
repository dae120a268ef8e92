"""doctor: is everything here that the hotline needs?"""

from __future__ import annotations

import shutil
import sys
import tarfile
import zlib
from collections.abc import Callable

import click

from bot.commands.records import write
from bot.settings import Settings

LOW_DISK = 1_000_000_000


def _config(settings: Settings) -> str:
    from actions.privacy.keys import Keys
    from actions.steps.knowledge import load_knowledge
    from bot.conversation.danger import load_gates

    knowledge = load_knowledge(settings.config, Keys(bytes(32)))
    load_gates(settings.config / "danger")
    texts = len(knowledge.replies.ids())
    return f"rules {knowledge.ruleset.version}, places {knowledge.gazetteer.version}, {texts} replies"


def _model(settings: Settings) -> str:
    from actions.places.dictionary import jieba_words
    from actions.places.gazetteer import load_gazetteer
    from bot.dialogue.model import ModelDamaged, ModelMissing, model_files

    files = model_files(settings, jieba_words(load_gazetteer(settings.config / "places")))
    if not files.archive.exists():
        raise ModelMissing("no model for the present data: run `youmen train`")
    try:
        with tarfile.open(files.archive) as archive:
            if not archive.getmembers():  # reads it to its end
                raise tarfile.ReadError("it is empty")
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ModelDamaged(f"cannot be read ({error}): delete {files.archive} and run `youmen train`") from None
    return files.fingerprint


def _database(settings: Settings) -> str:
    import sqlalchemy as sa
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy.exc import OperationalError

    from actions.storage.engine import open_engine
    from actions.storage.migrate import code_head, known_revisions
    from bot.processes.parts import NotReady, server_urls

    engine = open_engine(server_urls(settings)[0], name="doctor")
    try:
        with engine.connect() as connection:  # looks only: bringing it to this code's version is `migrate`
            found = MigrationContext.configure(connection).get_current_revision()
            if found is not None and found not in known_revisions():
                raise NotReady(f"the database is at version {found}, which this code does not know: run the newer code")
            if found != code_head():
                raise NotReady(f"the database is at version {found}, this code needs {code_head()}: `youmen migrate`")
            waiting = connection.execute(sa.text("SELECT count(*) FROM message WHERE waiting")).scalar()
    except OperationalError as error:
        first = str(error.orig).strip().splitlines()[0] if error.orig else "unreachable"
        raise NotReady(f"the database cannot be reached ({first}): check DATABASE_URL or start it") from None
    finally:
        engine.dispose()
    return f"reached, {waiting} messages wait for the engine"


def _desks(settings: Settings) -> str:
    """Somebody answers for every unit: by the tables on every day, and by name today."""
    import sqlalchemy as sa

    from actions.access.rules import load_roles
    from actions.places.bodies import gaps
    from actions.places.gazetteer import load_gazetteer
    from actions.storage.engine import open_engine
    from actions.storage.tables import Staff
    from bot.processes.parts import server_urls

    gazetteer = load_gazetteer(settings.config / "places")
    missing = gaps(gazetteer.desks, gazetteer.served)
    if missing:
        unit, day = missing[0]
        since = f" from {day}" if day else ""
        raise RuntimeError(f"nobody answers for {gazetteer.units[unit].name}{since}: add a line to places/desks.csv")
    roles = load_roles(settings.config / "roles" / "roles.yaml")
    engine = open_engine(server_urls(settings)[0], name="doctor")
    try:
        with engine.connect() as connection:
            staff = connection.execute(sa.select(Staff.role, Staff.unit_id).where(Staff.active)).all()
    finally:
        engine.dispose()
    may = {name: role.may for name, role in roles.items()}
    own = {unit for role, unit in staff if unit and "accept_ticket" in may.get(role, ())}
    district = any("assign_ticket" in may.get(role, ()) for role, _ in staff)
    alone = sorted(gazetteer.served - own)
    if alone and not district:
        names = ", ".join(gazetteer.units[unit].name for unit in alone[:3])
        raise RuntimeError(f"nobody answers for {len(alone)} units ({names} …): `youmen user add` an officer of the "
                           "unit, or someone at the district desk")
    return f"{len(own & gazetteer.served)} units by their own staff, {len(alone)} by the district desk"


def _redis(settings: Settings) -> str:
    import redis

    from bot.processes.parts import server_urls

    url = server_urls(settings)[1]
    if url is None:
        return "none set: the sweeps find everything, a second later"
    redis.Redis.from_url(url, socket_connect_timeout=1).ping()
    return "reached"


def _disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.home if settings.home.exists() else settings.home.parent).free
    if free < LOW_DISK:
        raise RuntimeError(f"only {free // 1_000_000} MB free below {settings.home}: free some space")
    return f"{free // 1_000_000_000} GB free"


def _proxies(settings: Settings) -> str:
    trusted = ", ".join(str(net) for net in settings.trusted_proxies)
    if not trusted:
        return "none trusted: limits count whoever connects; behind a proxy set YOUMEN_TRUSTED_PROXIES"
    if any(net.prefixlen == 0 for net in settings.trusted_proxies):
        raise RuntimeError(f"YOUMEN_TRUSTED_PROXIES trusts everybody ({trusted}): name the proxies themselves")
    return f"X-Forwarded-For is believed from {trusted}"


CHECKS: dict[str, Callable[[Settings], str]] = {
    "config": _config,
    "model": _model,
    "disk": _disk,
    "database": _database,
    "redis": _redis,
    "proxies": _proxies,
    "desks": _desks,
}


@click.command()
@click.pass_obj
def doctor(settings: Settings) -> None:
    """Check data files, model, disk, database, Redis and trusted proxies; exit 1 if something is wrong."""
    healthy = True
    for name, check in CHECKS.items():
        try:
            write({"check": name, "ok": True, "what": check(settings)})
        except Exception as error:  # every fault is an answer here
            healthy = False
            write(
                {
                    "check": name,
                    "ok": False,
                    "what": str(error).strip().splitlines()[0] if str(error) else type(error).__name__,
                }
            )
    sys.exit(0 if healthy else 1)
