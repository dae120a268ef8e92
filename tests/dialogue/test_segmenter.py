"""Our leaner jieba cuts every text as jieba does."""

from __future__ import annotations

import jieba
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.components.segmenter import Segmenter

NAMES = ["龙溪街道", "两江新区", "新牌坊一路", "人和"]
OURS = Segmenter(NAMES)
OURS("")  # reads the dictionary
THEIRS = jieba.Tokenizer()
THEIRS.initialize()
for _name in NAMES:
    THEIRS.add_word(_name)

PIECES = ["房子", "昨天", "着火", "了", "龙溪街道", "新牌坊", "一路", "人", "和", "低保", "一二三四五六七", "中华人民共和国",
          "娃儿", "屋头", "没得", "钱", "住院", "abc", "12", "。", " ", "\n", "急", "救助", "站", "两江", "新区", "民政局"]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_words_of_everyday_texts_are_the_same(text: str) -> None:
    assert OURS(text) == THEIRS.lcut(text)


@given(st.text(max_size=60))
def test_words_of_any_text_are_the_same(text: str) -> None:
    assert OURS(text) == THEIRS.lcut(text)


@given(st.text(max_size=60))
def test_nothing_of_a_text_is_lost(text: str) -> None:
    assert "".join(OURS(text)) == text


def test_names_stay_whole() -> None:
    assert OURS("住在龙溪街道新牌坊一路") == ["住", "在", "龙溪街道", "新牌坊一路"]
