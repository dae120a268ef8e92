"""The officers' tickets: own unit only, event and household never mixed, accepting once."""
from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from actions.due.clock import Due
from actions.storage.tables import Audit, Notice, ScreeningRecord, Ticket
from actions.tickets.commands import Responsible
from actions.tickets.numbers import new_number
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
    answers += [li.do(f"/desk/ticket/{shape}/do/accept", version="1") for shape in (number, nonexistent)]
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


class TestPages:
    """120 tickets: one goes first because a life is in danger, ten have been accepted."""

    def numbers(self, page: str) -> list[str]:
        return re.findall(r'<a class="num" href="/desk/tickets/([^"]+)">', page)

    def fill(self, stage: Stage) -> list[str]:
        """Numbers in the order the list must have."""
        stage.ticket()
        with stage.parts.database.begin() as session:
            first = session.execute(sa.select(Ticket)).scalar_one()
            values = {column.key: getattr(first, column.key) for column in Ticket.__table__.columns if column.key != "id"}
            made = [{**values, "number": f"YM261120-{place:05d}-X", "due_at": NOW + timedelta(hours=200 - place),
                     "urgency": "life_danger" if place == 0 else "none", "state": "accepted" if place > 109 else "dispatched"}
                    for place in range(120)]
            session.execute(sa.insert(Ticket), made[1:])
            session.execute(sa.update(Ticket).where(Ticket.id == first.id).values(**made[0]))
        return [row["number"] for row in sorted(made, key=lambda row: (row["urgency"] != "life_danger", row["due_at"]))]

    def test_first_page_is_what_nobody_has_accepted_life_in_danger_first(self, stage: Stage) -> None:
        order = [number for number in self.fill(stage) if int(number[9:14]) <= 109]
        zhang = stage.sign_in("zhang")
        pages = [zhang.get(f"/desk/tickets?page={page}").text for page in (1, 2, 3)]
        assert [self.numbers(page) for page in pages] == [order[:50], order[50:100], order[100:]]
        assert order[0].endswith("00000-X")
        assert self.numbers(zhang.get("/desk/tickets").text) == order[:50]
        assert all("共 110 张" in page for page in pages)
        assert [('rel="prev"' in page, 'rel="next"' in page) for page in pages] == [(False, True), (True, True), (True, False)]

    def test_links_keep_the_filter_and_so_does_the_live_pane(self, stage: Stage) -> None:
        order = self.fill(stage)
        zhang = stage.sign_in("zhang")
        page = zhang.get("/desk/tickets?state=all&page=2").text
        assert "共 120 张" in page and self.numbers(page) == order[50:100]
        assert 'rel="next" href="/desk/tickets?state=all&amp;page=3"' in page
        assert 'rel="prev" href="/desk/tickets?state=all"' in page
        assert 'data-here="/desk/tickets?state=all&amp;page=2"' in page
        assert self.numbers(zhang.get("/desk/tickets?state=all&page=3&pane=tickets").text) == order[100:]
        accepted = zhang.get("/desk/tickets?state=accepted").text
        assert "共 10 张" in accepted and len(self.numbers(accepted)) == 10 and 'rel="next"' not in accepted

    def test_odd_pages_and_own_unit_only(self, stage: Stage) -> None:
        self.fill(stage)
        zhang = stage.sign_in("zhang")
        for asked, shown in [("0", 50), ("-1", 50), ("x", 50), ("٣", 50), ("999999", 20), ("9" * 30, 50), ("", 50)]:
            answer = zhang.get("/desk/tickets", params={"state": "all", "page": asked})
            assert answer.status_code == 200 and len(self.numbers(answer.text)) == shown, asked
        page = stage.sign_in("li").get("/desk/tickets?state=all&page=2").text
        assert "共 0 张" in page and self.numbers(page) == []


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
                  "遇到的事：火灾", "火灾", "138****8000", "受理", "开工单"):
        assert words in page, words
    assert "不符合" not in page and "建议同时咨询" not in page


def test_confirmed_clock_carries_no_mark(stage: Stage) -> None:
    number = stage.ticket().number
    page = stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
    head = page.split('<div class="columns">')[0]  # below it stand figures of decisions that nobody has confirmed
    assert "到期" in head and "暂按" not in head and ">待确认<" not in head


def test_phone_is_masked_and_who_works_the_ticket_can_ask_for_it(stage: Stage) -> None:
    """Showing it for a reason: tests/intake/test_people.py."""
    number = stage.ticket().number
    for login, may in (("zhang", True), ("zhou", False)):
        page = stage.sign_in(login).get(f"/desk/tickets/{number}").text
        assert "13800138000" not in page and "138****8000" in page
        assert ("显示号码" in page) is may, login


def test_reading_is_noted_once_per_look(stage: Stage) -> None:
    number = stage.ticket().number
    zhang = stage.sign_in("zhang")
    zhang.get(f"/desk/tickets/{number}?pane=tickets")
    zhang.get(f"/desk/tickets/{number}")
    with stage.parts.database.begin() as session:
        found = session.execute(sa.select(Audit.object).where(Audit.action == "ticket_read")).scalars().all()
    assert found == [f"ticket:{number}"]


def test_accepting(stage: Stage) -> None:
    ticket = stage.ticket()
    zhang = stage.sign_in("zhang")
    answer = zhang.do(f"/desk/ticket/{ticket.number}/do/accept", version="1")
    assert answer.status_code == 303 and answer.headers["location"] == f"/desk/tickets/{ticket.number}?done=accept"
    now = row(stage)
    assert (now.state, now.version, now.accepted_at) == ("accepted", 2, stage.clock())
    assert "tickets" in stage.wake.hinted
    page = zhang.get(f"/desk/tickets/{ticket.number}").text
    assert "已受理" in page and "张干事" in page and f"/desk/ticket/{ticket.number}/do/accept" not in page


@pytest.mark.parametrize("version", ["1", "2", "0", "", "abc", "-1", "99999999999999999999"])
def test_page_that_is_no_longer_true_is_told_what_changed(stage: Stage, version: str) -> None:
    ticket = stage.ticket()
    stage.sign_in("he").do(f"/desk/ticket/{ticket.number}/do/accept", version="1")
    answer = stage.sign_in("zhang").do(f"/desk/ticket/{ticket.number}/do/accept", version=version)
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
    assert lamp(Ticket(due_at=NOW + left, due_state="runs"), NOW) == expected
    assert lamp(Ticket(due_at=NOW + left, due_state="paused"), NOW) == "paused"
