"""What the second reader of danger hears is answered like a gate's find, asked about once, or left alone; nothing lowers."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from actions.language.files import ConfigError
from actions.storage.tables import Ticket, Timer
from actions.turn import Turn
from bot.conversation.danger import FOLDER, Bands, load_gates
from bot.conversation.second_reader import QUESTION
from tests.conversation.hotline import SUICIDE, Hotline, at_boundary, die

QUIET = "猫托人养了，花也送人了"  # no gate hears it
SURE, UNSURE, CALM = 0.97, 0.7, 0.1


def hearing(chance: float, kind: str = "self_harm", then: str = "好的") -> Callable[[Turn], None]:
    """A bot whose second reader hears this in every text."""
    def think(turn: Turn) -> None:
        if turn.press is None and turn.second_look({"now": chance, "kind": kind}):
            return
        turn.say_text(f"{then}：{turn.text}")
    return think


def press(hotline: Hotline, conversation: int, title: str) -> None:
    button = next(b for m in reversed(hotline.messages(conversation)) for b in m.buttons or () if b["title"] == title)
    hotline.write("", button_id=button["id"])


def authors(hotline: Hotline, conversation: int) -> list[str]:
    return [author for author, _ in hotline.said(conversation)]


class TestSure:
    def test_is_answered_as_if_a_gate_had_heard_it(self, hotline: Hotline) -> None:
        conversation = hotline.write(QUIET).conversation_id
        assert hotline.outcome(hearing(SURE)) == "raised"
        row = hotline.conversation(conversation)
        assert (row.danger, row.danger_at, row.waiting_reason) == ("now", hotline.clock(), "danger")
        assert row.facts["gates"] == ["self_harm_now"]
        first, safety = hotline.messages(conversation)
        assert first.danger == [{"gate": "self_harm_now", "level": "now"}] and first.waiting
        assert (safety.author, safety.text, safety.answers) == ("system", hotline.text("danger_self_harm_now"), 1)
        [ticket] = hotline.scalars(sa.select(Ticket))
        assert (ticket.legal_basis, ticket.urgency) == ("emergency", "life_danger")
        assert "queue" in hotline.wake.hinted and hotline.wake.rung

        def then(turn: Turn) -> None:
            assert turn.raises_danger and not turn.second_look({"now": SURE, "kind": "fire"})
            turn.say("danger_ask_safe")
        assert hotline.outcome(then) == "answered"
        assert authors(hotline, conversation) == ["resident", "system", "bot"]

    def test_violence_makes_the_ticket_discreet(self, hotline: Hotline) -> None:
        hotline.write(QUIET)
        hotline.work(hearing(SURE, "violence"))
        [ticket] = hotline.scalars(sa.select(Ticket))
        assert ticket.discreet

    def test_nothing_is_added_where_a_gate_has_heard(self, hotline: Hotline) -> None:
        conversation = hotline.write(SUICIDE).conversation_id
        assert hotline.outcome(hearing(SURE, "fire")) == "answered"
        assert authors(hotline, conversation) == ["resident", "system", "bot"]

    def test_a_person_who_took_over_meanwhile_is_alarmed_and_not_written_over(self, hotline: Hotline) -> None:
        conversation = hotline.write(QUIET).conversation_id

        def think(turn: Turn) -> None:
            hotline.take_over(conversation)
            hearing(SURE)(turn)
        assert hotline.outcome(think) == "raised"
        assert hotline.text("danger_self_harm_now") not in [text for _, text in hotline.said(conversation)]
        assert hotline.conversation(conversation).danger == "now" and hotline.count(Timer, Timer.kind == "danger_unanswered") == 1
        assert hotline.outcome() == "handed_over"

    def test_a_closed_conversation_is_nobodys(self, hotline: Hotline) -> None:
        conversation = hotline.write(QUIET).conversation_id

        def think(turn: Turn) -> None:
            hotline.take_over(conversation)
            hotline.close(conversation)
            hearing(SURE)(turn)
        hotline.work(think)
        assert hotline.conversation(conversation).danger == "none" and hotline.count(Ticket) == 0

    def test_a_crash_leaves_all_of_it_or_nothing(self, hotline: Hotline) -> None:
        conversation = hotline.write(QUIET).conversation_id
        with at_boundary(hotline.database, 8, die) as boundaries:
            hotline.work(hearing(SURE))
        assert boundaries.struck
        assert hotline.conversation(conversation).danger == "none" and authors(hotline, conversation) == ["resident"]
        assert hotline.outcome(hearing(SURE)) == "raised"
        assert hotline.count(Ticket) == 1


class TestUnsure:
    def ask(self, hotline: Hotline, text: str = QUIET, kind: str = "self_harm") -> int:
        conversation = hotline.write(text).conversation_id
        assert hotline.outcome(hearing(UNSURE, kind)) == "answered"
        return conversation

    def test_the_safety_line_and_one_question(self, hotline: Hotline) -> None:
        conversation = self.ask(hotline)
        _, line, question = hotline.messages(conversation)
        assert line.text == hotline.text("danger_self_harm_now") and line.author == question.author == "bot"
        assert question.asks == QUESTION and [b["title"] for b in question.buttons] == ["有危险", "没有危险"]
        assert hotline.conversation(conversation).danger == "none" and hotline.count(Ticket) == 0

    @pytest.mark.parametrize("answer", ["button", "是的", "对"])
    def test_yes_is_as_if_a_gate_had_heard_the_first_words(self, hotline: Hotline, answer: str) -> None:
        conversation = self.ask(hotline)
        press(hotline, conversation, "有危险") if answer == "button" else hotline.write(answer)
        assert hotline.outcome(hearing(CALM)) == "raised"
        assert hotline.conversation(conversation).danger == "now" and hotline.count(Ticket) == 1
        assert hotline.messages(conversation)[0].danger == [{"gate": "self_harm_now", "level": "now"}]
        last = hotline.messages(conversation)[-1]
        assert (last.author, last.text) == ("system", hotline.text("danger_self_harm_now"))
        assert hotline.conversation(conversation).facts["doubt"] is None
        assert hotline.outcome("您现在安全吗") == "answered"

    @pytest.mark.parametrize("answer", ["button", "没有", "不是"])
    def test_no_reads_the_first_words_as_if_nothing_had_been_asked(self, hotline: Hotline, answer: str) -> None:
        conversation = self.ask(hotline)
        press(hotline, conversation, "没有危险") if answer == "button" else hotline.write(answer)
        assert hotline.outcome(hearing(UNSURE)) == "answered"
        last = hotline.messages(conversation)[-1]
        assert (last.text, last.answers) == (f"好的：{QUIET}", 4)
        assert hotline.conversation(conversation).danger == "none"

    def test_anything_else_is_read_with_the_first_words_and_a_person_looks(self, hotline: Hotline) -> None:
        conversation = self.ask(hotline)
        hotline.write("我在龙溪街道")
        assert hotline.outcome(hearing(UNSURE)) == "answered"
        assert hotline.messages(conversation)[-1].text == f"好的：{QUIET}\n我在龙溪街道"
        assert hotline.conversation(conversation).waiting_reason == "danger"

    def test_more_words_may_make_it_sure(self, hotline: Hotline) -> None:
        conversation = self.ask(hotline)
        hotline.write("药也备好了，今晚就用")
        assert hotline.outcome(hearing(SURE)) == "raised"
        assert hotline.conversation(conversation).danger == "now"

    def test_a_gate_in_the_answer_is_danger(self, hotline: Hotline) -> None:
        conversation = self.ask(hotline)
        hotline.write(SUICIDE)
        assert hotline.conversation(conversation).danger == "now"
        assert hotline.outcome("您现在安全吗") == "answered"
        assert hotline.conversation(conversation).facts["doubt"] is None

    def test_a_kind_is_asked_about_once_and_raised_all_the_same(self, hotline: Hotline) -> None:
        conversation = self.ask(hotline)
        press(hotline, conversation, "没有危险")
        hotline.work(hearing(UNSURE))
        assert hotline.outcome_after("花都送完了", hearing(UNSURE)) == "answered"
        assert hotline.messages(conversation)[-1].asks is None
        assert hotline.outcome_after("屋里有股味", hearing(UNSURE, "gas")) == "answered"
        assert hotline.messages(conversation)[-1].asks == QUESTION
        press(hotline, conversation, "没有危险")
        hotline.work(hearing(CALM))
        assert hotline.outcome_after("再说一遍，都送人了", hearing(SURE)) == "raised"

    def test_what_was_asked_before_stays_open(self, hotline: Hotline) -> None:
        conversation = hotline.write("家里没米了").conversation_id

        def first(turn: Turn) -> None:
            turn.facts.asking = "household_people"
            turn.dialogue = {"n": 1}
            turn.say_text("您家几口人")
        hotline.work(first)
        hotline.write(QUIET)
        hotline.work(hearing(UNSURE))
        row = hotline.conversation(conversation)
        assert (row.facts["asking"], row.dialogue) == ("household_people", {"n": 1})


class TestOver:
    """A gate has heard the same danger as past: the safety line stands there, so it takes one band more."""

    TEXT = "昨晚着火了，火灭了，人都出来了"

    def test_what_would_raise_asks(self, hotline: Hotline) -> None:
        conversation = hotline.write(self.TEXT).conversation_id
        hotline.work(hearing(SURE, "fire"))
        assert hotline.messages(conversation)[-1].asks == "danger_doubt"
        assert hotline.conversation(conversation).danger == "past"

    def test_what_would_ask_is_left_alone(self, hotline: Hotline) -> None:
        conversation = hotline.write(self.TEXT).conversation_id
        hotline.work(hearing(UNSURE, "fire"))
        assert hotline.messages(conversation)[-1].text == f"好的：{self.TEXT}"

    def test_another_kind_is_raised_all_the_same(self, hotline: Hotline) -> None:
        conversation = hotline.write(self.TEXT).conversation_id
        assert hotline.outcome(hearing(SURE, "collapse")) == "raised"
        assert hotline.conversation(conversation).danger == "now"


class TestNotHeard:
    @pytest.mark.parametrize(("text", "chance"), [(QUIET, CALM), ("在吗", SURE), ("昨晚着火了，火灭了，人都出来了", CALM)])
    def test_the_turn_goes_on(self, hotline: Hotline, text: str, chance: float) -> None:
        conversation = hotline.write(text).conversation_id
        assert hotline.outcome(hearing(chance)) == "answered"
        assert hotline.messages(conversation)[-1].text == f"好的：{text}"

    def test_no_chance_lowers_what_a_gate_has_heard(self, hotline: Hotline) -> None:
        conversation = hotline.write(SUICIDE).conversation_id
        hotline.work(hearing(0.0))
        assert hotline.conversation(conversation).danger == "now"

    def test_release_forgets_the_question(self, hotline: Hotline) -> None:
        conversation = hotline.write(QUIET).conversation_id
        hotline.work(hearing(UNSURE))
        hotline.take_over(conversation)
        hotline.release(conversation)
        assert hotline.conversation(conversation).facts["doubt"] is None


class TestBands:
    def test_from_which_chance_on(self) -> None:
        bands = Bands(0.9, 0.6, 4)
        assert [bands.of("四个字呀", chance) for chance in (0.59, 0.6, 0.89, 0.9)] == ["none", "ask", "ask", "raise"]
        assert bands.of("三个字", 1.0) == "none"

    def test_a_letter_is_asked_about_where_a_short_text_would_raise(self) -> None:
        bands = Bands(0.9, 0.6, 4, letter_from=200)
        assert [bands.of("字" * length, 0.95) for length in (199, 200)] == ["raise", "ask"]
        assert bands.of("字" * 200, 0.7) == "none"

    @pytest.mark.parametrize("line", ["ask_from: 0.99", "ask_from: 0", "ask_form: 0.6"])
    def test_a_wrong_threshold_says_where(self, tmp_path: Path, line: str) -> None:
        for path in FOLDER.glob("*.yaml"):
            (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
        (tmp_path / "second_reader.yaml").write_text(f"raise_from: 0.9\nleast_characters: 4\nletter_from: 200\n{line}\n", "utf-8")
        with pytest.raises(ConfigError, match="second_reader.yaml"):
            load_gates(tmp_path)

    def test_without_its_file_it_never_acts(self, tmp_path: Path) -> None:
        for path in FOLDER.glob("*.yaml"):
            if path.name != "second_reader.yaml":
                (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
        assert load_gates(tmp_path).bands.of("什么都好", 1.0) == "none"


def test_every_kind_it_may_name_is_one_of_the_gates() -> None:
    kinds: Any = load_gates().kinds
    folder = Path(__file__).resolve().parents[2] / "nlu_data" / "danger"
    assert {path.stem for path in folder.glob("*.yml")} - {"none", "meanings"} == set(kinds)
