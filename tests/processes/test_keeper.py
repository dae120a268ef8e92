"""The keeper ends sessions that are over and verifies the log once a day."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from actions.privacy.anchors import FILE
from actions.storage.tables import Audit, StaffSession
from bot.processes.keeper import keep_round
from tests.cast import Stage
from tests.privacy.test_audit import run
from tests.stage import make_stage


@pytest.fixture
def stage(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any) -> Stage:
    stage = make_stage(database, knowledge, gates, roles, lifecycle, clock)
    stage.hire()
    return stage


def counted(stage: Stage) -> tuple[int, int, int]:
    """(open sessions, expiries noted, verifications noted)."""
    with stage.parts.database.begin() as session:
        actions = session.execute(sa.select(Audit.action)).scalars().all()
        return (session.execute(sa.select(sa.func.count(StaffSession.id))).scalar_one(),
                actions.count("session_expired"), actions.count("audit_verified"))


def test_a_day_of_rounds(stage: Stage, tmp_path: Path) -> None:
    parts: Any = replace(stage.parts, settings=replace(stage.parts.settings, home=tmp_path))
    stage.sign_in("zhou")
    keep_round(parts)
    keep_round(parts)
    assert counted(stage) == (1, 0, 1) and (tmp_path / FILE).exists()
    stage.clock.advance(hours=12)
    keep_round(parts)
    assert counted(stage) == (0, 1, 1)
    stage.clock.advance(hours=12)
    keep_round(parts)
    assert counted(stage) == (0, 1, 2)
    assert len((tmp_path / FILE).read_text("ascii").splitlines()) == 2


def test_a_broken_log_is_cried_out_without_a_word_of_what_stands_in_it(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr("bot.processes.keeper.log", SimpleNamespace(error=lambda event, **more: said.append((event, more))))
    parts: Any = replace(stage.parts, settings=replace(stage.parts.settings, home=tmp_path))
    run(stage.parts.database, "UPDATE audit SET actor = '李大爷 13912345678' WHERE id = 2")
    keep_round(parts)
    assert said == [("audit_broken", {"row": 2, "what": "changed"})]
    with stage.parts.database.begin() as session:
        data = session.execute(sa.select(Audit.data).where(Audit.action == "audit_verified")).scalar_one()
    assert data["ok"] is False and data["broken"] == {"row": 2, "what": "changed"}
