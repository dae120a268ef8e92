"""What was heard too unsurely to be used is confirmed in the resident's own words, not asked as if nothing was said."""

from __future__ import annotations

from typing import Any

import pytest

from actions.steps.answering import take_fact
from actions.steps.asking import ask, heard_unsurely
from actions.turn import Facts, Inbound, Turn

CITE = "一个月两千多块的样子"


def turn_with(knowledge: Any, clock: Any, confidence: float, said: str = "嗯") -> Turn:
    facts = Facts(consent="given", topic="ask_subsistence_allowance", asking="income_month")
    facts.answers["income_month"] = {
        "value": {"from": "2000", "to": "3000"}, "how": "heard", "heard": CITE, "confidence": confidence, "seq": 1}
    return Turn(
        session=None, now=clock(), conversation_id=1, contact_id=1, channel="web",  # type: ignore[arg-type]
        messages=(Inbound(2, "text", said),), facts=facts, replies_book=knowledge.replies)


def test_it_is_asked_with_what_was_heard(knowledge: Any, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actions.steps.asking.ask_elsewhere", lambda turn, know, name: None)  # asks the database
    turn = turn_with(knowledge, clock, 0.5)
    ask(turn, knowledge, "income_month")
    assert CITE in turn.replies[-1].text and turn.replies[-1].asks == "income_month"
    assert turn.replies[-1].buttons[0] == {"title": "对，就是这样", "value": {"from": "2000", "to": "3000"}}


def test_what_is_sure_is_no_doubt(knowledge: Any, clock: Any) -> None:
    assert heard_unsurely(turn_with(knowledge, clock, 0.95), knowledge, "income_month") is None


@pytest.mark.parametrize("said", ["对头", "是的", "嗯"])
def test_yes_confirms_it(knowledge: Any, clock: Any, said: str) -> None:
    turn = turn_with(knowledge, clock, 0.5, said)
    assert take_fact(turn, knowledge)
    answer = turn.facts.answers["income_month"]
    assert answer["value"] == {"from": "2000", "to": "3000"} and answer["how"] == "said" and answer["confidence"] == 1.0


def test_another_figure_replaces_it(knowledge: Any, clock: Any) -> None:
    turn = turn_with(knowledge, clock, 0.5, "一千八")
    assert take_fact(turn, knowledge)
    assert str(turn.facts.answers["income_month"]["value"]) == "1800"
