"""What is masked, who sees it for which reason, who told and who must not know, and whose contact is whose."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from actions.intake.joins import join_by_proof
from actions.storage.tables import (
    Audit,
    Contact,
    ContactJoin,
    Conversation,
    Intake,
    Message,
    Notice,
    Staff,
    Ticket,
    TicketEvent,
    TicketFile,
    TicketPerson,
)
from tests.cast import LONGTA, Browser, Stage
from tests.intake.test_taking_in import TestFoundByOthers, rows, the_ticket
from tests.intake_help import file

PHONE, IDENTITY = "13800138000", "11010519491231002X"
REPORTER = TestFoundByOthers.REPORTER
EVERYBODY = ("zhou", "zhang", "he", "district", "chen", "auditor")


def page(stage: Stage, login: str, number: str) -> str:
    text: str = stage.sign_in(login).get(f"/desk/tickets/{number}").text
    return text


def show(browser: Browser, number: str, what: str, reason: str = "contact", **more: str) -> Any:
    return browser.do(f"/desk/tickets/{number}/show", what=what, reason=reason, **more)


def reads(stage: Stage) -> list[Audit]:
    return rows(stage, sa.select(Audit).where(Audit.action == "masked_read").order_by(Audit.id))


class TestMasks:
    def test_everybody_reads_masks_and_nobody_more(self, stage: Stage) -> None:
        file(stage.sign_in("zhou"), identity=IDENTITY)
        number = the_ticket(stage).number
        for login in EVERYBODY:
            text = page(stage, login, number)
            assert "王*" in text and "138****8000" in text and "110***********002X" in text, login
            assert PHONE not in text and "王秀英" not in text and IDENTITY not in text, login

    def test_a_reason_shows_it_once_and_stands_on_record(self, stage: Stage) -> None:
        file(stage.sign_in("zhou"), identity=IDENTITY)
        number, zhang = the_ticket(stage).number, stage.sign_in("zhang")
        answer = show(zhang, number, "phone")
        assert answer.status_code == 200 and PHONE in answer.text and "只显示这一次" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert PHONE not in page(stage, "zhang", number)
        [read] = reads(stage)
        assert (read.object, read.data) == (f"ticket:{number}", {"what": "phone", "reason": "contact", "words": None})
        assert read.actor == f"staff:{rows(stage, sa.select(Staff.id).where(Staff.login == 'zhang'))[0]}"
        person = rows(stage, sa.select(TicketPerson.id))[0]
        shown = show(zhang, number, f"person:{person}", "check").text
        assert "王秀英" in shown and IDENTITY in shown and len(reads(stage)) == 2

    @pytest.mark.parametrize("reason, words", [("", ""), ("curious", ""), ("other", ""), ("other", "  ")])
    def test_without_a_reason_nothing_is_shown(self, stage: Stage, reason: str, words: str) -> None:
        file(stage.sign_in("zhou"))
        number = the_ticket(stage).number
        answer = show(stage.sign_in("zhang"), number, "phone", reason, words=words)
        assert answer.status_code == 422 and PHONE not in answer.text and reads(stage) == []

    def test_words_of_the_reason_are_kept_encrypted(self, stage: Stage) -> None:
        file(stage.sign_in("zhou"))
        assert PHONE in show(stage.sign_in("zhang"), the_ticket(stage).number, "phone", "other", words="王秀英来电核对").text
        [read] = reads(stage)
        assert stage.parts.keys.open(read.data["words"].encode()) == "王秀英来电核对"

    @pytest.mark.parametrize("login", ["zhou", "auditor", "li", "admin"])
    def test_who_may_not(self, stage: Stage, login: str) -> None:
        """The operator and the auditor see masks only; another unit's officer does not see the ticket."""
        file(stage.sign_in("zhou"))
        number, person = the_ticket(stage).number, rows(stage, sa.select(TicketPerson.id))[0]
        for what in ("phone", f"person:{person}", "case", "reporter"):
            answer = show(stage.sign_in(login), number, what)
            assert answer.status_code == 404 and PHONE not in answer.text, what
        assert reads(stage) == []

    @pytest.mark.parametrize("what", ["", "case", "reporter", "person:", "person:0", "person:x", "person:99", "name", "phone:1x2"])
    def test_what_is_not_there_is_not_noted(self, stage: Stage, what: str) -> None:
        file(stage.sign_in("zhou"), phone="")
        assert show(stage.sign_in("zhang"), the_ticket(stage).number, what).status_code == 404
        assert reads(stage) == []

    def test_another_tickets_person_is_not_shown_here(self, stage: Stage) -> None:
        zhou = stage.sign_in("zhou")
        file(zhou)
        own = the_ticket(stage).number
        file(zhou, event_place="龙塔街道", name="李四")
        theirs = rows(stage, sa.select(TicketPerson.id).order_by(TicketPerson.id.desc()))[0]
        assert show(stage.sign_in("zhang"), own, f"person:{theirs}").status_code == 404


class TestReporter:
    def filed(self, stage: Stage, **more: str) -> str:
        file(stage.sign_in("zhou"), **{**REPORTER, **more})
        return the_ticket(stage).number

    def test_the_district_sees_a_mask_and_the_rest_for_a_reason(self, stage: Stage) -> None:
        number = self.filed(stage)
        for login in ("district", "chen"):
            text = page(stage, login, number)
            assert "李*" in text and "139****5678" in text and "李大爷" not in text and "13912345678" not in text
        assert "13912345678" in show(stage.sign_in("district"), number, "reporter").text
        assert reads(stage)[0].data["what"] == "reporter"

    @pytest.mark.parametrize("login", ["zhou", "zhang", "he", "auditor", "li"])
    def test_nobody_else_sees_or_asks(self, stage: Stage, login: str) -> None:
        number = self.filed(stage)
        assert "李*" not in page(stage, login, number) and "139****5678" not in page(stage, login, number)
        assert show(stage.sign_in(login), number, "reporter").status_code == 404

    def test_a_cadre_in_office_is_known_to_the_unit(self, stage: Stage) -> None:
        number = self.filed(stage, source="cadre", reporter_name="赵支书")
        assert "赵*" in page(stage, "zhang", number) and "赵支书" not in page(stage, "zhang", number)
        assert "赵支书" in show(stage.sign_in("zhang"), number, "reporter").text
        assert "赵*" not in page(stage, "auditor", number)

    def test_the_words_do_not_give_the_reporter_away(self, stage: Stage) -> None:
        number = self.filed(stage, told="我是李大爷，电话139 1234 5678，隔壁王秀英几天没吃饭")
        text = page(stage, "zhang", number)
        assert "我是报告人，电话报告人，隔壁王秀英几天没吃饭" in text

    def test_through_its_whole_life_the_reporter_reaches_nobody(self, stage: Stage) -> None:
        """Field check, consent, help to apply, merging into the person's own ticket; then everything anybody was told."""
        number = self.filed(stage)
        zhou, zhang = stage.sign_in("zhou"), stage.sign_in("zhang")
        own = stage.opened(phone="13800138000")
        steps = [("accept", {}), ("note_finding", {"finding": "in_need", "on": "2026-11-20", "words": "家里没有米"}),
                 ("note_consent", {"consent": "given"}), ("merge", {"into": own.ticket.number})]
        for version, (command, form) in enumerate(steps, 1):
            answer = zhang.do(f"/desk/ticket/{number}/do/{command}", version=str(version), **form)
            assert answer.status_code == 303, (command, answer.text)
        [intake] = rows(stage, sa.select(Intake))
        assert (intake.consent, intake.finding, intake.merged_into) == ("given", "in_need", own.ticket.id)
        assert rows(stage, sa.select(Ticket.state).where(Ticket.number == number)) == ["closed"]
        pages = [page(stage, login, one) for login in ("zhou", "zhang", "he", "auditor") for one in (number, own.ticket.number)]
        pages.append(stage.browser().post("/progress", {"number": own.ticket.number, "code": own.query_code}).text)
        pages.append(zhou.get("/desk/tickets?state=all").text)
        with stage.parts.database.begin() as session:
            for table in (TicketEvent, Notice, Message, Ticket):
                pages += [str({c.key: getattr(row, c.key) for c in table.__table__.columns})
                          for row in session.execute(sa.select(table)).scalars()]
        for text in pages:
            assert "李大爷" not in text and "李*" not in text and "13912345678" not in text and "139****5678" not in text
        assert "并入一条反映" in page(stage, "zhang", own.ticket.number)

    @pytest.mark.parametrize("into", ["", "YM261120-AAAAA-A", "own", "closed", "other_unit"])
    def test_merging_where_it_cannot_be(self, stage: Stage, into: str) -> None:
        number = self.filed(stage)
        targets = {"own": number, "closed": stage.ticket().number, "other_unit": stage.ticket(LONGTA, "龙塔街道").number}
        with stage.parts.database.begin() as session:
            session.execute(sa.update(Ticket).where(Ticket.number == targets["closed"]).values(state="closed"))
        answer = stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/merge", version="1", into=targets.get(into, into))
        assert answer.status_code in (409, 422) and any(
            words in answer.text for words in ("没有这个可以并入的工单", "请写明", "并入哪张工单对不上"))
        assert rows(stage, sa.select(Intake.merged_into)) == [None]

    def test_a_ticket_somebody_asked_for_themselves_has_no_consent_to_note(self, stage: Stage) -> None:
        number = stage.ticket().number
        answer = stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/note_consent", version="1", consent="given")
        assert "求助人自己申请" in answer.text and rows(stage, sa.select(TicketEvent.kind)) == ["opened"]


class TestChild:
    def filed(self, stage: Stage) -> str:
        file(stage.sign_in("zhou"), minor="1", f_age="12", household_place="石船镇和平路9号", told="孩子一个人在家")
        return the_ticket(stage).number

    @pytest.mark.parametrize("login", EVERYBODY)
    def test_the_case_is_kept_back_from_everybody(self, stage: Stage, login: str) -> None:
        number = self.filed(stage)
        for url in (f"/desk/tickets/{number}", f"/desk/tickets/{number}/place", f"/desk/tickets/{number}?pane=tickets"):
            text = stage.sign_in(login).get(url).text
            assert "涉及未成年人，限制查看" in text, (login, url)
            for kept in ("花卉园", "和平路9号", "孩子一个人在家", "王*", "138****8000", "12岁"):
                assert kept not in text, (login, url, kept)

    @pytest.mark.parametrize("login, status", [("zhang", 200), ("he", 200), ("district", 200), ("chen", 200), ("zhou", 404), ("auditor", 404), ("li", 404)])
    def test_who_works_it_sees_it_for_a_reason(self, stage: Stage, login: str, status: int) -> None:
        number, person = self.filed(stage), rows(stage, sa.select(TicketPerson.id))[0]
        answer = show(stage.sign_in(login), number, "case", "visit")
        assert answer.status_code == status
        assert all((words in answer.text) == (status == 200) for words in ("花卉园", "孩子一个人在家", "和平路9号", PHONE))
        assert show(stage.sign_in(login), number, f"person:{person}", "visit").status_code == status
        assert len(reads(stage)) == (2 if status == 200 else 0)

    def test_a_role_that_shows_masks_but_not_children_sees_no_child(self, stage: Stage) -> None:
        from dataclasses import replace

        from tests.stage import make_stage

        number = self.filed(stage)
        roles = {**stage.parts.roles, "officer": replace(stage.parts.roles["officer"], may=stage.parts.roles["officer"].may - {"see_minor"})}
        parts = stage.parts
        other = make_stage(parts.database, parts.knowledge, parts.gates, roles, parts.lifecycle, stage.clock)
        assert show(other.sign_in("zhang"), number, "case").status_code == show(other.sign_in("zhang"), number, "phone").status_code == 404

    def test_words_of_its_history_are_not_read_in_passing(self, stage: Stage) -> None:
        number, zhang = self.filed(stage), stage.sign_in("zhang")
        zhang.do(f"/desk/ticket/{number}/do/accept", version="1")
        zhang.do(f"/desk/ticket/{number}/do/verify", version="2", way="visit", findings="孩子跟奶奶住")
        assert "孩子跟奶奶住" not in page(stage, "zhang", number)
        assert "孩子跟奶奶住" in show(zhang, number, "case", "visit").text

    def test_a_file_in_its_history_opens_for_who_gave_a_reason_a_moment_ago(self, stage: Stage) -> None:
        number = self.filed(stage)
        with stage.parts.database.begin() as session:
            event = session.execute(sa.select(TicketEvent.id)).scalar_one()
            session.add(TicketFile(event_id=event, field="picture", kind="image/png", size=1, created_at=stage.clock(),
                                   content=stage.parts.keys.seal_bytes(b"\x89PNG")))
        zhang, url = stage.sign_in("zhang"), f"/desk/ticket/{number}/file/{event}/picture"
        show(zhang, number, "phone")
        assert zhang.get(url).status_code == 404
        show(zhang, number, "case")
        assert zhang.get(url).status_code == 200 and stage.sign_in("he").get(url).status_code == 404
        stage.clock.advance(minutes=11)
        assert zhang.get(url).status_code == 404

    def test_a_child_of_the_household_is_masked_and_the_rest_is_not(self, stage: Stage) -> None:
        file(stage.sign_in("zhou"), m0_name="欧阳小宝", m0_relation="孙子", m0_minor="1")
        text = page(stage, "zhang", the_ticket(stage).number)
        assert "王*" in text and "花卉园" in text and "未成年" in text
        assert "欧阳" not in text and "孙子" not in text


class TestAddingPeople:
    def do(self, stage: Stage, number: str, version: int = 1, command: str = "add_person", **form: str) -> Any:
        return stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/{command}", version=str(version), **form)

    def test_the_applicants_blanks_are_filled_in_and_others_are_added(self, stage: Stage) -> None:
        number = stage.ticket(phone=None).number
        assert self.do(stage, number, role="applicant", name="王秀英", phone="137 0013 7000", minor="no").status_code == 303
        assert self.do(stage, number, 2, role="applicant", identity=IDENTITY.lower()).status_code == 303
        assert self.do(stage, number, 3, role="supporter", name="王大强", relation="儿子").status_code == 303
        people = rows(stage, sa.select(TicketPerson).order_by(TicketPerson.id))
        keys = stage.parts.keys
        assert [(one.role, keys.open_or_none(one.name), keys.open_or_none(one.phone), keys.open_or_none(one.identity)) for one in people] == [
            ("applicant", "王秀英", "13700137000", IDENTITY), ("supporter", "王大强", None, None)]
        assert keys.open(the_ticket(stage).phone) == "13700137000"
        history = str([event.data for event in rows(stage, sa.select(TicketEvent))])
        assert "sealed" not in history and "王秀英" not in history  # the people's table alone keeps names

    @pytest.mark.parametrize("form, says", [
        ({"phone": "123"}, "请填一个手机号"), ({"identity": "110105194912310021"}, "身份证号核对不上"), ({"role": "reporter"}, "请从列出的里面选"),
    ])
    def test_a_person_that_cannot_be(self, stage: Stage, form: dict[str, str], says: str) -> None:
        number = stage.ticket().number
        answer = self.do(stage, number, **{"role": "member", "name": "王小宝", **form})
        assert says in answer.text and rows(stage, sa.select(TicketPerson)) == []

    def test_entered_by_mistake(self, stage: Stage) -> None:
        number = stage.ticket().number
        self.do(stage, number, role="member", name="张三丰")
        assert self.do(stage, number, 2, "remove_person", person="2", reason="填错").status_code == 422
        assert self.do(stage, number, 2, "remove_person", person="1", reason="填错").status_code == 303
        assert "张*" not in page(stage, "zhang", number)
        assert rows(stage, sa.select(TicketPerson.removed_at))[0] is not None

    def test_a_child_who_applies_restricts_the_ticket_from_then_on(self, stage: Stage) -> None:
        number = stage.ticket().number
        self.do(stage, number, role="applicant", minor="yes")
        assert the_ticket(stage).minor is True and "限制查看" in page(stage, "zhang", number)


class TestContacts:
    def talk(self, stage: Stage) -> tuple[int, int, Browser]:
        """(conversation, contact, browser) of somebody who writes."""
        browser = stage.browser()
        browser.write("你好")
        with stage.parts.database.begin() as session:
            found = session.execute(sa.select(Conversation.id, Conversation.contact_id).order_by(Conversation.id.desc())).first()
        assert found is not None
        return found[0], found[1], browser

    def join(self, stage: Stage, number: str, conversation: int, login: str = "zhou", reason: str = "回电核对了身份") -> Any:
        return stage.sign_in(login).do(f"/desk/tickets/{number}/contacts", conversation=str(conversation), reason=reason)

    def test_staff_join_and_take_it_back_and_both_stay_on_record(self, stage: Stage) -> None:
        file(stage.sign_in("zhou"))
        ticket, (conversation, contact, _) = the_ticket(stage), self.talk(stage)
        assert self.join(stage, ticket.number, conversation).status_code == 303
        assert self.join(stage, ticket.number, conversation).status_code == 303  # a second click changes nothing
        joined = the_ticket(stage)
        assert joined.person_id is not None and joined.contact_id == contact
        assert rows(stage, sa.select(Contact.person_id).where(Contact.id == contact)) == [joined.person_id]
        assert ticket.number in stage.sign_in("zhou").get(f"/desk/conversations/{conversation}?pane=side").text
        [row] = rows(stage, sa.select(ContactJoin))
        assert stage.parts.keys.open(row.reason) == "回电核对了身份"
        assert stage.sign_in("zhou").do(f"/desk/tickets/{ticket.number}/contacts/{row.id}/end").status_code == 303
        assert (the_ticket(stage).person_id, the_ticket(stage).contact_id) == (None, None)
        assert rows(stage, sa.select(Contact.person_id).where(Contact.id == contact)) == [None]
        assert stage.sign_in("zhou").do(f"/desk/tickets/{ticket.number}/contacts/{row.id}/end").status_code == 404
        actions = rows(stage, sa.select(Audit.action).where(Audit.object == f"contact:{contact}").order_by(Audit.id))
        assert actions == ["contact_joined", "contact_unjoined"]
        assert ticket.number not in stage.sign_in("zhou").get(f"/desk/conversations/{conversation}?pane=side").text

    def test_joined_contacts_count_as_the_same_person(self, stage: Stage) -> None:
        conversation, contact, _ = self.talk(stage)
        first = stage.ticket(contact_id=contact, conversation_id=conversation, phone=None)
        file(stage.sign_in("zhou"))
        second = rows(stage, sa.select(Ticket).order_by(Ticket.id.desc()))[0]
        assert "请留意" not in page(stage, "zhou", second.number)
        self.join(stage, second.number, conversation)
        assert "请留意" in page(stage, "zhou", second.number) and first.number in page(stage, "zhou", second.number)

    @pytest.mark.parametrize("login", ["zhang", "he", "chen", "auditor", "admin"])
    def test_who_may_not_join(self, stage: Stage, login: str) -> None:
        number, (conversation, _, _) = stage.ticket().number, self.talk(stage)
        assert self.join(stage, number, conversation, login).status_code == 404
        assert rows(stage, sa.select(ContactJoin)) == []

    def test_without_a_reason_or_a_conversation_nothing_is_joined(self, stage: Stage) -> None:
        number, (conversation, _, _) = stage.ticket().number, self.talk(stage)
        assert self.join(stage, number, conversation, reason=" ").status_code == 422
        assert self.join(stage, number, conversation + 99).status_code == 404
        assert rows(stage, sa.select(ContactJoin)) == []

    def test_two_people_do_not_become_one_by_a_click(self, stage: Stage) -> None:
        first, (one, _, _) = stage.ticket().number, self.talk(stage)
        second, (other, _, _) = stage.ticket().number, self.talk(stage)
        self.join(stage, first, one)
        self.join(stage, second, other)
        answer = self.join(stage, first, other)
        assert answer.status_code == 409 and "各自关联了别的人" in answer.text
        assert len(rows(stage, sa.select(ContactJoin))) == 2

    def test_the_query_code_proves_it_and_a_wrong_one_is_counted(self, stage: Stage) -> None:
        opened, (_, contact, _) = stage.opened(), self.talk(stage)

        def prove(code: str) -> bool:
            with stage.parts.database.begin() as session:
                return join_by_proof(session, stage.parts.keys, contact_id=contact, number=opened.ticket.number, code=code,
                                     now=stage.clock())

        assert not prove("AAAAAA") and rows(stage, sa.select(ContactJoin)) == []
        assert prove(opened.query_code)
        [row] = rows(stage, sa.select(ContactJoin))
        assert (row.how, row.joined_by, row.reason) == ("proof", "resident", None)
        for _ in range(5):
            prove("AAAAAA")
        assert not prove(opened.query_code)  # locked for an hour
        stage.clock.advance(hours=1, seconds=1)
        assert prove(opened.query_code)

    def test_on_the_progress_page_the_code_joins_the_chat_of_this_browser_if_wished(self, stage: Stage) -> None:
        opened, (_, contact, browser) = stage.opened(), self.talk(stage)
        form = {"number": opened.ticket.number, "code": opened.query_code}
        assert "也在这里的聊天里告诉我" in browser.get("/progress").text
        assert "现在：" in browser.post("/progress", form).text and rows(stage, sa.select(ContactJoin)) == []
        assert browser.post("/progress", {**form, "code": "AAAAAA", "here": "1"}).status_code == 200
        assert rows(stage, sa.select(ContactJoin)) == []
        assert "会在聊天里告诉您" in browser.post("/progress", {**form, "here": "1"}).text
        assert rows(stage, sa.select(Ticket.contact_id).where(Ticket.id == opened.ticket.id)) == [contact]
        stage.sign_in("zhang").do(f"/desk/ticket/{opened.ticket.number}/do/accept", version="2")
        assert [n.state for n in rows(stage, sa.select(Notice).where(Notice.recipient == "resident"))] == ["waiting"]

    def test_a_strange_or_shared_browser_is_joined_to_nothing(self, stage: Stage) -> None:
        opened, (_, _, browser) = stage.opened(), self.talk(stage)
        form = {"number": opened.ticket.number, "code": opened.query_code, "here": "1"}
        assert "聊天里告诉" not in stage.browser().post("/progress", form).text
        browser.post("/chat/device", {"shared": "1"})
        assert "聊天里告诉" not in browser.get("/progress").text
        browser.post("/progress", form)
        assert rows(stage, sa.select(ContactJoin)) == []
