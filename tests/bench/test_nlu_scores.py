"""Scoring of understanding: strict, lenient, danger, held back; expectations by hand."""
from __future__ import annotations

from pathlib import Path

import pytest

from bot.bench import nlu
from bot.bench.nlu import Item, Said, is_held, item_of, scores, targets, together
from bot.bench.rival import own_utterances, write_utterances


def items() -> list[Item]:
    """Four messages: two labels, one with an alternative, one in danger."""
    return [item_of(record) for record in (
        {"text": "a", "intent": "greet", "alt_intents": [], "urgency": "none"},
        {"text": "b", "intent": "complain_unfair", "alt_intents": ["ask_documents"], "urgency": "none"},
        {"text": "c", "intent": "ask_housing_aid", "alt_intents": ["out_of_scope"], "urgency": "urgent"},
        {"text": "d", "intent": "report_abuse", "alt_intents": [], "urgency": "life_danger"},
    )]


def test_what_counts_as_right() -> None:
    assert items()[1].accepted == {"complain_unfair", "ask_documents", "complain_delay", "report_fraud", "out_of_scope"}
    assert item_of({"text": "x", "intent": "give_suggestion"}).accepted == {"give_suggestion", "out_of_scope"}
    assert item_of({"text": "x", "intent": "greet"}).accepted == {"greet"}


def test_scores_by_hand() -> None:
    said = [Said("greet", 1.0, "life_danger"), Said("report_fraud", 1.0, "none"), Said("out_of_scope", 0.0, "life_danger"),
            Said("greet", 1.0, "none")]
    found = scores(items(), said)
    assert found["lenient"] == 0.75 and found["strict"] == 0.25
    assert found["lenient_in_scope"] == 0.5  # greet right, report_abuse wrong; the others accept out_of_scope
    assert (found["danger_found"], found["danger_all"]) == (0, 1)
    assert (found["false_alarms"], found["not_urgent"]) == (1, 2)  # danger said of an urgent message is no false alarm
    # sure and wrong once, unsure and right once: (1 + 1) of 4
    assert found["ece_dev"] == pytest.approx(0.5)


def test_a_rival_without_a_word_for_danger_has_no_figure_for_it() -> None:
    assert "danger_found" not in scores(items(), [Said("greet", 1.0)] * 4)


def test_macro_f1_counts_an_accepted_alternative_as_the_intent() -> None:
    same = [item_of({"text": str(n), "intent": "give_suggestion"}) for n in range(5)]
    found = scores(same, [Said("out_of_scope", 0.5)] * 5)
    assert found["macro_f1"] == 1.0 and found["macro_f1_strict"] == 0.0


def test_held_back_are_always_the_same_two_in_ten() -> None:
    texts = [f"utterance {n}" for n in range(2000)]
    held = [text for text in texts if is_held(text)]
    assert held == [text for text in texts if is_held(text)]
    assert 0.15 < len(held) / len(texts) < 0.25


def test_own_utterances_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text('version: "3.1"\nnlu:\n  - intent: greet\n    examples: |\n      - hello - there\n      -\n'
                                    '  - lookup: x\n    examples: |\n      - no\n', encoding="utf-8")
    assert own_utterances(tmp_path) == [("greet", "hello - there")]
    assert len(own_utterances(nlu.PROJECT / "nlu_data")) > 2000


def test_targets_against_the_rival_only_with_one() -> None:
    ours = {"lenient": 0.9, "lenient_in_scope": 0.8, "macro_f1": 0.75, "danger_all": 13, "danger_found": 12, "false_alarms": 4,
            "ece": 0.05, "train_s": 50.0, "train_again_s": 1.0, "parent_and_worker_mb": 500.0, "parse_all_s": 1.0}
    alone = {one.name: one.met for one in targets(ours, None)}
    assert alone["life danger missed"] is False and alone["false alarms"] is True and alone["right, lenient"] is True
    both = {one.name: one.met for one in targets(ours, {"lenient": 0.86, "macro_f1": 0.7, "parse_all_s": 4.0})}
    assert len(both) == len(alone) + 3
    assert both["right, lenient, more than stock"] is False and both["reading all messages, ours / stock"] is True


def test_two_rankings_count_the_same() -> None:
    one = {"ranking": [["greet", 0.5], ["thanks", 0.4]]}
    other = {"ranking": [["thanks", 0.6], ["greet", 0.3]]}
    said = together(one, other)
    assert said.intent == "thanks" and abs(said.confidence - 0.5) < 1e-9
    assert together({"ranking": []}, {"ranking": []}) == Said("out_of_scope", 0.0)


def test_the_rivals_utterances_are_the_shorter_ones(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text('version: "3.1"\nnlu:\n  - intent: greet\n    examples: |\n      - 你好\n      - 你好呀你好呀\n',
                                    encoding="utf-8")
    assert own_utterances(tmp_path, longest=5) == [("greet", "你好")]
    written = write_utterances(tmp_path / "b.yml", [("greet", "你好"), ("thanks", "谢谢"), ("greet", "在吗")])
    assert own_utterances(tmp_path)[2:] == [("greet", "你好"), ("greet", "在吗"), ("thanks", "谢谢")]
    assert written == tmp_path / "b.yml"
