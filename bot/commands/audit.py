"""audit: whether the log of who read and did what is whole."""

from __future__ import annotations

import click

from bot.commands.reach import reached_database
from bot.commands.records import say, write
from bot.settings import Settings


@click.group()
def audit() -> None:
    """The log of reads, writes, exports and sign-ins: verify."""


def _noted(text: str | None) -> tuple[int, bytes] | None:
    if text is None:
        return None
    row, _, hash_ = text.partition(":")
    try:
        found = int(row), bytes.fromhex(hash_)
    except ValueError:
        found = 0, b""
    if found[0] < 1 or len(found[1]) != 32:
        raise click.UsageError(f"--noted {text!r} is no row: write it as an earlier run printed it, last:hash")
    return found


@audit.command("verify")
@click.option("--noted", metavar="LAST:HASH", help="What an earlier run printed; that row must still stand.")
@click.pass_context
def verify(ctx: click.Context, noted: str | None) -> None:
    """Walk the whole chain; exit code 1 names the first broken row. May run while the hotline works."""
    from actions.privacy.queries import verify_audit

    settings: Settings = ctx.obj
    known = _noted(noted)
    with reached_database(settings, "audit") as database, database.begin() as session:
        found = verify_audit(session, known)
    broken = found.broken
    write({
        "ok": broken is None,
        "rows": found.rows,
        "last": found.last,
        "hash": found.hash.hex() if found.hash else None,
        "broken": None if broken is None else {"row": broken.row, "what": broken.what, "why": broken.why},
    })
    if broken is not None:
        say(f"row {broken.row}: {broken.why}. Change nothing, compare with the last backup, tell the auditor.")
        ctx.exit(1)
