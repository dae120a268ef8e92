"""Who speaks: a person takes over, says, releases, closes; each raises the epoch, and the bot is silent in between."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.queries import operators_at_desk
from actions.access.rules import Refused
from actions.storage.tables import Audit, Conversation, Delivery, Message, Timer
from bot.conversation.ownership import NotThere, NotYours
from bot.conversation.post import run_timer
from tests.conversation.hotline import SUICIDE, Crash, Hotline, at_boundary, die, together


@pytest.fixture
def conversation(hotline: Hotline) -> int:
    """王婶 has written and been answered."""
    number = hotline.write("没饭吃").conversation_id
    hotline.work(lambda turn: (turn.say_text("您在哪里"), setattr(turn, "dialogue", {"n": 1}))[0])
    return int(number)


class TestTakeOver:
    def test_mode_owner_epoch_queue_word_and_audit(self, hotline: Hotline) -> None:
        conversation = hotline.write("转人工").conversation_id
        hotline.work(lambda turn: turn.ask_for_person("asked"))
        hotline.take_over(conversation)
        row = hotline.conversation(conversation)
        assert (row.mode, row.owner_id, row.epoch) == ("human", hotline.staff["zhou"].staff_id, 1)
        assert row.waiting_since is None and row.waiting_reason is None
        assert hotline.said(conversation)[-1] == ("system", hotline.text("operator_joined"))
        [audit] = hotline.scalars(sa.select(Audit).where(Audit.action == "took_over"))
        assert (audit.actor, audit.object) == (hotline.staff["zhou"].actor, f"conversation:{conversation}")

    def test_twice_changes_nothing(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        before, audits = hotline.everything(), hotline.count(Audit)
        hotline.take_over(conversation)
        assert hotline.everything() == before and hotline.count(Audit) == audits

    def test_not_from_another_operator(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        before = hotline.everything()
        with pytest.raises(NotYours) as told:
            hotline.take_over(conversation, by="wu")
        assert (told.value.mode, told.value.owner_id) == ("human", hotline.staff["zhou"].staff_id)
        assert hotline.everything() == before

    def test_not_when_closed(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        hotline.close(conversation)
        with pytest.raises(NotYours):
            hotline.take_over(conversation)

    @pytest.mark.parametrize("who", ["zhang", "auditor"])
    def test_not_by_who_may_not(self, hotline: Hotline, conversation: int, who: str) -> None:
        before = hotline.everything()
        with pytest.raises(Refused):
            hotline.take_over(conversation, by=who)
        assert hotline.everything() == before

    def test_no_such_conversation_looks_the_same(self, hotline: Hotline) -> None:
        with pytest.raises(Refused):
            hotline.take_over(4711)

    def test_of_two_at_once_one_gets_it(self, hotline: Hotline, conversation: int) -> None:
        def take(by: str) -> str:
            try:
                with hotline.database.begin() as session:
                    hotline.take_over_in(session, conversation, by)
            except NotYours:
                return "told"
            return by
        assert sorted(together(lambda: take("zhou"), lambda: take("wu")))[0] == "told"
        assert hotline.count(Conversation, Conversation.owner_id.isnot(None)) == 1
        assert [text for _, text in hotline.said(conversation)].count(hotline.text("operator_joined")) == 1


class TestSay:
    def test_reaches_the_resident_under_the_operators_name(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        assert hotline.say(conversation, "您好，我是小周", id="x")
        message = hotline.messages(conversation)[-1]
        assert (message.author, message.staff_id, message.text) == (
            "operator", hotline.staff["zhou"].staff_id, "您好，我是小周")
        assert hotline.count(Delivery, Delivery.message_id == message.id) == 1

    def test_same_post_again_says_it_once(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        assert hotline.say(conversation, "您好", id="x") is True
        before = hotline.everything()
        assert hotline.say(conversation, "您好", id="x") is False
        assert hotline.everything() == before

    def test_same_post_twice_at_once(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        for number in range(10):
            new = together(*[lambda n=number: hotline.say(conversation, "您好", id=str(n), patient=True)] * 2)
            assert sorted(new) == [False, True]

    def test_id_of_a_resident_cannot_collide(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        hotline.write("你好", id=f"desk:{hotline.staff['zhou'].staff_id}:x")
        # a client that copies our form of id can at most silence itself, never an operator
        assert hotline.messages(conversation)[-1].author == "resident"

    @pytest.mark.parametrize("state", ["bot", "other", "closed"])
    def test_only_the_owner(self, hotline: Hotline, conversation: int, state: str) -> None:
        if state != "bot":
            hotline.take_over(conversation, by="wu")
        if state == "closed":
            hotline.close(conversation, by="wu")
        before = hotline.everything()
        for deed in (lambda: hotline.say(conversation, "您好"), lambda: hotline.release(conversation),
                     lambda: hotline.close(conversation)):
            with pytest.raises(NotYours):
                deed()
        assert hotline.everything() == before


class TestRelease:
    def test_bot_begins_afresh_and_keeps_the_facts(self, hotline: Hotline, conversation: int) -> None:
        hotline.write("家里三口人")

        def think(turn: Any) -> None:
            turn.facts.answers["household_people"] = {"value": 3}
            turn.facts.asking, turn.facts.misses = "age", 2
        hotline.work(think)
        hotline.take_over(conversation)
        hotline.release(conversation)
        row = hotline.conversation(conversation)
        assert (row.mode, row.owner_id, row.epoch, row.dialogue) == ("bot", None, 2, None)
        assert row.facts["answers"] == {"household_people": {"value": 3}}
        assert (row.facts["asking"], row.facts["misses"]) == (None, 0)
        assert hotline.said(conversation)[-1] == ("system", hotline.text("operator_left"))
        assert hotline.outcome_after("还在吗", lambda turn: turn.say_text(str(turn.dialogue))) == "answered"
        assert hotline.said(conversation)[-1] == ("bot", "None")

    def test_a_person_has_looked_after_the_danger(self, hotline: Hotline) -> None:
        conversation = hotline.write(SUICIDE).conversation_id
        hotline.take_over(conversation)
        assert hotline.conversation(conversation).danger == "now"
        hotline.release(conversation)
        assert hotline.conversation(conversation).danger == "past"

    def test_what_was_said_before_and_during_is_not_answered_afterwards(self, hotline: Hotline, conversation: int) -> None:
        hotline.write("还没人理我")
        hotline.take_over(conversation)
        hotline.write("您好")
        hotline.release(conversation)
        assert hotline.work() is None
        assert hotline.marks(conversation) == ["done", "handed_over", "handed_over"]


class TestLease:
    def test_beats_of_the_open_page_keep_it(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        before = hotline.said(conversation)
        for _ in range(20):
            hotline.clock.advance(minutes=1)
            hotline.beat()
            hotline.timers()
        assert hotline.conversation(conversation).mode == "human" and hotline.said(conversation) == before

    def test_not_a_second_too_early(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        hotline.clock.advance(minutes=1)
        hotline.beat()
        hotline.clock.advance(minutes=2, seconds=59)
        hotline.timers()
        assert hotline.conversation(conversation).mode == "human"
        hotline.clock.advance(seconds=1)
        assert hotline.timers() == ["lease"]
        assert hotline.conversation(conversation).mode == "bot"

    def test_goes_back_to_the_queue_with_a_note_and_a_sentence(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        hotline.write("还在吗")
        hotline.clock.advance(minutes=3)
        assert hotline.timers() == ["lease"]
        row = hotline.conversation(conversation)
        assert (row.mode, row.owner_id, row.epoch, row.dialogue) == ("bot", None, 2, None)
        assert (row.waiting_since, row.waiting_reason) == (hotline.clock(), "operator_gone")
        note, told = hotline.messages(conversation)[-2:]
        assert (note.kind, note.author) == ("note", "system") and "小周" in note.text and "3分钟" in note.text
        assert (told.author, told.text) == ("system", hotline.text("operator_gone"))
        assert hotline.count(Delivery, Delivery.message_id == note.id) == 0
        assert hotline.count(Delivery, Delivery.message_id == told.id) == 1
        assert hotline.marks(conversation)[-1] == "handed_over"
        assert hotline.count(Audit, Audit.action == "lease_ended") == 1
        # the bot goes on helping, and another operator may come
        assert hotline.outcome_after("在吗") == "answered"
        hotline.take_over(conversation, by="wu")
        with pytest.raises(NotYours):
            hotline.say(conversation, "我回来了")

    def test_danger_nobody_looked_after_stays_danger(self, hotline: Hotline) -> None:
        conversation = hotline.write(SUICIDE).conversation_id
        hotline.take_over(conversation)
        hotline.clock.advance(minutes=3)
        hotline.timers()
        row = hotline.conversation(conversation)
        assert (row.danger, row.waiting_reason) == ("now", "danger")

    @pytest.mark.parametrize("deed", ["release", "close", "release and take over"])
    def test_an_old_lease_ends_nothing(self, hotline: Hotline, conversation: int, deed: str) -> None:
        hotline.take_over(conversation)
        hotline.clock.advance(minutes=2, seconds=50)
        getattr(hotline, deed.split()[0])(conversation)
        if "take over" in deed:
            hotline.take_over(conversation)
        before = hotline.everything()
        hotline.clock.advance(seconds=10)
        assert hotline.timers() == ["lease"]
        after = hotline.everything()
        before.pop("timer"), after.pop("timer")
        assert after == before
        assert hotline.count(Timer, Timer.ref == f"{conversation}:1") == 0, "the old one looks again and again"

    def test_a_turn_begun_before_the_takeover_says_nothing_after_the_lease(self, hotline: Hotline, conversation: int) -> None:
        hotline.write("还没人理我")
        held = hotline.hold("机器人的话")
        hotline.take_over(conversation)
        hotline.clock.advance(minutes=3)
        hotline.timers()
        worked = held.end()
        assert worked is not None and worked.outcome == "overtaken"
        assert hotline.count(Message, Message.text == "机器人的话") == 0

    def test_who_may_not_take_over_is_never_at_the_desk(self, hotline: Hotline) -> None:
        hotline.beat("auditor")
        hotline.beat("wu")
        with hotline.database.begin() as session:
            there = operators_at_desk(session, hotline.clock() - hotline.knowledge.desk.lease)
        assert [staff.login for staff in there] == ["wu"]


class TestTransfer:
    def test_colleague_speaks_both_read_why_and_the_resident_is_told(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        hotline.beat("wu")
        hotline.transfer(conversation, "wu", why="她只讲方言")
        row = hotline.conversation(conversation)
        assert (row.mode, row.owner_id, row.epoch) == ("human", hotline.staff["wu"].staff_id, 2)
        note, told = hotline.messages(conversation)[-2:]
        assert (note.kind, note.author, note.staff_id) == ("note", "operator", hotline.staff["zhou"].staff_id)
        assert note.text == "转给小吴：她只讲方言" and hotline.count(Delivery, Delivery.message_id == note.id) == 0
        assert (told.author, told.text) == ("system", hotline.text("operator_changed"))
        [audit] = hotline.scalars(sa.select(Audit).where(Audit.action == "transferred"))
        assert audit.data == {"to": hotline.staff["wu"].actor}
        with pytest.raises(NotYours):
            hotline.say(conversation, "我还在")
        assert hotline.say(conversation, "我是小吴", by="wu")

    def test_lease_is_the_colleagues_now(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        hotline.beat("wu")
        hotline.transfer(conversation, "wu")
        for _ in range(4):
            hotline.clock.advance(minutes=1)
            hotline.beat("wu")
            hotline.timers()
        assert hotline.conversation(conversation).owner_id == hotline.staff["wu"].staff_id
        hotline.clock.advance(minutes=3)
        hotline.timers()
        assert hotline.conversation(conversation).mode == "bot" and "小吴" in hotline.messages(conversation)[-2].text

    @pytest.mark.parametrize("to, error", [("wu", NotThere), ("zhou", Refused), ("auditor", Refused)])
    def test_only_to_an_operator_who_is_there(self, hotline: Hotline, conversation: int, to: str, error: Any) -> None:
        hotline.take_over(conversation)
        if to == "wu":
            hotline.beat("wu")
            hotline.clock.advance(minutes=3)
        before = hotline.everything()
        with pytest.raises(error):
            hotline.transfer(conversation, to)
        assert hotline.everything() == before

    def test_only_by_the_owner(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation, by="wu")
        hotline.beat("zhou")
        before = hotline.everything()
        with pytest.raises(NotYours):
            hotline.transfer(conversation, "zhou", by="zhou")
        assert hotline.everything() == before


class TestClose:
    def test_ends_it(self, hotline: Hotline, conversation: int) -> None:
        hotline.take_over(conversation)
        hotline.close(conversation)
        row = hotline.conversation(conversation)
        assert (row.mode, row.owner_id, row.epoch, row.waiting_since) == ("closed", None, 2, None)
        assert hotline.said(conversation)[-1] == ("system", hotline.text("conversation_closed"))

    def test_what_still_waited_is_the_persons(self, hotline: Hotline, conversation: int) -> None:
        hotline.write("还没人理我")
        hotline.take_over(conversation)
        hotline.close(conversation)
        assert hotline.outcome() == "handed_over"
        assert [author for author, _ in hotline.said(conversation)].count("bot") == 1


DEEDS: dict[str, Callable[[Hotline, int], Any]] = {
    "take_over": lambda hotline, conversation: hotline.take_over(conversation),
    "say": lambda hotline, conversation: hotline.say(conversation, "您好"),
    "release": lambda hotline, conversation: hotline.release(conversation),
    "close": lambda hotline, conversation: hotline.close(conversation),
    "transfer": lambda hotline, conversation: hotline.transfer(conversation, "wu"),
    "lease": lambda hotline, conversation: run_timer(hotline.database, hotline.knowledge, hotline.clock()),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_crash_at_any_statement_changes_nothing(hotline: Hotline, conversation: int, deed: str) -> None:
    hotline.write("还没人理我")
    if deed != "take_over":
        hotline.take_over(conversation)
    hotline.clock.advance(minutes=3)
    hotline.beat("wu")
    before, audits = hotline.everything(), hotline.count(Audit)
    for at in range(1, 50):
        with at_boundary(hotline.database, at, die) as boundaries:
            DEEDS[deed](hotline, conversation)
        if not boundaries.struck:
            break
        assert boundaries.fatal and hotline.everything() == before and hotline.count(Audit) == audits
    assert at > 4 and hotline.everything() != before


def test_seq_stays_gapless_through_everything(hotline: Hotline, conversation: int) -> None:
    def resident() -> None:
        for number in range(8):
            hotline.write(f"{number}")

    def bot() -> None:
        for _ in range(12):
            hotline.work()

    def operator() -> None:
        for number in range(4):
            hotline.take_over(conversation, patient=True)
            hotline.say(conversation, f"您好 {number}", patient=True)
            hotline.release(conversation, patient=True)

    together(resident, bot, operator)
    while hotline.work():
        pass
    messages = hotline.messages(conversation)
    assert [m.seq for m in messages] == list(range(1, hotline.conversation(conversation).last_seq + 1))
    owned = False
    for message in messages:
        if message.author == "system":
            owned = message.text == hotline.text("operator_joined")
        assert not (owned and message.author == "bot")
    assert "waiting" not in hotline.marks(conversation)


def test_a_turn_crashes_while_a_person_is_there(hotline: Hotline, conversation: int) -> None:
    hotline.write("还没人理我")
    held = hotline.hold("机器人的话")
    hotline.take_over(conversation)
    held.end(Crash())
    assert hotline.marks(conversation) == ["done", "waiting"]
    assert hotline.outcome() == "handed_over"
    assert hotline.count(Message, Message.text == "机器人的话") == 0
