"""Rows below a ticket, asked for under another one's number; and everything of a child's ticket that has an address."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import (
    Attachment,
    AuthorisationMember,
    CheckResult,
    ContactJoin,
    Conversation,
    Delegation,
    Message,
    Staff,
    Ticket,
    TicketEvent,
    TicketFile,
    TicketPerson,
)
from tests.cast import LONGTA, Browser, Stage
from tests.intake_help import file
from tests.tickets.deeds import put

PNG, SECRET = b"\x89PNG\r\n\x1a\n", "王小宝的秘密"
RESULT = {"outcome": "differs", "reason": "支出型核对", "found": SECRET}


def rows(stage: Stage, query: Any) -> list[Any]:
    with stage.parts.database.begin() as session:
        return list(session.execute(query).scalars())


def worked(stage: Stage, login: str, unit: str, name: str) -> tuple[str, dict[str, int]]:
    """A ticket with a row of every kind below it. (number, kind → id)"""
    browser = stage.browser()
    browser.write("家里着火了")
    with stage.parts.database.begin() as session:
        conversation = session.execute(sa.select(Conversation).order_by(Conversation.id.desc())).scalars().first()
    number = stage.ticket(unit, name, contact_id=conversation.contact_id, conversation_id=conversation.id).number
    officer, zhou = stage.sign_in(login), stage.sign_in("zhou")
    assert officer.do(f"/desk/ticket/{number}/do/accept", version="1").status_code == 303
    assert officer.do(f"/desk/ticket/{number}/do/add_person", version="2", role="member", name=SECRET, phone="13912345678").status_code == 303
    page = f"/desk/tickets/{number}/authorisations"
    assert officer.do(page, kind="household", scope_income="1", name_1=SECRET).status_code == 303
    [member] = rows(stage, sa.select(sa.func.max(AuthorisationMember.id)))
    assert officer.do(f"{page}/members/{member}", answer="given", channel="paper").status_code == 303
    assert officer.do(f"{page}/members/{member}/result", **RESULT).status_code == 303
    assert zhou.do(f"/desk/tickets/{number}/contacts", conversation=str(conversation.id), reason="核过").status_code == 303
    with stage.parts.database.begin() as session:
        def last(column: Any) -> int:
            return int(session.execute(sa.select(sa.func.max(column))).scalar_one())

        supplement = TicketEvent(ticket_id=session.execute(sa.select(Ticket.id).where(Ticket.number == number)).scalar_one(),
                                 kind="supplemented", actor="resident", at=stage.clock(), state="accepted",
                                 data={"conversation": conversation.id, "sent": [900]})
        session.add(supplement)
        message = Message(conversation_id=conversation.id, contact_id=conversation.contact_id, seq=900, author="resident", kind="photo",
                          text="", created_at=stage.clock())
        session.add(message)
        session.flush()
        session.add(Attachment(message_id=message.id, channel="web", state="kept", due_at=stage.clock(), tries=0,
                               changed_at=stage.clock(), size=len(PNG), content=stage.parts.keys.seal_bytes(PNG)))
        session.flush()
        return number, {"member": member, "result": last(CheckResult.id), "person": last(TicketPerson.id), "join": last(ContactJoin.id),
                        "event": supplement.id, "attachment": last(Attachment.id)}


class TestUnderAnotherNumber:
    def test_nothing_is_read_or_done(self, stage: Stage) -> None:
        own, _ = worked(stage, "zhang", "u-longxi", "龙溪街道")
        foreign, ids = worked(stage, "li", LONGTA, "龙塔街道")
        zhang, zhou = stage.sign_in("zhang"), stage.sign_in("zhou")
        with stage.parts.database.begin() as session:
            [mine] = session.execute(sa.select(AuthorisationMember.id).order_by(AuthorisationMember.id).limit(1)).scalars()
        before = self.everything(stage)
        for number in (own, foreign):  # the own ticket with another's rows; another unit's ticket
            tickets, ticket = f"/desk/tickets/{number}", f"/desk/ticket/{number}"
            for who, url, form in [
                (zhang, f"{tickets}/authorisations/members/{ids['member']}", {"answer": "withdrawn"}),
                (zhang, f"{tickets}/authorisations/members/{ids['member']}/result", RESULT),
                (zhang, f"{tickets}/authorisations/results/{ids['result']}/clear", {"words": "核实过"}),
                (zhang, f"{tickets}/show", {"what": f"person:{ids['person']}", "reason": "visit"}),
            ]:
                answer = who.do(url, **form)
                assert answer.status_code == 404 and SECRET not in answer.text, url
            for url in (f"{ticket}/sent/{ids['event']}/900", f"{ticket}/sent/{ids['event']}/900/content",
                        f"{ticket}/file/{ids['event']}/file"):
                assert zhang.get(url).status_code == 404, url
        assert zhou.do(f"/desk/tickets/{own}/contacts/{ids['join']}/end").status_code == 404
        image = zhang.do(f"/desk/tickets/{own}/authorisations/members/{mine}", answer="given", channel="photo",
                         attachment=str(ids["attachment"]))
        assert image.status_code == 422 and "请选求助人发来的签字照片" in image.text
        assert self.everything(stage) == before

    def test_a_forged_version_is_a_page_that_is_out_of_date(self, stage: Stage) -> None:
        number, _ = worked(stage, "zhang", "u-longxi", "龙溪街道")
        zhang, before = stage.sign_in("zhang"), self.everything(stage)
        for version in ("", "0", "-1", "4.0", "４", "1e1", "99999999999999999999", "NaN", "3 ", "0x3", "true"):
            answer = zhang.do(f"/desk/ticket/{number}/do/verify", version=version, way="visit", findings="属实")
            assert answer.status_code == 409 and "刚才的操作没有执行" in answer.text, version
        assert self.everything(stage) == before

    def everything(self, stage: Stage) -> Any:
        with stage.parts.database.begin() as session:
            return [session.execute(sa.text(f"SELECT * FROM {table} ORDER BY id")).all() for table in (
                "ticket", "ticket_event", "authorisation_member", "check_result", "ticket_person", "contact_join", "notice")]


class TestAChildsTicket:
    def test_a_photo_of_the_talk_opens_for_who_gave_a_reason(self, stage: Stage) -> None:
        number, ids = worked(stage, "zhang", "u-longxi", "龙溪街道")
        zhang, url = stage.sign_in("zhang"), f"/desk/ticket/{number}/sent/{ids['event']}/900"
        assert zhang.get(url + "/content").status_code == 200
        with stage.parts.database.begin() as session:
            session.execute(sa.update(Ticket).where(Ticket.number == number).values(minor=True))
        for one in (url, url + "/content"):
            assert zhang.get(one).status_code == 404
        assert zhang.do(f"/desk/tickets/{number}/show", what="case", reason="visit").status_code == 200
        for one in (url, url + "/content"):
            assert zhang.get(one).status_code == 200
        stage.clock.advance(minutes=11)
        assert zhang.get(url + "/content").status_code == 404

    def test_the_people_of_an_authorisation_are_read_for_a_reason(self, stage: Stage) -> None:
        number, _ = worked(stage, "zhang", "u-longxi", "龙溪街道")
        zhang, url = stage.sign_in("zhang"), f"/desk/tickets/{number}/authorisations"
        assert SECRET in zhang.get(url).text
        with stage.parts.database.begin() as session:
            session.execute(sa.update(Ticket).where(Ticket.number == number).values(minor=True))
        assert SECRET not in zhang.get(url).text
        zhang.do(f"/desk/tickets/{number}/show", what="case", reason="visit")
        assert SECRET in zhang.get(url).text


    def test_what_was_written_about_decisions_is_read_for_a_reason(self, stage: Stage) -> None:
        number = stage.ticket(minor=True).number
        zhang, page = stage.sign_in("zhang"), f"/desk/tickets/{number}"
        for version, (command, form) in enumerate([
            ("accept", {}), ("give_aid", {"object": SECRET, "circumstance": SECRET, "way": "cash", "amount": "100"}),
            ("verify", {"way": "visit", "findings": SECRET}),
            ("submit", {"opinion": "give", "amount": "500", "words": SECRET}),
        ], 1):
            assert zhang.do(f"/desk/ticket/{number}/do/{command}", version=str(version), **form).status_code == 303
        for who in (zhang, stage.sign_in("auditor"), stage.sign_in("chen"), stage.sign_in("zhou")):
            assert SECRET not in who.get(page).text
        assert SECRET in zhang.do(f"{page}/show", what="case", reason="visit").text

    def test_a_written_refusal_is_printed_for_a_reason(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "refused", "minor": True, "signed": [("township", "refuse", "not_give", None)],
                                "before": [("refused", {"article": "第二十九条"})]}])
        zhang, url = stage.sign_in("zhang"), f"/desk/tickets/{number}/refusal"
        assert zhang.get(url).status_code == 404
        zhang.do(f"/desk/tickets/{number}/show", what="case", reason="visit")
        assert zhang.get(url).status_code == 200


class TestWhoTold:
    @pytest.mark.parametrize("field", ["event_place", "household_place", "m0_relation", "reference"])
    def test_name_and_number_are_taken_out_wherever_they_were_typed(self, stage: Stage, field: str) -> None:
        words = "龙溪街道花卉园西路8号，李大爷（13912345678）家对面"
        answer = file(stage.sign_in("zhou"), source="neighbour", reporter_name="李大爷", reporter_phone="13912345678",
                      m0_name="王小宝", **{field: words})
        assert answer.status_code == 200, answer.text
        [number] = rows(stage, sa.select(Ticket.number))
        zhang = stage.sign_in("zhang")
        pages = [zhang.get(f"/desk/tickets/{number}").text, zhang.get(f"/desk/tickets/{number}/place").text]
        [person] = rows(stage, sa.select(TicketPerson.id).where(TicketPerson.role == "member"))
        pages.append(zhang.do(f"/desk/tickets/{number}/show", what=f"person:{person}", reason="visit").text)
        for page in pages:
            assert "李大爷" not in page and "13912345678" not in page
        if field != "reference":
            assert any("花卉园西路8号" in page for page in pages)


def test_the_same_delegation_sent_twice_is_lent_once_and_ended_once(stage: Stage) -> None:
    he: Browser = stage.sign_in("he")
    [zhang] = rows(stage, sa.select(Staff.id).where(Staff.login == "zhang"))
    form = {"to": str(zhang), "permission": "approve_ticket", "from_day": "2026-11-20", "to_day": "2026-11-22", "reason": "出差"}
    assert [he.do("/desk/powers/delegations", **form).status_code for _ in range(2)] == [303, 303]
    [lent] = rows(stage, sa.select(Delegation.id))
    he.do(f"/desk/powers/delegations/{lent}/end")
    assert rows(stage, sa.select(Delegation.id).where(Delegation.ended_at.is_(None))) == []
    he.do("/desk/powers/delegations", **form)
    assert len(rows(stage, sa.select(Delegation.id).where(Delegation.ended_at.is_(None)))) == 1  # lent again, on record


class TestUploads:
    @pytest.mark.parametrize("content", [
        b"<!doctype html><script>alert(1)</script>", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b"PK\x03\x04 a zip",
        b"\x00\x89PNG\r\n\x1a\n one byte late", b"GIF89a", b"MZ\x90", b"\x89PN", b"#!/bin/sh\n"])
    def test_what_is_no_picture_is_not_kept_whatever_it_is_called(self, stage: Stage, content: bytes) -> None:
        number, zhou = stage.ticket().number, stage.sign_in("zhou")
        form = {"csrf": zhou.csrf, "version": "1", "words": "证明"}
        answer = zhou.post(f"/desk/ticket/{number}/do/supplement", form, files={"file": ("a.png", content, "image/png")})
        assert answer.status_code == 422 and "没有存下来" in answer.text
        assert rows(stage, sa.select(TicketFile.id)) == [] and rows(stage, sa.select(Ticket.version)) == [1]

    def test_too_large_by_a_byte(self, stage: Stage) -> None:
        number, zhou = stage.ticket().number, stage.sign_in("zhou")
        form = {"csrf": zhou.csrf, "version": "1", "words": "证明"}
        for size, status in ((20_000_001, 422), (60_000_000, 413)):
            answer = zhou.post(f"/desk/ticket/{number}/do/supplement", form,
                               files={"file": ("a.png", PNG + b"0" * (size - len(PNG)), "image/png")})
            assert answer.status_code == status, answer.status_code
        assert rows(stage, sa.select(TicketFile.id)) == [] and rows(stage, sa.select(Ticket.version)) == [1]

    @pytest.mark.parametrize("name", ['a"; filename=evil.html', "../../etc/passwd", "a.png\r\nX-Evil: 1", "\u202egnp.exe", "名" * 300, ""])
    def test_a_page_behind_a_pictures_first_bytes_is_served_as_a_picture_under_our_own_name(self, stage: Stage, name: str) -> None:
        number, zhou = stage.ticket().number, stage.sign_in("zhou")
        form = {"csrf": zhou.csrf, "version": "1", "words": "证明\x00\x07\u202e照片"}
        answer = zhou.post(f"/desk/ticket/{number}/do/supplement", form,
                           files={"file": (name or "x", PNG + b"<script>alert(1)</script>", "text/html")})
        assert answer.status_code == 303, answer.text[-500:]
        [file_] = rows(stage, sa.select(TicketFile))
        served = stage.sign_in("zhang").get(f"/desk/ticket/{number}/file/{file_.event_id}/file")
        assert served.status_code == 200 and served.headers["content-type"] == "image/png"
        assert served.headers["content-disposition"] == f'inline; filename="{number}-{file_.id}.png"'
        assert served.headers["x-content-type-options"] == "nosniff" and "sandbox" in served.headers["content-security-policy"]
        assert "x-evil" not in served.headers and "证明照片" in stage.sign_in("zhang").get(f"/desk/tickets/{number}").text

    def test_a_post_without_our_mark_does_nothing(self, stage: Stage) -> None:
        number, zhang = stage.ticket().number, stage.sign_in("zhang")
        url, form = f"/desk/ticket/{number}/do/accept", {"version": "1"}
        for answer in (zhang.post(url, form), zhang.post(url, {**form, "csrf": stage.sign_in("zhang").csrf}),
                       zhang.post(url, {**form, "csrf": zhang.csrf}, headers={"origin": "https://evil.example"}),
                       zhang.post(url, {**form, "csrf": zhang.csrf}, headers={"sec-fetch-site": "cross-site"})):
            assert answer.status_code == 403, answer.status_code
        assert rows(stage, sa.select(Ticket.version)) == [1]
