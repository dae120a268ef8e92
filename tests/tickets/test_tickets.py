"""Numbers, codes, opening, completing and accepting tickets; who may see which."""

from __future__ import annotations

import string
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from actions.access.commands import create_staff
from actions.access.queries import access_ticket, as_viewer
from actions.access.rules import Refused, Viewer
from actions.due.clock import Due
from actions.storage.tables import Notice, Ticket, TicketEvent
from actions.tickets.commands import Request, Responsible, StalePage, Work, complete_ticket, open_ticket, perform
from actions.tickets.numbers import LETTERS, check_character, new_number, new_query_code, tidy_number
from actions.tickets.rules import WrongState

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=timezone.utc)
LIMIT = Due(NOW + timedelta(days=3), False, (), "", "confirmed")
LONGXI = Responsible("unit", "u-longxi", "龙溪街道", "两江新区")
DISTRICT = Responsible("district", None, None, "原渝北区")
BODIES = st.text(LETTERS, min_size=5, max_size=5)


def request(who: Responsible = LONGXI, **more: Any) -> Request:
    return Request(
        **{
            "responsible": who,
            "programme": "temporary_urgent",
            "due": LIMIT,
            "due_rule": "small_quick_aid",
            "legal_basis": "consent",
            **more,
        }
    )


def accept(session: Any, work: Work, who: Viewer, *, number: str, version: int) -> Ticket:
    return perform(session, work, who, number=number, command="accept", version=version, form={}, now=NOW)


def viewer(session: Any, roles: Any, login: str, role: str, unit: str | None = None) -> Viewer:
    return as_viewer(
        create_staff(session, login=login, name=login, role=role, unit_id=unit, password="x", now=NOW), roles
    )


@given(BODIES, st.integers(0, 4), st.sampled_from(LETTERS))
def test_every_wrong_letter_is_noticed(body: str, place: int, letter: str) -> None:
    wrong = body[:place] + letter + body[place + 1 :]
    assert (check_character(wrong) == check_character(body)) == (wrong == body)


@given(BODIES, st.integers(0, 3))
def test_neighbours_swapped_are_noticed(body: str, place: int) -> None:
    swapped = body[:place] + body[place + 1] + body[place] + body[place + 2 :]
    if swapped != body:
        assert check_character(swapped) != check_character(body)


def test_a_number_says_its_day_and_reads_back_however_it_is_typed() -> None:
    number = new_number(date(2026, 11, 21))
    assert number.startswith("YM261121-") and len(number) == 16
    assert tidy_number(number) == tidy_number(number.lower().replace("-", " ")) == number
    assert tidy_number("YM261121-AAAAA-?") is None and tidy_number("") is None
    assert not set("0OQ1IL2Z5SBUV") & set(LETTERS) and set(LETTERS) <= set(string.ascii_uppercase + string.digits)


def test_numbers_and_codes_do_not_follow_one_another() -> None:
    assert len({new_number(date(2026, 11, 21)) for _ in range(500)}) > 490
    assert len({new_query_code() for _ in range(500)}) > 490


def test_opening_writes_ticket_event_and_notice_for_the_unit(database: Any, keys: Any) -> None:
    with database.begin() as session:
        opened = open_ticket(session, keys, request(phone="13800005678", event_place="龙溪街道12号"), NOW)
    with database.begin() as session:
        ticket = session.execute(sa.select(Ticket)).scalar_one()
        assert ticket.state == "dispatched" and ticket.due_at == LIMIT.due
        assert b"13800005678" not in bytes(ticket.phone) and keys.open(ticket.phone) == "13800005678"
        assert bytes(ticket.query_code_hash) == keys.fingerprint("query_code", opened.query_code)
        assert [event.kind for event in session.execute(sa.select(TicketEvent)).scalars()] == ["opened"]
        assert [notice.recipient for notice in session.execute(sa.select(Notice)).scalars()] == ["unit:u-longxi"]


def test_a_unit_desk_needs_a_unit(database: Any, keys: Any) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.begin() as session:
        open_ticket(session, keys, request(Responsible("unit", None, None, None)), NOW)


def test_completing_moves_a_ticket_nobody_works_yet(database: Any, keys: Any) -> None:
    with database.begin() as session:
        opened = open_ticket(session, keys, request(DISTRICT, legal_basis="emergency"), NOW)
    with database.begin() as session:
        again = complete_ticket(session, keys, opened.ticket.number, request(read_back="confirmed"), NOW)
        assert again.query_code != opened.query_code
    with database.begin() as session:
        ticket = session.execute(sa.select(Ticket)).scalar_one()
        assert (ticket.unit_id, ticket.read_back, ticket.legal_basis) == ("u-longxi", "confirmed", "consent")
        kinds = [event.kind for event in session.execute(sa.select(TicketEvent).order_by(TicketEvent.id)).scalars()]
        assert kinds == ["opened", "rerouted", "completed"]


def test_a_better_known_place_does_not_take_a_ticket_from_who_works_it(
    database: Any, keys: Any, roles: Any, work: Work
) -> None:
    with database.begin() as session:
        number = open_ticket(session, keys, request(), NOW).ticket.number
        accept(session, work, viewer(session, roles, "zhang", "officer", "u-longxi"), number=number, version=1)
    with database.begin() as session:
        complete_ticket(session, keys, number, request(Responsible("unit", "u-longta", "龙塔街道", "两江新区")), NOW)
        assert session.execute(sa.select(Ticket.unit_id)).scalar_one() == "u-longxi"


def test_accepting_is_done_once_by_the_unit_and_told_to_the_resident(
    database: Any, keys: Any, roles: Any, work: Work
) -> None:
    with database.begin() as session:
        number = open_ticket(session, keys, request(), NOW).ticket.number
        zhang = viewer(session, roles, "zhang", "officer", "u-longxi")
        li = viewer(session, roles, "li", "officer", "u-longta")
        zhou = viewer(session, roles, "zhou", "operator")
        with pytest.raises(Refused):
            accept(session, work, li, number=number, version=1)
        with pytest.raises(Refused):
            accept(session, work, zhou, number=number, version=1)
        with pytest.raises(StalePage):
            accept(session, work, zhang, number=number, version=7)
        ticket = accept(session, work, zhang, number=number, version=1)
        assert (ticket.state, ticket.accepted_by, ticket.version) == ("accepted", zhang.staff_id, 2)
        with pytest.raises(WrongState):
            accept(session, work, zhang, number=number, version=2)


def test_another_unit_and_a_wrong_number_look_alike(database: Any, keys: Any, roles: Any) -> None:
    with database.begin() as session:
        number = open_ticket(session, keys, request(), NOW).ticket.number
        li = viewer(session, roles, "li", "officer", "u-longta")
        with pytest.raises(Refused) as other:
            access_ticket(session, li, number)
        with pytest.raises(Refused) as nothing:
            access_ticket(session, li, "YM261120-AAAAA-A")
        assert str(other.value) == str(nothing.value)
        assert access_ticket(session, viewer(session, roles, "chen", "supervisor"), number).number == number
