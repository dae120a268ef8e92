"""Deliverers: an app that hangs for one person delays nobody else; one courier delivers, another takes over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.only_one import OnlyOne
from actions.storage.tables import Delivery
from bot.conversation.accept import Incoming, accept
from bot.conversation.deliver import Outgoing
from bot.processes.deliverers import Deliverers
from tests.cast import Stage
from tests.stage import make_stage

PATIENCE = 10


@pytest.fixture
def stage(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any) -> Stage:
    return make_stage(database, knowledge, gates, roles, lifecycle, clock)


class App:
    """An app that hangs for one address until it is told to go on."""

    takes_ids = False

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []
        self.changed = threading.Condition()
        self.hanging = False
        self.hangs_for = ""

    def send(self, outgoing: Outgoing) -> str | None:
        with self.changed:
            if outgoing.address == self.hangs_for:
                self.hanging = True
                self.changed.notify_all()
                self.changed.wait_for(lambda: not self.hangs_for, PATIENCE)
            self.shown.append((outgoing.address, outgoing.text))
            self.changed.notify_all()
        return "1"

    def wait(self, told: Any) -> None:
        with self.changed:
            assert self.changed.wait_for(told, PATIENCE), self.shown


@pytest.fixture
def app() -> Iterator[App]:
    app = App()
    yield app
    with app.changed:
        app.hangs_for = ""
        app.changed.notify_all()


def say(stage: Stage, address: str, *texts: str) -> None:
    """Somebody wrote, and this is answered."""
    for number, text in enumerate(texts):
        with stage.parts.database.begin() as session:
            incoming = Incoming("telegram", address, f"{address}:{text}:{number}", "你好")
            accept(session, stage.parts.accept_tools, incoming, stage.clock())
        stage.work(text)


def states(stage: Stage) -> list[str]:
    with stage.parts.database.begin() as session:
        return list(session.execute(sa.select(Delivery.state).order_by(Delivery.id)).scalars())


def deliverers(stage: Stage, app: App, threads: int = 3) -> Deliverers:
    parts: Any = stage.parts
    found = Deliverers(parts, {"telegram": app}, threads)
    found.start()
    return found


def test_one_that_hangs_delays_nobody_else_and_keeps_its_own_order(stage: Stage, app: App) -> None:
    say(stage, "wang", "一", "二")
    for number in range(5):
        say(stage, f"li{number}", "好")
    app.hangs_for = "wang"
    mine = deliverers(stage, app)
    mine.look()
    app.wait(lambda: app.hanging and len(app.shown) == 5)
    assert all(address != "wang" for address, _ in app.shown)
    app.hangs_for = ""
    with app.changed:
        app.changed.notify_all()
    app.wait(lambda: len(app.shown) == 7)
    assert app.shown[-2:] == [("wang", "一"), ("wang", "二")]
    mine.stop()
    assert states(stage) == ["sent"] * 7


def test_a_second_courier_stands_by_and_takes_over_what_the_first_left(stage: Stage, app: App) -> None:
    say(stage, "wang", "一", "二")
    with stage.parts.database.begin() as session:  # the first was killed while it sent
        first_id = session.execute(sa.select(sa.func.min(Delivery.id))).scalar_one()
        session.execute(sa.update(Delivery).where(Delivery.id == first_id).values(state="sending"))
    first = OnlyOne(stage.parts.database.engine, "deliver")
    assert first.held()
    second = deliverers(stage, app)
    second.look()
    assert "sending" in states(stage) and app.shown == []  # what is on its way elsewhere is left alone
    first.give_up()
    second.look()
    app.wait(lambda: len(app.shown) == 1)
    second.stop()
    assert app.shown == [("wang", "二")]
    assert sorted(states(stage)) == ["sent", "unclear"]


def test_without_an_app_nothing_runs(stage: Stage) -> None:
    parts: Any = stage.parts
    before = threading.active_count()
    idle = Deliverers(parts, {})
    idle.start()
    idle.look()
    assert threading.active_count() == before
    idle.stop()


@pytest.mark.parametrize("name", ["", "much_too_long", "警"])
def test_a_lock_has_a_short_name(stage: Stage, name: str) -> None:
    with pytest.raises(ValueError):
        OnlyOne(stage.parts.database.engine, name)
