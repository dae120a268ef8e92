"""What is said openly is heard once and rightly; what is not said stays unknown."""
from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions.language.facts import hear_facts

TODAY = date(2026, 9, 18)
STORY = "我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃"


def values(text: str) -> dict[str, Any]:
    return {fact: heard.value for fact, heard in hear_facts(text, TODAY).items()}


def test_the_story() -> None:
    assert values(STORY) == {"event_kind": "fire", "event_date": "2026-09-17", "need_tonight": ["bed", "food"],
                             "home": "rented", "for_whom": "self"}


def test_heard_is_the_resident_s_own_words() -> None:
    text = "　老汉儿昨天脑溢血送进医院，屋头没得\u200b收入"
    facts = hear_facts(text, TODAY)
    for heard in facts.values():
        assert text[heard.start:heard.end] == heard.heard
    assert facts["for_whom"].heard == "老汉儿" and facts["income_month"].heard == "没得\u200b收入"


@pytest.mark.parametrize(("text", "expected"), [
    ("老汉儿昨天脑溢血送进医院", {"event_kind": "illness", "event_date": "2026-09-17", "for_whom": "parent"}),
    ("娃儿得了白血病，上个月确诊的", {"event_kind": "illness", "for_whom": "child", "serious_illness": True}),
    ("我老公出车祸了", {"event_kind": "traffic", "for_whom": "spouse"}),
    ("厂子倒闭我失业了", {"event_kind": "unemployment", "for_whom": "self"}),
    ("钱包被偷了，回不了家", {"event_kind": "theft_stranded"}),
    ("我家被洪水淹了", {"event_kind": "disaster"}),
    ("交不起学费", {"event_kind": "education_cost"}),
    ("我老公打我，不敢回家", {"event_kind": "violence", "for_whom": "self", "safe_now": False}),
    ("我今年63岁，肢体残疾二级", {"age": 63, "disability_kind": "limb", "disability_grade": 2}),
    ("家里五口人，一个月全家收入三千", {"household_people": 5, "income_month": "3000"}),
    ("工资每月两三千", {"income_month": {"from": "2000", "to": "3000"}}),
    ("没有收入", {"income_month": "0"}),
    ("我一直在吃低保", {"benefits_now": ["subsistence_allowance"]}),
    ("我是特困户", {"benefits_now": ["destitute_support"]}),
    ("在领失业金", {"benefits_now": ["unemployment_insurance"]}),
    ("没有残疾证", {"disability_card": False}),
    ("办了残疾证", {"disability_card": True}),
    ("天天睡桥洞", {"sleeps_rough": True, "home": "none", "need_tonight": ["bed"]}),
    ("亲戚都借遍了", {"family_can_help": False}),
    ("火灭了，人都没事", {"safe_now": True}),
    ("胰岛素断药了", {"need_tonight": ["medicine"]}),
    ("没被子，冷得发抖", {"need_tonight": ["heat"]}),
    ("我是网格员，有个独居老人摔倒了", {"for_whom": "other", "event_kind": "injury"}),
])
def test_facts_said_openly(text: str, expected: dict[str, Any]) -> None:
    found = values(text)
    assert {fact: found.get(fact) for fact in expected} == expected


@pytest.mark.parametrize(("text", "fact"), [
    ("怎么申请低保", "benefits_now"), ("想办低保要什么材料", "benefits_now"), ("低保标准是多少", "benefits_now"),
    ("如果着火了怎么办", "event_kind"), ("没有着火", "event_kind"), ("我没有失业", "event_kind"),
    ("残疾证怎么样", "disability_grade"), ("三级公路", "disability_grade"), ("你好", "for_whom"),
    ("房子在五楼", "household_people"), ("我有饭吃", "need_tonight"), ("医院一天一万多", "income_month"),
])
def test_what_was_not_said_is_not_heard(text: str, fact: str) -> None:
    assert fact not in values(text)


def test_saying_no_to_one_benefit_is_not_saying_no_to_all_with_certainty() -> None:
    facts = hear_facts("没有低保", TODAY)
    assert facts["benefits_now"].value == [] and facts["benefits_now"].confidence < 0.6
    assert facts["benefits_now"].heard == "没有低保"
    assert hear_facts("什么补助都没有领", TODAY)["benefits_now"].confidence > 0.8


def test_the_age_of_another_person_is_not_taken() -> None:
    assert values("我妈70岁了查出癌症")["age"] == 70
    assert "age" not in values("我老公查出癌症，我妈70岁")


def test_more_than_one_event_makes_it_less_sure() -> None:
    one, two = hear_facts("我家着火了", TODAY), hear_facts("我家着火了，我又失业了", TODAY)
    assert two["event_kind"].value == "fire" and two["event_kind"].confidence < one["event_kind"].confidence


@given(st.text(max_size=300))
@example("")
@example("\ud800\x00İ昨晚着火")
@example("İ" * 50 + "我家着火了")
@example("有低保" * 200)
def test_no_text_breaks_it(text: str) -> None:
    for heard in hear_facts(text, TODAY).values():
        assert text[heard.start:heard.end] == heard.heard and 0 < heard.confidence < 1


@pytest.mark.timeout(60)  # a runaway expression takes minutes; how fast it is, the bench tells
@pytest.mark.parametrize("piece", [STORY, "我", "没有", "昨天着火", "一家五口人", "我今年六十岁", "有低保"])
def test_ten_thousand_characters_take_no_time(piece: str) -> None:
    text = piece * (10_000 // len(piece))
    hear_facts(text, TODAY)
    hear_facts(text, TODAY)


def test_twenty_thousand_characters_of_anything() -> None:
    hear_facts("".join(chr(place) for place in range(1, 20_001)), TODAY)
