"""audit: whether the log of who read and did what is whole."""

from __future__ import annotations

import click

from bot.commands.reach import reached_database
from bot.commands.records import say, write
from bot.settings import Settings


@click.group()
def audit() -> None:
    """The log of reads, writes, exports and sign-ins: verify."""


def _noted(text: str | None) -> dict[int, bytes]:
    if text is None:
        return {}
    row, _, hash_ = text.partition(":")
    try:
        found = int(row), bytes.fromhex(hash_)
    except ValueError:
        found = 0, b""
    if found[0] < 1 or len(found[1]) != 32:
        raise click.UsageError(f"--noted {text!r} is no row: write it as an earlier run printed it, last:hash")
    return dict([found])


@audit.command("verify")
@click.option("--noted", metavar="LAST:HASH", help="What an earlier run printed; that row must still stand.")
@click.pass_context
def verify(ctx: click.Context, noted: str | None) -> None:
    """Walk the whole chain, against the anchors in the home folder; exit code 1 names the first broken row.

    A whole log gets a new anchor. May run while the hotline works.
    """
    from actions.privacy.anchors import FILE
    from actions.privacy.verifying import verify_and_note
    from bot.processes.parts import system_clock

    settings: Settings = ctx.obj
    known = _noted(noted)
    with reached_database(settings, "audit") as database:
        found = verify_and_note(
            database, settings.home / FILE, actor="system", now=system_clock(), noted=known)
    broken = found.broken
    write({
        "ok": broken is None,
        "rows": found.rows,
        "last": found.last,
        "hash": found.hash.hex() if found.hash else None,
        "anchors": found.anchors,
        "broken": None if broken is None else {"row": broken.row, "what": broken.what, "why": broken.why},
    })
    if broken is not None:
        where = f"row {broken.row}: " if broken.row is not None else ""
        say(f"{where}{broken.why}. Change nothing, compare with the last backup, tell the auditor.")
        ctx.exit(1)
