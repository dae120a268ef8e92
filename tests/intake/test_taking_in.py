"""Taking in at the desk: every source becomes a ticket as the bot's would; what it must not tell, it does not tell."""
from __future__ import annotations

import re
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import (
    Audit,
    Intake,
    Notice,
    RouteRecord,
    ScreeningRecord,
    Ticket,
    TicketEvent,
    TicketPerson,
)
from tests.cast import LONGTA, LONGXI, Stage, hidden
from tests.intake_help import a_form, file


def rows(stage: Stage, query: Any) -> list[Any]:
    with stage.parts.database.begin() as session:
        return list(session.execute(query).scalars())


def the_ticket(stage: Stage) -> Ticket:
    [found] = rows(stage, sa.select(Ticket))
    return found


def opened(stage: Stage, sealed: bytes | None) -> str | None:
    return stage.parts.keys.open_or_none(sealed)


def test_an_operator_files_for_a_caller(stage: Stage) -> None:
    answer = file(stage.sign_in("zhou"), household_place="石船镇", f_age="63", m0_name="王小宝", m0_relation="孙子", m0_minor="1")
    ticket = the_ticket(stage)
    assert answer.status_code == 200 and ticket.number in answer.text and "龙溪街道" in answer.text
    code = re.search(r"<dt>查询码</dt><dd class=\"num\"><b>(\w{6})</b>", answer.text)
    assert code is not None
    assert (ticket.unit_id, ticket.source, ticket.event_kind, ticket.programme) == (LONGXI, "operator", "fire", "temporary_urgent")
    assert (ticket.urgency, ticket.aid_first, ticket.due_rule) == ("urgent", True, "small_quick_aid")
    assert (ticket.legal_basis, ticket.discreet, ticket.minor, ticket.read_back) == ("duty", False, False, "confirmed")
    assert ticket.household_unit_name == "石船镇"  # never the responsible one
    assert ticket.facts["need_tonight"]["value"] == ["bed"] and ticket.facts["age"]["value"] == 63
    people = rows(stage, sa.select(TicketPerson).order_by(TicketPerson.id))
    assert [(one.role, opened(stage, one.name), one.minor) for one in people] == [
        ("applicant", "王秀英", False), ("member", "王小宝", True)]
    assert opened(stage, people[0].phone) == "13800138000" and b"138" not in (people[0].phone_hash or b"")
    [screened], [routed] = rows(stage, sa.select(ScreeningRecord)), rows(stage, sa.select(RouteRecord))
    assert screened.ticket_id == routed.ticket_id == ticket.id and routed.outcome["unit"] == LONGXI
    assert [n.recipient for n in rows(stage, sa.select(Notice))] == [f"unit:{LONGXI}"]
    [audit] = rows(stage, sa.select(Audit).where(Audit.action == "ticket_taken_in"))
    assert audit.data == {"source": "operator", "cause": "fire", "surge": None} and audit.object == f"ticket:{ticket.number}"
    progress = stage.browser().post("/progress", {"number": ticket.number, "code": code.group(1)}).text
    assert "龙溪街道" in progress and "王秀英" not in progress
    assert stage.wake.hinted == ["tickets", f"ticket:{ticket.number}"]


def test_the_same_form_posted_twice_is_one_ticket(stage: Stage) -> None:
    zhou = stage.sign_in("zhou")
    form = {"external_id": hidden(zhou.get("/desk/intake").text, "external_id"), **a_form()}
    first, second = zhou.do("/desk/intake", **form), zhou.do("/desk/intake", **form)
    assert "已登记并派单" in first.text and "这张表已经登记过" in second.text and the_ticket(stage).number in second.text
    assert re.search(r"<b>\w{6}</b>", second.text) is None  # the code was shown once
    changed = zhou.do("/desk/intake", **{**form, "name": "别人"})
    assert changed.status_code == 409 and "已经登记过了，内容又有改动" in changed.text and "别人" in changed.text
    assert len(rows(stage, sa.select(Ticket))) == 1


def test_the_same_form_sent_by_ten_at_once_is_one_ticket(stage: Stage) -> None:
    zhou = stage.sign_in("zhou")
    form = {"external_id": "one-and-the-same", **a_form()}
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(zhou.do("/desk/intake", **form))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert sum("已登记并派单" in answer.text for answer in answers) == 1
    assert len(rows(stage, sa.select(Ticket))) == len(rows(stage, sa.select(TicketEvent))) == 1


@pytest.mark.parametrize("more, says", [
    ({"source": ""}, "请从列表里选"), ({"source": "bot"}, "请从列表里选"), ({"source": "api"}, "请从列表里选"),
    ({"cause": "nothing"}, "请从列表里选"), ({"phone": "12"}, "请填一个手机号"),
    ({"phone": "13800138000 13900139000"}, "请填一个手机号"), ({"identity": "500112199003071233"}, "身份证号核对不上"),
    ({"f_age": "很大"}, "填写的内容不对"), ({"f_asked_before": "x"}, "填写的内容不对"), ({"told": "长" * 2001}, "太长了"),
    ({"unit": "u-guanyinqiao"}, "请从列表里选"), ({"reporter_name": "李大爷"}, "这个来源没有报告人"),
])
def test_a_form_that_cannot_be_opens_nothing_and_keeps_what_was_typed(stage: Stage, more: dict[str, str], says: str) -> None:
    answer = file(stage.sign_in("zhou"), **more)
    assert answer.status_code == 422 and says in answer.text and "王秀英" in answer.text
    assert rows(stage, sa.select(Ticket)) == rows(stage, sa.select(Intake)) == []


def test_nothing_but_source_and_cause_must_be_known(stage: Stage) -> None:
    answer = file(stage.sign_in("zhang"), source="walk_in", cause="other", event_place="", name="", phone="", told="",
                  f_need_tonight_bed="")
    ticket = the_ticket(stage)
    assert answer.status_code == 200 and (ticket.desk, ticket.unit_id) == ("district", None)
    assert (ticket.due_rule, ticket.urgency, rows(stage, sa.select(TicketPerson))) == ("temporary_aid", "none", [])


def test_an_officer_files_for_another_units_place_and_cannot_open_it_afterwards(stage: Stage) -> None:
    zhang = stage.sign_in("zhang")
    answer = file(zhang, source="walk_in", event_place="龙塔街道黄龙路")
    number = the_ticket(stage).number
    assert the_ticket(stage).unit_id == LONGTA and number in answer.text and f'href="/desk/tickets/{number}"' not in answer.text
    assert zhang.get(f"/desk/tickets/{number}").status_code == 404
    assert stage.sign_in("li").get(f"/desk/tickets/{number}").status_code == 200


def test_the_unit_staff_choose_goes_before_the_words(stage: Stage) -> None:
    file(stage.sign_in("zhou"), event_place="说不清楚的地方", unit=LONGTA)
    assert (the_ticket(stage).unit_id, the_ticket(stage).read_back) == (LONGTA, "confirmed")


@pytest.mark.parametrize("place, desk, district", [
    ("成都市武侯区", "outside", "武侯区"), ("阳光很好的地方", "district", "原渝北区"), ("户口在石船镇", "district", "原渝北区"),
])
def test_places_that_are_not_ours(stage: Stage, place: str, desk: str, district: str) -> None:
    file(stage.sign_in("zhou"), event_place=place)
    assert (the_ticket(stage).desk, the_ticket(stage).district) == (desk, district)


@pytest.mark.parametrize("cause, programme, rule, discreet", [
    ("medical", "temporary_expense", "temporary_aid_expense", False), ("education", "temporary_expense", "temporary_aid_expense", False),
    ("sudden_illness", "temporary_urgent", "temporary_aid", False), ("violence", "temporary_urgent", "temporary_aid", True),
])
def test_the_cause_decides_kind_clock_and_discretion(stage: Stage, cause: str, programme: str, rule: str, discreet: bool) -> None:
    file(stage.sign_in("zhou"), cause=cause, told="", f_need_tonight_bed="")
    ticket = the_ticket(stage)
    assert (ticket.programme, ticket.due_rule, ticket.discreet) == (programme, rule, discreet)


def test_danger_in_the_words_is_said_first(stage: Stage) -> None:
    answer = file(stage.sign_in("zhou"), told="屋里正在着火，人还在里面")
    assert "先念给对方听" in answer.text and "119" in answer.text
    assert (the_ticket(stage).urgency, the_ticket(stage).legal_basis) == ("life_danger", "emergency")


def test_a_letter_keeps_its_number_and_hides_an_identity_number_in_the_words(stage: Stage) -> None:
    file(stage.sign_in("district"), source="letter", reference="信访〔2026〕88号", told="我叫王秀英，身份证11010519491231002X，求帮助")
    [intake] = rows(stage, sa.select(Intake))
    assert opened(stage, intake.reference) == "信访〔2026〕88号"
    assert "11010519491231002X" not in (opened(stage, intake.told) or "")


@pytest.mark.parametrize("more, minor", [({"f_age": "17"}, True), ({"f_age": "18"}, False), ({"minor": "1"}, True), ({}, False)])
def test_a_child_is_marked(stage: Stage, more: dict[str, str], minor: bool) -> None:
    file(stage.sign_in("zhou"), **more)
    assert the_ticket(stage).minor is minor


class TestFoundByOthers:
    """主动发现: 李大爷 tells of 王婶, who has not asked."""

    REPORTER = {"source": "neighbour", "reporter_name": "李大爷", "reporter_phone": "13912345678", "phone": "",
                "told": "隔壁王秀英几天没吃饭了"}

    def test_the_reporter_gets_no_code_and_consent_is_open(self, stage: Stage) -> None:
        answer = file(stage.sign_in("zhou"), **self.REPORTER)
        assert "不交给报告人" in answer.text and re.search(r"<b>\w{6}</b>", answer.text) is None
        [intake] = rows(stage, sa.select(Intake))
        assert (intake.consent, intake.finding, intake.reporter_hidden) == ("open", "open", True)
        assert opened(stage, intake.reporter_phone) == "13912345678"
        assert (the_ticket(stage).phone, the_ticket(stage).contact_id, the_ticket(stage).legal_basis) == (None, None, "duty")

    def test_the_reporter_is_nobody_the_ticket_is_about(self, stage: Stage) -> None:
        file(stage.sign_in("zhou"), **self.REPORTER)
        [person] = rows(stage, sa.select(TicketPerson))
        assert opened(stage, person.name) == "王秀英" and person.phone_hash is None

    def test_two_people_told_of_by_one_neighbour_are_not_the_same(self, stage: Stage) -> None:
        zhou = stage.sign_in("zhou")
        file(zhou, **self.REPORTER)
        assert "请留意" not in file(zhou, **{**self.REPORTER, "name": "张大娘"}).text

    def test_the_reporter_is_in_no_row_that_reaches_the_person_concerned(self, stage: Stage) -> None:
        file(stage.sign_in("zhou"), **self.REPORTER)
        with stage.parts.database.begin() as session:
            for table in (TicketEvent, Notice, Audit, Ticket, ScreeningRecord):
                text = str([{c.key: getattr(row, c.key) for c in table.__table__.columns}
                            for row in session.execute(sa.select(table)).scalars()])
                assert "李大爷" not in text and "13912345678" not in text, table

    def test_the_unit_and_the_operator_see_no_reporter(self, stage: Stage) -> None:
        file(stage.sign_in("zhou"), **self.REPORTER)
        for login in ("zhang", "he", "zhou", "auditor"):
            page = stage.sign_in(login).get(f"/desk/tickets/{the_ticket(stage).number}").text
            assert "李大爷" not in page and "13912345678" not in page and "139****5678" not in page


class TestReminders:
    def second(self, stage: Stage, login: str = "zhou", **more: Any) -> str:
        first = file(stage.sign_in("zhou"), identity="11010519491231002X", phone="13800138000")
        assert "请留意" not in first.text
        self.first_number = the_ticket(stage).number
        stage.clock.advance(days=30)
        text: str = file(stage.sign_in(login), **more).text
        return text

    def test_same_phone_and_cause(self, stage: Stage) -> None:
        page = self.second(stage)
        assert "请留意" in page and self.first_number in page and "电话相同" in page and "12个月" in page and "待确认" in page
        assert len(rows(stage, sa.select(Ticket))) == 2  # a reminder, never a block

    def test_same_identity_number_with_another_phone(self, stage: Stage) -> None:
        page = self.second(stage, identity="11010519491231002x", phone="13700137000")
        assert "身份证号相同" in page and "电话相同" not in page

    @pytest.mark.parametrize("more", [{"cause": "traffic"}, {"phone": "13700137000"}])
    def test_another_cause_or_another_person_reminds_of_nothing(self, stage: Stage, more: dict[str, str]) -> None:
        assert "请留意" not in self.second(stage, **more)

    def test_household_and_event_place_both(self, stage: Stage) -> None:
        page = self.second(stage, event_place="石船镇", household_place="龙溪街道")
        assert "户籍地和急难发生地都有申请" in page and "外地参考" in page

    def test_another_units_officer_reads_where_and_when_but_no_number(self, stage: Stage) -> None:
        page = self.second(stage, "li", source="walk_in", event_place="龙塔街道")
        assert "另一张工单" in page and "龙溪街道" in page and "2026-11-20" in page and self.first_number not in page

    def test_a_discreet_ticket_is_not_given_away_to_another_unit(self, stage: Stage) -> None:
        file(stage.sign_in("zhou"), cause="violence", told="")
        number = the_ticket(stage).number
        page = file(stage.sign_in("li"), source="walk_in", cause="violence", event_place="龙塔街道", told="").text
        assert "请留意" not in page
        assert number in file(stage.sign_in("district"), source="walk_in", cause="violence", told="").text

    def test_a_member_of_the_household_counts_and_a_supporter_does_not(self, stage: Stage) -> None:
        file(stage.sign_in("zhou"))
        with stage.parts.database.begin() as session:
            session.execute(sa.update(TicketPerson).values(role="supporter"))
        assert "请留意" not in file(stage.sign_in("zhou")).text
        with stage.parts.database.begin() as session:
            session.execute(sa.update(TicketPerson).where(TicketPerson.role == "supporter").values(role="member"))
        assert "请留意" in file(stage.sign_in("zhou"), another="1").text

    def test_what_the_resident_said(self, stage: Stage) -> None:
        assert "求助人说以前申请过" in file(stage.sign_in("zhou"), f_asked_before="elsewhere").text


class TestSurge:
    def on(self, stage: Stage, login: str = "chen", **more: str) -> Any:
        form = {"cause": "disaster", "reason": "暴雨红色预警", "until": "2026-11-22", **more}
        return stage.sign_in(login).do("/desk/surges", **form)

    def test_only_the_supervisor_switches(self, stage: Stage) -> None:
        for login in ("zhou", "zhang", "district", "auditor", "admin"):
            assert self.on(stage, login).status_code == 404, login
        assert self.on(stage).status_code == 303

    @pytest.mark.parametrize("more, says", [
        ({"cause": "fire"}, "请选疫情或灾情"), ({"reason": "  "}, "请写明发生了什么"), ({"until": "2026-11-19"}, "今天或以后"),
        ({"until": "明天"}, "今天或以后"), ({"reason": "长" * 201}, "200字以内"),
    ])
    def test_a_switch_that_cannot_be_is_not_set(self, stage: Stage, more: dict[str, str], says: str) -> None:
        answer = self.on(stage, **more)
        assert answer.status_code == 422 and says in answer.text
        assert "暴雨" not in stage.sign_in("zhou").get("/desk/intake").text

    def test_the_form_is_short_and_the_ticket_bears_the_mark(self, stage: Stage) -> None:
        self.on(stage)
        zhou = stage.sign_in("zhou")
        assert "/desk/intake?surge=1" in zhou.get("/desk/intake").text
        page = zhou.get("/desk/intake?surge=1").text
        assert 'name="f_need_tonight_food"' in page and 'name="f_age"' not in page and "家人1" not in page
        file(zhou, cause="disaster", told="房子淹了")
        file(zhou, cause="fire", phone="13700137000")
        assert [t.surge_id for t in rows(stage, sa.select(Ticket).order_by(Ticket.id))] == [1, None]
        assert "暴雨红色预警" in stage.sign_in("zhang").get(f"/desk/tickets/{rows(stage, sa.select(Ticket.number).where(Ticket.surge_id == 1))[0]}").text

    def test_it_ends_with_its_day_or_before_and_everything_is_on_record(self, stage: Stage) -> None:
        self.on(stage)
        stage.clock.advance(days=2, hours=13, minutes=59)  # Sunday 23:59 in Chongqing
        assert "暴雨" in stage.sign_in("zhou").get("/desk/intake").text
        stage.clock.advance(minutes=1)
        assert "暴雨" not in stage.sign_in("zhou").get("/desk/intake").text
        self.on(stage, until="2026-12-01")
        chen = stage.sign_in("chen")
        assert chen.do("/desk/surges/2/end").status_code == 303
        assert chen.do("/desk/surges/2/end").status_code == chen.do("/desk/surges/x/end").status_code == 404
        assert "暴雨" not in stage.sign_in("zhou").get("/desk/intake").text
        assert "暴雨" in chen.get("/desk/surges").text
        found = rows(stage, sa.select(Audit.action).where(Audit.action.like("surge%")).order_by(Audit.id))
        assert found == ["surge_on", "surge_on", "surge_off"]


@pytest.mark.parametrize("login, status", [("zhou", 200), ("zhang", 200), ("he", 200), ("district", 200), ("auditor", 404), ("chen", 404), ("admin", 404)])
def test_who_takes_in(stage: Stage, login: str, status: int) -> None:
    browser = stage.sign_in(login)
    assert browser.get("/desk/intake").status_code == status
    assert browser.do("/desk/intake", **a_form(external_id="1")).status_code == status
    assert len(rows(stage, sa.select(Ticket))) == (status == 200)


def test_why_it_lies_where_it_lies_can_be_read(stage: Stage) -> None:
    file(stage.sign_in("zhou"))
    page = stage.sign_in("zhang").get(f"/desk/tickets/{the_ticket(stage).number}/place")
    assert page.status_code == 200 and "花卉园西路8号" in page.text and "地名表版本" in page.text
