"""The second reader of danger: what it finds of the held-out batch beside the gates, how it reads, what breaks it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions.language.files import ConfigError, load_yaml

pytestmark = pytest.mark.engine
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "nlu_data" / "danger"
BATCH = load_yaml(ROOT / "tests" / "conversation" / "danger_heldout.yaml")
NOW = [str(text) for texts in BATCH["now"].values() for text in texts]
CALM = [str(text) for text in BATCH["calm"]]
FLOORS = [("gates", 48, 13), ("model", 83, 4), ("both", 94, 14), ("both, asking too", 105, 22)]


def chance(dialogue: Any, text: str) -> float:
    return float((dialogue.parse(text).get("danger") or {"now": 0.0})["now"])


@pytest.fixture(scope="module")
def found(dialogue: Any, gates: Any) -> dict[str, dict[str, list[bool]]]:
    """reader → now and calm → found or not, for the whole batch."""
    result: dict[str, dict[str, list[bool]]] = {}
    for name, texts in (("now", NOW), ("calm", CALM)):
        heard = [any(hit.level == "now" for hit in gates.check(text)) for text in texts]
        bands = [gates.bands.of(text, chance(dialogue, text)) for text in texts]
        sure, asked = [band == "raise" for band in bands], [band != "none" for band in bands]
        rows = {"gates": heard, "model": sure, "both": [a or b for a, b in zip(heard, sure, strict=True)],
                "both, asking too": [a or b for a, b in zip(heard, asked, strict=True)]}
        for reader, row in rows.items():
            result.setdefault(reader, {})[name] = row
    return result


def test_the_batch_is_large_enough() -> None:
    assert len(NOW) >= 120 and len(CALM) >= 200 and len({*NOW, *CALM}) == len(NOW) + len(CALM)


# what was last measured, three cases worse: a floor, not the aim (95 %, at most 3 %)
@pytest.mark.parametrize(("reader", "least", "most"), FLOORS)
def test_floors(found: dict[str, dict[str, list[bool]]], reader: str, least: int, most: int) -> None:
    now, calm = sum(found[reader]["now"]), sum(found[reader]["calm"])
    assert (now >= least, calm <= most) == (True, True), (now, calm)


def test_it_finds_what_the_gates_miss_and_never_loses_what_they_find(found: dict[str, dict[str, list[bool]]]) -> None:
    assert sum(found["both"]["now"]) >= sum(found["gates"]["now"]) + 20
    assert all(both for gate, both in zip(found["gates"]["now"], found["both"]["now"], strict=True) if gate)


def test_a_chance_for_each_kind(dialogue: Any, gates: Any) -> None:
    reading = dialogue.parse("老汉儿突然倒在地上，喊他不答应，嘴巴都乌了")["danger"]
    assert reading["kind"] == "collapse" and set(reading["kinds"]) == set(gates.kinds)
    assert sum(reading["kinds"].values()) == pytest.approx(reading["now"])
    assert 0.6 < reading["now"] <= 1.0


def test_one_sentence_of_a_long_letter_is_enough(dialogue: Any) -> None:
    letter = "领导您好，我想反映一下我们小区楼道的灯坏了很久没有人来修的问题，物业一直推脱。" * 3
    cry = "我现在在楼顶上坐着，想从这里跳下去。"
    assert chance(dialogue, letter) < 0.3
    assert chance(dialogue, letter + cry + letter) > 0.8


def test_when_it_was_counts_in_a_short_text(dialogue: Any) -> None:
    assert chance(dialogue, "我老公上吊了，刚抱下来") > 0.8 > 0.5 > chance(dialogue, "我老公上吊走了五年了，欠的债还没还清")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300))
def test_no_text_breaks_it(dialogue: Any, text: str) -> None:
    assert 0.0 <= chance(dialogue, text) <= 1.0


def test_a_reader_is_the_same_after_storing() -> None:
    from bot.conversation.danger import load_gates
    from bot.dialogue.components.danger import Material, Reader, load_sentences
    from bot.dialogue.components.meanings import load_meanings

    own = load_sentences(FOLDER)[::6]
    reader = Reader(load_meanings(FOLDER / "meanings.yml"))
    reader.learn(Material(own, ["你好", "低保怎么办"], load_gates()))
    again = Reader.from_state(pickle.loads(pickle.dumps(reader.state())))
    text = "屋头燃起来了，门打不开"
    assert again.read(text)["now"] == pytest.approx(reader.read(text)["now"], abs=1e-4)


@pytest.mark.parametrize(("name", "content", "says"), [
    ("fire.yml", "kind: water\nnow: [a]\n", "not the file's name"),
    ("fire.yml", "kind: fire\nnew: [a]\n", "did you mean now?"),
    ("none.yml", "kind: none\n", "no sentence"),
])
def test_wrong_sentences_say_where_and_how_to_mend_them(tmp_path: Path, name: str, content: str, says: str) -> None:
    from bot.dialogue.components.danger import load_sentences

    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=says.replace("?", r"\?")):
        load_sentences(tmp_path)
