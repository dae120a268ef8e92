"""What the resident reads and what the clerk gets: articles, figures with their state, nobody turned away."""
from __future__ import annotations

from datetime import date
from typing import Any

from actions.screening.evaluate import evaluate
from actions.screening.explain import card, clerk_sheet, parameter_line, sentence, worth_saying
from actions.screening.model import RuleSet
from actions.screening.read_back import read_back

TODAY = date(2026, 11, 21)
FIRE: dict[str, Any] = {"event_kind": "fire", "need_tonight": ["food", "bed"], "household_people": 3,
                        "family_can_help": False}


def test_the_fire_story_in_one_sentence(rules: RuleSet) -> None:
    said = sentence(rules, evaluate(rules, FIRE, TODAY, "500000"))
    assert said == "按您说的，可能适用临时救助（急难型）、先行救助（小额快救）；最后由工作人员核实决定。"


def test_nothing_known_is_said_honestly(rules: RuleSet) -> None:
    screening = evaluate(rules, {}, TODAY, "500000")
    assert card(rules, screening) == [] and "还不够判断" in sentence(rules, screening)


def test_the_card_names_why_article_where_and_papers(rules: RuleSet) -> None:
    urgent, first = card(rules, evaluate(rules, FIRE, TODAY, "500000"))
    assert (urgent.programme, urgent.label) == ("temporary_urgent", "可能适用")
    assert urgent.because == ("依据：遇到的事：火灾、眼下急需：吃的、住的（社会救助法第二十九条）",)
    assert "第三十七条第二款" in urgent.where and "身份证" in urgent.documents
    assert first.programme == "aid_first" and any("第五十条" in line for line in first.because)
    assert first.documents == "" and all(first.lines)


def test_an_open_programme_says_what_is_missing(rules: RuleSet) -> None:
    answers = {**FIRE}
    del answers["family_can_help"]
    block = card(rules, evaluate(rules, answers, TODAY, "500000"))[1]
    assert (block.programme, block.label) == ("aid_first", "需要人工核实") and "家人亲友能否接济" in block.say
    assert "{" not in block.say


def test_a_pending_figure_is_marked_on_the_card(rules: RuleSet) -> None:
    answers = {"property_over_limit": False, "household_register": "chongqing_urban", "household_people": 1,
               "income_month": 300}
    blocks = {block.programme: block for block in card(rules, evaluate(rules, answers, TODAY, "500000"))}
    (line,) = blocks["subsistence_allowance"].figures
    assert "770元/人/月" in line and "渝民规〔2025〕6号" in line and "待确认" in line


def test_less_likely_ones_are_shown_only_on_request_and_invite(rules: RuleSet) -> None:
    screening = evaluate(rules, {"event_kind": "none", "need_tonight": [], "property_over_limit": True}, TODAY, "500000")
    assert worth_saying(screening) == []
    blocks = card(rules, screening, everything=True)
    assert len(blocks) == len(rules.programmes)
    assert all(block.label == "建议同时咨询" for block in blocks if block.verdict == "less")
    assert {block.verdict for block in blocks if block.programme == "subsistence_allowance"} == {"less"}
    assert all("不符合" not in "".join(block.lines) for block in blocks)


def test_the_clerks_sheet_names_article_and_missing_figure(rules: RuleSet) -> None:
    sheet = clerk_sheet(rules, evaluate(rules, FIRE, TODAY, "500000"))
    assert any("第四十三条" in line for line in sheet)
    assert "镇街可直接审批的临时救助额度：待民政部门确认" in sheet
    assert len(sheet) == len(set(sheet))


def test_every_block_of_every_verdict_fills_its_frames(rules: RuleSet) -> None:
    for answers in ({}, FIRE, {"event_kind": "none"}, {"property_over_limit": True}, {"income_month": 100}):
        for block in card(rules, evaluate(rules, answers, TODAY, "500000"), everything=True):
            assert not any("{" in line or "None" in line for line in block.lines)


def test_a_figure_nobody_found_says_so(rules: RuleSet) -> None:
    use = evaluate(rules, {}, TODAY, "110000").settings.uses["subsistence_urban"]
    assert parameter_line(rules, use) == "城市低保标准：待民政部门确认"


def test_read_back_in_interview_order(rules: RuleSet) -> None:
    assert read_back(rules, {"household_people": 3, "family_can_help": False, "event_date": "2026-11-20", **FIRE}) == [
        "遇到的事：火灾", "眼下急需：吃的、住的", "受影响3人", "暂时没有家人亲友能接济", "发生时间：2026年11月20日"]


def test_read_back_of_bands_nothing_and_open_answers(rules: RuleSet) -> None:
    answers = {"income_month": {"from": 1000, "to": 2000}, "need_tonight": [], "household_people": {"from": 4},
               "age": "unsure", "income_year": {"to": 5000}, "serious_illness": "declined"}
    assert read_back(rules, answers) == ["眼下吃住药暖暂时不缺", "受影响至少4人", "全家月收入1000到2000元", "全家年收入5000元以下"]
    assert len(read_back(rules, answers, open_too=True)) == 6
