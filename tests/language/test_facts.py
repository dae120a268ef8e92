"""What is said openly is heard once and rightly; what is not said stays unknown."""
from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions.language.data import FOLDER
from actions.language.facts import hear_facts
from actions.language.facts.book import the_book
from actions.screening.answers import check_answer
from actions.screening.load import load_ruleset
from bot.bench.facts import f1, fact_marks

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


@pytest.mark.parametrize(("text", "expected"), [
    ("看病前后花了八万", "80000"), ("药费万把块", {"from": "8000", "to": "12000"}),
    ("医院一天一万多", {"from": "10000", "to": None}), ("住院花了十二万，自己掏了五万", "50000"),
    ("治病用了三万多", {"from": "30000", "to": "40000"}), ("透析一年自费两三万", {"from": "20000", "to": "30000"}),
])
def test_what_was_spent_on_illness(text: str, expected: Any) -> None:
    assert values(text)["medical_self_paid_year"] == expected


@pytest.mark.parametrize("text", [
    "医生喊准备八万做手术", "还差三万医药费", "欠医院两万", "大前年住院花了六万", "要是住院花了三万能报好多",
    "房租一个月八百", "你们给了两千", "彩礼给了八万",
])
def test_a_sum_that_was_not_spent_on_illness_is_none(text: str) -> None:
    assert "medical_self_paid_year" not in values(text)


def test_two_wages_are_not_the_income_of_the_household() -> None:
    assert "income_month" not in values("我工资一个月三千，老公工资一个月四千五")
    assert values("我工资一个月三千，老公一个月四千五，加起来一个月七千五")["income_month"] == "7500"


@pytest.mark.parametrize(("text", "expected"), [
    ("娃儿他爸在坐牢，妈妈跑了联系不上", {"father_state": "prison", "mother_state": "lost_contact"}),
    ("我儿子死了，儿媳妇跑了，孙子我在带", {"father_state": "dead", "mother_state": "lost_contact"}),
    ("我今年十二岁，爸爸妈妈都去世了", {"father_state": "dead", "mother_state": "dead"}),
    ("我四十岁，爸爸去世了，娃儿在读书", {}), ("我爸在坐牢", {}), ("孩子的爸爸没有坐牢", {}),
])
def test_what_is_said_of_a_child_s_parents(text: str, expected: dict[str, str]) -> None:
    found = values(text)
    assert {fact: value for fact, value in found.items() if fact.endswith("_state")} == expected


def test_an_old_event_is_not_this_one() -> None:
    letter = "前年我家发生过火灾，烧得精光，政府帮过我们。这个月三号我老公出车祸，现在没钱治。请帮帮我们"
    assert values(letter)["event_kind"] == "traffic" and values(letter)["event_date"] == "2026-09-03"
    assert "event_kind" not in values("前年也得过癌症，早好了")


def test_the_day_of_another_s_event_is_not_taken() -> None:
    found = values("我邻居去年八月房子着火。我自己九月十号遭厂里辞退了，想申请救助")
    assert (found["event_kind"], found["event_date"]) == ("unemployment", "2026-09-10")


@pytest.mark.parametrize(("text", "owner", "years"), [
    ("我三十五，我妈六十九，她中风了", "parent", 69), ("五岁的孙女得了白血病，我今年六十二岁", "child", 5),
    ("张婆婆八十六岁，昨天摔断了腿", "other", 86),
])
def test_the_age_is_of_who_needs_help(text: str, owner: str, years: int) -> None:
    found = values(text)
    assert (found["for_whom"], found["age"]) == (owner, years)


@pytest.mark.parametrize(("name", "least"), [("facts_said", 0.94), ("facts_said_later", 0.95)])
def test_what_people_say_is_heard_as_before(name: str, least: float) -> None:
    # Floors: below them something that was understood no longer is. The labels say only what is said openly.
    lines = (Path(__file__).parent / f"{name}.jsonl").read_text("utf-8").splitlines()
    right, said = set(), set()
    for one in map(json.loads, lines):
        right |= fact_marks(one["id"], one["facts"])
        heard = hear_facts(one["text"], date.fromisoformat(one["today"]))
        said |= fact_marks(one["id"], {fact: found.value for fact, found in heard.items()})
    assert f1(right, said)["f1"] >= least, sorted(right ^ said)


def test_every_value_of_the_word_files_is_an_answer_the_rules_take() -> None:
    ruleset = load_ruleset(FOLDER.parent / "screening")
    for fact, sayings in the_book().sayings.items():
        for saying in sayings.say:
            value = [saying.value] if sayings.choose == "all" and saying.value else saying.value
            check_answer(ruleset, fact, value or ([] if sayings.choose == "all" else value))
    for text in (MIXED, STORY, "全家月收入不到两千", "我八十岁", "一天一万多医药费", "他爸妈都坐牢了"):
        for fact, heard in hear_facts(text, TODAY).items():
            check_answer(ruleset, fact, heard.value)


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


MIXED = "还有我屋头娃儿今年九岁读三年级，昨天摔断腿花了八万，前年也住过院，他爸爸坐牢，一个月低保六百，如果着火了能不能赔？"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", [MIXED, "前年花了八万", "他爸爸妈妈", "没有低保", "不是我", "怕", "一天一万多"])
def test_what_the_other_readers_read_takes_no_time_either(piece: str) -> None:
    hear_facts(piece * (20_000 // len(piece)), TODAY)


PIECES = st.sampled_from([MIXED, STORY, *MIXED, "没得", "老汉儿", "莫得", "一万多", "两三千", "公元前", "二〇一五年",
                          "99999999999999999999万", "九九九九年九月九日", "\n", "，", "\u200b", "😀", "İ", "昨天", "去世"])


@given(st.lists(PIECES, max_size=60).map("".join))
def test_no_mixture_of_what_people_say_breaks_it(text: str) -> None:
    for heard in hear_facts(text, TODAY).values():
        assert text[heard.start:heard.end] == heard.heard and 0 < heard.confidence < 1


@pytest.mark.parametrize("today", [date.min, date.max])
def test_any_day_will_do(today: date) -> None:
    hear_facts(MIXED + STORY, today)


def test_twenty_thousand_characters_of_anything() -> None:
    hear_facts("".join(chr(place) for place in range(1, 20_001)), TODAY)
