"""replay, questions: judges a recorded screening or route again; lists what nobody could answer yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from bot.commands.reach import reached_parts
from bot.commands.records import write
from bot.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from actions.storage.tables import RouteRecord, ScreeningRecord
    from bot.processes.parts import Parts

SCREENING, ROUTE = "screening", "route"


@click.command()
@click.argument("record")
@click.pass_context
def replay(ctx: click.Context, record: str) -> None:
    """Judge a record again: a ticket number, screening:ID or route:ID. Exit code 1 when something differs."""
    kind, _, rest = record.partition(":")
    if rest and (kind not in (SCREENING, ROUTE) or not rest.isdecimal()):
        raise click.UsageError(f"{record!r} names no record: write screening:12, route:12 or a ticket number")
    with reached_parts(ctx.obj, "replay") as parts, parts.database.begin() as session:
        found = list(_records(session, kind if rest else None, rest or record))
        if not found:
            raise click.UsageError(
                f"there is no record {record!r}: write screening:12, route:12 or a ticket number of this hotline"
            )
        differs = False
        for name, row in found:
            differences = _screening(parts, row) if name == SCREENING else _route(parts, row, session)
            differs = differs or bool(differences)
            write({"id": f"{name}:{row.id}", "kind": name, "same": not differences, "differences": differences})
    if differs:
        ctx.exit(1)


@click.command()
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="How many at most.")
@click.pass_obj
def questions(settings: Settings, limit: int) -> None:
    """List questions of residents that have no reviewed answer yet, the newest first."""
    from actions.due.clock import SHANGHAI
    from actions.policy.queries import unanswered

    with reached_parts(settings, "replay") as parts, parts.database.begin() as session:
        for entry in unanswered(session, parts.keys, limit):
            at = entry.asked_at.astimezone(SHANGHAI).isoformat()
            write({"id": entry.id, "asked_at": at, "intent": entry.intent, "text": entry.text})


def _records(session: Any, kind: str | None, name: str) -> Iterator[tuple[str, Any]]:
    import sqlalchemy as sa

    from actions.storage.tables import RouteRecord, ScreeningRecord, Ticket

    for label, table in ((SCREENING, ScreeningRecord), (ROUTE, RouteRecord)):
        query = sa.select(table).order_by(table.id)
        if kind is not None:
            query = query.where(table.id == int(name))
        else:
            query = query.join(Ticket, Ticket.id == table.ticket_id).where(Ticket.number == name.upper())
        if kind in (None, label):
            for row in session.execute(query).scalars():
                yield label, row


def _screening(parts: Parts, row: ScreeningRecord) -> list[dict[str, Any]]:
    from actions.screening.record import replay as judge_again
    from actions.screening.values import ScreenInputError

    try:
        return judge_again(parts.knowledge.ruleset, row.outcome)
    except ScreenInputError as error:  # a fact or region these rules no longer know
        return [{"path": f"answers.{error.fact or ''}", "then": row.outcome["answers"].get(error.fact), "now": None}]


def _route(parts: Parts, row: RouteRecord, session: Session) -> list[dict[str, Any]]:
    """What the same words route to today, with the rulings of the desk as they stood then."""
    from functools import partial

    from actions.places.queries import rulings
    from actions.places.record import replay_route

    text = parts.keys.open(row.text) if row.text else ""
    if not text:
        return []
    know = parts.knowledge
    return replay_route(text, row.outcome, know.places or know.gazetteer, partial(rulings, session), row.as_of)
