"""Messages are brought into one form, and every character knows where it came from."""
from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions.language.dialect import to_standard
from actions.language.normalise import normalise, readable


@pytest.mark.parametrize(("text", "expected"), [
    ("１２３　ＡＢ", "123 AB"),
    ("  着火了  ", "着火了"),
    ("着\u200b火\x00了\u202e", "着火了"),
    ("没吃饭\r\n\r\n  没地方住", "没吃饭\n没地方住"),
    ("a\t\t b", "a b"),
    ("好，真的！", "好,真的!"),
    ("\ud800救命", "救命"),
    ("", ""), ("  \n ", ""),
])
def test_one_form(text: str, expected: str) -> None:
    assert normalise(text).text == expected


def test_a_span_leads_back_to_the_original() -> None:
    text = "　我住\u200b龙溪　５栋"
    normal = normalise(text)
    start = normal.text.index("龙溪")
    assert text[slice(*normal.original_span(start, start + 2))] == "龙溪"
    five = normal.text.index("5")
    assert text[slice(*normal.original_span(five, five + 1))] == "５"


@given(st.text(max_size=300))
@example("ﷺ" * 20)
@example("\u0041\u030a\ufb1d\u1e9b\u0323")
def test_normalising_is_safe_and_settles_at_once(text: str) -> None:
    normal = normalise(text)
    assert len(normal.offsets) == len(normal.text)
    assert list(normal.offsets) == sorted(normal.offsets)
    assert normalise(normal.text).text == normal.text
    assert "\x00" not in normal.text and "  " not in normal.text
    normal.text.encode("utf-8")
    for start in range(0, len(normal.text), 7):
        first, last = normal.original_span(start, start + 3)
        assert 0 <= first < last <= len(text)


@pytest.mark.parametrize(("text", "expected"), [
    ("救", True), ("5", True), ("help", True), ("помощь", True), ("😂😂", False), ("!!!…", False), ("", False),
    ("\x00\u200b", False), ("  \n", False),
])
def test_readable(text: str, expected: bool) -> None:
    assert readable(text) is expected


@pytest.mark.parametrize(("said", "meant"), [
    ("屋头没得钱咋个办", "家里没有钱怎么办"),
    ("老汉儿遭车撞了", "父亲被车撞了"),
    ("娃儿啷个读书", "孩子怎么读书"),
    ("遭遇火灾遭受损失", "遭遇火灾遭受损失"),
    ("我晓得了要得", "我知道了好"),
    ("我遭不住了", "我受不了了"),
    ("普通话没有变化", "普通话没有变化"),
])
def test_dialect_becomes_standard(said: str, meant: str) -> None:
    assert to_standard(said).text == meant


def test_dialect_spans_cover_the_whole_dialect_word() -> None:
    said = "我老汉儿病了"
    standard = to_standard(said)
    place = standard.text.index("父亲")
    assert said[slice(*standard.original_span(place, place + 2))] == "老汉儿"


@given(st.text(alphabet="没得咋个屋头老汉儿遭遇了我a ", max_size=80))
def test_dialect_offsets_stay_within_the_text(said: str) -> None:
    standard = to_standard(said)
    assert len(standard.offsets) == len(standard.text) == len(standard.ends)
    for place in range(len(standard.text)):
        first, last = standard.original_span(place, place + 1)
        assert 0 <= first < last <= len(said)
