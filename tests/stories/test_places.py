"""No place said, a place outside, several that fit: filing never waits for the place."""

from __future__ import annotations

import pytest

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
