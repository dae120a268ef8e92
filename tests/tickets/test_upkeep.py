"""Nobody touches a ticket, and yet it stays true: a new calendar or rule, a unit that is no more, an officer who leaves."""
from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.queries import visible_tickets
from actions.due.clockwork import load_clockwork
from actions.places.bodies import Succession
from actions.storage.tables import Contact, Notice, Staff, Ticket, TicketClock, Timer
from actions.tickets.commands import Work, hand_back, keep_up
from actions.tickets.commands.upkeep import UPKEEP, set_upkeep
from actions.tickets.desks import answering
from actions.tickets.watching import stuck
from bot.processes.courier import wake_upkeep
from tests.conftest import CONFIG
from tests.tickets.counting import ORDINARY, Office, at, shown
from tests.tickets.deeds import put, signed_of


def config_with(path: Path, **files: tuple[str, str]) -> Path:
    """A copy of calendar and clocks in which some text is another one; `_2027` is a new file."""
    for folder in ("calendar", "service_levels"):
        (path / folder).mkdir(parents=True)
        for file in (CONFIG / folder).iterdir():
            text = file.read_text("utf-8")
            if file.stem.replace("2026", "_2026") in files:
                old, new = files[file.stem.replace("2026", "_2026")]
                assert old in text
                text = text.replace(old, new)
            (path / folder / file.name).write_text(text, "utf-8")
    return path


def publish_2027(path: Path) -> None:
    """A notice for 2027 as it might be: the first three days off, a Sunday worked."""
    lines, day = ["date,kind,name,source_document,published_on"], date(2027, 1, 1)
    while day.year == 2027:
        kind = "holiday" if day <= date(2027, 1, 3) else "makeup" if day == date(2027, 1, 10) else "work" if day.weekday() < 5 else "rest"
        lines.append(f"{day},{kind},{'元旦' if kind in ('holiday', 'makeup') else ''},试的通知,2026-12-29")
        day += timedelta(days=1)
    (path / "calendar" / "2027.csv").write_text("\n".join(lines) + "\n", "utf-8")


def with_config(office: Office, path: Path) -> None:
    office.work = replace(office.work, clockwork=load_clockwork(path))


def keep(office: Office) -> datetime:
    """The upkeep until it has nothing more to do; when it wants to come again."""
    while True:
        now = office.stage.clock()
        with office.session() as session:
            again = keep_up(session, office.work, now)
        if again > now:
            return again


class TestCalendarAndRules:
    def test_a_new_day_off_moves_open_deadlines_and_says_so_once(self, office: Office, tmp_path: Path) -> None:
        number, done = office.open(**ORDINARY), office.open(**ORDINARY)
        office.do(done, "withdraw", "zhou")
        keep(office)
        stopped = office.rows(done)
        with_config(office, config_with(tmp_path, _2026=("2026-11-23,work,,", "2026-11-23,holiday,临时放假,")))
        assert shown(keep(office)) == "11-21 00:01"
        assert office.clocks(number) == {"sign": "11-20 11:59", "contact": "11-24 23:59", "handling": "12-02 23:59"}
        assert shown(office.ticket(number).due_at) == "12-02 23:59"
        [event] = office.events(number, "recomputed")
        changed = {one["clock"]: (one["from"]["due"][:10], one["to"]["due"][:10]) for one in event.data["clocks"]}
        assert changed == {"contact": ("2026-11-23", "2026-11-24"), "handling": ("2026-12-01", "2026-12-02")}
        assert event.actor == "system" and event.data["calendar"] == "cn-2021-2026"
        assert office.events(done, "recomputed") == [] and office.rows(done)[:3] == stopped[:3]
        before = office.rows(number)
        keep(office)
        assert office.rows(number) == before and len(office.events(number, "recomputed")) == 1

    def test_a_year_without_calendar_is_provisional_until_it_is_published(self, office: Office, tmp_path: Path) -> None:
        office.wait_until("12-25 10:00")
        number = office.open(**ORDINARY)  # 28, 29, 30, 31, then 1, 4, 5 January as far as anybody knows
        ticket = office.ticket(number)
        assert (shown(ticket.due_at), ticket.due_provisional) == ("01-05 23:59", True)
        page = office.stage.sign_in("zhang").get(f"/desk/tickets/{number}/clocks").text
        assert "暂按" in page and "该年放假安排尚未公布" in page
        path = config_with(tmp_path)
        publish_2027(path)
        with_config(office, path)
        keep(office)
        ticket = office.ticket(number)
        assert (shown(ticket.due_at), ticket.due_provisional) == ("01-06 23:59", False)
        [event] = office.events(number, "recomputed")
        assert event.data["calendar"] == "cn-2021-2027"
        assert [one["to"]["provisional"] for one in event.data["clocks"]] == [False]

    def test_a_confirmed_figure_counts_from_its_day_for_who_began_after_it(self, office: Office, tmp_path: Path) -> None:
        old = office.open(**ORDINARY)
        office.wait_until("11-24 10:00")
        new = office.open(**ORDINARY)
        later = """      - since: 2026-11-24
        kind: working_days
        count: 3
        cite: 区里新办法
        source: 区民政
        published_on: 2026-11-24
        status: confirmed

  temporary_aid_expense:"""
        path = config_with(tmp_path, due=("  temporary_aid_expense:", later))
        with_config(office, path)
        keep(office)
        assert (office.clocks(old)["handling"], office.clocks(new)["handling"]) == ("12-01 23:59", "11-27 23:59")
        assert office.events(old, "recomputed") == [] and len(office.events(new, "recomputed")) == 1

    def test_a_rule_that_has_gone_leaves_the_deadline_it_gave(self, office: Office, tmp_path: Path) -> None:
        number = office.open(**ORDINARY)
        with office.session() as session:
            session.execute(sa.update(TicketClock).where(TicketClock.clock == "handling").values(rule="old_rule", clock="old"))
        with_config(office, config_with(tmp_path, _2026=("2026-11-23,work,,", "2026-11-23,holiday,临时放假,")))
        keep(office)
        assert office.clocks(number)["old"] == "12-01 23:59"

    def test_a_ticket_from_before_the_clocks_gets_its_own(self, office: Office) -> None:
        from actions.due.clock import Due

        due = Due(at("11-21 12:00"), False, (), "", "pending")
        number = office.open(due=due, due_rule="temporary_aid", **ORDINARY)
        worked = office.open(due=due, due_rule="temporary_aid", **ORDINARY)
        with office.session() as session:
            session.execute(sa.update(Ticket).where(Ticket.number == worked).values(state="verifying"))
        keep(office)
        assert set(office.clocks(number)) == {"sign", "contact", "handling"} and shown(office.ticket(number).due_at) == "12-01 23:59"
        assert set(office.clocks(worked)) == {"handling"}  # nobody counted when it was signed for

    def test_a_paused_clock_stays_paused(self, office: Office, tmp_path: Path) -> None:
        number = office.open(**ORDINARY)
        office.do(number, "accept")
        office.do(number, "ask_supplement", missing="户口簿")
        office.wait_until("11-24 10:00")
        with_config(office, config_with(tmp_path, _2026=("2026-11-23,work,,", "2026-11-23,holiday,临时放假,")))
        keep(office)
        assert office.ticket(number).due_state == "paused" and office.timers() == 0


class TestUnits:
    def merged(self, office: Office, day: date, kind: str = "merge") -> None:
        step = Succession("u-longxi", "龙溪街道", "u-longta", kind, day, 99)
        gazetteer = replace(office.work.gazetteer, succession=(*office.work.gazetteer.succession, step))
        office.work = replace(office.work, gazetteer=gazetteer)

    def test_who_answers_for_a_unit(self, office: Office) -> None:
        self.merged(office, date(2026, 11, 21))
        gazetteer = office.work.gazetteer
        assert answering(gazetteer, "u-longxi", date(2026, 11, 20)).unit_id == "u-longxi"
        assert answering(gazetteer, "u-longxi", date(2026, 11, 21)).unit_id == "u-longta"
        assert answering(gazetteer, "u-gone-long-ago", date(2026, 11, 21)).desk == "district"
        back = replace(gazetteer, succession=(*gazetteer.succession, Succession("u-longta", "", "u-longxi", "rename", date(2026, 11, 21), 100)))
        assert answering(back, "u-longxi", date(2026, 11, 22)).desk in ("unit", "district")  # a circle ends somewhere

    @pytest.mark.parametrize("kind", ["split", "transfer"])
    def test_a_unit_that_only_loses_villages_keeps_its_tickets(self, office: Office, kind: str) -> None:
        number = office.open()
        self.merged(office, date(2026, 11, 1), kind)
        keep(office)
        assert office.ticket(number).unit_id == "u-longxi"

    def test_tickets_of_a_dissolved_unit_go_to_its_successor(self, office: Office) -> None:
        number, closed = office.open(**ORDINARY), office.open(**ORDINARY)
        for one in (number, closed):
            office.do(one, "accept")
        office.do(number, "verify", way="phone", findings="属实")
        office.do(closed, "close", result="settled", words="好了")
        self.merged(office, date(2026, 11, 21))
        keep(office)
        assert office.ticket(number).unit_id == "u-longxi"  # not yet
        office.wait_until("11-21 00:01")
        keep(office)
        ticket = office.ticket(number)
        assert (ticket.unit_id, ticket.unit_name, ticket.state, ticket.accepted_by, ticket.version) == (
            "u-longta", "龙塔街道", "verifying", None, 4)
        assert office.clocks(number)["handling"] == "12-01 23:59"  # the days go on
        [event] = office.events(number, "succeeded")
        assert event.data["from"]["unit"] == "u-longxi" and event.data["to"]["unit"] == "u-longta"
        with office.session() as session:
            assert session.execute(sa.select(Notice.recipient).where(Notice.event_id == event.id)).scalars().all() == ["unit:u-longta"]
            assert [row.number for row in session.execute(visible_tickets(office.people["li"])).scalars()] == [number]
        assert office.ticket(closed).unit_id == "u-longxi"
        keep(office)
        assert len(office.events(number, "succeeded")) == 1
        office.do(number, "submit", "li", opinion="give", amount="500", words="同意")  # who works it next has it in hand
        assert office.ticket(number).accepted_by == office.people["li"].staff_id

    def test_the_successor_has_its_whole_time_to_take_a_ticket_in_hand_and_the_resident_hears_of_it(self, office: Office) -> None:
        office.wait_until("11-20 16:30")
        browser = office.stage.browser()
        browser.write("家里着火了")
        with office.session() as session:
            contact = session.execute(sa.select(Contact.id)).scalars().first()
        number, quiet = office.open(contact_id=contact, **ORDINARY), office.open(contact_id=contact, discreet=True, **ORDINARY)
        before = office.clocks(number)
        assert before["sign"] == "11-23 09:59"  # an hour of Friday, an hour of Monday
        self.merged(office, date(2026, 11, 24))
        office.wait_until("11-24 00:01")  # long late
        assert office.told(number) == []
        office.round()
        late = len(office.told(number))
        keep(office)
        # 120 minutes of the successor's own morning; what the law counts goes on from the request
        assert office.clocks(number) == {**before, "sign": "11-24 11:00"}
        assert office.clocks(number, running=False) == {"sign": "11-23 09:59"}
        [event] = office.events(number, "succeeded")
        assert [(one["clock"], one["kept"]) for one in event.data["stopped"]] == [("sign", False)]
        assert [one["clock"] for one in event.data["started"]] == ["sign"]
        with office.session() as session:
            said = session.execute(sa.select(Notice.recipient, Notice.kind, Notice.state).where(Notice.event_id == event.id)).all()
            hushed = session.execute(sa.select(Notice.state).where(
                Notice.event_id == office.events(quiet, "succeeded")[0].id, Notice.recipient == "resident")).scalars().all()
        assert sorted(tuple(row) for row in said) == [("resident", "ticket_moved", "waiting"), ("unit:u-longta", "ticket_for_unit", "waiting")]
        assert hushed == ["silent"]
        office.wait_until("11-24 11:01")
        office.round()
        assert ("11-24 11:01", "unit:u-longta", "sign due_now") in office.told(number)[late:]
        assert office.do(number, "accept", "li").state == "accepted"

    def test_a_ticket_already_in_hand_is_not_signed_for_again(self, office: Office) -> None:
        number = office.open(**ORDINARY)
        office.do(number, "accept")
        before = office.clocks(number)
        self.merged(office, date(2026, 11, 20))
        keep(office)
        assert office.clocks(number) == before and "sign" not in before
        assert "started" not in office.events(number, "succeeded")[0].data

    @pytest.mark.parametrize("state", ["registered", "dispatched", "accepted", "verifying", "supplementing", "reviewing",
                                       "approving", "publishing", "paying", "referred"])
    @pytest.mark.parametrize("successor", [True, False])
    def test_in_every_state_somebody_of_the_successor_can_go_on(self, office: Office, state: str, successor: bool) -> None:
        [number] = put(office.stage, [{"state": state, "signed": signed_of("pay" if state in ("paying", "publishing") else "approve")}])
        if successor:
            self.merged(office, date(2026, 11, 20))
        else:
            with office.session() as session:
                session.execute(sa.update(Ticket).where(Ticket.number == number).values(unit_id="u-gone"))
        keep(office)
        ticket = office.ticket(number)
        assert (ticket.desk, ticket.unit_id) == (("unit", "u-longta") if successor else ("district", None))
        theirs = {role.id: role for role in office.work.roles.values() if role.scope == ("unit" if successor else "all")}
        onward = [command for command in office.work.lifecycle.open_to(state, ticket.desk)
                  if command.to != "same" and any(command.permission in role.may for role in theirs.values())]
        assert onward, state

    def test_without_a_successor_the_district_answers(self, office: Office) -> None:
        number = office.open()
        with office.session() as session:
            session.execute(sa.update(Ticket).values(unit_id="u-gone", unit_name="没有了的镇"))
        keep(office)
        ticket = office.ticket(number)
        assert (ticket.desk, ticket.unit_id) == ("district", None)
        [event] = office.events(number, "succeeded")
        with office.session() as session:
            assert session.execute(sa.select(Notice.recipient).where(Notice.event_id == event.id)).scalars().all() == ["district"]


class TestPeople:
    def test_who_leaves_hands_everything_open_to_the_head(self, office: Office) -> None:
        number, closed = office.open(), office.open()
        for one in (number, closed):
            office.do(one, "accept")
        office.do(closed, "close", result="settled", words="好了")
        zhang, head = office.people["zhang"].staff_id, office.people["he"].staff_id
        with office.session() as session:
            session.execute(sa.update(Staff).where(Staff.id == zhang).values(active=False))
            assert hand_back(session, office.work, zhang, office.stage.clock()) == [number]
        assert (office.ticket(number).accepted_by, office.ticket(closed).accepted_by) == (head, zhang)
        [event] = office.events(number, "handed_back")
        assert event.data == {"from_staff": zhang, "to_staff": head}
        with office.session() as session:
            assert set(session.execute(sa.select(Notice.recipient).where(Notice.event_id == event.id)).scalars()) == {
                "unit:u-longxi", "head:u-longxi"}
        keep(office)
        assert len(office.events(number, "handed_back")) == 1

    def test_without_a_head_the_desk_has_it_and_it_is_stuck(self, office: Office) -> None:
        number = office.open()
        office.do(number, "accept")
        with office.session() as session:
            session.execute(sa.update(Staff).where(Staff.login.in_(["zhang", "he"])).values(active=False))
        keep(office)  # switched off by whatever way: found at the latest now
        ticket = office.ticket(number)
        assert (ticket.accepted_by, ticket.unit_id, ticket.state) == (None, "u-longxi", "accepted")
        with office.session() as session:
            [entry] = stuck(session, sa.select(Ticket), office.work.clockwork, office.stage.clock())
        assert entry.ticket.number == number and set(entry.since) == {"nobody"}

    def test_who_has_other_work_now_hands_back_too(self, office: Office) -> None:
        number = office.open()
        office.do(number, "accept")
        with office.session() as session:
            session.execute(sa.update(Staff).where(Staff.login == "zhang").values(role="auditor"))
        keep(office)
        assert office.ticket(number).accepted_by == office.people["he"].staff_id

    def test_who_works_for_another_unit_now_hands_back_too(self, office: Office) -> None:
        number = office.open()
        office.do(number, "accept")
        with office.session() as session:
            session.execute(sa.update(Staff).where(Staff.login == "zhang").values(unit_id="u-longta"))
        keep(office)
        assert office.ticket(number).accepted_by == office.people["he"].staff_id


class TestTimer:
    def test_the_courier_keeps_up_at_its_start_and_after_every_midnight(self, office: Office) -> None:
        parts: Any = office.stage.parts
        wake_upkeep(parts)
        wake_upkeep(parts)
        assert office.round()[-1] == "upkeep"
        with office.session() as session:
            assert [shown(row.due_at) for row in session.execute(sa.select(Timer).where(Timer.kind == UPKEEP)).scalars()] == ["11-21 00:01"]
            set_upkeep(session, at("12-24 00:00"))  # never later than it was to be
            assert [shown(row.due_at) for row in session.execute(sa.select(Timer).where(Timer.kind == UPKEEP)).scalars()] == ["11-21 00:01"]

    def test_who_is_at_a_ticket_is_not_waited_for(self, office: Office) -> None:
        number = office.open()
        with office.session() as session:
            session.execute(sa.update(Ticket).values(unit_id="u-gone"))
        with office.session() as session:
            session.execute(sa.select(Ticket).where(Ticket.number == number).with_for_update()).scalar_one()
            with office.session() as other:
                again = keep_up(other, office.work, office.stage.clock())
        assert office.ticket(number).unit_id == "u-gone"
        assert again == office.stage.clock() + timedelta(seconds=10)  # not tomorrow: nobody would answer for it today
        keep(office)
        assert office.ticket(number).unit_id is None

    def test_more_than_a_batch(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("actions.tickets.commands.upkeep.BATCH", 2)
        numbers = [office.open() for _ in range(5)]
        with office.session() as session:
            session.execute(sa.update(Ticket).values(unit_id="u-gone"))
        keep(office)
        assert {office.ticket(number).desk for number in numbers} == {"district"}


def test_events_of_the_upkeep_have_titles(work: Work) -> None:
    assert {"reminded", "recomputed", "handed_back", "succeeded"} <= set(work.lifecycle.event_titles)
