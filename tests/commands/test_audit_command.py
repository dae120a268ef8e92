"""`youmen audit verify` on a database somebody has laid hands on."""
from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from actions.privacy.commands import record_audit
from actions.storage.engine import Database
from tests.commands.test_commands import objects, run
from tests.privacy.test_audit import NOW


@pytest.fixture
def home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A home whose database is this test's, with its key."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("YOUMEN_FIELD_KEY", (b"k" * 32).hex())
    return str(tmp_path)


def note(database: Database) -> None:
    for number in range(3):
        with database.begin() as session:
            record_audit(session, actor="staff:1", action="ticket_read", object_=f"ticket:{number}", now=NOW)


def test_a_whole_log(home: str, database: Database) -> None:
    note(database)
    code, out, err = run("--home", home, "audit", "verify")
    [found] = objects(out)
    assert (code, err) == (0, "") and (found["ok"], found["rows"], found["last"], found["broken"]) == (True, 3, 3, None)
    note(database)
    assert run("--home", home, "audit", "verify", "--noted", f"{found['last']}:{found['hash']}")[0] == 0


def test_the_first_broken_row_is_named(home: str, database: Database) -> None:
    note(database)
    with database.begin() as session:
        session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        session.execute(sa.text("UPDATE audit SET actor = 'staff:2' WHERE id >= 2"))
    code, out, err = run("--home", home, "audit", "verify")
    [found] = objects(out)
    assert code == 1 and found["ok"] is False and found["rows"] == 1
    assert found["broken"] == {"row": 2, "what": "changed",
                               "why": "it does not say what was written: it was changed, or was not written by the hotline"}
    assert "row 2" in err and "backup" in err


def test_a_row_noted_earlier_that_is_gone(home: str, database: Database) -> None:
    note(database)
    code, out, _ = run("--home", home, "audit", "verify", "--noted", f"2:{'00' * 32}")
    assert code == 1 and objects(out)[0]["broken"]["what"] == "noted"  # type: ignore[index]


@pytest.mark.parametrize("noted", ["", "2", "x:00", "2:zz", "2:00", f"-2:{'00' * 32}"])
def test_a_note_that_is_none(home: str, noted: str) -> None:
    code, out, err = run("--home", home, "audit", "verify", "--noted", noted)
    assert (code, out) == (2, "") and "last:hash" in err


def test_with_another_key_it_is_not_ready(home: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    run("--home", home, "audit", "verify")
    monkeypatch.setenv("YOUMEN_FIELD_KEY", (b"x" * 32).hex())
    code, out, err = run("--home", home, "audit", "verify")
    assert (code, out) == (3, "") and "field key does not belong" in err
