"""A hotline with the real engine for each story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actions.steps.knowledge import install
from bot.conversation.wake import Wake
from bot.processes.parts import Parts
from bot.processes.private import Hotline
from bot.settings import load_settings
from tests.stories.teller import Teller


@pytest.fixture
def hotline(
    database: Any, keys: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any, dialogue: Any
) -> Hotline:
    """Everything of the hotline in this process, on a database of its own."""
    install(knowledge)
    parts = Parts(
        settings=load_settings({}),
        database=database,
        keys=keys,
        knowledge=knowledge,
        gates=gates,
        roles=dict(roles),
        lifecycle=lifecycle,
        wake=Wake(None),
        redis_url=None,
        now=clock,
    )
    return Hotline(parts, clock, dialogue.think)


@pytest.fixture
def teller(hotline: Hotline) -> Teller:
    """王婶."""
    return Teller(hotline)


@pytest.fixture
def another(hotline: Hotline) -> Callable[[], Teller]:
    """Makes further residents."""
    return lambda: Teller(hotline)
