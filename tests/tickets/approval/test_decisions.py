"""Who decides about a ticket: forbidden as well as allowed, with what is left in the rows."""
from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Approval, Meeting, Staff, TicketEvent
from actions.tickets.commands import StalePage, perform
from tests.tickets.approval.acting import GIVE, NOT_GIVE, Desk

MEETING = {"held_on": "2026-11-19", "attendees": "陈科长，区民政局\n周主任，区财政局", "record": "逐条看了材料", "decision": "同意",
           "opinion": "give", "amount": "9000"}


def approve(amount: str = "800") -> dict[str, str]:
    return {"amount": amount, "words": "同意"}


class TestTownship:
    def test_three_persons_below_the_limit(self, desk: Desk) -> None:
        number = desk.reviewed("3000")
        desk.done("he", number, "approve", **approve("3000"))
        assert desk.row(number).state == "paying"
        assert desk.signed(number) == [("township", "propose", "zhang", 3000), ("township", "review", "sun", 3000),
                                       ("township", "approve", "he", 3000)]
        with desk.stage.parts.database.begin() as session:
            kept = session.execute(sa.select(Approval.limit_used).where(Approval.step == "approve")).scalar_one()
        assert (kept["yuan"], kept["confirmed"], kept["cite"]) == ("3000", True, "law-44-2")

    def test_above_the_limit_it_goes_up(self, desk: Desk) -> None:
        number = desk.reviewed("3000.01")
        desk.refused("he", number, "approve", "超过镇街审批额度（3000元）", **approve("3000.01"))
        desk.done("he", number, "send_up", words="超过额度")
        assert desk.row(number).sent_up and desk.row(number).state == "reviewing"

    def test_while_nobody_has_confirmed_a_limit_every_decision_goes_up(self, desk: Desk) -> None:
        for yuan in (None, 3000):
            desk.limit(yuan, confirmed=False)
            number = desk.reviewed("1")
            desk.refused("he", number, "approve", "还没有经民政部门确认", **approve("1"))
            assert "一律报区审批" in desk.page("he", number) and "待确认" in desk.page("he", number)
            desk.done("he", number, "send_up", words="额度待确认")

    def test_within_the_limit_it_stays_unless_nobody_can_sign(self, desk: Desk) -> None:
        number = desk.reviewed("800")
        desk.refused("he", number, "send_up", "由镇街审批", words="想请区里定")
        desk.done("he", number, "send_up", words="都在外地学习", away="yes")
        assert desk.row(number).sent_up

    def test_when_the_only_head_is_tied_the_system_sees_that_nobody_can_sign(self, desk: Desk) -> None:
        number = desk.reviewed("800")
        desk.done("he", number, "declare_tie", relation="sibling")
        desk.refused("he", number, "approve", "需要回避", **approve())
        page = desk.page("zhang", number)
        assert "需要回避" in page and "兄弟姐妹" not in page.split("谁可以办下一步")[1].split("</ul>")[0]
        desk.done("he", number, "send_up", words="负责人回避")

    def test_the_limit_that_counts_is_that_of_the_day_of_decision(self, desk: Desk) -> None:
        number = desk.reviewed("2500")
        desk.limit(2000)
        desk.refused("he", number, "approve", "超过镇街审批额度（2000元）", **approve("2500"))
        desk.limit(2500)
        desk.done("he", number, "approve", **approve("2500"))
        with desk.stage.parts.database.begin() as session:
            kept = session.execute(sa.select(Approval.limit_used["yuan"].astext).order_by(Approval.id)).scalars().all()
        assert kept == ["3000", "3000", "2500"]

    def test_a_limit_that_begins_tomorrow_is_none_today(self, desk: Desk) -> None:
        desk.limit(3000, start=date(2026, 11, 21))
        number = desk.reviewed("800")
        desk.refused("he", number, "approve", "还没有经民政部门确认", **approve())
        desk.stage.clock.advance(hours=11, minutes=30)  # 21:30 in Chongqing
        desk.refused("he", number, "approve", "还没有经民政部门确认", **approve())
        desk.stage.clock.advance(hours=3)
        desk.browsers.clear()
        desk.done("he", number, "approve", **approve())


class TestOnePersonIsNotEnough:
    def test_who_proposed_does_not_review(self, desk: Desk) -> None:
        number = desk.verified("sun")
        desk.done("zhang", number, "submit", **GIVE, amount="800")
        desk.refused("zhang", number, "review", "同一个人不能签两次", **GIVE)

    def test_who_looked_into_it_neither_reviews_nor_decides(self, desk: Desk) -> None:
        number = desk.verified("he")
        desk.done("zhang", number, "submit", **GIVE, amount="800")
        desk.refused("he", number, "review", "您登记或核实过", **GIVE)
        desk.done("sun", number, "review", **GIVE)
        desk.refused("he", number, "approve", "您登记或核实过", **approve())

    def test_who_reviewed_does_not_approve(self, desk: Desk) -> None:
        number = desk.proposed()
        desk.done("he", number, "review", **GIVE)
        desk.refused("he", number, "approve", "同一个人不能签两次", **approve())

    def test_nobody_signs_for_a_tie_at_any_step(self, desk: Desk) -> None:
        number = desk.verified()
        desk.done("sun", number, "declare_tie", relation="in_law")
        desk.refused("sun", number, "submit", "需要回避", **GIVE, amount="800")
        desk.done("zhang", number, "submit", **GIVE, amount="800")
        desk.refused("sun", number, "review", "需要回避", **GIVE)
        desk.refused("sun", number, "give_aid", "需要回避", object="她", circumstance="急", way="cash", amount="100")

    def test_a_return_begins_a_new_round_in_which_everybody_signs_again(self, desk: Desk) -> None:
        number = desk.reviewed()
        desk.done("he", number, "return_for_rework", reason="缺照片")
        desk.done("sun", number, "submit", **GIVE, amount="900")
        desk.refused("sun", number, "review", "同一个人不能签两次", **GIVE)
        desk.done("he", number, "review", **GIVE)
        desk.refused("he", number, "approve", "同一个人不能签两次", **approve("900"))
        assert "上一轮" in desk.page("he", number)

    def test_the_database_takes_no_second_signature_whatever_a_program_does(self, desk: Desk) -> None:
        number = desk.proposed()
        with pytest.raises(sa.exc.IntegrityError), desk.stage.parts.database.begin() as session:
            row = session.execute(sa.select(Approval)).scalar_one()
            session.add(Approval(ticket_id=row.ticket_id, round=row.round, level="township", step="approve", opinion="give", amount=1,
                                 staff_id=row.staff_id, limit_used={}, at=row.at))
        assert len(desk.signed(number)) == 1

    def test_signatures_of_before_a_transfer_count_no_more(self, desk: Desk) -> None:
        number = desk.proposed()
        desk.done("district", number, "transfer", unit="u-longta", reason="人在龙塔")
        desk.done("li", number, "accept")
        desk.done("li", number, "verify", way="visit", findings="看了")
        desk.done("li", number, "submit", **GIVE, amount="700")
        assert [login for *_, login, _ in desk.signed(number)] == ["zhang", "li"]
        with desk.stage.parts.database.begin() as session:
            rounds = session.execute(sa.select(Approval.round).order_by(Approval.id)).scalars().all()
        assert rounds[0] < rounds[1]


class TestWhatIsDecided:
    def test_giving_names_an_amount(self, desk: Desk) -> None:
        number = desk.verified()
        desk.refused("zhang", number, "submit", "请写明建议金额", status=422, **GIVE)
        desk.done("zhang", number, "submit", **NOT_GIVE)
        desk.refused("sun", number, "review", "请写明审核金额", status=422, **GIVE)

    def test_approved_is_what_two_others_have_looked_at(self, desk: Desk) -> None:
        number = desk.proposed("800")
        desk.done("sun", number, "review", **GIVE, amount="750")
        desk.refused("he", number, "approve", "审核的金额是750元", **approve("800"))
        desk.done("he", number, "approve", **approve("750"))

    def test_refusing_against_the_opinion_goes_back(self, desk: Desk) -> None:
        number = desk.reviewed()
        desk.refused("he", number, "refuse", "审核意见是给予救助", reason="不同意", ground="untrue", served="2026-11-20")
        other = desk.verified()
        desk.done("zhang", other, "submit", **NOT_GIVE)
        desk.done("sun", other, "review", **NOT_GIVE)
        desk.refused("he", other, "approve", "审核意见是不予救助", **approve())

    def test_a_refusal_is_written_with_reason_article_and_the_way_on(self, desk: Desk) -> None:
        number = desk.verified()
        desk.done("zhang", number, "submit", **NOT_GIVE)
        desk.done("sun", number, "review", **NOT_GIVE)
        desk.refused("he", number, "refuse", "请写明书面理由", status=422, ground="same_cause", served="2026-11-20")
        desk.refused("he", number, "refuse", "请从列出的里面选一个", status=422, reason="已救助过", ground="bad", served="2026-11-20")
        assert desk.browser("he").get(f"/desk/tickets/{number}/refusal").status_code == 404
        desk.done("he", number, "refuse", reason="9月已因同一场火灾救助过", ground="same_cause", served="2026-11-20")
        letter = desk.browser("zhang").get(f"/desk/tickets/{number}/refusal")
        for words in ("9月已因同一场火灾救助过", "同一事由已经得到救助", "国发〔2014〕47号", "行政复议", "行政诉讼", "第七十六条"):
            assert words in letter.text, words
        assert "不符合" not in letter.text and desk.browser("li").get(f"/desk/tickets/{number}/refusal").status_code == 404
        assert "9月已因" not in desk.page("zhou", number)
        with desk.stage.parts.database.begin() as session:
            data = session.execute(sa.select(TicketEvent.data).where(TicketEvent.kind == "refused")).scalar_one()
        assert "47号" in data["article"] and "9月" not in str(data)

    def test_a_refusal_without_a_confirmed_limit_is_the_districts(self, desk: Desk) -> None:
        desk.limit(None)
        number = desk.verified()
        desk.done("zhang", number, "submit", **NOT_GIVE)
        desk.done("sun", number, "review", **NOT_GIVE)
        desk.refused("he", number, "refuse", "还没有经民政部门确认", reason="x", ground="untrue", served="2026-11-20")

    def test_no_more_is_paid_than_was_approved(self, desk: Desk) -> None:
        number = desk.reviewed("800")
        desk.done("he", number, "approve", **approve())
        paying = {"way": "account", "on": "2026-11-20"}
        desk.done("zhang", number, "pay", amount="500", **paying)
        desk.refused("zhang", number, "pay", "批准了800元，已经发放500元", amount="300.01", **paying)
        desk.done("zhang", number, "pay", amount="300", **paying)


class TestDistrict:
    def test_officer_reviews_and_supervisor_approves(self, desk: Desk) -> None:
        number = desk.sent_up()
        desk.refused("he", number, "return_for_rework", "已报区", reason="x")
        desk.done("district", number, "review", **GIVE, amount="4500")
        desk.refused("he", number, "approve", "已报区", **approve("4500"))
        desk.done("chen", number, "approve", **approve("4500"))
        assert desk.signed(number)[2:] == [("district", "review", "district", 4500), ("district", "approve", "chen", 4500)]

    def test_the_township_review_is_not_the_districts(self, desk: Desk) -> None:
        number = desk.sent_up()
        assert desk.row(number).state == "reviewing"  # the supervisor cannot begin: no district officer has looked at it
        answer = desk.do("chen", number, "approve", **approve("5000"))
        assert answer.status_code == 409 and "工单已有变化" in answer.text

    def test_sent_back_it_begins_at_the_township_again(self, desk: Desk) -> None:
        number = desk.sent_up()
        desk.done("district", number, "return_for_rework", reason="金额算错")
        assert not desk.row(number).sent_up
        desk.done("zhang", number, "submit", **GIVE, amount="2000")
        desk.done("sun", number, "review", **GIVE)
        desk.done("he", number, "approve", **approve("2000"))

    def test_a_ticket_of_the_district_desk_is_the_districts(self, desk: Desk) -> None:
        from actions.tickets.commands import Responsible

        number = desk.stage.ticket(responsible=Responsible("district", None, None, "原渝北区")).number
        desk.done("district", number, "accept")
        desk.done("district", number, "verify", way="phone", findings="属实")
        desk.done("district", number, "submit", **GIVE, amount="9000")
        desk.refused("district", number, "review", "您登记或核实过", **GIVE)
        desk.done("qian", number, "review", **GIVE)
        desk.done("chen", number, "approve", **approve("9000"))


class TestSpecialCase:
    def test_it_goes_up_however_small_and_needs_a_meeting_that_agrees(self, desk: Desk) -> None:
        number = desk.reviewed("800", special="yes")
        desk.refused("he", number, "approve", "一事一议由区里开会", **approve())
        desk.done("he", number, "send_up", words="一事一议")
        desk.done("district", number, "review", **GIVE, amount="9000")
        desk.refused("chen", number, "approve", "要先记会议", **approve("9000"))
        desk.done("district", number, "record_meeting", **{**MEETING, "amount": "8000"})
        desk.refused("chen", number, "approve", "和最近一次会议的决定不一样", **approve("9000"))
        desk.done("district", number, "record_meeting", **MEETING)
        desk.done("chen", number, "approve", **approve("9000"))
        page = desk.page("chen", number)
        assert "一事一议" in page and "周主任，区财政局" in page and "2026-11-19" in page
        with desk.stage.parts.database.begin() as session:
            held = session.execute(sa.select(Meeting).order_by(Meeting.id.desc()).limit(1)).scalar_one()
            assert held.attendees == ["陈科长，区民政局", "周主任，区财政局"] and held.amount == 9000
            assert "材料" not in str(held.record) and desk.stage.parts.keys.open(held.record) == "逐条看了材料"

    def test_one_person_is_no_meeting_and_giving_names_an_amount(self, desk: Desk) -> None:
        number = desk.sent_up("800", special="yes")
        for names in ("陈科长", "陈科长\n陈科长", " \n陈科长\n"):
            desk.refused("district", number, "record_meeting", "至少写2位", status=422, **{**MEETING, "attendees": names})
        desk.refused("district", number, "record_meeting", "请写明决定的金额", status=422, **{**MEETING, "amount": ""})
        desk.refused("district", number, "record_meeting", "不能晚于今天", status=422, **{**MEETING, "held_on": "2026-12-01"})

    def test_a_meeting_of_an_earlier_round_decides_nothing_now(self, desk: Desk) -> None:
        number = desk.sent_up("800", special="yes")
        desk.done("district", number, "record_meeting", **{**MEETING, "amount": "800"})
        desk.done("district", number, "return_for_rework", reason="重新算")
        desk.done("zhang", number, "submit", **GIVE, amount="800", special="yes")
        desk.done("sun", number, "review", **GIVE)
        desk.done("he", number, "send_up", words="一事一议")
        desk.done("qian", number, "review", **GIVE)
        desk.refused("chen", number, "approve", "要先记会议", **approve())


class TestAtOnce:
    def test_of_two_approvals_at_one_moment_one_stands(self, desk: Desk) -> None:
        number = desk.sent_up()
        desk.done("district", number, "review", **GIVE)
        version, answers = str(desk.row(number).version), []
        browsers = [desk.browser("chen"), desk.browser("wei")]
        barrier = threading.Barrier(2)

        def press(browser: Any) -> None:
            barrier.wait()
            answers.append(browser.do(f"/desk/ticket/{number}/do/approve", version=version, **approve("5000")).status_code)

        threads = [threading.Thread(target=press, args=(browser,)) for browser in browsers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(answers) == [303, 409]
        assert [step for _, step, _, _ in desk.signed(number)].count("approve") == 1

    def test_what_was_signed_goes_with_the_transaction(self, desk: Desk) -> None:
        number = desk.proposed()
        ticket = desk.row(number)
        with pytest.raises(RuntimeError), desk.stage.parts.database.begin() as session:
            from actions.access.queries import as_viewer
            sun = as_viewer(session.get(Staff, desk.staff("sun")), desk.stage.parts.roles)
            perform(session, desk.stage.parts.work, sun, number=number, command="review", version=ticket.version, form=GIVE,
                    now=desk.stage.clock())
            raise RuntimeError
        assert len(desk.signed(number)) == 1 and desk.row(number).state == "reviewing"
        with pytest.raises(StalePage), desk.stage.parts.database.begin() as session:
            perform(session, desk.stage.parts.work, sun, number=number, command="review", version=ticket.version - 1, form=GIVE,
                    now=desk.stage.clock())


def test_the_page_shows_what_the_decision_stands_on(desk: Desk) -> None:
    facts = {"household_people": {"value": 3}, "household_register": {"value": "chongqing_urban"}}
    number = desk.stage.ticket(facts=facts).number
    page = desk.page("zhang", number)
    assert "2310" in page and "770" in page and "外地参考" in page and "渝民规〔2025〕6号" in page and "由人决定" in page
    assert "3000</span>元" in page
    desk.done("zhang", number, "accept")
    desk.done("zhang", number, "verify", way="visit", findings="x")
    form = desk.browser("zhang").get(f"/desk/ticket/{number}/do/submit").text
    assert 'name="amount" inputmode="decimal" autocomplete="off" placeholder="元" value=""' in form  # nothing is filled in
    desk.done("zhang", number, "submit", **GIVE, amount="2000")
    who = desk.page("sun", number).split("谁可以办下一步")[1].split("</ul>")[0]
    assert "孙干事" in who and "何主任" in who and "登记或核实过" in who.split("张干事")[1][:80]
    assert Decimal(desk.signed(number)[0][3]) == 2000


def test_an_approver_who_has_left_is_not_named(desk: Desk) -> None:
    number = desk.reviewed()
    assert "何主任" in desk.page("zhang", number).split("谁可以办下一步")[1].split("</ul>")[0]
    with desk.stage.parts.database.begin() as session:
        session.execute(sa.update(Staff).where(Staff.login == "he").values(active=False))
    page = desk.page("zhang", number)
    assert "谁可以办下一步" not in page and "现在没有人可以办下一步" in page
