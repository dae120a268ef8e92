"""What the audit log says of who came, was sent away, left, or was switched off."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.commands import LOCKED, TRIES, end_old_sessions, reset_password, switch_off
from actions.storage.tables import Audit, Staff, StaffSession
from tests.cast import PASSWORD, Browser, Stage, hidden
from tests.stage import make_stage


@pytest.fixture
def stage(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any) -> Stage:
    stage = make_stage(database, knowledge, gates, roles, lifecycle, clock)
    stage.hire()
    return stage


def log(stage: Stage) -> list[tuple[str, str, str]]:
    """(actor, action, object) of everything but the hiring."""
    with stage.parts.database.begin() as session:
        return [tuple(row) for row in session.execute(
            sa.select(Audit.actor, Audit.action, Audit.object).where(Audit.action != "staff_created").order_by(Audit.id))]


def who(stage: Stage, login: str) -> str:
    with stage.parts.database.begin() as session:
        return f"staff:{session.execute(sa.select(Staff.id).where(Staff.login == login)).scalar_one()}"


def knock(stage: Stage, login: str, password: str, browser: Browser | None = None) -> int:
    browser = browser or stage.browser()
    form = hidden(browser.get("/desk/login").text, "form")
    return browser.post("/desk/login", {"form": form, "login": login, "password": password}).status_code


def test_in_and_out(stage: Stage) -> None:
    zhou, me = stage.sign_in("zhou"), who(stage, "zhou")
    assert zhou.do("/desk/logout").status_code == 303
    assert zhou.do("/desk/logout").status_code == 303  # gone already: nothing more to note
    assert log(stage) == [(me, "signed_in", me), (me, "signed_out", me)]


def test_wrong_ones_and_the_one_that_locks(stage: Stage) -> None:
    me = who(stage, "zhou")
    for _ in range(TRIES):
        knock(stage, "zhou", "wrong")
    assert knock(stage, "zhou", PASSWORD) == 403  # locked: not tried, nothing said
    assert log(stage) == [(me, "sign_in_failed", me)] * TRIES + [("system", "locked_out", me)]
    with stage.parts.database.begin() as session:
        data = session.execute(sa.select(Audit.data).where(Audit.action == "locked_out")).scalar_one()
    assert data == {"until": (stage.clock() + LOCKED).isoformat()}
    stage.clock.advance(hours=1, seconds=1)
    assert knock(stage, "zhou", PASSWORD) == 303 and log(stage)[-1] == (me, "signed_in", me)


def test_a_login_nobody_has_is_noted_alike_and_never_in_clear(stage: Stage) -> None:
    """Somebody typed the password where the login belongs."""
    for _ in range(TRIES):
        knock(stage, "MeinGeheimnis9", "zhou")
    knock(stage, "other", "x")
    found = log(stage)
    mark, other = found[0][0], found[-1][0]
    assert mark.startswith("login:") and other.startswith("login:") and mark != other
    assert found == [(mark, "sign_in_failed", mark)] * TRIES + [("system", "locked_out", mark), (other, "sign_in_failed", other)]
    assert "Geheimnis" not in str(found)


def test_a_new_password_is_one_row_and_no_second_sign_in(stage: Stage) -> None:
    zhou = stage.sign_in("zhou")
    assert zhou.do("/desk/password", old="not-the-old-one-3", new="a-third-long-one-8", again="a-third-long-one-8").status_code == 422
    assert log(stage)[-1][1] == "sign_in_failed"
    before = log(stage)
    assert zhou.do("/desk/password", old=PASSWORD, new="another-long-one-7", again="another-long-one-7").status_code == 303
    assert [row[1] for row in log(stage)[len(before):]] == ["password_changed"]
    assert zhou.get("/desk").status_code in (200, 303)


def test_a_session_that_is_over(stage: Stage) -> None:
    stage.sign_in("zhou")
    stage.clock.advance(hours=6)
    stage.sign_in("wu")
    with stage.parts.database.begin() as session:
        assert end_old_sessions(session, stage.clock()) == 0
    stage.clock.advance(hours=6)
    for expected in (1, 0):
        with stage.parts.database.begin() as session:
            assert end_old_sessions(session, stage.clock()) == expected
            assert session.execute(sa.select(sa.func.count(StaffSession.id))).scalar_one() == 1
    assert log(stage)[-1] == ("system", "session_expired", who(stage, "zhou"))
    with stage.parts.database.begin() as session:
        data = session.execute(sa.select(Audit.data).where(Audit.action == "session_expired")).scalar_one()
    assert data["until"] == stage.clock().isoformat()


def test_a_person_switched_off_and_a_password_drawn_anew(stage: Stage) -> None:
    zhou, wu = stage.sign_in("zhou"), stage.sign_in("wu")
    with stage.parts.database.begin() as session:
        people = {row.login: row for row in session.execute(sa.select(Staff)).scalars()}
        switch_off(session, people["zhou"], stage.clock())
        reset_password(session, people["wu"].id, "neu-gezogen-9", stage.clock())
    assert zhou.get("/desk/conversations").status_code == wu.get("/desk/conversations").status_code == 303
    assert log(stage)[-2:] == [("system", "staff_off", who(stage, "zhou")), ("system", "password_reset", who(stage, "wu"))]
    assert stage.sign_in("wu", "neu-gezogen-9").get("/desk").headers["location"] == "/desk/password"
