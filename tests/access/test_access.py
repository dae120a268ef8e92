"""Signing in, being locked out, and roles that come from data."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.commands import SignInRefused, create_staff, hash_password, set_password_hash, sign_in, sign_out
from actions.access.queries import as_viewer, signed_in, visible_conversations, visible_tickets
from actions.access.rules import load_roles
from actions.language.files import ConfigError
from actions.storage.tables import Staff, StaffSession

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=timezone.utc)


def hire(session: Any, role: str = "officer", unit: str | None = "u-longxi") -> Staff:
    return create_staff(session, login="zhang", name="张干事", role=role, unit_id=unit, password="right", now=NOW)


def test_right_password_opens_a_session_that_ends(database: Any, roles: Any) -> None:
    with database.begin() as session:
        hire(session)
        entry = sign_in(session, login="zhang", password="right", now=NOW)
        assert entry is not None
        found = signed_in(session, entry.token, roles, NOW)
        assert found is not None and found[0].unit_id == "u-longxi" and found[1] == entry.csrf
        assert signed_in(session, entry.token, roles, NOW + timedelta(hours=13)) is None
        assert entry.token.encode() not in bytes(session.execute(sa.select(StaffSession.token_hash)).scalar_one())
        sign_out(session, entry.token, NOW)
        assert signed_in(session, entry.token, roles, NOW) is None


def test_five_wrong_tries_lock_for_an_hour(database: Any) -> None:
    with database.begin() as session:
        hire(session)
        for _ in range(5):
            assert sign_in(session, login="zhang", password="wrong", now=NOW) is None
        with pytest.raises(SignInRefused):
            sign_in(session, login="zhang", password="right", now=NOW + timedelta(minutes=59))
        assert sign_in(session, login="zhang", password="right", now=NOW + timedelta(minutes=61)) is not None


def test_unknown_people_and_people_switched_off_are_nobody(database: Any, roles: Any) -> None:
    with database.begin() as session:
        staff = hire(session)
        entry = sign_in(session, login="zhang", password="right", now=NOW)
        assert entry is not None
        assert sign_in(session, login="nobody", password="right", now=NOW) is None
        staff.active = False
        session.flush()
        assert signed_in(session, entry.token, roles, NOW) is None
        assert sign_in(session, login="zhang", password="right", now=NOW) is None


def test_a_new_password_ends_other_sessions(database: Any, roles: Any) -> None:
    with database.begin() as session:
        staff = hire(session)
        entry = sign_in(session, login="zhang", password="right", now=NOW)
        assert entry is not None
        set_password_hash(session, staff.id, hash_password("newer"), NOW)
        assert signed_in(session, entry.token, roles, NOW) is None
        assert sign_in(session, login="zhang", password="newer", now=NOW) is not None


def test_a_role_that_is_gone_can_do_nothing(database: Any, roles: Any) -> None:
    with database.begin() as session:
        gone = as_viewer(hire(session, role="retired"), roles)
        assert not gone.role.may
        assert session.execute(visible_tickets(gone)).all() == [] == session.execute(visible_conversations(gone)).all()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a: {title: t, scope: unit, may: [accept_tickets]}", "accept_ticket"),
        ("a: {title: t, scope: country, may: []}", "unit"),
        ("a: {title: t, may: []}", "scope"),
    ],
)
def test_a_wrong_role_file_names_place_and_mend(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "roles.yaml"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=says) as error:
        load_roles(path)
    assert error.value.line == 1
