"""Policy questions: reviewed answers with figure, date, source and state; an honest word where there is none."""
from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from actions.language.files import ConfigError
from actions.policy.answers import Answers, load_answers
from actions.screening.load import load_ruleset
from tests.house.files import ROOT

TODAY = date(2026, 11, 21)
FILE = ROOT / "config" / "policy" / "answers.yaml"


@pytest.fixture(scope="module")
def book() -> Answers:
    return load_answers(FILE, load_ruleset())


@pytest.mark.parametrize(("intent", "text", "entry", "says"), [
    ("ask_policy_standard", "低保标准是多少", "standard_subsistence",
     ["770元/人/月", "630元/人/月", "2025-07-01", "渝民规〔2025〕6号", "待确认"]),
    ("ask_documents", "要带什么材料", "documents", ["身份证", "第六十二条"]),
    ("ask_policy_standard", "多久能批", "how_long", ["3天", "25个工作日", "待民政部门确认"]),
    ("ask_policy_standard", "低保多久能批下来", "how_long_subsistence", ["25个工作日", "待确认"]),
    ("ask_policy_standard", "临时救助几天能下来", "how_long_urgent", ["3天"]),
    ("ask_where_to_apply", "外地户口能办吗", "household_elsewhere", ["不看户口", "第三十七条"]),
    ("ask_policy_standard", "残疾人补贴能在外地办吗", "disability_elsewhere", ["任何一个镇街", "10个工作日"]),
    ("ask_where_to_apply", "残疾人补贴能在外地办吗", "disability_elsewhere", ["有文件依据"]),
    ("ask_policy_standard", "特困一个月多少钱", "standard_destitute", ["1001元/人/月", "待确认"]),
    ("ask_policy_standard", "低保边缘是啥子条件", "standard_margin", ["1.5倍", "民发〔2021〕57号", "待确认"]),
    ("ask_policy_standard", "孤儿补助多少", "standard_orphan", ["1651元/人/月"]),
    ("ask_policy_standard", "残疾补贴一个月好多", "standard_disability", ["90元/人/月", "100元/人/月"]),
    ("ask_documents", "办残疾补贴要啥子材料", "documents_disability", ["残疾证"]),
])
def test_what_people_ask(book: Answers, intent: str, text: str, entry: str, says: list[str]) -> None:
    found = book.find(intent, text)
    assert found is not None and found.id == entry
    said, known = book.answer(intent, text, TODAY)
    assert known and all(word in said for word in [*says, "2026-11-21核对"]) and "{" not in said


def test_figures_follow_the_day(book: Answers) -> None:
    said, _ = book.answer("ask_policy_standard", "低保标准是多少", date(2024, 10, 1))
    assert "750元/人/月" in said and "2024-09-01" in said
    assert "城市低保标准：770元/人/月（渝民规〔2025〕6号低保标准，2025-07-01起）" in book.answer(
        "ask_policy_standard", "低保标准是多少", date(2025, 12, 1))[0]


def test_without_a_basis_it_says_so_and_names_a_person(book: Answers) -> None:
    said, known = book.answer("ask_policy_standard", "房产税怎么收", TODAY)
    assert not known and "转人工" in said and "依据" in said


def test_every_entry_has_an_owner_a_day_and_a_state(book: Answers) -> None:
    assert all(entry.owner and entry.reviewed <= TODAY and entry.source for entry in book.entries)
    assert len({entry.id for entry in book.entries}) == len(book.entries)
    for entry in book.entries:   # what comes from another place is never told as confirmed
        assert entry.state == "pending" or not any(word in entry.source for word in ("南川", "渝中", "长寿"))


@pytest.mark.parametrize(("old", "new", "what"), [
    ("figures: [margin_multiple]", "figures: [margin_multipel]", "margin_multiple"),
    ("state: confirmed", "state: sure", "confirmed"),
    ("reviewed: 2026-11-21", "reviewed: gestern", "no date"),
    ("{figures}", "", "belong together"),
])
def test_a_mistake_names_its_place(tmp_path: Path, old: str, new: str, what: str) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(FILE.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=what) as caught:
        load_answers(path, load_ruleset())
    assert caught.value.line is not None
