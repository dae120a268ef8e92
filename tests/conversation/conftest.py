"""The conversation room with the cast hired."""
from __future__ import annotations

from typing import Any

import pytest

from tests.conversation.hotline import Hotline


@pytest.fixture
def hotline(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any) -> Hotline:
    """Everything a test of this room needs."""
    return Hotline(database, knowledge, gates, roles, lifecycle, clock)
