"""allowed.csv: every state × command × role, written by hand, proved complete, and driven cell by cell over HTTP."""
from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from actions.access.queries import resident_viewer
from actions.access.rules import Refused
from actions.storage.tables import Audit, Ticket, TicketEvent
from actions.tickets.commands import perform
from actions.tickets.rules import SAME, Lifecycle, WrongState
from tests.cast import Stage
from tests.tickets.deeds import FORMS, before_of, form_of, put, signed_of

TABLE = Path(__file__).with_name("allowed.csv")
# code in the table → (role, who plays it)
ROLES = {"op": ("operator", "zhou"), "of": ("officer", "zhang"), "hd": ("head", "he"), "do": ("district_officer", "district"),
         "su": ("supervisor", "chen"), "au": ("auditor", "auditor"), "ad": ("administrator", "admin"), "re": ("resident", None),
         "de": ("department", "fang")}
DISTRICT = {"do", "su"}
DECIDES = {"review", "approve", "refuse", "return_for_rework", "record_meeting"}
MAY, NOT_NOW, NOT_THEIRS = "may", "not in this state", "not theirs"


class Cell(NamedTuple):
    command: str
    state: str
    role: str


class Expected(NamedTuple):
    states: list[str]
    commands: dict[str, str]  # command → where it leads
    may: dict[tuple[str, str], frozenset[str]]


@lru_cache(None)
def table() -> Expected:
    """The hand-written table. A cell that is empty, doubled or names nobody known is an error of the writer."""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(line for line in stream if not line.startswith("#")))
    head, commands, may = rows[0], {}, {}
    assert head[:2] == ["command", "to"] and len(set(head)) == len(head)
    for row in rows[1:]:
        assert len(row) == len(head) and row[0] not in commands, row[0]
        commands[row[0]] = row[1]
        for state, cell in zip(head[2:], row[2:], strict=True):
            names = [] if cell == "-" else cell.split()
            assert cell and len(set(names)) == len(names) and set(names) <= set(ROLES), (row[0], state, cell)
            may[row[0], state] = frozenset(names)
    return Expected(head[2:], commands, may)


def test_the_table_is_complete(lifecycle: Lifecycle, roles: Mapping[str, Any]) -> None:
    """A new state, command or role must be thought about here first."""
    assert set(table().states) == set(lifecycle.states) and len(table().states) == len(lifecycle.states)
    assert set(table().commands) == set(lifecycle.commands) == set(FORMS)
    assert {role for role, _ in ROLES.values()} == set(roles)
    assert set(table().may) == {(command, state) for command in lifecycle.commands for state in lifecycle.states}


def cells(role: str) -> list[Cell]:
    return [Cell(command, state, role) for command in table().commands for state in table().states]


def expected(cell: Cell, may: Mapping[tuple[str, str], frozenset[str]]) -> str:
    """What the hand-written table says: refused alike where the role may it in no state at all."""
    if cell.role in may[cell.command, cell.state]:
        return MAY
    ever = any(cell.role in roles for (command, _), roles in may.items() if command == cell.command)
    return NOT_NOW if ever else NOT_THEIRS


def tickets_for(stage: Stage, wanted: list[Cell], **more: Any) -> list[str]:
    rows = []
    for cell in wanted:
        up = cell.command in DECIDES and cell.role in DISTRICT
        rows.append({"state": cell.state, "before": before_of(cell.command, cell.state), "sent_up": up,
                     "signed": signed_of(cell.command, up), "aid": cell.command == "confirm_aid",
                     "joined": cell.command == "send_code", **more})
    return put(stage, rows)


def told_apart(answer: Any) -> str:
    """What an answer of the desk says."""
    if answer.status_code == 303 and answer.headers["location"].startswith("/desk/tickets"):
        return MAY
    if answer.status_code == 200 and "只显示这一次" in answer.text:
        return MAY
    if answer.status_code == 409 and "工单已有变化" in answer.text:
        return NOT_NOW
    if answer.status_code == 404 and "没有找到这个页面" in answer.text:
        return NOT_THEIRS
    return f"{answer.status_code} {answer.headers.get('location', '')} {answer.text[-600:] if answer.status_code != 303 else ''}"


def differences(wanted: list[Cell], found: list[str], may: Mapping[tuple[str, str], frozenset[str]]) -> list[str]:
    """Cells in which what happened is not what the table says."""
    return [f"{cell.command} in {cell.state} by {cell.role}: {expected(cell, may)} expected, {what}"
            for cell, what in zip(wanted, found, strict=True) if what != expected(cell, may)]


def wrong_rows(stage: Stage, wanted: list[Cell], found: list[str], names: list[str]) -> list[str]:
    """Cells whose ticket is not where it must be: moved on with its version and one event, or untouched."""
    with stage.parts.database.begin() as session:
        rows = {row.number: (row.state, row.version) for row in session.execute(
            sa.select(Ticket.number, Ticket.state, Ticket.version).where(Ticket.number.in_(names)))}
        events = dict(session.execute(
            sa.select(Ticket.number, sa.func.count(TicketEvent.id)).join(TicketEvent, TicketEvent.ticket_id == Ticket.id)
            .where(Ticket.number.in_(names), TicketEvent.actor != "staff:0").group_by(Ticket.number)).all())
    wrong = []
    for cell, what, number in zip(wanted, found, names, strict=True):
        to = table().commands[cell.command]
        moved = (cell.state if to == "=" else to, 2, 1)
        stands = (*rows[number], events.get(number, 0))
        if stands != (moved if what == MAY else (cell.state, 1, 0)):
            wrong.append(f"{cell}: {stands}")
    return wrong


@pytest.mark.parametrize("role", [role for role, (_, login) in ROLES.items() if login])
def test_every_cell_over_http(stage: Stage, role: str) -> None:
    browser, wanted = stage.sign_in(str(ROLES[role][1])), cells(role)
    names = tickets_for(stage, wanted)
    found = [told_apart(browser.do(f"/desk/ticket/{number}/do/{cell.command}", version="1", **form_of(cell.command, cell.state)))
             for number, cell in zip(names, wanted, strict=True)]
    assert differences(wanted, found, table().may) == []
    assert wrong_rows(stage, wanted, found, names) == []
    assert audited(stage) == sorted(
        (f"ticket:{name}", f"ticket_{stage.parts.lifecycle.commands[cell.command].event}")
        for cell, what, name in zip(wanted, found, names, strict=True) if what == MAY)


def audited(stage: Stage) -> list[tuple[str, str]]:
    """Every command that was done, by the audit log."""
    with stage.parts.database.begin() as session:
        rows = session.execute(sa.select(Audit.object, Audit.action).where(
            Audit.action.like("ticket\\_%"), Audit.action.notin_(["ticket_read"])))
        return sorted(tuple(row) for row in rows)


def test_a_wrong_cell_is_found(stage: Stage) -> None:
    """Of the judge itself: a table with one name too many, or one missing, does not pass."""
    browser, role = stage.sign_in("zhang"), "of"
    wanted = [Cell(command, "accepted", role) for command in ("accept", "verify", "refuse", "pay")]
    names = tickets_for(stage, wanted)
    found = [told_apart(browser.do(f"/desk/ticket/{number}/do/{cell.command}", version="1", **form_of(cell.command, cell.state)))
             for number, cell in zip(names, wanted, strict=True)]
    assert found == [NOT_NOW, MAY, NOT_THEIRS, NOT_NOW]
    for command, state in [("refuse", "accepted"), ("accept", "accepted"), ("verify", "accepted")]:
        wrong = {**table().may, (command, state): table().may[command, state] ^ {role}}
        assert [line.split(" by ")[0] for line in differences(wanted, found, wrong)] == [f"{command} in {state}"]
    assert wrong_rows(stage, wanted, [MAY, *found[1:]], names) and wrong_rows(stage, wanted, found, names) == []


def test_nobody_may_anything(stage: Stage) -> None:
    """Who has not signed in is led to the sign-in page, whatever the state, and nothing moves."""
    wanted = cells("nobody")
    names, browser = tickets_for(stage, wanted), stage.browser()
    for number, cell in zip(names, wanted, strict=True):
        answer = browser.post(f"/desk/ticket/{number}/do/{cell.command}", {"version": "1", **form_of(cell.command, cell.state)})
        assert answer.status_code == 303 and answer.headers["location"].startswith("/desk/login"), cell
    assert wrong_rows(stage, wanted, [NOT_THEIRS] * len(wanted), names) == []


def test_a_resident_may_what_the_table_says_about_their_own_ticket(stage: Stage) -> None:
    """The resident's doors call the same engine with the role `resident`; the desk itself is closed to them."""
    work, wanted = stage.parts.work, cells("re")
    stage.browser().write("家里没米了")
    with stage.parts.database.begin() as session:
        contact = session.execute(sa.text("SELECT id FROM contact")).scalar_one()
    names, strangers = tickets_for(stage, wanted, contact_id=contact), tickets_for(stage, wanted)
    viewer = resident_viewer(work.roles, contact_id=contact)

    def does(number: str, cell: Cell) -> str:
        try:
            with stage.parts.database.begin() as session:
                perform(session, work, viewer, number=number, command=cell.command, version=1,
                        form=form_of(cell.command, cell.state), now=stage.clock())
        except WrongState:
            return NOT_NOW
        except Refused:
            return NOT_THEIRS
        return MAY

    found = [does(number, cell) for number, cell in zip(names, wanted, strict=True)]
    assert differences(wanted, found, table().may) == []
    assert wrong_rows(stage, wanted, found, names) == []
    assert {does(number, cell) for number, cell in zip(strangers, wanted, strict=True)} == {NOT_THEIRS}


def test_another_unit_may_nothing(stage: Stage) -> None:
    """李干事 and a ticket of another unit: refused alike in every state, as one that does not exist."""
    li, wanted = stage.sign_in("li"), cells("of")
    names = tickets_for(stage, wanted)
    answers = [li.do(f"/desk/ticket/{number}/do/{cell.command}", version="1", **form_of(cell.command, cell.state))
               for number, cell in zip(names, wanted, strict=True)]
    assert {told_apart(answer) for answer in answers} == {NOT_THEIRS} and len({answer.text for answer in answers}) == 1


def test_the_table_and_the_code_agree_where_commands_lead(lifecycle: Lifecycle) -> None:
    for command, to in table().commands.items():
        assert lifecycle.commands[command].to == (SAME if to == "=" else to), command


def test_the_desk_says_at_once_when_a_level_is_not_theirs(stage: Stage) -> None:
    """何主任 does not approve what was sent up, 陈科长 not what the township decides itself."""
    for login, up, says in [("he", True, "已报区"), ("chen", False, "还在镇街")]:
        [number] = put(stage, [{"state": "approving", "sent_up": up, "signed": signed_of("approve", up)}])
        answer = stage.sign_in(login).do(f"/desk/ticket/{number}/do/approve", version="1", **FORMS["approve"])
        assert answer.status_code == 409 and says in answer.text
