"""The web side with the cast hired."""
from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Stage
from tests.stage import make_stage


@pytest.fixture
def stage(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any) -> Stage:
    """Everything a page test needs."""
    stage = make_stage(database, knowledge, gates, roles, lifecycle, clock)
    stage.hire()
    return stage
