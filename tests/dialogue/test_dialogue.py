"""The engine in this process: steps without a server, a tracker that stays small, text that is never a command."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions.steps.knowledge import install
from actions.storage.tables import Conversation
from actions.turn import Facts, Inbound, Turn, current_turn, working
from bot.dialogue.engine import HEAD, TAIL, in_context, readable_part
from bot.dialogue.model import ModelDamaged, ModelFiles, ModelMissing
from tests.stories.teller import Teller

pytestmark = pytest.mark.engine
NOW = datetime(2026, 11, 20, 2, 0, tzinfo=timezone.utc)


def test_actions_exist_only_inside_a_turn() -> None:
    with pytest.raises(LookupError):
        current_turn()


def test_every_result_of_a_step_satisfies_rasas_schema(
    teller: Teller, dialogue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check that inprocess.py leaves out at run time, done here for every action of a long talk."""
    from jsonschema import validate
    from rasa.core.actions.action import RemoteAction

    checked: list[str] = []

    def check(self: Any, result: dict[str, Any]) -> bool:
        validate(result, self.action_response_format_spec())
        assert result["responses"] == []  # steps speak through the turn, never through Rasa
        checked.append(self.name())
        return True

    monkeypatch.setattr(RemoteAction, "_validate_action_result", check)
    for text in (
        "你好",
        "低保标准是多少",
        "家里着火了，今晚没地方住",
        "同意",
        "龙溪街道",
        "三个人",
        "没有",
        "不留",
        "对",
        "谢谢",
        "查一下进度",
        "转人工",
        "我要投诉他们不受理",
        "路灯坏了",
        "再见",
    ):
        teller.say(text)
    assert {"validate_interview", "action_ask_interview_q_answer"} <= set(checked)
    assert len(checked) > 15


def test_the_dialogue_stays_small_however_long_the_talk(teller: Teller) -> None:
    sizes = []
    for number in range(12):
        teller.say("低保标准是多少" if number % 2 else "你好")
        sizes.append(len(json.dumps(teller.conversation().dialogue)))
    assert max(sizes[5:]) <= sizes[4] * 1.5
    assert sum(e["event"] == "user" for e in teller.conversation().dialogue["events"]) <= 4
    # nothing that was said is kept in it
    assert "低保标准" not in json.dumps(teller.conversation().dialogue, ensure_ascii=False)


def test_the_open_form_survives_the_cut(teller: Teller) -> None:
    teller.say("家里着火了，今晚没地方住")
    teller.press("同意")
    for _ in range(6):
        teller.say("等一下")
    answer = teller.say("龙溪街道")
    assert answer[-1].asks == "household_people"


def test_a_dialogue_of_another_model_starts_fresh_and_keeps_the_facts(teller: Teller) -> None:
    teller.say("家里着火了，今晚没地方住")
    with teller.parts.database.begin() as session:
        row = session.execute(sa.select(Conversation)).scalar_one()
        row.dialogue = {**row.dialogue, "model": "older"}
    answer = teller.say("我家着火了今晚没地方住")
    assert answer and teller.conversation().facts["answers"]["event_kind"]["value"] == "fire"


def test_a_failing_step_fails_the_turn_and_brings_a_person(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    import actions.steps.topics as topics

    def broken(self: Any, turn: Turn) -> None:
        turn.say("greet")
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(topics.Greet, "do", broken)
    [answer] = teller.say("你好")
    assert answer.author == "system" and "系统出了点问题" in answer.text
    assert teller.conversation().waiting_reason == "turn_failed"


LONG = st.builds(lambda piece, times: (piece * times)[:20_000], st.text(min_size=1, max_size=40), st.integers(1, 20_000))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=300), LONG))
def test_parsing_never_raises(dialogue: Any, text: str) -> None:
    parsed = dialogue.parse(text)
    assert parsed["intent"]["name"]
    assert 0.0 <= parsed["intent"]["confidence"] <= 1.0


def test_long_text_is_read_by_head_and_tail_and_never_as_a_command() -> None:
    text = "甲" * 5_000 + "乙" * 5_000
    assert readable_part(text) == "甲" * HEAD + "\n" + "乙" * TAIL
    assert not readable_part("//restart").startswith("/")


def test_without_a_question_nothing_is_read_as_an_answer() -> None:
    def parsed(affirm: float) -> dict[str, Any]:
        rest = 1 - affirm
        ranking = [("affirm", affirm), ("greet", rest * 0.75), ("thanks", rest * 0.25)]
        return {
            "intent": {"name": "affirm", "confidence": affirm},
            "intent_ranking": [{"name": name, "confidence": value} for name, value in ranking],
        }

    assert in_context(parsed(0.4), asked=True) == parsed(0.4)
    read = in_context(parsed(0.4), asked=False)
    assert read["intent"]["name"] == "greet" and read["intent"]["confidence"] == pytest.approx(0.75)
    # a plain yes stays one: the hotline then says that nothing was asked
    assert in_context(parsed(0.9), asked=False)["intent"]["name"] == "affirm"


def test_a_missing_and_a_damaged_model_are_told_apart(tmp_path: Path, dialogue: Any) -> None:
    from bot.dialogue.engine import Dialogue

    with pytest.raises(ModelMissing):
        Dialogue(ModelFiles("x", tmp_path / "none.tar.gz", tmp_path))
    (tmp_path / "bad.tar.gz").write_bytes(b"no archive")
    with pytest.raises(ModelDamaged):
        Dialogue(ModelFiles("x", tmp_path / "bad.tar.gz", tmp_path))


def bare_turn(knowledge: Any) -> Turn:
    install(knowledge)
    return Turn(
        session=None,
        now=NOW,
        conversation_id=1,
        contact_id=1,
        channel="web",  # type: ignore[arg-type]
        messages=(Inbound(1, "text", "谢谢"),),
        facts=Facts(),
        replies_book=knowledge.replies,
    )


def test_a_turn_is_thought_in_its_own_session(dialogue: Any, knowledge: Any, database: Any) -> None:
    turn = bare_turn(knowledge)
    with database.begin() as turn.session, working(turn):
        dialogue.think(turn)
        assert not turn.session.new and not turn.session.dirty
    assert turn.error is None and turn.replies[0].text == knowledge.replies.text("thanks")


def test_silence_is_an_error(dialogue: Any, knowledge: Any) -> None:
    turn = bare_turn(knowledge)
    dialogue.think(turn)  # no current turn: every step fails, and Rasa swallows it
    assert turn.error is not None and turn.replies == []
