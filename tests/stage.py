"""Builds the web side for a test."""
from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from typing import Any

from bot.pages.parts import WebParts
from bot.settings import load_settings
from tests.cast import Hints, Stage


def make_stage(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any,
               environment: Mapping[str, str] | None = None, redis_url: str | None = None) -> Stage:
    """A stage; `environment` as settings would read it."""
    home = tempfile.mkdtemp(prefix="youmen-stage-")  # never the home of this machine
    parts = WebParts(
        settings=load_settings({"YOUMEN_HOME": home, **(environment or {})}), database=database, knowledge=knowledge,
        gates=gates, roles=roles, lifecycle=lifecycle, wake=Hints(), redis_url=redis_url, now=clock)
    stage = Stage(parts, clock)
    weakref.finalize(stage, shutil.rmtree, home, ignore_errors=True)
    return stage
