"""A department is asked for its part while the township goes on: consent, answers, returns, what ends with what, one reply."""
from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, IntegrityError

from actions.access.queries import resident_viewer, visible_subtickets, visible_tickets
from actions.access.rules import Refused
from actions.storage.tables import SharingConsent, Subticket, SubticketEvent, Ticket
from actions.tickets.commands import FieldsWrong, NotAllowed, StalePage, keep_up, perform, perform_subticket
from actions.tickets.handover.queries import not_over, sealed_fields, ticket_of
from actions.tickets.rules import WrongState
from actions.tickets.watching import stuck
from tests.tickets.handover.conftest import AGREED, NOTED, Handover

REFUSALS = (Refused, NotAllowed, FieldsWrong, StalePage, WrongState)


def reason(raised: Any) -> str:
    return str(raised.value.reason)


class TestHandingOver:
    def test_the_ticket_goes_on_and_the_department_has_its_part(self, handover: Handover) -> None:
        before = handover.office.ticket(handover.number)
        row = handover.row(handover.hand_over("housing.safety"))
        after = handover.office.ticket(handover.number)
        assert (after.state, after.version, after.accepted_by) == (before.state, before.version + 1, before.accepted_by)
        assert (row.state, row.owner, row.fields) == ("sent", "department", ["name", "phone", "event_place"])
        assert (row.basis, row.consent_id) == ("duty", None)
        assert row.cite == "个人信息保护法 第十三条第一款第三项；社会救助法 第二十六条"
        [event] = handover.office.events(handover.number, "handed_over")
        assert event.data["subticket"] == row.number and event.data["fields_shown"] == row.fields and event.data["cite"] == row.cite
        handover.do("verify", way="visit", findings="看过")  # and nothing is in the way of the township's own work

    def test_what_is_asked_is_sealed(self, handover: Handover) -> None:
        row = handover.row(handover.hand_over("housing.safety", "王婶的病历和三楼"))
        with handover.office.session() as session:
            lines = session.execute(sa.select(SubticketEvent).where(SubticketEvent.subticket_id == row.id)).scalars().all()
        said = json.dumps([line.data for line in lines] + [e.data for e in handover.office.events(handover.number, "handed_over")],
                          ensure_ascii=False)
        assert "病历" not in said and "病历".encode() not in bytes(row.words)
        assert handover.office.work.keys.open(row.words) == "王婶的病历和三楼"

    def test_an_answer_is_due_by_our_own_promise_and_said_so(self, handover: Handover) -> None:
        row = handover.row(handover.hand_over("housing.safety"))
        assert row.due_rule == "subticket_reply" and row.due_at > handover.stage.clock()
        figure = handover.office.work.clockwork.figure("subticket_reply", None, row.sent_at)
        assert figure.status == "pending" and "服务目标" in figure.cite

    def test_one_open_of_a_department(self, handover: Handover) -> None:
        handover.hand_over("housing.safety")
        with pytest.raises(NotAllowed) as raised:
            handover.hand_over("housing.housing_aid")
        assert reason(raised) == "department_asked" and len(handover.rows()) == 1
        number = handover.hand_over("medical.medical_aid")  # another department is another matter
        handover.sub(number, "return", "yan", {"reason": "不归我们"})
        handover.hand_over("medical.medical_aid")  # what has ended is not in the way

    def test_the_database_keeps_it_too(self, handover: Handover) -> None:
        row = handover.row(handover.hand_over("housing.safety"))
        values = {c.key: getattr(row, c.key) for c in Subticket.__table__.columns if c.key not in ("id", "number")}
        with pytest.raises(IntegrityError, match="uq_subticket_open"), handover.office.session() as session:
            session.execute(sa.insert(Subticket).values(number="XB-again", **values))

    def test_two_officers_at_the_same_moment(self, handover: Handover) -> None:
        version, outcomes = handover.office.ticket(handover.number).version, []
        barrier = threading.Barrier(8)

        def hand(login: str) -> None:
            barrier.wait()
            try:
                with handover.stage.parts.database.begin() as session:
                    perform(session, handover.office.work, handover.office.people[login], number=handover.number, command="hand_over",
                            version=version, form={"request": "housing.safety", "words": "请看看"}, now=handover.stage.clock())
                outcomes.append("done")
            except StalePage:
                outcomes.append("stale")

        threads = [threading.Thread(target=hand, args=(login,)) for login in ("zhang", "he") * 4]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert sorted(outcomes) == ["done"] + ["stale"] * 7 and len(handover.rows()) == 1

    @pytest.mark.parametrize("request_, words, field", [
        ("housing.nothing", "看看", "request"), ("", "看看", "request"), ("housing", "看看", "request"), ("police.arrest", "看看", "request"),
        ("other_district.x", "看看", "request"), ("housing.safety", " ", "words"), ("housing.safety", "长" * 3000, "words"),
    ])
    def test_a_form_that_cannot_be(self, handover: Handover, request_: str, words: str, field: str) -> None:
        with pytest.raises(FieldsWrong) as raised:
            handover.do("hand_over", request=request_, words=words)
        assert set(raised.value.problems) == {field} and handover.rows() == []

    def test_history_only_grows(self, handover: Handover) -> None:
        handover.hand_over("housing.safety")
        for statement in ("UPDATE subticket_event SET actor = 'x'", "DELETE FROM subticket_event"):
            with pytest.raises(DBAPIError, match="only grows"), handover.office.session() as session:
                session.execute(sa.text(statement))


class TestConsent:
    def test_nobody_who_is_no_agency_is_told_before_the_person_agreed(self, handover: Handover) -> None:
        for request in ("charity.charity_help", "social_work.counselling", "insurer.claim", "disabled.devices"):
            with pytest.raises(NotAllowed) as raised:
                handover.hand_over(request)
            assert reason(raised) == "sharing_needed"
        assert handover.rows() == []

    def test_consent_is_of_one_recipient_and_purpose(self, handover: Handover) -> None:
        handover.do("note_sharing", **{**AGREED, "request": "social_work.living"})
        for request in ("social_work.counselling", "charity.charity_help"):
            with pytest.raises(NotAllowed):
                handover.hand_over(request)
        row = handover.row(handover.hand_over("social_work.living"))
        with handover.office.session() as session:
            consent = session.get(SharingConsent, row.consent_id)
        assert (row.basis, consent.answer, consent.given_by, consent.fields) == ("consent", "given", "self", ["name", "phone"])
        assert row.cite.startswith("个人信息保护法 第二十三条")
        assert handover.office.work.keys.open(consent.recipient) == AGREED["recipient"]

    def test_a_no_is_a_no(self, handover: Handover) -> None:
        handover.do("note_sharing", **{**AGREED, "answer": "declined"})
        with pytest.raises(NotAllowed):
            handover.hand_over("charity.charity_help")

    def test_fields_added_to_config_later_are_not_covered(self, handover: Handover) -> None:
        handover.do("note_sharing", **AGREED)
        with handover.office.session() as session:
            session.execute(sa.update(SharingConsent).values(fields=["name"]))
        with pytest.raises(NotAllowed) as raised:
            handover.hand_over("charity.charity_help")
        assert reason(raised) == "sharing_needed"

    def test_taken_back_calls_back_what_is_open(self, handover: Handover) -> None:
        handover.do("note_sharing", **AGREED)
        number, other = handover.hand_over("charity.charity_help"), handover.hand_over("housing.safety")
        handover.do("end_sharing", consent="charity")
        assert (handover.row(number).state, handover.row(number).owner) == ("called_back", "nobody")
        assert handover.row(other).state == "sent"
        with pytest.raises(NotAllowed):
            handover.hand_over("charity.charity_help")
        with pytest.raises(FieldsWrong):
            handover.do("end_sharing", consent="charity")

    def test_asked_again_it_is_called_back_as_well(self, handover: Handover) -> None:
        """Another recipient may have been named: the one that was told under the old consent is not the one agreed to now."""
        handover.do("note_sharing", **AGREED)
        number = handover.hand_over("charity.charity_help")
        handover.do("note_sharing", **{**AGREED, "recipient": "另一家慈善会"})
        assert handover.row(number).state == "called_back"
        handover.hand_over("charity.charity_help")

    def test_the_resident_takes_it_back_themselves(self, handover: Handover) -> None:
        handover.do("note_sharing", **AGREED)
        number = handover.hand_over("charity.charity_help")
        viewer = resident_viewer(handover.office.work.roles, ticket_id=handover.office.ticket(handover.number).id)
        handover.perform_on("end_sharing", viewer, {"consent": "charity"})
        assert handover.row(number).state == "called_back"
        with pytest.raises(Refused):
            handover.perform_on("hand_over", viewer, {"request": "housing.safety", "words": "x"})

    @pytest.mark.parametrize("minor, age, by, allowed", [
        (True, None, "self", False), (True, None, "guardian", True), (True, 13, "self", False), (True, 14, "self", True),
        (True, 17, "self", True), (False, None, "self", True), (False, 12, "self", False), (False, 40, "self", True),
    ])
    def test_who_agrees_for_a_child(self, handover: Handover, minor: bool, age: int | None, by: str, allowed: bool) -> None:
        facts = {"event_kind": {"value": "fire"}, **({} if age is None else {"age": {"value": age}})}
        handover.open(minor=minor, facts=facts)
        if allowed:
            handover.do("note_sharing", **{**AGREED, "by": by})
            return
        with pytest.raises(NotAllowed) as raised:
            handover.do("note_sharing", **{**AGREED, "by": by})
        assert reason(raised) == "sharing_guardian"
        handover.do("note_sharing", **{**AGREED, "by": by, "answer": "declined"})  # to say no, a child may


class TestAnswering:
    def test_the_department_answers_and_the_officer_hears_at_once(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        handover.sub(number, "accept")
        handover.sub(number, "answer", form={"outcome": "helped", "words": "能住"})
        row = handover.row(number)
        assert (row.state, row.owner, row.outcome, row.version) == ("answered", "nobody", "helped", 3)
        unit = handover.office.ticket(handover.number).unit_id
        assert handover.told(f"unit:{unit}") == [
            ("subticket_answered", "waiting", {"number": handover.number, "department": "住建"})]
        [event] = handover.office.events(handover.number, "subticket_answered")
        assert event.version is None and event.data["about"] == "住建：房屋安全" and event.data["outcome"] == "已经给予帮助"
        assert "能住" not in json.dumps(event.data, ensure_ascii=False)

    def test_without_an_account_the_officer_notes_who_said_it_and_when(self, handover: Handover) -> None:
        number = handover.hand_over("medical.medical_aid")
        with pytest.raises(FieldsWrong) as raised:
            handover.sub(number, "note_answer", "zhang", {"outcome": "helped", "words": "好了"})
        assert set(raised.value.problems) == {"who", "on"}
        handover.sub(number, "note_answer", "zhang", NOTED)
        assert handover.row(number).state == "answered"
        unit = handover.office.ticket(handover.number).unit_id
        assert handover.told(f"unit:{unit}") == []  # who notes it knows it

    def test_the_answer_of_emergency_management_is_looked_at_once_more(self, handover: Handover) -> None:
        number = handover.hand_over("emergency.disaster")
        handover.sub(number, "answer", "qin", {"outcome": "helped", "words": "发了被褥"})
        assert handover.row(number).owner == "township" and handover.told() == []
        with pytest.raises(NotAllowed) as raised:
            handover.do("close", result="settled", words="好了")
        assert reason(raised) == "subtickets_open" and "应急：受灾人员救助" in raised.value.parameters["which"]
        handover.sub(number, "check_after", "zhang", {"finding": "still", "on": "2026-11-20", "words": "还没地方住"})
        assert handover.row(number).owner == "nobody" and [kind for kind, _, _ in handover.told()] == ["departments_answered"]
        with pytest.raises(NotAllowed):
            handover.sub(number, "check_after", "zhang", {"finding": "still", "on": "2026-11-20", "words": "又看"})

    def test_what_is_returned_is_the_townships(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        handover.sub(number, "return", form={"reason": "不归我们"})
        row = handover.row(number)
        assert (row.state, row.owner) == ("returned", "township")
        unit = handover.office.ticket(handover.number).unit_id
        assert [kind for kind, _, _ in handover.told(f"unit:{unit}")] == ["subticket_returned"]
        with pytest.raises(NotAllowed):
            handover.do("close", result="settled", words="好了")
        handover.sub(number, "settle", "zhang", {"how": "self", "words": "自己看"})
        handover.do("close", result="settled", words="好了")

    def test_stale_pages_and_late_comers(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        handover.sub(number, "accept")
        with pytest.raises(StalePage):
            handover.sub(number, "answer", form={"outcome": "helped", "words": "好了"}, version=1)
        handover.sub(number, "call_back", "zhang", {"reason": "自己办了"})
        for command, form in (("accept", {}), ("answer", {"outcome": "helped", "words": "好了"}), ("return", {"reason": "晚了"})):
            with pytest.raises(WrongState):
                handover.sub(number, command, form=form)
        assert handover.row(number).state == "called_back"

    def test_a_refused_command_writes_nothing(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")

        def everything() -> Any:
            with handover.office.session() as session:
                return [session.execute(sa.text(f"SELECT count(*), max(id) FROM {name}")).one()
                        for name in ("subticket_event", "ticket_event", "notice", "audit")] + [
                            session.execute(sa.select(Subticket.__table__)).all()]

        before = everything()
        for who, command, form in [("yan", "answer", {"outcome": "helped", "words": "x"}), ("fang", "answer", {"outcome": "no", "words": "x"}),
                                   ("fang", "note_answer", NOTED), ("zhou", "call_back", {"reason": "x"}), ("li", "call_back", {"reason": "x"}),
                                   ("zhang", "answer", {"outcome": "helped", "words": "x"}), ("zhang", "settle", {"how": "self", "words": "x"})]:
            with pytest.raises(REFUSALS):
                handover.sub(number, command, who, form)
        assert everything() == before


class TestEnding:
    @pytest.mark.parametrize("command, form", [
        ("close", {"result": "settled", "words": "好了"}),
        ("close", {"result": "unreachable", "words": "找不到"}),
    ])
    def test_not_while_somebody_works_for_it(self, handover: Handover, command: str, form: dict[str, str]) -> None:
        number = handover.hand_over("housing.safety")
        with pytest.raises(NotAllowed) as raised:
            handover.do(command, **form)
        assert reason(raised) == "subtickets_open" and raised.value.parameters["which"] == "住建：房屋安全"
        handover.sub(number, "call_back", "zhang", {"reason": "自己办了"})
        handover.do(command, **form)

    def test_withdrawn_everything_comes_back_and_nothing_is_said_of_it(self, handover: Handover) -> None:
        sent, gone = handover.hand_over("housing.safety"), handover.hand_over("medical.medical_aid")
        handover.sub(gone, "return", "yan", {"reason": "不归我们"})
        handover.do("withdraw", "zhou")
        assert [(row.state, row.owner) for row in handover.rows()] == [("called_back", "nobody"), ("returned", "nobody")]
        assert handover.told() == []
        with pytest.raises(WrongState):
            handover.sub(sent, "accept")
        with pytest.raises(WrongState):
            handover.hand_over("housing.safety")

    def test_it_goes_with_the_ticket_to_another_unit(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        handover.do("return", reason="不在我们这边", unit="u-longta")
        with pytest.raises(Refused):
            handover.sub(number, "call_back", "zhang", {"reason": "x"})
        handover.sub(number, "accept")
        handover.sub(number, "answer", form={"outcome": "helped", "words": "好了"})
        assert [kind for kind, _, _ in handover.told("unit:u-longta")] == ["subticket_answered"]

    def test_a_department_that_is_no_more_gives_back(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        work, table = handover.office.work, handover.office.work.lifecycle
        gone = replace(table.departments.by_id["housing"], until=date(2026, 11, 19))
        departments = replace(table.departments, by_id={**table.departments.by_id, "housing": gone})
        handover.office.work = replace(work, lifecycle=replace(table, departments=departments))
        with pytest.raises(NotAllowed) as raised:
            handover.sub(number, "accept")
        assert reason(raised) == "department_over"
        with handover.office.session() as session:
            keep_up(session, handover.office.work, handover.stage.clock())
        row = handover.row(number)
        assert (row.state, row.owner) == ("returned", "township")
        with pytest.raises(FieldsWrong):  # and it is not offered any more
            handover.hand_over("housing.safety")
        with handover.office.session() as session:
            keep_up(session, handover.office.work, handover.stage.clock())
        assert handover.row(number).version == row.version

    def test_a_district_of_its_own(self, handover: Handover) -> None:
        table = handover.office.work.lifecycle
        there = replace(table.departments.by_id["housing"], districts=frozenset({"北碚区"}))
        departments = replace(table.departments, by_id={**table.departments.by_id, "housing": there})
        handover.office.work = replace(handover.office.work, lifecycle=replace(table, departments=departments))
        with pytest.raises(FieldsWrong):
            handover.hand_over("housing.safety")


class TestWhatTheResidentHears:
    def wait(self, handover: Handover, **by: float) -> None:
        handover.stage.clock.advance(**by)
        handover.office.round()

    def test_once_that_others_were_asked_and_once_what_they_said(self, handover: Handover) -> None:
        first, second = handover.hand_over("housing.safety"), handover.hand_over("medical.medical_aid")
        assert handover.told() == []
        self.wait(handover, minutes=31)
        assert handover.told() == [("departments_asked", "waiting", {
            "number": handover.number, "unit_name": "龙溪街道", "names": "住房城乡建设部门、医保部门"})]
        handover.sub(first, "answer", form={"outcome": "helped", "words": "内部的话"})
        assert len(handover.told()) == 1
        handover.sub(second, "answer", "yan", {"outcome": "nothing_now", "words": "不符合条件"})
        [_, (kind, state, said)] = handover.told()
        assert (kind, state) == ("departments_answered", "waiting")
        assert said["outcomes"] == "住房城乡建设部门：已经帮上了忙；医保部门：这次没有找到对得上的项目，镇街会接着想办法"
        self.wait(handover, minutes=60)
        assert len(handover.told()) == 2

    def test_answered_before_that_there_is_one_message_only(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        handover.sub(number, "answer", form={"outcome": "helped", "words": "好了"})
        self.wait(handover, minutes=31)
        assert [kind for kind, _, _ in handover.told()] == ["departments_answered"]

    def test_called_back_before_anybody_was_told_nothing_is_said(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        handover.sub(number, "call_back", "zhang", {"reason": "填错了"})
        self.wait(handover, minutes=31)
        assert handover.told() == []

    def test_called_back_afterwards_the_reply_says_who_goes_on(self, handover: Handover) -> None:
        first, second = handover.hand_over("housing.safety"), handover.hand_over("medical.medical_aid")
        self.wait(handover, minutes=31)
        handover.sub(first, "answer", form={"outcome": "advised", "words": "好了"})
        handover.sub(second, "call_back", "zhang", {"reason": "要结束了"})
        said = handover.told()[-1][2]["outcomes"]
        assert said == "住房城乡建设部门：说清楚了怎么办，工作人员可以陪您办；医保部门：由镇街接着想办法"

    def test_a_second_round_is_told_of_by_itself(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        handover.sub(number, "answer", form={"outcome": "helped", "words": "好了"})
        again = handover.hand_over("medical.medical_aid")
        handover.sub(again, "answer", "yan", {"outcome": "in_hand", "words": "好了"})
        said = [parameters["outcomes"] for kind, _, parameters in handover.told()]
        assert said == ["住房城乡建设部门：已经帮上了忙", "医保部门：已经接下，正按他们的程序办"]

    def test_a_discreet_ticket_stays_silent(self, handover: Handover) -> None:
        handover.open(discreet=True)
        number = handover.hand_over("housing.safety")
        self.wait(handover, minutes=31)
        handover.sub(number, "answer", form={"outcome": "helped", "words": "好了"})
        assert [(kind, state) for kind, state, _ in handover.told()] == [("departments_asked", "silent"), ("departments_answered", "silent")]

    def test_two_answers_at_the_same_moment_give_one_reply(self, handover: Handover) -> None:
        numbers = {"fang": handover.hand_over("housing.safety"), "yan": handover.hand_over("medical.medical_aid")}
        barrier = threading.Barrier(2)

        def answer(login: str) -> None:
            barrier.wait()
            handover.sub(numbers[login], "answer", login, {"outcome": "helped", "words": "好了"})

        threads = [threading.Thread(target=answer, args=(login,)) for login in numbers]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        [(_, _, said)] = handover.told()
        assert "住房城乡建设部门" in said["outcomes"] and "医保部门" in said["outcomes"]


class TestWhatADepartmentSees:
    def test_nothing_but_its_own(self, handover: Handover) -> None:
        ours, theirs = handover.hand_over("housing.safety"), handover.hand_over("medical.medical_aid")
        with handover.office.session() as session:
            people = handover.office.people
            seen = {login: {row.number for row in session.execute(visible_subtickets(people[login])).scalars()}
                    for login in ("fang", "yan", "qin", "zhang", "li", "zhou", "admin", "auditor")}
            assert seen == {"fang": {ours}, "yan": {theirs}, "qin": set(), "zhang": {ours, theirs}, "li": set(), "zhou": {ours, theirs},
                            "admin": set(), "auditor": {ours, theirs}}
            assert session.execute(visible_tickets(people["fang"])).all() == []
            nobody = replace(people["fang"], department=None)
            assert session.execute(visible_subtickets(nobody)).all() == []

    def shown(self, handover: Handover) -> dict[str, str | None]:
        with handover.office.session() as session:
            row = session.execute(sa.select(Subticket).order_by(Subticket.id.desc()).limit(1)).scalar_one()
            found = sealed_fields(session, ticket_of(session, row))
        return {name: None if value is None else handover.office.work.keys.open(value) for name, value in found.items()}

    def test_the_persons_own_number_never_the_callers(self, handover: Handover) -> None:
        handover.open(phone="13800138000")  # of the neighbour who asked
        handover.hand_over("housing.safety")
        assert self.shown(handover)["phone"] == "13900139000"
        handover.open(phone="13800138000", persons=())
        handover.hand_over("housing.safety")
        assert self.shown(handover)["phone"] is None

    def test_discreet_no_phone(self, handover: Handover) -> None:
        handover.open(discreet=True)
        handover.hand_over("housing.safety")
        shown = self.shown(handover)
        assert shown["phone"] is None and shown["event_place"] is not None


class TestStuck:
    def reasons(self, handover: Handover) -> set[str]:
        with handover.office.session() as session:
            found = stuck(session, sa.select(Ticket).where(Ticket.number == handover.number), handover.office.work.clockwork,
                          handover.stage.clock())
            return {one for entry in found for one in entry.since}

    def test_late_and_given_back(self, handover: Handover) -> None:
        late, back = handover.hand_over("housing.safety"), handover.hand_over("medical.medical_aid")
        handover.sub(back, "return", "yan", {"reason": "不归我们"})
        assert not {"unanswered", "handed"} & self.reasons(handover)
        handover.stage.clock.now = handover.row(late).due_at + timedelta(seconds=1)
        assert {"unanswered", "handed"} <= self.reasons(handover)
        handover.sub(late, "answer", form={"outcome": "helped", "words": "好了"})
        handover.sub(back, "settle", "zhang", {"how": "self", "words": "好了"})
        assert not {"unanswered", "handed"} & self.reasons(handover)

    def test_where_no_time_was_promised_silence_is_counted(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        with handover.office.session() as session:
            session.execute(sa.update(Subticket).where(Subticket.number == number).values(due_at=None, due_rule=None))
        handover.stage.clock.advance(days=3)
        assert "unanswered" not in self.reasons(handover)
        handover.stage.clock.advance(days=4)
        assert "unanswered" in self.reasons(handover)


STEPS = st.lists(st.tuples(st.sampled_from([
    "hand housing.safety", "hand medical.medical_aid", "hand emergency.disaster", "hand charity.charity_help", "agree", "decline", "end",
    "accept", "answer", "return", "note_answer", "call_back", "settle", "check_after", "withdraw", "close", "tell"]), st.integers(0, 3)),
    min_size=3, max_size=20)
PLAYS = {"housing": "fang", "medical": "yan", "emergency": "qin", "charity": "zhang"}
SUB_FORMS = {"accept": {}, "answer": {"outcome": "helped", "words": "x"}, "return": {"reason": "x"}, "note_answer": NOTED,
             "call_back": {"reason": "x"}, "settle": {"how": "self", "words": "x"},
             "check_after": {"finding": "settled", "on": "2026-11-20", "words": "x"}}


@given(steps=STEPS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_order(handover: Handover, steps: list[tuple[str, int]]) -> None:
    """Whatever order: one open for each department, nobody told without consent, no ticket over while somebody works for it, one
    reply for each that was asked."""
    handover.open()
    for step, which in steps:
        try:
            _step(handover, step, which)
        except REFUSALS:
            continue
        rows, ticket = handover.rows(), handover.office.ticket(handover.number)
        open_ = [row.department for row in rows if row.state in ("sent", "accepted")]
        assert len(open_) == len(set(open_)), steps
        with handover.office.session() as session:
            holding = {row.id for row in session.execute(sa.select(SharingConsent).where(
                SharingConsent.answer == "given", SharingConsent.ended_at.is_(None))).scalars()}
            assert all(row.consent_id in holding for row in rows if row.basis == "consent" and row.owner == "department"), steps
            if ticket.closed_at is not None:
                assert not_over(session, ticket) == [], steps
            for row in rows:
                versions = session.execute(sa.select(SubticketEvent.version).where(SubticketEvent.subticket_id == row.id)
                                           .order_by(SubticketEvent.id)).scalars().all()
                assert versions == list(range(1, row.version + 1)), steps
    answered = [row for row in handover.rows() if row.outcome is not None and row.replied_at is not None]
    said = "".join(parameters.get("outcomes", "") for kind, _, parameters in handover.told() if kind == "departments_answered")
    assert bool(answered) <= bool(said), steps


def _step(handover: Handover, step: str, which: int) -> None:
    if step.startswith("hand "):
        handover.hand_over(step[5:])
    elif step in ("agree", "decline"):
        handover.do("note_sharing", **{**AGREED, "answer": "given" if step == "agree" else "declined"})
    elif step == "end":
        handover.do("end_sharing", consent="charity")
    elif step == "withdraw":
        handover.do("withdraw", "zhou")
    elif step == "close":
        handover.do("close", result="settled", words="x")
    elif step == "tell":
        handover.stage.clock.advance(minutes=31)
        handover.office.round()
    else:
        rows = handover.rows()
        if not rows:
            raise Refused("nothing is there")
        row = rows[which % len(rows)]
        who = PLAYS[row.department] if step in ("accept", "answer", "return") else "zhang"
        handover.sub(row.number, step, who, SUB_FORMS[step])


def test_an_unknown_command_is_refused(handover: Handover) -> None:
    number = handover.hand_over("housing.safety")
    with handover.office.session() as session, pytest.raises(Refused):
        perform_subticket(session, handover.office.work, handover.office.people["fang"], number=number, command="delete", version=1,
                          form={}, now=handover.stage.clock())
