"""recompute, stuck: clocks of open tickets after a new calendar or rule, and the daily list of what does not move."""

from __future__ import annotations

import click

from bot.commands.records import say, write
from bot.settings import Settings


@click.command()
@click.pass_obj
def recompute(settings: Settings) -> None:
    """Bring open tickets into line with calendar, rules, units and staff. A second run changes nothing."""
    import sqlalchemy as sa

    from actions.storage.tables import Ticket, TicketEvent
    from actions.tickets.commands import keep_up
    from bot.processes.parts import open_parts

    parts = open_parts(settings, name="recompute")
    kinds = ("recomputed", "succeeded", "handed_back")
    with parts.database.begin() as session:
        last = session.execute(sa.select(sa.func.coalesce(sa.func.max(TicketEvent.id), 0))).scalar_one()
    while True:
        now = parts.now()
        with parts.database.begin() as session:
            if keep_up(session, parts.work, now) > now:
                break
    with parts.database.begin() as session:
        rows = session.execute(
            sa.select(Ticket.number, TicketEvent.kind, TicketEvent.data)
            .join(Ticket, Ticket.id == TicketEvent.ticket_id)
            .where(TicketEvent.id > last, TicketEvent.kind.in_(kinds)).order_by(TicketEvent.id)).all()
    for number, kind, data in rows:
        write({"number": number, "event": kind, **data})
    parts.wake.hint("tickets")
    say(f"{len(rows)} changes; calendar {parts.knowledge.calendar.version}")


@click.command()
@click.pass_obj
def stuck(settings: Settings) -> None:
    """What is stuck, and why: one line a ticket, the most urgent first."""
    import sqlalchemy as sa

    from actions.due.clock import SHANGHAI
    from actions.storage.tables import Ticket
    from actions.tickets.watching import stuck as stuck_tickets
    from bot.processes.parts import open_parts

    parts = open_parts(settings, name="stuck")
    with parts.database.begin() as session:
        entries = stuck_tickets(session, sa.select(Ticket), parts.knowledge.clockwork, parts.now())
        for entry in entries:
            ticket = entry.ticket
            write({
                "number": ticket.number, "state": ticket.state, "desk": ticket.desk, "unit": ticket.unit_id,
                "unit_name": ticket.unit_name, "due": ticket.due_at.astimezone(SHANGHAI).isoformat(),
                "late": entry.late,
                "reasons": [{"reason": reason, "since": since.astimezone(SHANGHAI).isoformat()}
                            for reason, since in entry.since.items()],
            })
    say(f"{len(entries)} tickets are stuck")
