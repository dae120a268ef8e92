"""Fifty people at one ticket at the same moment: one effect, forty-nine clear refusals, no deadlock."""
from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.commands import create_staff
from actions.access.queries import as_viewer
from actions.access.rules import Refused, Viewer
from actions.privacy.commands import audit_hash
from actions.privacy.keys import Keys
from actions.storage.engine import Database, open_engine
from actions.storage.tables import Audit, Notice, Ticket, TicketEvent
from actions.tickets.commands import StalePage, Work, perform
from actions.tickets.rules import WrongState
from tests.cast import LONGXI, Stage
from tests.tickets.deeds import FORMS, put, signed_of

MANY = 50
PATIENCE = 60


@pytest.fixture
def crowded(database_url: str, keys: Keys) -> Iterator[Database]:
    """The same database with a connection for each of them."""
    crowded = Database(open_engine(database_url, pool_size=MANY), keys.audit_key)
    yield crowded
    crowded.dispose()


def hire_many(stage: Stage) -> list[Viewer]:
    """Fifty officers of 龙溪街道."""
    with stage.parts.database.begin() as session:
        return [as_viewer(create_staff(session, login=f"w{n}", name=f"经办{n}", role="head", unit_id=LONGXI, password="x",
                                       now=stage.clock()), stage.parts.roles) for n in range(MANY)]


def all_at_once(crowded: Database, work: Work, people: list[Viewer], deeds: list[tuple[str, str]], now: Any) -> Counter[str]:
    """Each does their deed (number, command) from a page of version 1. Whether each was done, or why not."""
    start = threading.Barrier(len(people))

    def does(viewer: Viewer, number: str, command: str) -> str:
        start.wait(PATIENCE)
        try:
            with crowded.begin() as session:
                perform(session, work, viewer, number=number, command=command, version=1, form=FORMS[command], now=now)
        except (Refused, StalePage, WrongState) as refused:
            return type(refused).__name__
        return "done"

    with ThreadPoolExecutor(len(people)) as pool:
        waiting = [pool.submit(does, viewer, *deed) for viewer, deed in zip(people, deeds, strict=True)]
        return Counter(one.result(PATIENCE) for one in waiting)


def effects(stage: Stage, number: str) -> tuple[int, int, int, int]:
    """(version, events, notices, audit rows) a ticket has got."""
    with stage.parts.database.begin() as session:
        ticket = session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()
        events = session.execute(sa.select(TicketEvent.id).where(TicketEvent.ticket_id == ticket.id)).scalars().all()
        notices = session.execute(sa.select(sa.func.count()).where(Notice.event_id.in_(events))).scalar_one()
        audits = session.execute(sa.select(sa.func.count()).where(Audit.object == f"ticket:{number}")).scalar_one()
        return ticket.version, len(events), notices, audits


def broken_links(stage: Stage) -> list[int]:
    """Rows of the audit chain whose hash is not made from the row before."""
    with stage.parts.database.begin() as session:
        rows = session.execute(sa.select(Audit).order_by(Audit.id)).scalars().all()
        return [row.id for before, row in zip([None, *rows], rows, strict=False)
                if row.hash != audit_hash(stage.parts.keys.audit_key, before.hash if before else None, row.at, row.actor, row.action, row.object, row.data)]


@pytest.mark.parametrize(("state", "command", "why"), [
    ("dispatched", "accept", "WrongState"),  # the state has moved on
    ("dispatched", "return", "Refused"),  # it is another unit's now: for this one it does not exist
    ("verifying", "verify", "StalePage"),  # the state is the same, the page is not
    ("paying", "pay", "StalePage"),
    ("approving", "approve", "WrongState"),
])
def test_one_effect_and_forty_nine_refusals(stage: Stage, crowded: Database, state: str, command: str, why: str) -> None:
    people, [number] = hire_many(stage), put(stage, [{"state": state, "signed": signed_of(command)}])
    said = all_at_once(crowded, stage.parts.work, people, [(number, command)] * MANY, stage.clock())
    assert said == {"done": 1, why: MANY - 1}
    assert effects(stage, number)[:2] == (2, 1)


def test_different_deeds_at_once(stage: Stage, crowded: Database) -> None:
    """Ten deeds each by five people: still one effect, whichever comes first."""
    people, [number] = hire_many(stage), put(stage, [{"state": "accepted"}])
    commands = ["verify", "ask_supplement", "give_aid", "close", "refer", "ask_extension", "addend"]
    deeds = [(number, commands[n % len(commands)]) for n in range(MANY)]
    said = all_at_once(crowded, stage.parts.work, people, deeds, stage.clock())
    assert said["done"] == 1 and sum(said.values()) == MANY and set(said) <= {"done", "StalePage", "WrongState"}
    version, events, notices, audits = effects(stage, number)
    assert (version, events, audits) == (2, 1, 1) and notices <= 1
    assert broken_links(stage) == []


def test_fifty_deeds_on_five_tickets_crosswise(stage: Stage, crowded: Database) -> None:
    """Nobody waits for ever: each ticket is moved once."""
    people, names = hire_many(stage), put(stage, [{"state": "dispatched"}] * 5)
    deeds = [(names[n % 5], "accept") for n in range(MANY)]
    said = all_at_once(crowded, stage.parts.work, people, deeds, stage.clock())
    assert said == {"done": 5, "WrongState": MANY - 5}
    assert [effects(stage, number)[0] for number in names] == [2] * 5
    assert broken_links(stage) == []
