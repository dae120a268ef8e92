"""The pages of 协办: what a department reads and what never reaches it; what officers, residents and the audit log read."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from actions.storage.tables import Intake, Subticket, Ticket
from tests.cast import Browser, hidden
from tests.tickets.handover.conftest import AGREED, WANG, Handover

NAME, PHONE, PLACE = str(WANG.name), str(WANG.phone), "花卉园西路8号"


def page(handover: Handover, number: str, who: str = "fang") -> str:
    answer = handover.stage.sign_in(who).get(f"/desk/subtickets/{number}")
    assert answer.status_code == 200, answer.text
    return str(answer.text)


class TestADepartment:
    def test_begins_at_its_list_and_sees_no_ticket(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        other = handover.hand_over("medical.medical_aid")
        fang = handover.stage.sign_in("fang")
        assert fang.get("/desk").headers["location"] == "/desk/subtickets"
        text = fang.get("/desk/subtickets").text
        assert number in text and other not in text and handover.number not in text and "住建：房屋安全" in text
        for url in ("/desk/tickets", f"/desk/tickets/{handover.number}", "/desk/conversations", "/desk/stuck", "/desk/checks",
                    f"/desk/ticket/{handover.number}/do/verify", "/desk/intake", "/desk/powers"):
            assert fang.get(url).status_code == 404, url

    def test_reads_what_it_needs_and_nothing_else(self, handover: Handover) -> None:
        text = page(handover, handover.hand_over("housing.safety", "请看看三楼"))
        assert NAME in text and PHONE in text and PLACE in text and "请看看三楼" in text and "龙溪街道" in text
        assert "社会救助法 第二十六条" in text and "自定目标，待确认" in text
        for never in (handover.number, str(WANG.identity), "13800138000", "石船镇", "张干事", "火灾"):
            assert never not in text, never
        medical = page(handover, handover.hand_over("medical.medical_aid"), "yan")
        assert str(WANG.identity) in medical and PLACE not in medical

    def test_what_was_shown_to_whom_stands_in_the_log(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        page(handover, number)
        page(handover, number)
        [row] = handover.audit("subticket_read", f"subticket:{number}")
        assert row.data == {"department": "housing", "fields": ["name", "phone", "event_place"]}
        page(handover, number, "zhang")
        assert [one.data["fields"] for one in handover.audit("subticket_read", f"subticket:{number}")] == [row.data["fields"], []]
        handover.sub(number, "answer", form={"outcome": "helped", "words": "能住"})
        assert len(handover.audit("subticket_answered", f"subticket:{number}")) == 1

    def test_when_it_is_over_the_person_is_not_shown_any_more(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety", "请看看三楼")
        fang = handover.stage.sign_in("fang")
        assert fang.do(f"/desk/subticket/{number}/do/answer", version="1", outcome="helped", words="看过能住").status_code == 303
        text = fang.get(f"/desk/subtickets/{number}").text
        for gone in (NAME, PHONE, PLACE, "请看看三楼"):
            assert gone not in text, gone
        assert "看过能住" in text and "已经结束，不再显示" in text  # its own words stay its own
        assert number not in fang.get("/desk/subtickets").text and number in fang.get("/desk/subtickets?show=over").text

    def test_called_back_it_reads_that_and_not_why(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        handover.sub(number, "call_back", "zhang", {"reason": "王婶说不要他们管"})
        text = page(handover, number)
        assert "收回" in text and "不要他们管" not in text and "张干事" not in text and PHONE not in text

    def test_a_childs_case_is_shown_for_a_reason_once(self, handover: Handover) -> None:
        handover.open(minor=True)
        number = handover.hand_over("housing.safety", "孩子一个人住")
        fang = handover.stage.sign_in("fang")
        for browser in (fang, handover.stage.sign_in("zhang")):
            first = browser.get(f"/desk/subtickets/{number}").text
            assert NAME not in first and "孩子一个人住" not in first
        wrong = fang.do(f"/desk/subtickets/{number}/show", reason="other")
        assert wrong.status_code == 422 and NAME not in wrong.text
        assert handover.audit("masked_read", f"subticket:{number}") == []
        reason = next(iter(handover.stage.parts.knowledge.intake.reasons))
        shown = fang.do(f"/desk/subtickets/{number}/show", reason=reason)
        assert shown.status_code == 200 and NAME in shown.text and PHONE in shown.text and "孩子一个人住" in shown.text
        [row] = handover.audit("masked_read", f"subticket:{number}")
        assert row.data["what"] == ["name", "phone", "event_place"] and row.data["reason"] == reason
        assert NAME not in fang.get(f"/desk/subtickets/{number}").text

    def test_the_hidden_reporter_is_never_shown(self, handover: Handover) -> None:
        handover.open(source="neighbour", event_place="我家楼上的李大爷家")
        with handover.office.session() as session:
            ticket = session.execute(sa.select(Ticket).where(Ticket.number == handover.number)).scalar_one()
            keys = handover.stage.parts.keys
            session.add(Intake(ticket_id=ticket.id, source="neighbour", caller="staff:0", external_id="x", body_hash=b"",
                               told=keys.seal("楼下邻居赵大姐说的"), reporter_name=keys.seal("赵大姐"), reporter_phone=keys.seal("13700137000"),
                               reporter_hidden=True, consent="open", finding="open", created_at=handover.stage.clock()))
        text = page(handover, handover.hand_over("housing.safety"))
        for never in ("赵大姐", "13700137000", "我家楼上", "13800138000"):
            assert never not in text, never

    def test_of_a_discreet_case_it_is_told_to_keep_away(self, handover: Handover) -> None:
        handover.open(discreet=True)
        text = page(handover, handover.hand_over("housing.safety"))
        assert "请不要主动打电话" in text and PHONE not in text

    def test_commands_and_what_is_wrong_with_them(self, handover: Handover) -> None:
        number = handover.hand_over("housing.safety")
        fang = handover.stage.sign_in("fang")
        do = f"/desk/subticket/{number}/do/"
        assert "办得怎么样" in fang.get(do + "answer").text
        wrong = fang.do(do + "answer", version="1", outcome="helped", words="")
        assert wrong.status_code == 422 and "请写明说明" in wrong.text
        taken = fang.do(do + "accept", version="1")
        assert taken.status_code == 303 and "已记下" in fang.get(taken.headers["location"]).text
        stale = fang.do(do + "answer", version="1", outcome="helped", words="好了")
        assert stale.status_code == 409 and "协办单已有变化" in stale.text and "接办" in stale.text
        for command in ("note_answer", "call_back", "settle", "nothing", "__class__"):
            assert fang.do(do + command, version="2").status_code == 404, command
        for odd in ("1", "XB", "YM261120-33333-3", "%00", "XB261120-33333-A", number.lower() + "x"):
            assert fang.get(f"/desk/subtickets/{odd}").status_code == 404, odd
        assert fang.post(do + "answer", {"version": "2", "outcome": "helped", "words": "x"}).status_code == 403  # no csrf


class TestAnOfficer:
    def test_reads_it_on_the_ticket_and_gets_there(self, handover: Handover) -> None:
        zhang = handover.stage.sign_in("zhang")
        do = f"/desk/ticket/{handover.number}/do/"
        form = zhang.get(do + "hand_over").text
        assert "住建：房屋安全（姓名、联系电话、急难发生地）" in form and "其他区县民政" not in form
        refused = zhang.do(do + "hand_over", version="2", request="charity.charity_help", words="缺被褥")
        assert refused.status_code == 409 and "要先问过本人" in refused.text and "缺被褥" in refused.text
        assert zhang.do(do + "note_sharing", version="2", **AGREED).status_code == 303
        assert zhang.do(do + "hand_over", version="3", request="charity.charity_help", words="缺被褥").status_code == 303
        text = zhang.get(f"/desk/tickets/{handover.number}").text
        number = handover.rows()[0].number
        assert f"/desk/subtickets/{number}" in text and "慈善组织：慈善帮扶" in text and AGREED["recipient"] in text
        assert AGREED["recipient"] in zhang.get(f"/desk/subtickets/{number}").text
        assert AGREED["recipient"] not in handover.stage.sign_in("zhou").get(f"/desk/tickets/{handover.number}").text

    def test_cannot_close_and_reads_which_is_open(self, handover: Handover) -> None:
        handover.hand_over("housing.safety")
        answer = handover.stage.sign_in("zhang").do(f"/desk/ticket/{handover.number}/do/close", version="3", result="settled", words="x")
        assert answer.status_code == 409 and "还有协办没有结束：住建：房屋安全" in answer.text

    def test_sees_answers_returns_and_tasks(self, handover: Handover) -> None:
        answered, returned = handover.hand_over("housing.safety"), handover.hand_over("medical.medical_aid")
        handover.sub(answered, "answer", form={"outcome": "helped", "words": "三楼能住"})
        handover.sub(returned, "return", "yan", {"reason": "参保地在别处"})
        zhang = handover.stage.sign_in("zhang")
        assert f"工单{handover.number}，住建回复了" in zhang.get("/desk/stuck").text
        assert "三楼能住" in zhang.get(f"/desk/subtickets/{answered}").text
        assert "三楼能住" not in zhang.get(f"/desk/tickets/{handover.number}").text  # the history says what, not in which words
        for url in ("/desk/checks", "/desk/subtickets"):
            assert returned in zhang.get(url).text, url
        assert returned not in handover.stage.sign_in("li").get("/desk/subtickets").text
        handover.stage.clock.advance(days=4)
        assert "协办等镇街处理" in handover.stage.sign_in("zhang").get("/desk/stuck").text

    def test_whole_referrals_offer_the_same_departments(self, handover: Handover) -> None:
        text = handover.stage.sign_in("zhang").get(f"/desk/ticket/{handover.number}/do/refer").text
        for title in ("应急", "医保", "教育", "住建", "人社", "残联", "救助管理站", "慈善组织", "司法救助", "其他区县民政"):
            assert f">{title}</option>" in text
        assert "社会工作机构" not in text


def look(handover: Handover) -> tuple[Browser, str]:
    browser = handover.stage.browser()
    return browser, str(browser.post("/progress", {"number": handover.number, "code": handover.code}).text)


class TestTheResident:
    def test_reads_who_was_asked_what_and_what_they_said(self, handover: Handover) -> None:
        first, second = handover.hand_over("housing.safety", "内部的话一"), handover.hand_over("medical.medical_aid", "内部的话二")
        handover.sub(first, "answer", form={"outcome": "nothing_now", "words": "不符合条件"})
        handover.sub(second, "return", "yan", {"reason": "不归我们管"})
        _, text = look(handover)
        assert "住房城乡建设部门" in text and "看看房子还能不能住" in text and "这次没有找到对得上的项目" in text
        assert "医保部门" in text and "由镇街接着想办法" in text
        for never in ("内部的话", "不符合", "不归我们管", "方工", "小严", first, second, "退回"):
            assert never not in text, never

    def test_takes_consent_back_on_the_page(self, handover: Handover) -> None:
        handover.do("note_sharing", **AGREED)
        number = handover.hand_over("charity.charity_help")
        browser, text = look(handover)
        assert "不再告诉慈善组织" in text
        sent: dict[str, Any] = {"pass": hidden(text, "pass"), "deed": "unshare", "answer": "charity"}
        after = browser.post("/progress/do", sent)
        assert after.status_code == 200 and "已经收回" in after.text and "不再告诉慈善组织" not in after.text
        assert handover.row(number).state == "called_back"
        again = browser.post("/progress/do", {**sent, "pass": hidden(after.text, "pass")})
        assert again.status_code == 200 and "已经收回" in again.text
        for odd in ("housing", "", "999", "charity'--"):
            assert browser.post("/progress/do", {**sent, "answer": odd}).status_code == 200
        assert [row.state for row in handover.rows()] == ["called_back"]

    def test_discreet_the_page_is_silent(self, handover: Handover) -> None:
        handover.open(discreet=True)
        handover.hand_over("housing.safety")
        assert "住房城乡建设部门" not in look(handover)[1]


def test_live_pages_are_told(handover: Handover) -> None:
    number = handover.hand_over("housing.safety")
    handover.stage.sign_in("fang").do(f"/desk/subticket/{number}/do/accept", version="1")
    assert {"tickets", "subtickets"} <= set(handover.stage.wake.hinted)
    with handover.office.session() as session:
        assert session.execute(sa.select(Subticket.state)).scalar_one() == "accepted"
