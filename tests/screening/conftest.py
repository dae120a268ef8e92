"""The shipped rules, and a copy of them that a test may spoil."""
from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from actions.screening.load import CONFIG, load_ruleset
from actions.screening.model import RuleSet

TODAY = date(2026, 11, 21)


@pytest.fixture(scope="session")
def rules() -> RuleSet:
    return load_ruleset()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of config/screening."""
    return Path(shutil.copytree(CONFIG, tmp_path / "screening"))
