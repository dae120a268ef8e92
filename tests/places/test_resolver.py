"""Routing by the place of the emergency: the story, the roles, the dates and the known traps."""
from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.places.bodies import Contact
from actions.places.cli import route_record
from actions.places.dictionary import jieba_words
from actions.places.gazetteer import load_gazetteer
from actions.places.resolver import DECISIONS, QUESTIONS, Route, mentions_with_roles, resolve, resolve_answer

G = load_gazetteer()
TODAY = date(2026, 11, 21)
CHANGE = date(2025, 11, 6)
BEFORE = date(2025, 11, 5)
TO_BEIBEI = {"统景镇", "大湾镇", "兴隆镇", "茨竹镇", "大盛镇"}
SERVED = sorted(G.units[u].name for u in G.served)


def route(text: str, as_of: date = TODAY) -> Route:
    return resolve(text, G, as_of)


def roles(text: str) -> dict[str, str]:
    return {span.text: span.role for span in route(text).spans}


# --- the story -------------------------------------------------------------------------------------------------

STORY = "我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃"


def test_story_goes_to_the_place_of_the_fire_not_of_registration() -> None:
    found = route(STORY)
    assert (found.decision, found.unit, found.unit_name) == ("route", "u-longxi", "龙溪街道")
    assert (found.district, found.city) == ("两江新区", "重庆市")
    assert roles(STORY) == {"石船镇": "household", "龙溪街道": "event"}
    assert [STORY[s.start : s.end] for s in found.spans] == ["石船镇", "龙溪街道"]


def test_story_mentions_for_the_language_side() -> None:
    found = mentions_with_roles(STORY, G, TODAY)
    assert [(m.text, m.role, m.unit, m.unit_name) for m in found] == [
        ("石船镇", "household", "u-shichuan", "石船镇"), ("龙溪街道", "event", "u-longxi", "龙溪街道"),
    ]


def test_json_has_exactly_the_published_keys() -> None:
    assert list(route_record({"id": 7, "text": STORY}, G, TODAY)) == [
        "id", "text", "decision", "unit", "unit_name", "district", "city", "candidates", "tier", "spans", "question",
        "as_of", "table_version",
    ]
    record = route_record({"id": 7, "text": STORY}, G, TODAY)
    assert record["id"] == 7 and record["as_of"] == "2026-11-21" and record["table_version"] == G.version
    assert record["candidates"] == [
        {"unit": "u-longxi", "unit_name": "龙溪街道", "district": "两江新区", "tier": 4.0}
    ]
    assert set(record["spans"][0]) == {"text", "start", "end", "role", "means"}


@pytest.mark.parametrize("text", ["", "  \n", None])
def test_blank_record_says_none(text: str | None) -> None:
    assert route_record({"id": "x", "text": text}, G, TODAY)["decision"] == "none"


# --- thirty units, two dates -----------------------------------------------------------------------------------


def test_thirty_units_are_served() -> None:
    assert len(SERVED) == 30 and set(SERVED) > TO_BEIBEI


@pytest.mark.parametrize("name", SERVED)
@pytest.mark.parametrize("day", [date(2016, 1, 1), BEFORE, CHANGE, TODAY])
def test_parent_of_every_unit_by_date(name: str, day: date) -> None:
    found = route(f"重庆市渝北区{name}幸福路1号", day)
    parent = "渝北区" if day < CHANGE else "北碚区" if name in TO_BEIBEI else "两江新区"
    assert (found.decision, found.unit_name, found.district) == ("route", name, parent)
    assert found.as_of == day


@pytest.mark.parametrize("name", SERVED)
def test_new_parent_is_understood_too(name: str) -> None:
    parent = "北碚区" if name in TO_BEIBEI else "两江新区"
    assert route(f"我在{parent}{name}，房子垮了").unit_name == name


def test_eight_units_were_managed_by_the_committee() -> None:
    managed = {G.units[u].name for u in G.served if G.units[u].managed_by(BEFORE)}
    assert managed == {"鸳鸯街道", "翠云街道", "人和街道", "天宫殿街道", "大竹林街道", "礼嘉街道", "金山街道", "康美街道"}
    assert not any(G.units[u].managed_by(CHANGE) for u in G.served)


# --- outside ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, district, city", [
    ("江北区观音桥街道", "两江新区", "重庆市"),
    ("重庆童家溪镇马路边", "两江新区", "重庆市"),
    ("北碚区歇马街道人和村", "北碚区", "重庆市"),
    ("奉节县兴隆镇着火了", "奉节县", "重庆市"),
    ("云阳人和街道", "云阳县", "重庆市"),
    ("我在万州出了车祸", "万州区", "重庆市"),
    ("成都市武侯区桂溪路", "武侯区", "成都市"),
    ("福州市仓山区金山街道", "仓山区", "福州市"),
    ("福州市金山街道", "仓山区", "福州市"),
    ("宁波市江北区", "江北区", "宁波市"),
    ("在北京朝阳区被骗", "朝阳区", "北京市"),
    ("成都市高新区", "高新区", "成都市"),
    ("我户口在石船镇，现在人在万州区住院", "万州区", "重庆市"),
    ("我住龙溪街道，在成都出了车祸", None, "成都市"),
])
def test_other_district_beats_everything(text: str, district: str | None, city: str) -> None:
    found = route(text)
    assert (found.decision, found.unit, found.district, found.city) == ("out_of_area", None, district, city)


def test_outside_before_the_change_names_the_old_parent() -> None:
    assert route("江北区观音桥街道", BEFORE).district == "江北区"
    assert route("童家溪镇", BEFORE).district == "北碚区"
    assert route("童家溪镇", CHANGE).district == "两江新区"


def test_handover_never_invents_a_number() -> None:
    assert G.contact(None, "两江新区", TODAY).phone == "12345"
    assert G.contact("成都市", "武侯区", TODAY) == Contact("成都市政务服务便民热线", "12345", "confirmed")


# --- roles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, unit", [
    ("龙溪着火了", "龙溪街道"),
    ("户籍是两路街道的，但住在回兴街道，得了重病", "回兴街道"),
    ("住木耳镇的，老家在统景镇，没钱吃饭", "木耳镇"),
    ("龙溪街道的户口，人在龙塔街道出事", "龙塔街道"),
    ("龙溪街道户口，住龙塔街道", "龙塔街道"),
    ("户口：石船镇 现住：龙溪街道", "龙溪街道"),
    ("户口没在龙溪，我住龙塔街道", "龙塔街道"),
    ("不是龙溪街道，是龙塔街道", "龙塔街道"),
    ("我以前住龙溪街道，现在住龙塔街道", "龙塔街道"),
    ("我从龙溪街道来的，在龙塔街道被打了", "龙塔街道"),
    ("老家在石船的房子烧了", "石船镇"),
    ("户口和住址都在龙溪街道", "龙溪街道"),
    ("房子在龙兴镇着火了，现在在两路街道医院住院", "龙兴镇"),
    ("我老公在龙溪街道住院，没钱了", "龙溪街道"),
    ("我住龍溪街道，屋垮了", "龙溪街道"),
    ("渝北区,龙溪街道", "龙溪街道"),
    ("我是石船镇的人，在龙溪打工被机器砸伤了", "龙溪街道"),
    ("我在渝北龙溪街道办事处门口，没地方睡", "龙溪街道"),
    ("洛碛发大水", "洛碛镇"),
    ("我户口在江北区观音桥街道，房子在龙溪街道烧了", "龙溪街道"),
])
def test_role_decides(text: str, unit: str) -> None:
    found = route(text)
    assert (found.decision, found.unit_name) == ("route", unit)


@pytest.mark.parametrize("text", [
    "我户口在石船镇", "老家石船的", "我的户籍是龙溪街道的，现在没饭吃", "户口没在龙溪", "户口不在龙溪街道",
    "房子烧了，我在两路街道医院住院",
])
def test_registration_or_hospital_alone_asks_where_it_happened(text: str) -> None:
    found = route(text)
    assert (found.decision, found.unit, found.question) == ("ask", None, "place.ask_event")


def test_negated_registration_is_no_household() -> None:
    assert roles("户口没在龙溪") == {"龙溪": "other"}


def test_hospital_is_marked() -> None:
    assert roles("我住龙溪街道，老公在两路街道医院住院") == {"龙溪街道": "residence", "两路街道": "hospital"}


@pytest.mark.parametrize("text", ["渝北", "我在渝北区", "我在两江新区", "我在北碚", "北部新区", "我刚到重庆"])
def test_legacy_and_coarse_names_are_sets_never_an_answer(text: str) -> None:
    found = route(text)
    assert (found.decision, found.unit, found.question) == ("ask", None, "place.ask_unit")


# --- to be read back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, unit", [
    ("龙西街道着火了", "龙溪街道"),
    ("渝北双笼湖街道", "双龙湖街道"),
    ("渝北洛啧镇", "洛碛镇"),
    ("我住龙溪镇", "龙溪街道"),
    ("华蓥山镇涨水", "茨竹镇"),
    ("我住民心佳园", "金山街道"),
    ("我住康庄美地", "康美街道"),
    ("在西南政法大学摔了", "宝圣湖街道"),
    ("江北机场被偷", "两路街道"),
    ("北碚区龙溪街道", "龙溪街道"),
    ("我在成都打工，住金山街道", "金山街道"),
    ("人和村房子垮了", "大盛镇"),
    ("我住在王家，房子烧了", "王家街道"),
    ("我是龙溪街道的，没钱了", "龙溪街道"),
    ("娃儿在大湾小学门口摔了", "大湾镇"),
    ("木耳新街9号3单元", "木耳镇"),
])
def test_weak_evidence_is_confirmed_never_routed(text: str, unit: str) -> None:
    found = route(text)
    assert (found.decision, found.unit_name, found.question) == ("confirm", unit, "place.confirm")


@pytest.mark.parametrize("text, units", [
    ("我在火车北站", {"龙塔街道", "天宫殿街道"}),
    ("我住红土地", {"龙塔街道", "观音桥街道"}),
    ("兴隆社区涨水", {"兴隆镇", "洛碛镇"}),
    ("我在龙溪街道和龙塔街道之间摔了", {"龙溪街道", "龙塔街道"}),
    ("两路镇着火了", {"双龙湖街道", "双凤桥街道", "两路街道"}),
])
def test_several_units_become_a_choice(text: str, units: set[str]) -> None:
    found = route(text)
    assert (found.decision, found.unit, found.question) == ("ask", None, "place.choose")
    assert {c.unit_name for c in found.candidates} == units


def test_community_of_another_unit_contradicts_and_is_asked() -> None:
    assert route("龙溪街道石壁村着火").decision == "ask"


# --- no place --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "救命", "卖木耳的摔了", "我卖木耳", "王家老汉摔了", "大湾区", "粤港澳大湾区打工", "祝你生意兴隆", "四川人", "点个鸳鸯锅",
    "我女儿叫龙山", "分成两路找人", "两路都不通,路上堵了", "任何人都行", "大声点", "你家在哪", "李家的娃儿", "回信给我", "痛经", "街道社区不管",
    "康美医药公司欠薪", "老人和孩子都饿着", "两路口被偷了", "一号线太平桥镇口", "去人民医院", "写信给人民政府", "你好", "🙂🙂", "<script>alert(1)</script>", "' OR 1=1 --",
])
def test_everyday_words_are_no_places(text: str) -> None:
    found = route(text)
    assert (found.decision, found.unit, found.spans) == ("none", None, ())


@pytest.mark.parametrize("text", ["住在龙塔华园", "龙溪路18号", "龙兴街6号", "龙山小学门口", "K县龙溪花园"])
def test_roads_and_estates_named_like_units_do_not_route(text: str) -> None:
    assert route(text).decision != "route"


@pytest.mark.parametrize("text, unit", [
    ("兴隆镇兴隆街道渝兴路", "兴隆镇"),      # a street called so inside the town
    ("木耳镇街道社区", "木耳镇"),             # a community called so
    ("双龙湖街道龙祥街社区", "双龙湖街道"),
    ("龙兴镇龙祥社区", "龙兴镇"),
    ("天宫殿街道龙塔华园", "天宫殿街道"),
    ("双龙湖街道龙兴街", "双龙湖街道"),
])
def test_named_traps_inside_an_address(text: str, unit: str) -> None:
    found = route(text)
    assert (found.decision, found.unit_name) == ("route", unit)


# --- answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, unit", [
    ("龙溪", "龙溪街道"), ("龙溪的", "龙溪街道"), ("就在龙溪街道", "龙溪街道"), ("石船", "石船镇"), ("大湾", "大湾镇"),
    ("不对，是龙塔街道", "龙塔街道"), ("不对，是龙塔", "龙塔街道"), ("不是龙溪，是龙塔", "龙塔街道"),
])
def test_bare_answer_takes_the_asked_role(text: str, unit: str) -> None:
    found = resolve_answer(text, "event", G, TODAY)
    assert (found.decision, found.unit_name) == ("route", unit)
    assert [s.role for s in found.spans][-1] == "event"


def test_answer_to_the_household_question() -> None:
    found = resolve_answer("石船", "household", G, TODAY)
    assert found.unit_name == "石船镇" and found.spans[0].role == "household"


def test_household_given_to_the_event_question_still_asks() -> None:
    assert resolve_answer("我户口在石船", "event", G, TODAY).decision == "ask"


def test_misspelt_answer_is_read_back() -> None:
    found = resolve_answer("龙西", "event", G, TODAY)
    assert (found.decision, found.unit_name) == ("confirm", "龙溪街道")


@pytest.mark.parametrize("text", ["不知道", "我女儿叫龙山", "大湾区", "不清楚嘛"])
def test_answer_without_place_is_none(text: str) -> None:
    assert resolve_answer(text, "event", G, TODAY).decision == "none"


def test_unknown_role_is_refused() -> None:
    with pytest.raises(ValueError, match="no role"):
        resolve_answer("龙溪", "home", G, TODAY)


# --- properties ------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(sorted(G.words)[::7] + ["，", "。", " ", "\n", "１２", "的", "了", "\u200b", "🔥", "\ud800"])
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=14).map("".join))


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from([BEFORE, TODAY]))
def test_never_raises_and_spans_lie_where_they_say(text: str, day: date) -> None:
    for found in (resolve(text, G, day), resolve_answer(text, "event", G, day)):
        assert found.decision in DECISIONS
        assert (found.unit is not None) == (found.decision in ("route", "confirm"))
        assert found.unit is None or found.unit in G.served
        assert (found.question is None) == (found.decision in ("route", "out_of_area", "none"))
        assert found.question in (None, *QUESTIONS)
        ends = 0
        for span in found.spans:
            assert ends <= span.start < span.end <= len(text)
            assert text[span.start : span.end] == span.text
            ends = span.end
    for mention in mentions_with_roles(text, G, day):
        assert text[mention.start : mention.end] == mention.text


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_same_text_same_route(text: str) -> None:
    assert resolve(text, G, TODAY) == resolve(text, G, TODAY)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SERVED), st.sampled_from(SERVED))
def test_registration_never_decides(home: str, event: str) -> None:
    found = route(f"户口在{home}，在{event}租的房子着火了")
    assert (found.decision, found.unit_name) == ("route", event)
    other = route(f"{event}的房子着火了，户口是{home}的")
    assert (other.decision, other.unit_name) == ("route", event)


def test_long_text_stays_readable() -> None:
    found = route("我没有钱吃饭" * 1500 + "，龙溪街道着火了")
    assert found.unit_name == "龙溪街道"


# --- the word list ---------------------------------------------------------------------------------------------


def test_jieba_words_are_names_without_frequency() -> None:
    words = jieba_words(G)
    assert {"龙溪街道", "龙溪", "石船镇", "渝北区", "两江新区", "冉家坝社区", "民心佳园"} <= set(words)
    assert not any(" " in word or any(c.isdigit() and c.isascii() for c in word[-1:]) for word in words)
    assert words == sorted(set(words)) and not any("着火" in word for word in words)
