"""The traps of the field, by name: what real addresses and callers do that a list of names gets wrong."""
from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.places.gazetteer import load_gazetteer
from actions.places.record import outcome_of, replay_route
from actions.places.resolver import Route, resolve, resolve_answer
from actions.places.rulings import OVERRIDE, Ruling, spot_of, with_rulings

G = load_gazetteer()
TODAY = date(2026, 11, 21)
BEFORE, CHANGE = date(2025, 11, 5), date(2025, 11, 6)


def route(text: str, as_of: date = TODAY) -> Route:
    return resolve(text, G, as_of)


def names(found: Route) -> set[str]:
    return {candidate.unit_name for candidate in found.candidates}


# --- roads, estates, communities -------------------------------------------------------------------------------


def test_a_road_named_like_a_unit_lies_in_another_one() -> None:
    assert route("双龙湖街道龙兴街着火").unit_name == "双龙湖街道"
    assert route("龙兴街着火").decision != "route"


def test_two_communities_one_character_apart() -> None:
    assert route("龙祥街社区着火").unit_name == "双龙湖街道"
    assert route("龙祥社区着火").unit_name == "龙兴镇"


def test_an_estate_over_two_units_that_no_table_parts_is_not_guessed() -> None:
    assert route("我住保利香槟，被偷了").unit is None


@pytest.mark.parametrize("text, units", [
    ("金易都会", {"两路街道", "双凤桥街道"}), ("义学路", {"两路街道", "双凤桥街道"}), ("金港国际", {"双龙湖街道", "两路街道"}),
])
def test_where_public_labels_disagree_both_are_offered(text: str, units: set[str]) -> None:
    found = route(f"我在{text}被偷了")
    assert (found.decision, names(found)) == ("ask", units)


@pytest.mark.parametrize("text, unit, guessed", [
    ("民心佳园", "金山街道", "鸳鸯街道"), ("康庄美地", "康美街道", "大竹林街道"), ("西南政法大学", "宝圣湖街道", "回兴街道"),
])
def test_what_people_commonly_guess_wrong(text: str, unit: str, guessed: str) -> None:
    found = route(f"我住{text}，屋烧了")
    assert (found.decision, found.unit_name) == ("confirm", unit) and guessed not in names(found)


def test_a_homophone_across_units_is_no_unit() -> None:
    assert route("我住慈竹苑，遭了贼").unit_name != "茨竹镇"


def test_a_boundary_road_is_asked_with_both_sides() -> None:
    assert names(route("渝都大道出了车祸")) == {"回兴街道", "宝圣湖街道"}
    # before the street was split off, the line of 2013 did not exist
    assert route("渝都大道出了车祸", date(2012, 1, 1)).candidates == ()


# --- clashes ---------------------------------------------------------------------------------------------------


def test_a_community_in_two_units_is_asked_and_its_unit_settles_it() -> None:
    assert names(route("兴隆社区着火")) == {"兴隆镇", "洛碛镇"}
    assert route("洛碛镇兴隆社区着火").unit_name == "洛碛镇"
    assert route("兴隆镇兴隆社区着火").unit_name == "兴隆镇"


@pytest.mark.parametrize("text, unit", [("人和村", "大盛镇"), ("玉峰山村", "王家街道")])
def test_a_village_that_bears_another_units_name_means_the_village(text: str, unit: str) -> None:
    assert route(f"我在{text}，房子垮了").unit_name == unit


@pytest.mark.parametrize("text, district", [
    ("云阳县人和街道", "云阳县"), ("奉节县兴隆镇", "奉节县"), ("南川区兴隆镇", "南川区"), ("巫溪县古路镇", "巫溪县"),
    ("巫山县龙溪镇", "巫山县"), ("大足区金山镇", "大足区"), ("石柱县王家乡", "石柱土家族自治县"), ("万州区茨竹乡", "万州区"),
    ("北碚区歇马街道人和村", "北碚区"), ("福建福州仓山区金山街道", "仓山区"),
])
def test_the_same_name_in_another_district_is_that_districts(text: str, district: str) -> None:
    found = route(f"我在{text}，房子烧了")
    assert (found.decision, found.district) == ("out_of_area", district)


# --- stations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, unit", [
    ("长福路站", "宝圣湖街道"), ("金童路站", "金山街道"), ("金渝站", "金山街道"), ("观月路站", "王家街道"),
    ("举人坝站", "木耳镇"), ("高堡湖站", "双凤桥街道"), ("嘉州路站", "龙溪街道"), ("江北机场", "两路街道"),
    ("凉井站", "宝圣湖街道"),  # its former name
])
def test_a_station_is_read_back(text: str, unit: str) -> None:
    found = route(f"我在{text}晕倒了")
    assert (found.decision, found.unit_name) == ("confirm", unit)


@pytest.mark.parametrize("text", ["碧津站", "双凤桥站", "火车北站", "中央公园", "红土地"])
def test_a_station_on_a_line_is_two_or_three_buttons(text: str) -> None:
    found = route(f"我在{text}被偷了")
    assert found.decision == "ask" and 2 <= len(found.candidates) <= 3


# --- sounds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "任何人", "我是四川的", "说大声点", "你家着火了没", "李家着火", "例假没来", "痛经得厉害", "回信给我", "灰心得很", "进山采药",
])
def test_everyday_words_that_sound_like_units(text: str) -> None:
    assert route(text).unit is None


@pytest.mark.parametrize("text", ["四川街道", "任何镇上的人", "痛经镇痛"])
def test_even_before_an_ending_they_are_never_routed(text: str) -> None:
    assert route(text).decision != "route"


# --- roles -----------------------------------------------------------------------------------------------------


def test_a_hospital_after_a_fire_is_not_where_it_burned() -> None:
    assert route("龙兴镇的屋烧了，人在两路街道的医院住院").unit_name == "龙兴镇"
    found = route("屋烧了，人在两路街道的医院住院")
    assert (found.decision, found.unit) == ("ask", None)


def test_a_hospital_is_the_place_of_an_illness() -> None:
    assert route("得了重病，在回兴街道住院没钱").unit_name == "回兴街道"


@pytest.mark.parametrize("text", ["户口没在龙溪", "户口不在龙溪街道", "不住龙溪街道", "没在龙溪街道", "我离开龙溪街道了"])
def test_a_negated_place_is_no_place(text: str) -> None:
    assert route(text).unit is None


def test_a_set_of_units_is_never_an_answer() -> None:
    for name in ("渝北区", "江北区", "北部新区", "江北县", "两江新区"):
        assert route(f"我在{name}，房子烧了").unit is None, name


# --- dates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", sorted(G.served))
def test_the_day_before_and_the_day_of_the_change(unit: str) -> None:
    name = G.units[unit].name
    then, now = route(f"{name}着火", BEFORE), route(f"{name}着火", CHANGE)
    assert (then.unit, now.unit) == (unit, unit)
    assert then.district == "渝北区" and now.district in ("两江新区", "北碚区")


# --- records ---------------------------------------------------------------------------------------------------

RULINGS = [Ruling(1, OVERRIDE, "花样年路", "u-longta", 1, 99, "odd", date(2026, 1, 1)),
           Ruling(2, "alias", "花样年小区", "u-renhe", valid_from=date(2026, 3, 1))]
PIECES = ["户口在", "我在", "住", "着火了", "，", "龙溪街道", "石船镇", "花样年路7号", "花样年路8号", "花样年小区", "成都市武侯区",
          "和平镇", "火车北站", "龙西街道", "渝北", "不在"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join), st.sampled_from([0, 1, 2]),
       st.sampled_from([None, "event"]), st.sampled_from([BEFORE, date(2026, 2, 1), TODAY]))
def test_every_route_can_be_read_again_from_its_record(text: str, last: int, asked: str | None, day: date) -> None:
    then = with_rulings(G, RULINGS[:last], last)
    found = resolve_answer(text, asked, then, day) if asked else resolve(text, then, day)
    kept: dict[str, Any] = json.loads(json.dumps(outcome_of(found, asked)))
    assert replay_route(text, kept, G, lambda number: RULINGS[:number], day) == []


def test_a_replay_names_what_differs() -> None:
    found = with_rulings(G, RULINGS[:1], 1)
    kept = outcome_of(resolve("我在花样年路7号", found, TODAY), None)
    assert kept["unit"] == "u-longta"
    differs = replay_route("我在花样年路7号", kept, G, lambda number: [], TODAY)
    assert {"path": "unit", "then": "u-longta", "now": None} in differs
    assert replay_route("说不清", {**kept, "decision": "unknown", "unit": None}, G, lambda number: RULINGS[:1], TODAY) == []


def test_the_version_says_which_rulings_were_read() -> None:
    assert with_rulings(G, [], 0) is G
    assert with_rulings(G, RULINGS, 2).version == f"{G.version}+2"
    assert "花样年路" not in G.words  # the tables themselves never change


def test_an_unserved_unit_or_a_cue_word_is_no_ruling() -> None:
    odd = [Ruling(1, "alias", "某小区", "u-guanyinqiao"), Ruling(2, "alias", "着火", "u-longxi")]
    with_odd = with_rulings(G, odd, 2)
    assert resolve("我住某小区", with_odd, TODAY).decision == "none"
    assert resolve("龙塔街道着火", with_odd, TODAY).unit == "u-longta"


# --- names in addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, name, number", [
    ("龙溪街道幸福新路12号3栋", "幸福新路", 12), ("渝北区回兴街道阳光里小区", "阳光里小区", None),
    ("在石船镇的新农大道旁边", None, None), ("龙溪街道", None, None), ("张三家里", None, None), ("", None, None),
    ("幸福新路１２号", "幸福新路", 12),
])
def test_the_road_or_estate_of_an_address(text: str, name: str | None, number: int | None) -> None:
    spot = spot_of(text, G)
    assert (None if spot is None else (spot.name, spot.number)) == (None if name is None else (name, number))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_looking_for_a_road_never_raises_and_takes_no_number_along(text: str) -> None:
    spot = spot_of(text, G)
    assert spot is None or (2 < len(spot.name) <= 13 and not any(c.isdigit() for c in spot.name))
