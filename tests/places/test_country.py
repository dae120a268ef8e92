"""Townships of the whole country: named with their county when something says which, asked otherwise, never ours."""
from __future__ import annotations

import random
from datetime import date

import pytest

from actions.places.gazetteer import load_gazetteer
from actions.places.resolver import Route, resolve, resolve_answer

G = load_gazetteer()
TODAY = date(2026, 11, 21)


def route(text: str) -> Route:
    return resolve(text, G, TODAY)


@pytest.mark.parametrize("text, district, city", [
    ("我在成都市郫筒街道，出租屋着火了", "郫都区", "成都市"),
    ("郫筒街道那边被偷了", "郫都区", "成都市"),               # one county alone knows it
    ("甘肃省榆中县城关镇滑坡", "榆中县", "兰州市"),
    ("我住朝阳区三里屯街道", "朝阳区", "北京市"),             # a county's name that many cities know
    ("在浙江义乌稠城街道打工受伤", "义乌市", "金华市"),
    ("四川省广安市邻水县鼎屏镇", "邻水县", "广安市"),
    ("我在达州打工，住在百节镇，摔了", "达川区", "达州市"),   # the city stands elsewhere in the message
    ("万州石桥村的屋垮了", "万州区", "重庆市"),               # a village behind its district
    ("重庆凤天路社区着火", "沙坪坝区", "重庆市"),
    ("东莞虎门镇打工摔伤了", None, "东莞市"),                 # a city without counties
])
def test_named_with_its_county(text: str, district: str | None, city: str) -> None:
    found = route(text)
    assert (found.decision, found.unit, found.district, found.city) == ("out_of_area", None, district, city)


@pytest.mark.parametrize("text", ["我在城关镇，房子塌了", "住在和平镇，没饭吃", "新华街道着火了"])
def test_a_name_of_many_counties_is_asked(text: str) -> None:
    found = route(text)
    assert (found.decision, found.unit, found.question) == ("ask", None, "place.ask_district")


def test_where_someone_is_registered_does_not_settle_it() -> None:
    assert route("户口在兰州，我在城关镇，房子塌了").decision == "ask"


@pytest.mark.parametrize("text", [
    "新城镇化建设", "在新城镇化过程中失业", "乡镇干部不管", "我们镇政府不给办", "家乡遭灾了", "老乡帮帮忙", "石桥村的房子垮了",
    "城乡居民医保", "住城镇户口的人", "农场欠薪", "开发区不管", "王镇长说的", "下乡去了",
])
def test_everyday_words_are_no_townships(text: str) -> None:
    found = route(text)
    assert (found.decision, found.spans) == ("none", ())


@pytest.mark.parametrize("text, unit", [
    ("龙西街道着火了", "龙溪街道"), ("渝北双笼湖街道", "双龙湖街道"), ("洛渍镇涨水", "洛碛镇"),
])
def test_one_of_ours_misspelt_beats_a_township_far_away(text: str, unit: str) -> None:
    assert (route(text).decision, route(text).unit_name) == ("confirm", unit)


@pytest.mark.parametrize("text, unit", [
    ("我老家虎门镇的，住龙溪街道，没钱吃饭", "龙溪街道"), ("我在龙兴镇，屋垮了", "龙兴镇"), ("金山街道着火了", "金山街道"),
    ("和平镇来的，在回兴街道摔了", "回兴街道"),
])
def test_ours_stays_ours(text: str, unit: str) -> None:
    assert (route(text).decision, route(text).unit_name) == ("route", unit)


def test_our_district_with_a_unit_of_another_is_asked() -> None:
    found = route("渝北区城厢镇着火")
    assert (found.decision, found.question) == ("ask", "place.ask_unit")


def test_between_two_of_ours_no_county_hides() -> None:
    # the short name of a county in Jilin lies across the two names
    assert {c.unit_name for c in route("在龙溪街道和龙塔街道之间摔了").candidates} == {"龙溪街道", "龙塔街道"}


def test_a_short_name_counts_only_behind_its_own_city() -> None:
    # the short name of a county in Jiangxi inside the name of a road elsewhere
    found = route("绍兴市兴国路口被偷")
    assert (found.decision, found.district, found.city) == ("out_of_area", None, "绍兴市")
    assert route("赣州市兴国的出租屋着火").district == "兴国县"


def test_every_township_behind_its_county_is_outside_and_never_ours() -> None:
    """A sample of all 40,321: province, city, county and town as one address."""
    country = G.country
    names = sorted(name for name in country.names if country.counties_of(name))
    for name in random.Random(20261121).sample(names, 600):
        county = country.counties_of(name)[0]
        text = "".join(dict.fromkeys((county.province, county.city, county.name, name)))
        found = route(f"我在{text}，房子烧了")
        assert found.unit is None and found.decision == "out_of_area", text
        assert county.name in (found.district, "") and county.city in (found.city, ""), text


def test_every_township_alone_is_never_given_to_one_of_ours_that_does_not_bear_its_name() -> None:
    country, served = G.country, {G.units[u].name for u in G.served}
    names = sorted(name for name in country.names if country.counties_of(name))
    for name in random.Random(7).sample(names, 1500):
        found = route(f"我在{name}，房子烧了")
        if found.decision == "route":
            assert found.unit_name in served and G.units[found.unit or ""].short in name, name


def test_an_answer_names_the_district() -> None:
    found = resolve_answer("成都的", "event", G, TODAY)
    assert (found.decision, found.city) == ("out_of_area", "成都市")


def test_a_message_of_very_many_names_keeps_its_beginning_and_its_end() -> None:
    towns = sorted(name for name in G.country.names if len(name) == 4)[:2400]
    found = route("我住龙溪街道，" + "，".join(towns) + "，房子烧了")
    assert found.spans[0].text == "龙溪街道" and len(found.spans) < 80
    middle = route("没有钱吃饭" * 900 + "，龙溪街道着火了，" + "没有钱吃饭" * 900)
    assert middle.unit_name == "龙溪街道"  # few names: every character is read
