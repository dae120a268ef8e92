"""The list narrowed, and a ticket looked up by number or phone: never more than the viewer's scope, nothing personal in an address."""
from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from actions.due.clock import Due
from actions.storage.tables import Audit, Ticket, TicketPerson
from actions.tickets.commands.persons import phone_hash
from actions.tickets.numbers import new_number
from tests.cast import LONGTA, Stage

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=timezone.utc)
PHONE = "13800138001"


def until(hours: int) -> Due:
    return Due(NOW + timedelta(hours=hours), False, (), "", "confirmed")


def named(stage: Stage, number_of: str, phone: str = PHONE, removed: bool = False) -> None:
    """Puts somebody with this phone on a ticket."""
    with stage.parts.database.begin() as session:
        ticket = session.execute(sa.select(Ticket.id).where(Ticket.number == number_of)).scalar_one()
        session.add(TicketPerson(
            ticket_id=ticket, role="applicant", minor=False, phone=stage.parts.keys.seal(phone),
            phone_hash=phone_hash(stage.parts.keys, phone), created_at=stage.clock(), created_by="staff:0",
            **({"removed_at": stage.clock()} if removed else {})))


class TestNarrowing:
    def test_mine_are_those_i_have_accepted(self, stage: Stage) -> None:
        mine, other = stage.ticket().number, stage.ticket().number
        zhang = stage.sign_in("zhang")
        zhang.do(f"/desk/ticket/{mine}/do/accept", version="1")
        page = zhang.get("/desk/tickets?state=all&only=mine").text
        assert mine in page and other not in page and '全部 <span class="count">1</span>' in page
        assert mine not in stage.sign_in("he").get("/desk/tickets?state=all&only=mine").text

    def test_late_are_those_whose_clock_ran_out(self, stage: Stage) -> None:
        late, fine = stage.ticket(due=until(-1)).number, stage.ticket(due=until(1)).number
        page = stage.sign_in("zhang").get("/desk/tickets?only=late").text
        assert late in page and fine not in page

    def test_the_district_looks_at_one_unit(self, stage: Stage) -> None:
        ours, theirs = stage.ticket().number, stage.ticket(LONGTA, "龙塔街道").number
        chen = stage.sign_in("chen")
        page = chen.get(f"/desk/tickets?unit={LONGTA}").text
        assert theirs in page and ours not in page and f'value="{LONGTA}" selected' in page
        assert "state=all&amp;unit=" in page  # the tabs keep it

    @pytest.mark.parametrize("query", ["unit=u-longta", "unit=<x>", "only=everything", "only=", "page=0&only=late&unit='"])
    def test_a_filter_never_widens_the_scope(self, stage: Stage, query: str) -> None:
        theirs = stage.ticket(LONGTA, "龙塔街道").number
        answer = stage.sign_in("zhang").get(f"/desk/tickets?state=all&{query}")
        assert answer.status_code == 200 and theirs not in answer.text and 'name="unit"' not in answer.text


class TestLookingUp:
    def test_a_number_however_it_is_typed(self, stage: Stage) -> None:
        number = stage.ticket().number
        zhang = stage.sign_in("zhang")
        for typed in (number, number.lower().replace("-", ""), f" {number.replace('-', ' ')} "):
            answer = zhang.do("/desk/tickets/find", sought=typed)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/tickets/{number}")

    def test_another_units_number_is_as_one_that_does_not_exist(self, stage: Stage) -> None:
        theirs, nobodys = stage.ticket(LONGTA, "龙塔街道").number, new_number(NOW.date())
        zhang = stage.sign_in("zhang")
        answers = [zhang.do("/desk/tickets/find", sought=number) for number in (theirs, nobodys)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].text.replace(theirs, "N") == answers[1].text.replace(nobodys, "N")

    def test_a_phone_finds_the_tickets_of_my_unit_that_name_it(self, stage: Stage) -> None:
        ours, theirs, other = stage.ticket().number, stage.ticket(LONGTA, "龙塔街道").number, stage.ticket().number
        named(stage, ours)
        named(stage, theirs)
        named(stage, other, "13800138002")
        page = stage.sign_in("zhang").do("/desk/tickets/find", sought="138 0013 8001").text
        assert ours in page and theirs not in page and other not in page and "138" not in page.replace(ours, "")
        assert theirs in stage.sign_in("chen").do("/desk/tickets/find", sought=PHONE).text
        with stage.parts.database.begin() as session:
            kept = session.execute(sa.select(Audit.object, Audit.data).where(Audit.action == "tickets_sought")).all()
        assert [tuple(row) for row in kept] == [("phone", {}), ("phone", {})]

    def test_somebody_taken_off_a_ticket_is_not_found_by_it(self, stage: Stage) -> None:
        number = stage.ticket().number
        named(stage, number, removed=True)
        assert "没有工单登记过这个电话" in stage.sign_in("zhang").do("/desk/tickets/find", sought=PHONE).text

    @pytest.mark.parametrize("typed", ["", "   ", "王婶", "1380013", "YM261120-AAAAA-A", "13800138001 13800138002", "<script>", "%00" * 60])
    def test_what_is_neither(self, stage: Stage, typed: str) -> None:
        answer = stage.sign_in("zhang").do("/desk/tickets/find", sought=typed)
        assert answer.status_code == 422 and "<script>" not in answer.text.replace("<script src", "").replace("<script defer", "")

    def test_who_sees_no_tickets_looks_up_none(self, stage: Stage) -> None:
        assert stage.sign_in("admin").do("/desk/tickets/find", sought=PHONE).status_code == 404
