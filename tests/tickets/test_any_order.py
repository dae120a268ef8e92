"""Whatever a cast of people does with a ticket, in any order, with any form: what must hold, holds after every step."""
from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from actions.access.commands import create_staff
from actions.access.queries import as_viewer, resident_viewer
from actions.access.rules import Refused, Viewer
from actions.storage.engine import Database
from actions.storage.tables import Aid, Approval, Audit, Contact, Notice, Ticket, TicketEvent
from actions.tickets.commands import (
    FieldsWrong,
    NotAllowed,
    Request,
    Responsible,
    StalePage,
    Work,
    barred,
    open_ticket,
    perform,
    possible,
)
from actions.tickets.handover.queries import not_over
from actions.tickets.rules import WrongState
from tests.cast import LONGTA, LONGXI, STAFF
from tests.tickets.conftest import with_limit
from tests.tickets.deeds import FORMS
from tests.tickets.test_tickets import LIMIT, NOW

SECRET = "病历上写的"
CLOSED_TAKE = {"addended", "followed_up", "reopened", "aid_confirmed"}
AHEAD = {"accept", "verify", "submit", "review", "send_up", "approve", "publish", "end_publication", "pay"}
NOBODY_YET = {"registered", "dispatched"}
REFUSALS = (Refused, NotAllowed, FieldsWrong, StalePage, WrongState)
SPOILT = st.sampled_from(["", " ", "x", "-1", "0", "1e5", "2026-02-30", "u-nowhere", "长" * 3000, "\u200b", "99999999999"])


@dataclass
class Office:
    """One ticket and everybody who may come to it."""

    database: Database
    work: Work
    people: dict[str, Viewer]
    contact: int
    number: str = ""
    now: datetime = NOW
    done: list[str] = field(default_factory=list)

    def open(self, state: str) -> None:
        who = Responsible("unit", LONGXI, "龙溪街道", "两江新区")
        request = Request(who, "temporary_urgent", LIMIT, "small_quick_aid", "consent", contact_id=self.contact, state=state)
        with self.database.begin() as session:
            self.number = open_ticket(session, self.work.keys, request, self.now).ticket.number

    def ticket(self) -> Ticket:
        with self.database.begin() as session:
            return session.execute(sa.select(Ticket).where(Ticket.number == self.number)).scalar_one()

    def everything(self) -> tuple[Any, ...]:
        """All that a command writes to: it is the same after a refusal."""
        with self.database.begin() as session:
            row = session.execute(sa.select(Ticket.__table__).where(Ticket.number == self.number)).one()
            counts = [session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                      for table in (TicketEvent, Notice, Audit)]
            return (*row, *counts)

    def offered(self) -> list[tuple[str, str]]:
        """(login, command) of all that somebody is offered now."""
        ticket = self.ticket()
        return [(login, command.id) for login, viewer in self.people.items()
                for command in possible(self.work, viewer, ticket)]

    def do(self, login: str, command: str, form: dict[str, str], stale: int) -> bool:
        """Whether it was done; a refusal must leave everything as it was."""
        before, ticket = self.everything(), self.ticket()
        self.now += timedelta(hours=1)
        deed, why = self.work.lifecycle.commands[command], None
        with self.database.begin() as session:
            if self.people[login].may(deed.permission):  # others are offered nothing
                why = barred(session, self.work, self.people[login], ticket, deed, self.now)
        try:
            with self.database.begin() as session:
                perform(session, self.work, self.people[login], number=self.number, command=command,
                        version=ticket.version - stale, form=form, now=self.now)
        except REFUSALS as refused:
            assert self.everything() == before, (login, command, refused)
            self.done.append(f"{login} not {command}: {type(refused).__name__}")
            return False
        assert why is None, f"{command} was not to be offered: {why}"
        self.done.append(f"{login} {command}")
        return True


@pytest.fixture
def office(database: Database, work: Work) -> Office:
    people = {}
    with database.begin() as session:
        for login, (name, role, unit) in STAFF.items():
            people[login] = as_viewer(create_staff(session, login=login, name=name, role=role, unit_id=unit, password="x",
                                                   now=NOW), work.roles)
        contact = Contact(channel="web", address=b"x", address_hash=b"wang", created_at=NOW, last_seen_at=NOW)
        session.add(contact)
        session.flush()
        contact_id = int(contact.id)
    people["wang"] = resident_viewer(work.roles, contact_id=contact_id)
    return Office(database, replace(work, book=with_limit(work.book, 3000)), people, contact_id)


def must_hold(office: Office, before: Ticket) -> None:
    """The invariants, after one command was done."""
    ticket, work = office.ticket(), office.work
    with office.database.begin() as session:
        events = session.execute(sa.select(TicketEvent).where(TicketEvent.ticket_id == ticket.id)
                                 .order_by(TicketEvent.id)).scalars().all()
    story = office.done
    assert [line.version for line in events] == list(range(1, ticket.version + 1)), story
    assert ticket.version == before.version + 1 and events[-1].state == ticket.state, story
    if not work.lifecycle.states[before.state].open:
        assert events[-1].kind in CLOSED_TAKE, story
    assert (ticket.closed_at is None) == work.lifecycle.states[ticket.state].open, story
    # somebody always answers for it: a unit of the area or the district's desk, and by name once it is accepted
    assert (ticket.desk == "unit") == (ticket.unit_id is not None) and ticket.desk in ("unit", "district"), story
    if work.lifecycle.states[ticket.state].open and ticket.state not in NOBODY_YET:
        assert ticket.accepted_by is not None, story
    # what was sealed can be opened, and stands nowhere in plain words
    assert SECRET not in json.dumps([line.data for line in events], ensure_ascii=False), story
    assert all(work.keys.open(kept["sealed"].encode()) for line in events
               for kept in line.data.get("fields", {}).values() if "sealed" in kept), story
    # nobody else works for a ticket that is over
    if not work.lifecycle.states[ticket.state].open:
        with office.database.begin() as session:
            assert not_over(session, ticket) == [], story
    # money: approved before it is paid, by the level whose turn it was
    kinds = [line.kind for line in events]
    if "paid" in kinds:
        assert "approved" in kinds[:kinds.index("paid")], story
    if ticket.state == "refused":
        assert {"submitted", "reviewed"} <= set(kinds), story
    # never one person alone: in a round everybody signs once, and nobody decides without two others
    with office.database.begin() as session:
        signed = session.execute(sa.select(Approval).where(Approval.ticket_id == ticket.id)).scalars().all()
        alone = session.execute(sa.select(Aid).where(Aid.ticket_id == ticket.id, Aid.second == Aid.handler)).first()
    assert alone is None, story
    for one in signed:
        others = {row.staff_id for row in signed if row.round == one.round and row.id < one.id}
        assert one.staff_id not in others and (one.step not in ("approve", "refuse") or len(others) >= 2), story
    returns = [line for line in events if line.kind == "returned"]
    assert all(line.data["to"]["desk"] == "district" for line in returns[1:]), story


def pick(data: st.DataObject, options: list[Any]) -> Any:
    """One of them, each as likely: sampled_from likes the first so much that few tickets would get far."""
    return options[data.draw(st.integers(0, 9_999)) * 7_919 % len(options)]


@given(data=st.data())
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_order(office: Office, data: st.DataObject) -> None:
    office.done = []
    office.now = NOW
    office.open(data.draw(st.sampled_from(["registered", "dispatched"])))
    everybody, every = sorted(office.people), sorted(FORMS)
    for _ in range(data.draw(st.integers(5, 30))):
        offered, way = office.offered(), data.draw(st.integers(0, 9))
        ahead = [one for one in offered if one[1] in AHEAD]
        if way < 6 and ahead:  # else most tickets would wander between units for ever
            login, command = pick(data, ahead)
        elif way < 9:
            login, command = pick(data, offered)
        else:
            login, command = pick(data, everybody), pick(data, every)
        form = {name: SECRET if name in sealed(office, command) else text for name, text in FORMS[command].items()}
        if form and data.draw(st.integers(0, 9)) == 0:
            form[data.draw(st.sampled_from(sorted(form)))] = data.draw(SPOILT)
        if "unit" in form and form["unit"] == LONGTA and data.draw(st.booleans()):
            form["unit"] = LONGXI
        before = office.ticket()
        if office.do(login, command, form, stale=data.draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1]))):
            must_hold(office, before)
    event(f"ends {office.ticket().state}")
    for deed in office.done:
        event(f"somebody does {deed.split()[1]}" if " not " not in deed else "somebody is refused")


def sealed(office: Office, command: str) -> set[str]:
    return {one.id for one in office.work.lifecycle.commands[command].fields if one.sealed}
