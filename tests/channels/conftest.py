"""The web side with the cast hired."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cast import Stage
from tests.channels.bot_api import BotApi
from tests.channels.telegram_line import Line
from tests.stage import make_stage


@pytest.fixture
def stage(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any) -> Stage:
    """Everything a page test needs."""
    stage = make_stage(database, knowledge, gates, roles, lifecycle, clock)
    stage.hire()
    return stage


@pytest.fixture
def server() -> Iterator[BotApi]:
    """A Telegram that keeps its own books."""
    api = BotApi()
    yield api
    api.close()


@pytest.fixture
def line(stage: Stage, server: BotApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The hotline's side of it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    line = Line(stage, server)
    yield line
    line.poller.stop()
    line.api.close()
