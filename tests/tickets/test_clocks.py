"""The clocks of a ticket: begun, paused, extended and stopped by its commands; reminded of before, at and after."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from actions.storage.tables import Notice, Staff, Ticket, TicketClock, Timer
from actions.tickets.commands import NotAllowed
from actions.tickets.commands.clocks import settle
from tests.tickets.counting import ORDINARY, Office, at, shown
from tests.tickets.deeds import put

VISIT = {"way": "visit", "findings": "房子烧了"}
AID = {"object": "王婶一家", "circumstance": "没地方住", "way": "cash", "amount": "500"}


def test_an_urgent_ticket_begins_with_the_clocks_of_aid_first(office: Office) -> None:
    number = office.open()  # Friday 09:59
    assert office.clocks(number) == {"sign": "11-20 11:59", "contact": "11-20 11:59", "aid": "11-21 09:59", "quick": "11-23 23:59"}
    ticket = office.ticket(number)
    assert (shown(ticket.due_at), ticket.due_rule, ticket.due_state, ticket.due_provisional) == (
        "11-23 23:59", "small_quick_aid", "runs", False)
    assert office.timers() == 4


def test_an_ordinary_one_counts_working_days(office: Office) -> None:
    number = office.open(**ORDINARY)
    assert office.clocks(number) == {"sign": "11-20 11:59", "contact": "11-23 23:59", "handling": "12-01 23:59"}
    assert office.ticket(number).due_rule == "temporary_aid"
    expense = office.open(**ORDINARY, programme="temporary_expense")
    assert office.clocks(expense)["handling"] == "12-11 23:59" and office.ticket(expense).due_rule == "temporary_aid_expense"


def test_a_command_says_what_it_stopped_and_whether_in_time(office: Office) -> None:
    kept, missed = office.open(), office.open()
    office.do(kept, "accept")
    office.wait_until("11-20 15:00")
    office.do(missed, "accept")
    assert [office.events(number, "accepted")[0].data["stopped"][0]["kept"] for number in (kept, missed)] == [True, False]
    assert "sign" not in office.clocks(kept) and office.clocks(kept, running=False) == {"sign": "11-20 11:59"}
    assert office.timers() == 6


def test_aid_first_then_its_paperwork_counted_from_the_aid(office: Office) -> None:
    number = office.open()
    office.do(number, "accept")
    office.wait_until("11-22 20:00")  # a Sunday: aid knows no weekend, and was late for its hours, in time for its days
    office.do(number, "give_aid", **AID)
    assert office.clocks(number) == {"paperwork": "12-18 23:59"}  # twenty working days from the aid
    ticket = office.ticket(number)
    assert (shown(ticket.due_at), ticket.due_rule) == ("12-18 23:59", "aid_paperwork")
    stopped = office.events(number, "aid_given")[0].data["stopped"]
    assert {one["clock"]: one["kept"] for one in stopped} == {"contact": False, "aid": False, "quick": True}
    office.do(number, "confirm_aid", who="he")  # the second person
    office.wait_until("12-30 10:00")
    office.round()
    late = office.ticket(number)
    assert late.state == "accepted" and len(office.events(number, "aid_given")) == 1  # late paper undoes nothing
    with pytest.raises(NotAllowed) as waits:
        office.do(number, "close", result="aided", words="好了")
    assert waits.value.reason == "paperwork_done"
    office.do(number, "complete_paperwork", words="手续齐了")
    assert office.clocks(number) == {} and office.ticket(number).due_state == "stopped" and office.timers() == 0


class TestPauses:
    def paused(self, office: Office, **more: Any) -> str:
        number = office.open(**{**ORDINARY, **more})
        office.do(number, "accept")
        office.wait_until("11-23 10:00")
        office.do(number, "ask_supplement", missing="户口簿")
        return number

    def test_cost_the_nights_they_last(self, office: Office) -> None:
        number = self.paused(office)
        assert office.ticket(number).due_state == "paused" and office.timers() == 0
        office.wait_until("11-25 10:00")
        assert office.round() == []
        office.do(number, "receive_supplement", received="户口簿")
        assert office.clocks(number) == {"handling": "12-03 23:59"}  # the 23rd and the 24th do not count
        assert office.ticket(number).due_state == "runs" and office.timers() == 1

    def test_no_aid_waits_for_paper(self, office: Office) -> None:
        number = self.paused(office, aid_first=True, urgency="urgent")
        assert office.ticket(number).due_state == "runs" and office.clocks(number)["quick"] == "11-23 23:59"
        office.wait_until("11-25 10:00")
        office.do(number, "receive_supplement", received="户口簿")
        assert office.clocks(number)["quick"] == "11-23 23:59"

    def test_a_stop_ends_them(self, office: Office) -> None:
        number = self.paused(office)
        office.do(number, "withdraw", "zhou")
        with office.session() as session:
            row = session.execute(sa.select(TicketClock).where(TicketClock.clock == "handling")).scalar_one()
            assert row.paused_at is None and row.pauses[0]["reason"] == "supplement" and row.stopped_at is not None


class TestMoreTime:
    def asked(self, office: Office, until: str = "2026-12-10") -> str:
        number = office.open(**ORDINARY)
        office.do(number, "accept")
        office.do(number, "ask_extension", until=until, reason="等火灾认定书")
        return number

    def test_granted_by_another_it_reaches_its_day(self, office: Office) -> None:
        number = self.asked(office)
        office.do(number, "decide_extension", "he", granted="yes")
        assert office.clocks(number)["handling"] == "12-10 23:59" and shown(office.ticket(number).due_at) == "12-10 23:59"
        assert office.events(number, "extension_decided")[0].data["due"]["clock"] == "handling"

    def test_refused_it_changes_nothing(self, office: Office) -> None:
        number = self.asked(office)
        before = office.clocks(number)
        office.do(number, "decide_extension", "he", granted="no")
        assert office.clocks(number) == before

    def test_it_must_be_asked_for_in_time_and_give_time(self, office: Office) -> None:
        number = office.open(**ORDINARY)
        office.do(number, "accept")
        with pytest.raises(NotAllowed) as short:
            office.do(number, "ask_extension", until="2026-12-01", reason="等")
        assert short.value.reason == "later_than_due" and short.value.parameters == {"due": "2026-12-01"}
        office.wait_until("12-02 00:00")
        with pytest.raises(NotAllowed) as late:
            office.do(number, "ask_extension", until="2026-12-20", reason="等")
        assert late.value.reason == "before_due"
        office.do(number, "addend", words="催了")
        assert office.clocks(number)["handling"] == "12-01 23:59"

    def test_a_later_deadline_is_told_of_again(self, office: Office) -> None:
        number = self.asked(office)
        office.wait_until("11-27 09:00")
        office.round()
        office.do(number, "decide_extension", "he", granted="yes")
        office.wait_until("12-08 09:00")
        office.round()
        assert [told for told in office.told(number) if "handling" in told[2]] == [
            ("11-27 09:00", "unit:u-longxi", "handling two_days_left"), ("12-08 09:00", "unit:u-longxi", "handling two_days_left")]


@pytest.mark.parametrize(("until", "due"), [
    ("2026-11-27", "11-30 23:59"),  # the five days themselves: Monday is the first day on which it can be ended
    ("2026-12-04", "12-07 23:59"), ("2026-11-21", "11-27 23:59"),
])
def test_a_publication_can_be_ended_in_time(office: Office, until: str, due: str) -> None:
    [number] = put(office.stage, [{"state": "paying", "due_at": at("12-31 23:59")}])
    office.do(number, "publish", where="社区公示栏", until=until)
    assert office.clocks(number)["publicity"] == due
    office.wait_until(due.replace("23:59", "10:00"))
    office.do(number, "end_publication", objections="none")
    [stopped] = office.events(number, "publication_ended")[0].data["stopped"]
    assert stopped["clock"] == "publicity" and stopped["kept"]


class TestReminders:
    def test_climb_from_officer_to_head_to_district(self, office: Office) -> None:
        number = office.open(**ORDINARY)
        office.do(number, "accept")
        office.do(number, "verify", **VISIT)
        for moment in ("11-27 08:59", "11-27 09:00", "11-30 09:00", "12-01 09:00", "12-02 09:00", "12-03 09:00", "12-08 09:00", "12-31 09:00"):
            office.wait_until(moment)
            office.round()
            office.round()
        unit, head = "unit:u-longxi", "head:u-longxi"
        assert office.told(number) == [
            ("11-27 09:00", unit, "handling two_days_left"),
            ("12-01 09:00", head, "handling due_today"), ("12-01 09:00", unit, "handling due_today"),
            ("12-02 09:00", head, "handling late"), ("12-02 09:00", unit, "handling late"),
            ("12-03 09:00", "district", "handling late_district"), ("12-03 09:00", head, "handling late_district"),
            ("12-08 09:00", "district", "handling late_again")]
        assert office.timers() == 0 and office.ticket(number).version == 3  # a page in somebody's hands is not made stale

    def test_what_came_due_while_nobody_ran_is_told_at_once(self, office: Office) -> None:
        number = office.open(**ORDINARY)
        office.do(number, "accept")
        office.wait_until("12-03 12:00")
        office.round()
        assert {what for _, _, what in office.told(number)} >= {
            "handling two_days_left", "handling due_today", "handling late", "handling late_district"}

    def test_on_the_districts_own_desk_they_all_go_to_the_district(self, office: Office) -> None:
        from actions.tickets.desks import district_desk

        number = office.open(responsible=district_desk(office.work.gazetteer), **ORDINARY)
        office.wait_until("12-04 12:00")
        office.round()
        assert {whom for _, whom, _ in office.told(number)} == {"district"}

    @pytest.mark.parametrize(("gone", "told"), [
        (("zhang", "he"), [("11-20 12:00", "district", "sign due_now"), ("11-20 14:00", "district", "sign late")]),
        (("he",), [("11-20 12:00", "unit:u-longxi", "sign due_now"), ("11-20 14:00", "district", "sign late")]),
    ])
    def test_where_nobody_would_read_them_they_go_to_the_district(self, office: Office, gone: Any, told: Any) -> None:
        number = office.open(**ORDINARY)
        with office.session() as session:
            session.execute(sa.update(Staff).where(Staff.login.in_(gone)).values(active=False))
        for moment in ("11-20 12:00", "11-20 14:00"):
            office.wait_until(moment)
            office.round()
        assert office.told(number) == told

    def test_a_ticket_somebody_is_at_waits_a_moment(self, office: Office) -> None:
        number = office.open(**ORDINARY)
        office.wait_until("11-20 12:00")
        with office.session() as session:
            session.execute(sa.select(Ticket).where(Ticket.number == number).with_for_update()).scalar_one()
            assert office.round() == ["clock"] and office.told(number) == []
        office.stage.clock.advance(seconds=10)
        assert office.round() == ["clock"] and [what for _, _, what in office.told(number)] == ["sign due_now"]

    def test_a_stopped_clock_says_nothing_though_its_timer_was_left(self, office: Office) -> None:
        number = office.open(**ORDINARY)
        with office.session() as session:
            sign = session.execute(sa.select(TicketClock.id).where(TicketClock.clock == "sign")).scalar_one()
        office.do(number, "accept")
        with office.session() as session:
            session.add(Timer(kind="clock", ref=str(sign), due_at=at("11-20 10:00")))
            session.add(Timer(kind="clock", ref="999999", due_at=at("11-20 10:00")))
        assert office.round() == ["clock", "clock"] and office.told(number) == []

    def test_the_texts_can_be_read(self, office: Office) -> None:
        number = office.open(**ORDINARY)
        office.wait_until("11-20 12:00")
        office.round()
        with office.session() as session:
            [notice] = session.execute(sa.select(Notice).where(Notice.kind == "clock_at")).scalars()
        text = office.stage.parts.replies.text(notice.kind, **notice.parameters)
        assert number in text and "签收" in text and "11-20 11:59" in text


def test_another_desk_begins_to_sign_anew_and_the_days_go_on(office: Office) -> None:
    number = office.open(**ORDINARY)
    office.wait_until("11-20 15:00")
    office.do(number, "return", reason="不在我们这里", unit="u-longta")
    assert office.clocks(number)["sign"] == "11-20 17:00" and office.clocks(number)["handling"] == "12-01 23:59"
    with office.session() as session:
        assert set(session.execute(sa.select(TicketClock.unit_id).where(TicketClock.stopped_at.is_(None))).scalars()) == {"u-longta"}


def test_closing_leaves_only_the_call_back_and_reopening_begins_anew(office: Office) -> None:
    number = office.open(**ORDINARY)
    office.do(number, "accept")
    office.do(number, "close", result="settled", words="家里人接走了")
    assert office.clocks(number) == {"follow_up": "11-25 23:59"}
    office.wait_until("11-24 10:00")
    office.do(number, "reopen", "zhou", reason="又没地方住")
    assert office.clocks(number) == {"sign": "11-24 12:00", "contact": "11-25 23:59", "handling": "12-03 23:59"}


def test_settling_again_changes_nothing(office: Office) -> None:
    number = office.open(**ORDINARY)
    office.do(number, "accept")
    office.do(number, "ask_supplement", missing="户口簿")
    before = office.rows(number)
    for _ in range(2):
        with office.session() as session:
            ticket = session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()
            settle(session, office.work.clockwork, ticket, office.stage.clock())
    assert office.rows(number) == before


@pytest.mark.parametrize("values", [
    {"desk": "unit", "unit_id": None}, {"desk": None}, {"desk": "district"}, {"unit_id": ""}, {"desk": "nobody", "unit_id": None},
])
def test_no_ticket_is_without_somebody_accountable(office: Office, values: dict[str, Any]) -> None:
    number = office.open()
    with pytest.raises(IntegrityError), office.session() as session:
        session.execute(sa.update(Ticket).where(Ticket.number == number).values(**values))


def test_one_clock_of_a_kind_runs(office: Office) -> None:
    number = office.open()
    with pytest.raises(IntegrityError, match="uq_ticket_clock_running"), office.session() as session:
        row = session.execute(sa.select(TicketClock).join(Ticket, Ticket.id == TicketClock.ticket_id)
                              .where(Ticket.number == number, TicketClock.clock == "aid")).scalar_one()
        session.add(TicketClock(ticket_id=row.ticket_id, clock="aid", rule="aid_first", started_at=row.started_at, due_at=row.due_at,
                                provisional=False, basis="", pauses=[], told=[]))
