"""Whose place is it: a ticket is returned once, the district decides, and what it decides becomes a rule."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from actions.places.queries import last_ruling, rulings
from actions.places.resolver import resolve
from actions.places.rulings import with_rulings
from actions.storage.tables import Audit, Notice, PlaceAlias, PlaceRuling, Ticket, TicketEvent
from tests.cast import LONGTA, LONGXI, Stage

PLACE = "龙溪街道幸福新路12号"


def row(stage: Stage, number: str) -> Ticket:
    with stage.parts.database.begin() as session:
        return session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()


def rows(stage: Stage, query: Any) -> list[Any]:
    with stage.parts.database.begin() as session:
        return list(session.execute(query).scalars())


def give_back(stage: Stage, login: str, number: str, **more: Any) -> Any:
    version = str(row(stage, number).version)
    values = {"version": version, "reason": "这条路在龙塔那边", "unit": LONGTA, **more}
    return stage.sign_in(login).do(f"/desk/ticket/{number}/do/return", **values)


def test_a_unit_returns_once_to_the_unit_it_proposes(stage: Stage) -> None:
    opened = stage.ticket(event_place=PLACE)
    answer = give_back(stage, "zhang", opened.number)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/tickets?done=return")
    ticket = row(stage, opened.number)
    assert (ticket.desk, ticket.unit_id, ticket.unit_name, ticket.state) == ("unit", LONGTA, "龙塔街道", "dispatched")
    assert (ticket.due_at, ticket.version) == (opened.due_at, 2)
    assert stage.sign_in("zhang").get(f"/desk/tickets/{opened.number}").status_code == 404
    page = stage.sign_in("li").get(f"/desk/tickets/{opened.number}/place").text
    assert "这条路在龙塔那边" in page and "龙溪街道 → 龙塔街道" in page
    told = rows(stage, sa.select(Notice).order_by(Notice.id))
    assert [n.recipient for n in told] == [f"unit:{LONGXI}", f"unit:{LONGTA}"]  # the resident hears when it is settled
    [event] = rows(stage, sa.select(TicketEvent).where(TicketEvent.kind == "returned"))
    assert "这条路" not in str(event.data)  # a reason may speak of the resident: kept encrypted
    assert rows(stage, sa.select(Audit.action).where(Audit.action == "ticket_returned")) == ["ticket_returned"]


def test_the_second_return_goes_to_the_district_desk(stage: Stage) -> None:
    number = stage.ticket(event_place=PLACE).number
    give_back(stage, "zhang", number)
    give_back(stage, "li", number, unit=LONGXI, reason="不是我们的")
    ticket = row(stage, number)
    assert (ticket.desk, ticket.unit_id, ticket.district) == ("district", None, "原渝北区")
    page = stage.sign_in("district").get(f"/desk/tickets/{number}/place").text
    assert "龙塔街道 → 区民政" in page and "建议：龙溪街道" in page


def test_returned_without_a_proposal_goes_to_the_district_desk(stage: Stage) -> None:
    number = stage.ticket().number
    give_back(stage, "zhang", number, unit="")
    assert row(stage, number).desk == "district"


def test_an_accepted_ticket_can_be_returned_and_waits_again(stage: Stage) -> None:
    number = stage.ticket().number
    stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/accept", version="1")
    give_back(stage, "zhang", number)
    ticket = row(stage, number)
    assert (ticket.state, ticket.accepted_at, ticket.accepted_by) == ("dispatched", None, None)


@pytest.mark.parametrize("more, status, says", [
    ({"reason": "   "}, 422, "请写明退单理由"),
    ({"unit": LONGXI}, 422, "请选另一个镇街"),
    ({"unit": "u-guanyinqiao"}, 422, "请选另一个镇街"),  # not of this area
    ({"version": "7"}, 409, "已有变化"),
])
def test_a_return_that_cannot_be_changes_nothing(stage: Stage, more: dict[str, str], status: int, says: str) -> None:
    number = stage.ticket().number
    answer = give_back(stage, "zhang", number, **more)
    assert answer.status_code == status and says in answer.text
    assert (row(stage, number).unit_id, row(stage, number).version) == (LONGXI, 1)


def settle(stage: Stage, unit: str = LONGTA) -> str:
    """A dispute that the district has decided."""
    number = stage.ticket(event_place=PLACE).number
    give_back(stage, "zhang", number, unit="")
    stage.sign_in("district").do(f"/desk/ticket/{number}/do/assign", version="2", unit=unit)
    return number


def test_the_district_decides_and_no_unit_returns_it_after_that(stage: Stage) -> None:
    number = settle(stage)
    ticket = row(stage, number)
    assert (ticket.desk, ticket.unit_id, ticket.district) == ("unit", LONGTA, "两江新区")
    assert "不能再退单" in give_back(stage, "li", number, unit=LONGXI).text
    assert row(stage, number).unit_id == LONGTA
    assert f'action="/desk/tickets/{number}/return"' not in stage.sign_in("li").get(f"/desk/tickets/{number}/place").text


def test_a_settled_dispute_becomes_a_dated_rule_with_one_click(stage: Stage) -> None:
    number = settle(stage)
    browser = stage.sign_in("district")
    page = browser.get(f"/desk/tickets/{number}/place").text
    assert 'name="name" value="幸福新路"' in page and page.count('value="12"') == 2
    answer = browser.do(f"/desk/tickets/{number}/rule", name="幸福新路", number_from="12", number_to="12", parity="")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/places?done=yes")
    assert "幸福新路" in browser.get("/desk/places").text
    files, day = stage.parts.knowledge.gazetteer, stage.clock().date()
    with stage.parts.database.begin() as session:
        now = with_rulings(files, rulings(session), last_ruling(session))
    assert now.version == files.version + "+1" and files.words.get("幸福新路") is None
    found = resolve("我在幸福新路12号，着火了", now, day)
    assert (found.decision, found.unit, found.table_version) == ("confirm", LONGTA, now.version)
    assert resolve("我在龙溪街道幸福新路12号", now, day).unit == LONGTA  # decided for this number, whatever is said
    assert resolve("我在龙溪街道幸福新路14号", now, day).unit == LONGXI
    assert resolve("我在幸福新路14号", now, day).decision == "none"
    before = day.replace(year=day.year - 1)
    assert resolve("我在幸福新路12号，着火了", now, before).decision == "none"


def test_a_withdrawn_rule_ends_and_stays_on_record(stage: Stage) -> None:
    number = settle(stage)
    browser = stage.sign_in("district")
    browser.do(f"/desk/tickets/{number}/rule", name="幸福新路", number_from="", number_to="", parity="")
    stage.clock.advance(days=3)
    browser = stage.sign_in("district")
    assert browser.do("/desk/places/rulings/1/withdraw").status_code == 303
    assert browser.do("/desk/places/rulings/1/withdraw").status_code == 404
    files, day = stage.parts.knowledge.gazetteer, stage.clock().date()
    with stage.parts.database.begin() as session:
        now = with_rulings(files, rulings(session), last_ruling(session))
        then = with_rulings(files, rulings(session, 1), 1)
    assert resolve("我在幸福新路3号", now, day).decision == "none"
    assert resolve("我在幸福新路3号", then, day).unit == LONGTA  # as it was read before
    assert (now.version[-2:], then.version[-2:]) == ("+2", "+1")
    assert len(rows(stage, sa.select(PlaceRuling))) == 2


@pytest.mark.parametrize("sent, says", [
    ({"name": ""}, "请填写路名"), ({"name": "着火"}, "请填写路名"), ({"number_from": "9", "number_to": "3"}, "门牌号"),
    ({"number_from": "x"}, "门牌号"),
])
def test_a_rule_that_cannot_be_is_refused(stage: Stage, sent: dict[str, str], says: str) -> None:
    number = settle(stage)
    answer = stage.sign_in("district").do(
        f"/desk/tickets/{number}/rule", **{"name": "幸福新路", "number_from": "", "number_to": "", "parity": "", **sent})
    assert answer.status_code == 422 and says in answer.text
    assert rows(stage, sa.select(PlaceRuling)) == []


def test_names_of_accepted_tickets_wait_for_a_person(stage: Stage) -> None:
    for _ in range(2):
        number = stage.ticket(event_place="龙溪街道阳光里小区3栋，王某家").number
        stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/accept", version="1")
    stage.ticket(event_place="龙溪街道月亮湾小区")  # not accepted: confirms nothing
    browser = stage.sign_in("district")
    page = browser.get("/desk/places").text
    assert "阳光里小区" in page and "月亮湾" not in page and "王某" not in page
    browser.get("/desk/places")
    [alias] = rows(stage, sa.select(PlaceAlias))
    assert (alias.name, alias.unit_id, alias.seen, alias.state) == ("阳光里小区", LONGXI, 2, "proposed")
    files, day = stage.parts.knowledge.gazetteer, stage.clock().date()

    def said() -> Any:
        with stage.parts.database.begin() as session:
            now = with_rulings(files, rulings(session), last_ruling(session))
        return resolve("我住阳光里小区，遭火烧了", now, day)

    assert said().decision == "none"  # nothing counts before a person has said so
    browser.do(f"/desk/places/aliases/{alias.id}", verdict="approve")
    assert (said().decision, said().unit) == ("confirm", LONGXI)
    assert browser.do(f"/desk/places/aliases/{alias.id}", verdict="approve").status_code == 404
    assert "阳光里小区</td><td>龙溪街道</td><td class=\"num\">2" not in browser.get("/desk/places").text


def test_a_rejected_name_does_not_come_back(stage: Stage) -> None:
    number = stage.ticket(event_place="龙溪街道阳光里小区").number
    stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/accept", version="1")
    browser = stage.sign_in("chen")
    browser.get("/desk/places")
    browser.do("/desk/places/aliases/1", verdict="reject")
    number = stage.ticket(event_place="龙溪街道阳光里小区").number
    stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/accept", version="1")
    assert "阳光里小区" not in browser.get("/desk/places").text
    assert rows(stage, sa.select(PlaceRuling)) == []


def test_words_of_a_resident_and_an_officer_are_text(stage: Stage) -> None:
    number = stage.ticket(event_place="<script>alert(1)</script>").number
    give_back(stage, "zhang", number, reason="<img src=x onerror=alert(2)>")
    page = stage.sign_in("li").get(f"/desk/tickets/{number}/place").text
    assert "<script>alert" not in page and "<img src=x" not in page
