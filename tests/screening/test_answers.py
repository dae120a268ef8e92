"""What residents say to a question, and what it must mean, or that it is no answer at all."""
from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from actions.screening.answers import check_answer, read_answer, read_answers
from actions.screening.model import RuleSet
from actions.screening.values import BadAnswer, UnknownFact

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(("fact", "text", "value"), [
    ("household_people", "三口人", 3), ("household_people", "就我一个", 1), ("household_people", "我和两个娃儿", 3),
    ("household_people", "一家四口", 4), ("household_people", "3", 3), ("household_people", "我们三个", 3),
    ("household_people", "五六个人", {"from": 5, "to": 6}), ("household_people", "两口子", 2),
    ("household_people", "我们两口子和一个娃", 3), ("household_people", "我一个人带两个娃", 3),
    ("household_people", "我老婆和孩子", 3), ("household_people", "全家五口人，两个老人一个小孩", 5),
    ("household_people", "四口人，有个老人和娃儿", 4), ("household_people", "４个人", 4),
    ("household_people", "四个人或更多", {"from": 4, "to": None}), ("household_people", "几个人都要算吗？", None),
    ("household_people", "一百个人", None), ("household_people", "要带什么材料", None), ("household_people", "", None),
    ("household_people", "😀", None), ("household_people", "不清楚", "unsure"),
    ("family_can_help", "没有", False), ("family_can_help", "没得", False), ("family_can_help", "没有人能帮", False),
    ("family_can_help", "有，我哥可以", True), ("family_can_help", "亲戚都在外地", False),
    ("family_can_help", "可以去亲戚家住几天", True), ("family_can_help", "嗯", True),
    ("family_can_help", "有人能帮", True), ("family_can_help", "不晓得", "unsure"),
    ("family_can_help", "不想说", "declined"), ("family_can_help", "有没有人来帮？", None),
    ("family_can_help", "没有人能帮，怎么办？", False), ("family_can_help", "我要找人工", None),
    ("property_over_limit", "没有车没有门面", False), ("property_over_limit", "有个门面", True),
    ("serious_illness", "没有重病", False), ("serious_illness", "得了癌", True),
    ("living_hard", "过不下去了", True), ("living_hard", "还行", False), ("living_hard", "true", None),
    ("need_tonight", "没饭吃也没地方住", ["food", "bed"]), ("need_tonight", "没有吃的", ["food"]),
    ("need_tonight", "不缺吃的，就缺个住处", ["bed"]), ("need_tonight", "都不缺", []),
    ("need_tonight", "吃住都成问题", ["food", "bed"]),
    ("event_kind", "房子着火了", "fire"), ("event_kind", "不是火灾，是被水淹了", "disaster"),
    ("event_kind", "不晓得", "unsure"), ("event_kind", "今天天气好", None),
    ("income_month", "两三千吧", {"from": "2000", "to": "3000"}), ("income_month", "没有收入", "0"),
    ("income_month", "一个月两千块", "2000"), ("income_month", "一年两万四", "2000"),
    ("income_month", "不到一千", {"from": None, "to": "1000"}), ("income_month", "说不清，大概两千", "2000"),
    ("income_month", "1000到2000元", {"from": "1000", "to": "2000"}), ("income_month", "一天一百块", None),
    ("income_year", "一个月一千块", "12000"),
    ("event_date", "昨晚", "2026-11-20"), ("event_date", "记不清了", "unsure"),
    ("disability_grade", "二级", 2), ("disability_grade", "九级", None), ("age", "六十七岁", 67),
    ("household_register", "农村的", "chongqing_rural"), ("asked_before", "没有", "no"),
])
def test_read_answer(rules: RuleSet, fact: str, text: str, value: Any) -> None:
    answer = read_answer(rules, fact, text, TODAY)
    assert (None if answer is None else answer.value) == value
    if answer is not None:
        assert answer.fact == fact and answer.text == text


def test_pressing_a_button_is_remembered_as_such(rules: RuleSet) -> None:
    for text, how in (("没有人能帮", "button"), ("没有人能帮哦", "said")):
        answer = read_answer(rules, "family_can_help", text)
        assert answer is not None and (answer.value, answer.how) == (False, how)


def test_old_young_and_ill_are_heard_in_the_same_answer(rules: RuleSet) -> None:
    answers = {answer.fact: answer for answer in read_answers(rules, "household_people", "四口人，一个老人两个娃儿，没有病人")}
    assert {name: answer.value for name, answer in answers.items()} == {
        "household_people": 4, "household_over_60": 1, "household_minors": 2, "serious_illness": False}
    assert answers["household_over_60"].how == "heard"
    answers = {answer.fact: answer for answer in read_answers(rules, "household_people", "三个人，有娃儿，没有老人")}
    assert answers["household_minors"].value == {"from": 1, "to": None} and answers["household_over_60"].value == 0
    assert [answer.fact for answer in read_answers(rules, "household_people", "三口人")] == ["household_people"]


def test_check_answer_keeps_the_shape_callers_store(rules: RuleSet) -> None:
    assert check_answer(rules, "need_tonight", ["bed", "food"]) == ["food", "bed"]
    assert check_answer(rules, "income_month", 1800) == "1800"
    assert check_answer(rules, "income_month", "unsure") == "unsure"
    with pytest.raises(UnknownFact, match="need_tonight"):
        check_answer(rules, "need_tonite", [])
    with pytest.raises(BadAnswer, match="between 1 and 30"):
        check_answer(rules, "household_people", 99)


@pytest.mark.parametrize("text", ["x" * 10000, "一" * 5000, "\u200b", "<b>3</b>", "'; drop table", "1e999", "９" * 40])
def test_nothing_breaks_it(rules: RuleSet, text: str) -> None:
    for name in rules.facts:
        read_answers(rules, name, text, TODAY)
