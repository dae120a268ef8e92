"""allowed.csv of sub-tickets: every state × command × role, by hand, proved complete, and driven over HTTP."""
from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Staff, Subticket, SubticketEvent, Ticket
from actions.tickets.numbers import SUBTICKET, new_number
from tests.cast import Stage
from tests.tickets.test_allowed import MAY, NOT_NOW, NOT_THEIRS, ROLES

TABLE = Path(__file__).with_name("allowed.csv")
ON = {"on": "2026-11-20"}
FORMS: dict[str, dict[str, str]] = {
    "accept": {},
    "answer": {"outcome": "helped", "words": "看过了，能住"},
    "return": {"reason": "这栋楼归别的区"},
    "note_answer": {"outcome": "in_hand", "who": "张科员", "words": "在办", **ON},
    "note_return": {"who": "张科员", "reason": "不归他们", **ON},
    "call_back": {"reason": "自己办了"},
    "settle": {"how": "self", "words": "镇街请人看"},
    "check_after": {"finding": "settled", "words": "有地方住了", **ON},
}
OWNERS = {"sent": "department", "accepted": "department", "answered": "township", "returned": "township", "called_back": "nobody"}


@lru_cache(None)
def table() -> tuple[list[str], dict[str, str], dict[tuple[str, str], frozenset[str]]]:
    with TABLE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(line for line in stream if not line.startswith("#")))
    states, to, may = rows[0][2:], {}, {}
    for row in rows[1:]:
        assert len(row) == len(rows[0]) and row[0] not in to
        to[row[0]] = row[1]
        for state, cell in zip(states, row[2:], strict=True):
            names = [] if cell == "-" else cell.split()
            assert cell and set(names) <= set(ROLES)
            may[row[0], state] = frozenset(names)
    return states, to, may


def put(stage: Stage, states: list[str], department: str = "housing") -> list[str]:
    """So many sub-tickets of one ticket each, in these states; their numbers."""
    found = []
    with stage.parts.database.begin() as session:
        staff = session.execute(sa.select(Staff.id).limit(1)).scalar_one()
    for state in states:
        ticket, number = stage.ticket(), new_number(stage.clock().date(), SUBTICKET)
        with stage.parts.database.begin() as session:
            session.add(Subticket(
                number=number, ticket_id=ticket.id, department=department, request="safety", state=state, version=1,
                owner=OWNERS[state], owner_since=stage.clock(), words=stage.parts.keys.seal("看看"), fields=["name"], basis="duty",
                cite="-", outcome="helped" if state == "answered" else None, sent_by=staff, sent_at=stage.clock()))
        found.append(number)
    return found


def expected(command: str, state: str, role: str) -> str:
    may = table()[2]
    if role in may[command, state]:
        return MAY
    return NOT_NOW if any(role in roles for (name, _), roles in may.items() if name == command) else NOT_THEIRS


def told_apart(answer: Any) -> str:
    if answer.status_code == 303 and answer.headers["location"].startswith("/desk/subtickets"):
        return MAY
    if answer.status_code == 409 and "协办单已有变化" in answer.text:
        return NOT_NOW
    if answer.status_code == 404 and "没有找到这个页面" in answer.text:
        return NOT_THEIRS
    return f"{answer.status_code} {answer.text[-400:]}"


def test_the_table_is_complete(lifecycle: Any) -> None:
    states, to, may = table()
    parts = lifecycle.parts
    assert set(states) == set(parts.states) and set(to) == set(parts.commands) == set(FORMS)
    assert set(may) == {(command, state) for command in parts.commands for state in parts.states}
    assert {name: "=" if one.to == "same" else one.to for name, one in parts.commands.items()} == to


@pytest.mark.parametrize("role", [role for role, (_, login) in ROLES.items() if login])
def test_every_cell_over_http(stage: Stage, role: str) -> None:
    browser = stage.sign_in(str(ROLES[role][1]))
    states, to, _ = table()
    cells = [(command, state) for command in to for state in states]
    names, wrong = put(stage, [state for _, state in cells]), []
    for number, (command, state) in zip(names, cells, strict=True):
        found = told_apart(browser.do(f"/desk/subticket/{number}/do/{command}", version="1", **FORMS[command]))
        with stage.parts.database.begin() as session:
            row = session.execute(sa.select(Subticket).where(Subticket.number == number)).scalar_one()
            lines = session.execute(sa.select(SubticketEvent).where(SubticketEvent.subticket_id == row.id)).scalars().all()
            before = session.execute(sa.select(Ticket.version).where(Ticket.id == row.ticket_id)).scalar_one()
        done = found == MAY
        stands = (row.state, row.version, len(lines), before)
        moved = (state if to[command] == "=" else to[command], 2, 1, 1) if done else (state, 1, 0, 1)
        if found != expected(command, state, role) or stands != moved:
            wrong.append(f"{command} in {state} by {role}: {expected(command, state, role)} expected, {found}, {stands}")
    assert wrong == []


def test_another_department_and_another_unit_find_nothing(stage: Stage) -> None:
    """方工 of 住建 and a sub-ticket of 医保, 李干事 of 龙塔 and one of 龙溪: as one that does not exist."""
    states, to, _ = table()
    answers = []
    for login, department, commands in [("fang", "medical", ("accept", "answer", "return")),
                                        ("li", "housing", ("note_answer", "call_back", "settle"))]:
        browser = stage.sign_in(login)
        for command in commands:
            for number in put(stage, states, department):
                answers.append(browser.do(f"/desk/subticket/{number}/do/{command}", version="1", **FORMS[command]))
                answers.append(browser.get(f"/desk/subticket/{number}/do/{command}"))
                answers.append(browser.get(f"/desk/subtickets/{number}"))
        answers.append(browser.get("/desk/subtickets/XB261120-77777-7"))
        bodies = {answer.text for answer in answers}
        assert {told_apart(answer) for answer in answers} == {NOT_THEIRS} and len(bodies) == 1
        answers.clear()
