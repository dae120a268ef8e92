"""The officers' tickets: own unit only, event and household never mixed, accepting once."""
from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from actions.due.clock import Due
from actions.storage.tables import Audit, Notice, ScreeningRecord, Ticket
from actions.tickets.commands import Responsible
from actions.tickets.rules import new_number
from bot.desk.workbench import lamp
from tests.cast import LONGTA, Stage

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=timezone.utc)


def row(stage: Stage) -> Ticket:
    with stage.parts.database.begin() as session:
        return session.execute(sa.select(Ticket)).scalar_one()


def test_other_units_number_is_answered_as_one_that_does_not_exist(stage: Stage) -> None:
    number = stage.ticket().number
    li = stage.sign_in("li")
    nonexistent = new_number(stage.clock().date())
    while nonexistent == number:
        nonexistent = new_number(stage.clock().date())
    answers = [li.get(f"/desk/tickets/{shape}") for shape in (number, nonexistent, "YM000000-AAAAA-A", "%00", "x" * 300)]
    answers += [li.do(f"/desk/tickets/{shape}/accept", version="1") for shape in (number, nonexistent)]
    answers += [li.get(f"/desk/tickets/{shape}?pane=tickets") for shape in (number, nonexistent)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert len({tuple(sorted((k, v) for k, v in answer.headers.items() if k != "date")) for answer in answers}) == 1
    assert row(stage).state == "dispatched"


def test_list_holds_own_unit_only_and_is_sorted_by_due_time(stage: Stage) -> None:
    def until(hours: int) -> Due:
        return Due(NOW + timedelta(hours=hours), False, (), "", "confirmed")

    late, early = stage.ticket(due=until(50)).number, stage.ticket(due=until(3)).number
    theirs = stage.ticket(LONGTA, "龙塔街道", due=until(1)).number
    page = stage.sign_in("zhang").get("/desk/tickets").text
    assert page.index(early) < page.index(late) and theirs not in page
    assert "张干事" in page and "龙溪街道" in page
    assert theirs in stage.sign_in("li").get("/desk/tickets").text
    everything = stage.sign_in("zhou").get("/desk/tickets").text
    assert early in everything and theirs in everything


def test_counts_and_filter_keep_the_scope(stage: Stage) -> None:
    stage.ticket()
    stage.ticket(LONGTA, "龙塔街道")
    zhang = stage.sign_in("zhang")
    assert '全部 <span class="count">1</span>' in zhang.get("/desk/tickets").text
    assert "这里没有工单" in zhang.get("/desk/tickets?state=accepted").text
    assert '全部 <span class="count">1</span>' in zhang.get("/desk/tickets?state=<x>").text


def test_household_is_shown_as_household_and_never_as_responsible(stage: Stage) -> None:
    number = stage.ticket().number
    page = stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
    parts = {title: page.split(f"<dt>{title}</dt><dd")[1].split("</dd>")[0] for title in ("承办单位", "急难发生地", "户籍地")}
    assert "龙溪街道" in parts["承办单位"] and "石船镇" not in parts["承办单位"]
    assert "龙溪街道花卉园西路8号" in parts["急难发生地"]
    assert "石船镇" in parts["户籍地"]


def test_ticket_shows_what_an_officer_needs(stage: Stage) -> None:
    ticket = stage.ticket(due=Due(NOW + timedelta(hours=1), True, (), "", "pending"), due_rule="temporary_aid")
    with stage.parts.database.begin() as session:
        session.add(ScreeningRecord(
            ticket_id=ticket.id, ruleset="r", as_of=NOW.date(), region="x", answers={}, created_at=NOW,
            outcome={"verdicts": [
                {"programme": "temporary_urgent", "verdict": "likely",
                 "because": [{"fact": "event_kind", "value": "fire", "cite": "《社会救助法》第三十七条"}], "missing": []},
                {"programme": "subsistence_allowance", "verdict": "less", "because": [], "missing": []}]}))
    page = stage.sign_in("zhang").get(f"/desk/tickets/{ticket.number}").text
    for words in ("待受理", "今晚急需", "先行救助", "快到期", "剩1小时", "暂按", "待确认", "可能适用", "《社会救助法》第三十七条",
                  "遇到的事：火灾", "火灾", "13800138000", "受理", "开工单"):
        assert words in page, words
    assert "不符合" not in page and "建议同时咨询" not in page


def test_confirmed_clock_carries_no_mark(stage: Stage) -> None:
    number = stage.ticket().number
    page = stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
    assert "暂按" not in page and ">待确认<" not in page


def test_phone_is_whole_for_who_works_the_ticket_and_masked_for_others(stage: Stage) -> None:
    number = stage.ticket().number
    assert "13800138000" in stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
    page = stage.sign_in("zhou").get(f"/desk/tickets/{number}").text
    assert "13800138000" not in page and "138" in page


def test_reading_is_noted_once_per_look(stage: Stage) -> None:
    number = stage.ticket().number
    zhang = stage.sign_in("zhang")
    zhang.get(f"/desk/tickets/{number}")
    zhang.get(f"/desk/tickets/{number}?pane=tickets")
    with stage.parts.database.begin() as session:
        found = session.execute(sa.select(Audit.object).where(Audit.action == "ticket_read")).scalars().all()
    assert found == [f"ticket:{number}"]


def test_accepting(stage: Stage) -> None:
    ticket = stage.ticket()
    zhang = stage.sign_in("zhang")
    answer = zhang.do(f"/desk/tickets/{ticket.number}/accept", version="1")
    assert answer.status_code == 303 and answer.headers["location"] == f"/desk/tickets/{ticket.number}"
    now = row(stage)
    assert (now.state, now.version, now.accepted_at) == ("accepted", 2, stage.clock())
    assert "tickets" in stage.wake.hinted
    page = zhang.get(f"/desk/tickets/{ticket.number}").text
    assert "已受理" in page and "张干事" in page and f"/desk/tickets/{ticket.number}/accept" not in page


@pytest.mark.parametrize("version", ["1", "2", "0", "", "abc", "-1", "99999999999999999999"])
def test_page_that_is_no_longer_true_is_told_what_changed(stage: Stage, version: str) -> None:
    ticket = stage.ticket()
    stage.sign_in("he").do(f"/desk/tickets/{ticket.number}/accept", version="1")
    answer = stage.sign_in("zhang").do(f"/desk/tickets/{ticket.number}/accept", version=version)
    assert answer.status_code == 409
    assert "何主任" in answer.text and "已受理" in answer.text and "2026-11-20 10:00" in answer.text
    with stage.parts.database.begin() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(Notice).where(Notice.recipient == "resident")).scalar() == 0
    assert row(stage).version == 2


def test_outside_ticket_names_the_receiving_district(stage: Stage) -> None:
    number = stage.ticket(responsible=Responsible("outside", None, None, "江津区")).number
    assert "区外 · 江津区" in stage.sign_in("zhou").get(f"/desk/tickets/{number}").text
    assert stage.sign_in("zhang").get(f"/desk/tickets/{number}").status_code == 404


def test_words_of_a_resident_are_text(stage: Stage) -> None:
    number = stage.ticket(event_place="<script>alert(1)</script>").number
    page = stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
    assert "<script>alert" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("left, expected", [
    (timedelta(seconds=-1), "late"), (timedelta(0), "soon"), (timedelta(hours=2), "soon"), (timedelta(hours=2, seconds=1), "fine"),
])
def test_lamp(left: timedelta, expected: str) -> None:
    assert lamp(NOW + left, NOW) == expected
