"""龙溪街道 works tickets against the clock: commands in one line, the courier's rounds, what runs and who was told."""
from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from actions.access.queries import as_viewer
from actions.access.rules import Viewer
from actions.due.clock import SHANGHAI
from actions.storage.tables import Notice, Staff, Ticket, TicketClock, TicketEvent, Timer
from actions.tickets.commands import Work, perform
from bot.conversation.post import run_timer
from tests.cast import Stage

ORDINARY = {"aid_first": False, "urgency": "none"}


def at(text: str) -> datetime:
    """A time of 2026 (or with a year) in Chongqing: "11-23 09:00"."""
    full = text if len(text.split(" ")[0]) > 5 else f"2026-{text}"
    return datetime.fromisoformat(full).replace(tzinfo=SHANGHAI)


def shown(moment: datetime | None) -> str | None:
    """A moment as these tests write it."""
    return None if moment is None else moment.astimezone(SHANGHAI).strftime("%m-%d %H:%M")


@dataclass
class Office:
    """A stage with its people, ready to do commands."""

    stage: Stage
    work: Work
    people: dict[str, Viewer] = field(init=False)

    def __post_init__(self) -> None:
        with self.stage.parts.database.begin() as session:
            self.people = {row.login: as_viewer(row, self.work.roles) for row in session.execute(sa.select(Staff)).scalars()}

    @contextmanager
    def session(self) -> Any:
        with self.stage.parts.database.begin() as session:
            yield session

    def open(self, **more: Any) -> str:
        """The number of a new ticket of 龙溪街道, opened a minute ago."""
        number: str = self.stage.ticket(**more).number
        return number

    def ticket(self, number: str) -> Any:
        with self.session() as session:
            return session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()

    def do(self, number: str, command: str, who: str = "zhang", **form: str) -> Any:
        with self.session() as session:
            version = session.execute(sa.select(Ticket.version).where(Ticket.number == number)).scalar_one()
            return perform(session, self.work, self.people[who], number=number, command=command, version=version, form=form,
                           now=self.stage.clock())

    def wait_until(self, text: str) -> None:
        self.stage.clock.now = at(text)

    def round(self) -> list[str]:
        """Everything that has come due, as the courier does it."""
        done = []
        while (kind := run_timer(self.stage.parts.database, self.stage.parts.knowledge, self.stage.clock(), work=self.work)) is not None:
            done.append(kind)
        return done

    def clocks(self, number: str, running: bool = True) -> dict[str, str | None]:
        """Running (or stopped) clocks and when they are due."""
        with self.session() as session:
            rows = session.execute(sa.select(TicketClock).join(Ticket, Ticket.id == TicketClock.ticket_id)
                                   .where(Ticket.number == number).order_by(TicketClock.id)).scalars().all()
            return {row.clock: shown(row.due_at) for row in rows if (row.stopped_at is None) is running}

    def rows(self, number: str) -> list[tuple[Any, ...]]:
        """The clocks and timers of a ticket, whole."""
        with self.session() as session:
            query = sa.select(TicketClock.__table__).join(Ticket, Ticket.id == TicketClock.ticket_id)
            clocks = [tuple(row) for row in session.execute(query.where(Ticket.number == number).order_by(TicketClock.id))]
            return [*clocks, *(tuple(row) for row in session.execute(sa.select(Timer.__table__).order_by(Timer.kind, Timer.ref)))]

    def events(self, number: str, *kinds: str) -> list[Any]:
        with self.session() as session:
            return list(session.execute(
                sa.select(TicketEvent).join(Ticket, Ticket.id == TicketEvent.ticket_id)
                .where(Ticket.number == number, TicketEvent.kind.in_(kinds)).order_by(TicketEvent.id)).scalars())

    def told(self, number: str) -> list[tuple[str, str, str]]:
        """(when, whom, what) of the reminders of a ticket."""
        with self.session() as session:
            rows = session.execute(
                sa.select(Notice, TicketEvent).join(TicketEvent, TicketEvent.id == Notice.event_id)
                .join(Ticket, Ticket.id == TicketEvent.ticket_id).where(Ticket.number == number, TicketEvent.kind == "reminded")
                .order_by(Notice.id)).all()
            return [(str(shown(notice.created_at)), notice.recipient, f"{event.data['clock']} {event.data['reminder']}")
                    for notice, event in rows]

    def timers(self) -> int:
        with self.session() as session:
            return int(session.execute(sa.select(sa.func.count()).where(Timer.kind == "clock")).scalar_one())
