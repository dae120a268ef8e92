"""What is stuck, for whom it is theirs to see; what staff were reminded of; why a deadline is when it is."""
from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from actions.storage.tables import Staff, Ticket, TicketClock, TicketEvent
from actions.tickets.watching import stuck
from bot.conversation.post import run_timer
from tests.cast import LONGTA, LONGXI, Stage

ORDINARY = {"aid_first": False, "urgency": "none"}


def reasons(stage: Stage) -> dict[str, set[str]]:
    """Number → why it is stuck."""
    parts = stage.parts
    with parts.database.begin() as session:
        found = stuck(session, sa.select(Ticket), parts.knowledge.clockwork, stage.clock())
        return {entry.ticket.number: set(entry.since) for entry in found}


def go_round(stage: Stage) -> None:
    while run_timer(stage.parts.database, stage.parts.knowledge, stage.clock(), work=stage.parts.work):
        pass


def test_nothing_is_stuck_at_first(stage: Stage) -> None:
    number = stage.ticket().number
    assert reasons(stage) == {}
    page = stage.sign_in("zhang").get("/desk/stuck").text
    assert "没有卡住的工单" in page and f"新工单{number}" in page
    assert "没有提醒" in stage.sign_in("li").get("/desk/stuck").text


def test_overdue_is_stuck_and_each_sees_their_own(stage: Stage) -> None:
    ours, theirs = stage.ticket(**ORDINARY).number, stage.ticket(LONGTA, "龙塔街道", **ORDINARY).number
    stage.clock.advance(hours=3)  # two hours to sign are over
    assert reasons(stage) == {ours: {"overdue"}, theirs: {"overdue"}}
    for login, seen in [("zhang", [ours]), ("he", [ours]), ("li", [theirs]), ("chen", [ours, theirs]), ("auditor", [ours, theirs]),
                        ("zhou", [ours, theirs])]:
        page = stage.sign_in(login).get("/desk/stuck").text
        assert [number for number in (ours, theirs) if number in page] == seen, login
        assert "超期（签收）" in page
    assert stage.sign_in("admin").get("/desk/stuck").status_code == 404


def test_life_in_danger_stands_first(stage: Stage) -> None:
    later = stage.ticket(**ORDINARY).number
    stage.clock.advance(hours=1)
    danger = stage.ticket(urgency="life_danger").number
    stage.clock.advance(hours=4)
    page = stage.sign_in("zhang").get("/desk/stuck").text
    assert page.index(danger) < page.index(later)


def test_quiet_for_three_working_days(stage: Stage) -> None:
    number = stage.ticket(**ORDINARY).number
    with stage.parts.database.begin() as session:
        session.execute(sa.delete(TicketClock))
    stage.clock.advance(days=5)  # Wednesday: since Friday three working days have begun, not passed
    assert reasons(stage) == {}
    stage.clock.advance(days=1)
    assert reasons(stage) == {number: {"quiet"}}
    with stage.parts.database.begin() as session:
        ticket = session.execute(sa.select(Ticket.id)).scalar_one()
        session.add(TicketEvent(ticket_id=ticket, kind="reminded", actor="system", at=stage.clock(), data={}))
    assert reasons(stage) == {number: {"quiet"}}  # the system is not somebody
    stage.sign_in("zhou").do(f"/desk/ticket/{number}/do/addend", version="1", words="打过电话")
    assert "quiet" not in reasons(stage).get(number, set())


def test_nobody_is_quiet_who_waits_for_the_end_of_a_publication(stage: Stage) -> None:
    from tests.tickets.deeds import FORMS, put

    [number] = put(stage, [{"state": "paying", **ORDINARY}])
    stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/publish", version="1", **{**FORMS["publish"], "until": "2026-11-27"})
    with stage.parts.database.begin() as session:
        session.execute(sa.delete(TicketClock).where(TicketClock.clock != "publicity"))
    stage.clock.advance(days=8)  # Saturday: the five days are over, on Monday it can be ended
    assert number not in reasons(stage)
    stage.clock.advance(days=3)
    assert reasons(stage)[number] == {"overdue", "quiet"}


def test_stopped_too_long_and_an_extension_nobody_decides(stage: Stage) -> None:
    paused, asked = stage.ticket(**ORDINARY).number, stage.ticket(**ORDINARY).number
    browser = stage.sign_in("zhang")
    for number in (paused, asked):
        browser.do(f"/desk/ticket/{number}/do/accept", version="1")
        browser.do(f"/desk/ticket/{number}/do/verify", version="2", way="phone", findings="属实")
    browser.do(f"/desk/ticket/{paused}/do/ask_supplement", version="3", missing="户口簿")
    browser.do(f"/desk/ticket/{asked}/do/ask_extension", version="3", until="2026-12-10", reason="等")
    assert reasons(stage) == {asked: {"undecided"}}
    stage.clock.advance(days=7)
    assert reasons(stage) == {asked: {"undecided", "quiet"}, paused: {"quiet"}}
    stage.clock.advance(days=3)
    assert reasons(stage)[paused] == {"quiet", "paused"}  # though the deadline of the calendar has passed: it stands still
    page = stage.sign_in("he").get("/desk/stuck").text
    assert "停表太久" in page and "延期等审批" in page and "没人动" in page and "张干事" in page
    stage.sign_in("he").do(f"/desk/ticket/{asked}/do/decide_extension", version="4", granted="yes")
    assert "undecided" not in reasons(stage).get(asked, set())


def test_a_unit_where_nobody_can_sign_in(stage: Stage) -> None:
    number = stage.ticket().number
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Staff).where(Staff.unit_id == LONGXI).values(active=False))
    assert reasons(stage) == {number: {"nobody"}}


def test_reminders_reach_officer_head_and_district(stage: Stage) -> None:
    number = stage.ticket(**ORDINARY).number
    stage.clock.advance(hours=2)
    go_round(stage)
    said = f"工单{number}的“签收”今天到时限"
    assert [login for login in ("zhang", "he", "li", "chen", "zhou", "auditor") if said in stage.sign_in(login).get("/desk/stuck").text] == [
        "zhang", "he"]
    stage.clock.advance(hours=2)
    go_round(stage)
    late = f"工单{number}的“签收”已经超过时限"
    assert [login for login in ("zhang", "he", "chen") if late in stage.sign_in(login).get("/desk/stuck").text] == ["he"]
    stage.clock.advance(days=3)
    go_round(stage)
    assert late in stage.sign_in("chen").get("/desk/stuck").text
    stage.clock.advance(days=15)
    assert said not in stage.sign_in("zhang").get("/desk/stuck").text  # two weeks


def test_a_deadline_explains_itself_day_by_day(stage: Stage) -> None:
    number = stage.ticket(**ORDINARY).number
    browser = stage.sign_in("zhang")
    browser.do(f"/desk/ticket/{number}/do/accept", version="1")
    browser.do(f"/desk/ticket/{number}/do/ask_supplement", version="2", missing="户口簿")
    stage.clock.advance(days=4)
    browser = stage.sign_in("zhang")
    browser.do(f"/desk/ticket/{number}/do/receive_supplement", version="3", received="户口簿")
    page = browser.get(f"/desk/tickets/{number}/clocks").text
    assert "应急型临时救助含发放7个工作日" in page and "待确认" in page
    assert "暂停计时（等待补正材料），不计" in page and "周末，不计" in page and "2026-12-02 23:59" in page
    assert "按时完成" in page  # signing
    assert stage.sign_in("li").get(f"/desk/tickets/{number}/clocks").status_code == 404
    assert f"/desk/tickets/{number}/clocks" in browser.get(f"/desk/tickets/{number}").text


def test_the_lamp_stands_still_with_the_clock(stage: Stage) -> None:
    number = stage.ticket(**ORDINARY).number
    browser = stage.sign_in("zhang")
    browser.do(f"/desk/ticket/{number}/do/accept", version="1")
    browser.do(f"/desk/ticket/{number}/do/ask_supplement", version="2", missing="户口簿")
    stage.clock.now += timedelta(days=30)
    page = stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
    assert "停表" in page and "已超期" not in page
