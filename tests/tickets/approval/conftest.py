"""The desk of 龙溪街道 and the district, with enough people for every step."""
from __future__ import annotations

import pytest

from tests.cast import Stage
from tests.tickets.approval.acting import Desk


@pytest.fixture
def desk(stage: Stage) -> Desk:
    """Everybody at work, in an area where townships decide up to 3000 yuan."""
    return Desk(stage)
