"""recompute and stuck on a running database; who is switched off hands back."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from click.testing import CliRunner

from actions.due.clock import Due
from actions.storage.engine import Database
from actions.storage.tables import Staff, Ticket
from bot.cli import cli
from tests.cast import Stage
from tests.stage import make_stage
from tests.tickets.counting import at


def run(url: str, home: Path, *arguments: str) -> tuple[int, list[Any], str]:
    result = CliRunner().invoke(cli, list(arguments), env={"DATABASE_URL": url, "YOUMEN_HOME": str(home)})
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def test_recompute_stuck_and_off(database: Database, database_url: str, tmp_path: Path, knowledge: Any, gates: Any, roles: Any,
                                 lifecycle: Any, clock: Any) -> None:
    stage: Stage = make_stage(database, knowledge, gates, roles, lifecycle, clock)
    stage.hire()
    clock.now = at("2020-01-06 10:00")  # long ago: overdue whenever this test runs
    due = Due(at("2020-01-10 10:00"), False, (), "", "pending")
    number = stage.ticket(due=due, aid_first=False, urgency="none").number
    with database.begin() as session:
        ticket = session.execute(sa.select(Ticket)).scalar_one()
        staff = session.execute(sa.select(Staff).where(Staff.login == "zhang")).scalar_one()
        ticket.unit_id, ticket.unit_name = "u-gone", "没有了的镇"
        ticket.state, ticket.accepted_by, ticket.accepted_at = "accepted", staff.id, clock()
    code, lines, told = run(database_url, tmp_path, "recompute")
    assert code == 0, told
    assert [(line["number"], line["event"]) for line in lines] == [(number, "succeeded")]
    assert lines[0]["to"]["desk"] == "district"
    assert run(database_url, tmp_path, "recompute")[1] == []  # a second run changes nothing
    code, lines, _ = run(database_url, tmp_path, "stuck")
    assert code == 0 and [line["number"] for line in lines] == [number]
    assert {reason["reason"] for reason in lines[0]["reasons"]} >= {"overdue", "nobody"} and lines[0]["late"]
    with database.begin() as session:
        ticket = session.execute(sa.select(Ticket)).scalar_one()
        ticket.desk, ticket.unit_id, ticket.accepted_by = "unit", "u-longxi", staff.id
    code, lines, told = run(database_url, tmp_path, "user", "off", "zhang")
    assert code == 0 and lines == [{"number": number, "event": "handed_back"}] and "1 open tickets went back" in told
    with database.begin() as session:
        head = session.execute(sa.select(Staff.id).where(Staff.login == "he")).scalar_one()
        assert session.execute(sa.select(Ticket.accepted_by)).scalar_one() == head


def test_due_takes_named_reasons_units_and_days(tmp_path: Path) -> None:
    def due(*more: str) -> tuple[int, list[Any], str]:
        return run("", tmp_path, "due", *more)

    start = ("--from", "2026-11-20T10:00:00+08:00")
    pause = ("--pause", "2026-11-23T10:00:00+08:00", "2026-11-25T10:00:00+08:00")
    code, lines, _ = due("--rule", "temporary_aid", *start, *pause, "补正")
    assert code == 0 and lines[0]["due"] == "2026-12-03T23:59:59+08:00" and lines[0]["pauses"][0]["stops"] is True
    code, lines, _ = due("--rule", "small_quick_aid", *start, *pause, "补正")
    assert code == 0 and lines[0]["due"] == "2026-11-23T23:59:59+08:00" and lines[0]["pauses"][0]["stops"] is False
    assert due("--rule", "temporary_aid", *start, *pause, "领导出差")[0] == 2
    assert due("--rule", "re_examination", *start)[0] == 2
