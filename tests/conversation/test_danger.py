"""Danger is heard in every voice, at the right level, and everyday words do not raise it."""
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions.language.files import ConfigError, load_yaml
from actions.language.replies import load_replies
from bot.conversation.danger import FOLDER, Gates, Hit, highest, load_gates

HERE = Path(__file__).parent
CONFIG = Path(__file__).resolve().parents[2] / "config"
POSITIVE = [(gate, str(text)) for gate, texts in load_yaml(HERE / "danger_positive.yaml").items() for text in texts]
NEGATIVE = [str(text) for text in load_yaml(HERE / "danger_negative.yaml")]
GATES = load_gates()


def heard(text: str) -> list[str]:
    return [hit.gate for hit in GATES.check(text)]


@pytest.mark.parametrize(("gate", "text"), POSITIVE)
def test_every_danger_is_heard_at_its_level(gate: str, text: str) -> None:
    assert gate in heard(text)


@pytest.mark.parametrize(("gate", "text"), [pair for pair in POSITIVE if pair[0].endswith("_past")])
def test_what_is_over_raises_no_alarm(gate: str, text: str) -> None:
    assert not [name for name in heard(text) if name.endswith("_now")]


def test_everyday_words_are_flagged_in_at_most_three_of_a_hundred() -> None:
    flagged = {text: heard(text) for text in NEGATIVE if heard(text)}
    assert len(NEGATIVE) >= 300
    assert len(flagged) <= 0.03 * len(NEGATIVE), flagged


def test_there_are_enough_cases_of_every_kind() -> None:
    assert len(POSITIVE) >= 150
    assert {gate for gate, _ in POSITIVE} >= {f"{kind}_now" for kind in GATES.kinds}
    assert len(set(POSITIVE)) == len(POSITIVE) and len(set(NEGATIVE)) == len(NEGATIVE)


def test_the_story_of_the_fire_is_past_and_alone() -> None:
    text = "我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃"
    assert GATES.check(text) == (Hit("fire_past", "past", "danger_fire_past", "着火"),)


@pytest.mark.parametrize("text", ["昨天搬的家，今天房子着火了", "昨晚烧起来的，现在还在烧", "突然起火了"])
def test_a_later_now_outweighs_an_earlier_yesterday(text: str) -> None:
    assert "fire_now" in heard(text)


def test_now_comes_first_and_is_the_highest() -> None:
    hits = GATES.check("去年家里失火烧光了，现在我不想活了")
    assert [hit.gate for hit in hits] == ["self_harm_now", "fire_past"]
    top = highest(reversed(hits))
    assert top is not None and top.gate == "self_harm_now"
    assert highest([]) is None


@pytest.mark.parametrize("text", ["着\u200b火了", "屋 头 着 火 了", "著火了", "ＳＯＳ", "我不想\n活了"[:3] + "活了"])
def test_hidden_and_spaced_writing_is_heard(text: str) -> None:
    assert any(gate.endswith("_now") for gate in heard(text))


def test_every_gate_has_a_safety_text_with_a_number_to_call() -> None:
    replies = load_replies([CONFIG / "replies"])
    for reply in GATES.replies:
        text = replies.text(reply)
        assert any(number in text for number in ("110", "119", "120"))
        assert "12356" not in text and len(text) <= 120
    assert {"danger_ask_safe", "danger_ask_where"} <= set(replies.ids())


@given(st.text(max_size=400))
@example("")
@example("\ud800\x00\u202e着火")
def test_no_text_breaks_the_gates(text: str) -> None:
    assert GATES.check(text) == GATES.check(text)


@pytest.mark.timeout(60)  # a runaway expression takes minutes; how fast it is, the bench tells
@pytest.mark.parametrize("piece", ["着火", "我", "孩子一个人", "昨晚着火了灭了", "1", "，", "没有着火", "煤气房子他"])
def test_ten_thousand_characters_take_no_time(piece: str) -> None:
    text = piece * (10_000 // len(piece))
    GATES.check(text)
    GATES.check(text)


def write_gate(folder: Path, kind: str) -> Gates:
    (folder / "common.yaml").write_text((FOLDER / "common.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "fire.yaml").write_text(kind, encoding="utf-8")
    return load_gates(folder)


GOOD = "kind: fire\ntitle: 火\norder: 1\nreplies: {now: a, past: b}\ngroups: {place: [房子]}\nnow: ['{place}..着火']\n"


def test_a_gate_is_only_data(tmp_path: Path) -> None:
    assert [hit.gate for hit in write_gate(tmp_path, GOOD).check("房子都着火了")] == ["fire_now"]


@pytest.mark.parametrize(("old", "new", "says"), [
    ("{place}..着火", "{plac}..着火", "did you mean place?"),
    ("{place}..着火", "..着火", "begin it with a word"),
    ("kind: fire", "kind: water", "not the file's name"),
    ("title: 火", "titel: 火", "did you mean title?"),
    ("order: 1", "order: 1\ntimes: [recently]", "did you mean recent?"),
    ("[房子]", "['']", "empty"),
])
def test_a_wrong_gate_says_where_and_how_to_mend_it(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        write_gate(tmp_path, GOOD.replace(old, new))
    assert says in str(caught.value) and "fire.yaml" in str(caught.value)
