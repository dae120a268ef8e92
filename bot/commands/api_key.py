"""api-key: which other systems may file tickets."""

from __future__ import annotations

import click

from bot.commands.reach import reached_database
from bot.commands.records import say, write
from bot.settings import Settings


@click.group("api-key")
def api_key() -> None:
    """Keys of other systems: add, list, off."""


@api_key.command("add")
@click.argument("name")
@click.pass_obj
def add(settings: Settings, name: str) -> None:
    """Make a key for the system NAME; printed once."""
    from actions.intake.commands import make_api_key
    from bot.processes.parts import system_clock

    with reached_database(settings, "api-key") as database:
        try:
            with database.begin() as session:
                token = make_api_key(session, name, system_clock())
        except ValueError:
            raise click.UsageError(
                f"{name} has a key already: end it with `youmen api-key off {name}`, choose another name") from None
    write({"name": name, "key": token})


@api_key.command("list")
@click.pass_obj
def list_keys(settings: Settings) -> None:
    """List systems with a key."""
    import sqlalchemy as sa

    from actions.storage.tables import ApiKey

    with reached_database(settings, "api-key") as database, database.begin() as session:
        for row in session.execute(sa.select(ApiKey).order_by(ApiKey.id)).scalars():
            write({"name": row.name, "active": row.active, "created_at": row.created_at.isoformat()})


@api_key.command("off")
@click.argument("name")
@click.pass_obj
def off(settings: Settings, name: str) -> None:
    """End the key of NAME; what came by it stays."""
    from actions.intake.commands import end_api_key
    from bot.processes.parts import system_clock

    with reached_database(settings, "api-key") as database, database.begin() as session:
        if not end_api_key(session, name, system_clock()):
            raise click.UsageError(f"{name} has no key: see `youmen api-key list`")
    say(f"the key of {name} opens nothing any more")
