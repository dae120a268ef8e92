"""No place said, a place outside, several that fit: filing never waits for the place."""

from __future__ import annotations

import json
import uuid

import pytest
import sqlalchemy as sa

from actions.places.record import replay_route
from actions.storage.tables import RouteRecord
from bot.conversation.accept import AcceptTools, Incoming, accept
from tests.stories.teller import Teller

pytestmark = pytest.mark.engine


def test_no_place_said_it_asks(teller: Teller) -> None:
    teller.say("家里着火了，啥都没了，今晚没地方住")
    asked = teller.press("同意")
    assert asked[-1].asks == "event_place"
    teller.say("龙塔街道")
    assert teller.conversation().facts["places"]["event"]["unit_name"] == "龙塔街道"


def test_only_the_household_place_said_it_asks_where_it_happened(teller: Teller) -> None:
    teller.say("我户口在石船镇，屋头着火了没地方住")
    asked = teller.press("同意")
    assert asked[-1].asks == "event_place" and "石船镇" in asked[-1].text


def test_after_two_tries_the_district_desk_takes_it(teller: Teller) -> None:
    teller.say("家里着火了，啥都没了，今晚没地方住")
    teller.press("同意")
    second = teller.say("说不清楚")
    assert second[-1].asks == "event_place" and "附近" in second[-1].text
    teller.say("真的不晓得")
    while not teller.tickets():
        teller.say("没有")
        assert len(teller.asks) <= 7
    [ticket] = teller.tickets()
    assert (ticket.desk, ticket.unit_id) == ("district", None)


def test_outside_the_area_the_details_are_taken_and_the_district_named(teller: Teller) -> None:
    teller.say("我在成都市武侯区打工，昨天出了车祸，没钱吃饭了")
    teller.press("同意")
    teller.say("就我一个")
    teller.say("没有人帮得上")
    teller.say("不留")
    teller.say("对")
    [ticket] = teller.tickets()
    assert ticket.desk == "outside" and ticket.district == "武侯区" and ticket.unit_id is None
    assert "成都市武侯区" in teller.said and "12345" in teller.said


def test_a_neighbouring_unit_that_is_not_served_is_outside_too(teller: Teller) -> None:
    teller.say("江北区观音桥街道的房子昨晚烧了，今晚没地方住")
    teller.press("同意")
    assert teller.conversation().facts["places"]["event"]["decision"] == "out_of_area"
    assert teller.conversation().facts["places"]["event"]["district"] == "两江新区"


def test_a_township_many_districts_know_is_asked_once_and_found(teller: Teller) -> None:
    teller.say("我在和平镇租的房子昨天烧了，今晚没地方住")
    asked = teller.press("同意")
    assert asked[-1].asks == "event_place" and "和平镇" in asked[-1].text and "区县" in asked[-1].text
    teller.say("贵州从江县的")
    place = teller.conversation().facts["places"]["event"]
    assert (place["decision"], place["district"], place["unit"]) == ("out_of_area", "从江县", None)


def test_candidates_are_buttons_and_none_of_them_asks_for_something_near(teller: Teller) -> None:
    teller.say("我的钱包在火车北站遭偷了，没钱回家")
    asked = teller.press("同意")
    assert [button["title"] for button in asked[-1].buttons] == ["龙塔街道", "天宫殿街道", "都不是"]
    near = teller.press("都不是")
    assert near[-1].asks == "event_place" and "附近" in near[-1].text and near[-1].buttons in (None, [])
    teller.say("冉家坝社区那边")
    assert teller.conversation().facts["places"]["event"]["unit_name"] == "龙山街道"


def test_urgent_without_a_place_the_district_desk_sees_it_after_the_first_failed_question(teller: Teller) -> None:
    teller.say("家里着火了，啥都没了，今晚没地方住")
    teller.press("同意")
    assert teller.tickets() == []
    teller.say("说不清楚")
    [ticket] = teller.tickets()
    assert (ticket.desk, ticket.urgency, ticket.read_back) == ("district", "urgent", "none")
    teller.say("回兴街道")
    for _ in range(6):
        if teller.tickets()[0].read_back != "none":
            break
        teller.say("对")
    [ticket] = teller.tickets()
    assert (ticket.desk, ticket.unit_name) == ("unit", "回兴街道")


def test_not_urgent_without_a_place_nothing_is_filed_before_the_end(teller: Teller) -> None:
    teller.say("我想申请临时救助，上个月失业了")
    teller.press("同意")
    while teller.asks[-1] != "event_place":
        teller.say("没有")
    teller.say("说不清楚")
    assert teller.tickets() == []


def test_outside_the_number_is_that_citys_hotline(teller: Teller) -> None:
    teller.say("我在成都市武侯区打工，昨天出了车祸，没钱吃饭了")
    teller.press("同意")
    for answer in ("就我一个", "没有人帮得上", "不留", "对"):
        teller.say(answer)
    assert "成都市武侯区" in teller.said and "成都市政务服务便民热线12345" in teller.said


def send_location(teller: Teller, latitude: float, longitude: float, datum: str) -> None:
    point = {"latitude": latitude, "longitude": longitude, "datum": datum}
    with teller.parts.database.begin() as session:
        accept(session, AcceptTools(teller.parts.gates, teller.parts.knowledge),
               Incoming(teller.channel, teller.address, uuid.uuid4().hex, "", kind="location",
                        extra={"location": point}), teller.parts.now())
    teller.settle()


def test_a_location_message_is_kept_on_the_ticket_with_its_datum_and_decides_nothing(teller: Teller) -> None:
    teller.say("我在龙溪街道租的房子着火了，今晚没地方住也没饭吃")
    send_location(teller, 29.7, 106.6, "WGS-84")
    teller.press("同意")
    for answer in ("三口人", "没得哪个帮得上", "不留", "对"):
        teller.say(answer)
    [ticket] = teller.tickets()
    assert ticket.unit_name == "龙溪街道"
    assert json.loads(teller.parts.keys.open(ticket.event_point))["datum"] == "WGS-84"
    send_location(teller, 29.8, 106.7, "GCJ-02")  # sent afterwards: the newest counts
    [ticket] = teller.tickets()
    kept = json.loads(teller.parts.keys.open(ticket.event_point))
    assert (kept["latitude"], kept["datum"], ticket.unit_name) == (29.8, "GCJ-02", "龙溪街道")


def test_every_route_of_a_talk_is_read_again_from_its_record(teller: Teller) -> None:
    teller.say("我在火车北站被偷光了，户口在石船镇，今晚没地方住也没饭吃")
    teller.press("同意")
    teller.press("龙塔街道")
    for answer in ("就我一个", "没得哪个帮得上", "不留", "对"):
        teller.say(answer)
    [ticket] = teller.tickets()
    assert ticket.unit_name == "龙塔街道"
    rows = teller.rows(sa.select(RouteRecord).where(RouteRecord.ticket_id == ticket.id))
    assert rows
    for row in rows:
        words = teller.parts.keys.open(row.text)
        assert replay_route(words, row.outcome, teller.parts.knowledge.gazetteer, lambda last: [], row.as_of) == []
