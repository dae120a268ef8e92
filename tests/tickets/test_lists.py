"""The list of tickets: only what is open is waded through, and each index is there under the name of its page."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from actions.access.queries import as_viewer
from actions.storage.tables import Staff, Ticket
from actions.tickets.queries import list_tickets
from tests.cast import Stage
from tests.tickets.deeds import put


def test_indexes_of_the_database_are_those_of_the_table(database: Any) -> None:
    """Those with an expression are not compared by the test of the migrations."""
    with database.begin() as session:
        found = dict(session.execute(sa.text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'ticket'")).all())
    declared = {index.name for index in Ticket.__table__.indexes}
    assert {name for name in found if name.startswith("ix_")} == declared
    for name in ("ix_ticket_unit_open_list", "ix_ticket_open_list"):
        assert "WHERE (closed_at IS NULL)" in found[name] and "urgency = 'life_danger'" in found[name]


def test_only_open_leaves_out_nothing_that_is_open(stage: Stage, lifecycle: Any) -> None:
    """A ticket that was closed, and one that was reopened, through the commands themselves."""
    states = sorted(lifecycle.open_states)
    names = put(stage, [{"state": state} for state in states] + [{"state": "accepted"}])
    zhang = stage.sign_in("zhang")
    assert zhang.do(f"/desk/ticket/{names[-1]}/do/close", version="1", result="settled", words="好了").status_code == 303
    with stage.parts.database.begin() as session:
        viewer = as_viewer(session.execute(sa.select(Staff).where(Staff.login == "zhang")).scalar_one(), stage.parts.roles)
        shown = {row.number for row in list_tickets(session, viewer, states=states, only_open=True)}
        every = {row.number for row in list_tickets(session, viewer, states=states)}
    assert shown == every and set(names[:-1]) <= shown and names[-1] not in shown
    assert stage.sign_in("zhou").do(f"/desk/ticket/{names[-1]}/do/reopen", version="2", reason="又来了").status_code == 303
    assert names[-1] in zhang.get("/desk/tickets").text
