"""One turn is one transaction: all of it or nothing; while it thinks nobody waits; whoever is faster than it wins."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from actions.storage.tables import Conversation, Delivery, Draft, Message, Notice, Ticket, TicketEvent, TurnAttempt
from actions.tickets.commands import complete_ticket
from actions.tickets.queries import latest_of_conversation
from actions.turn import Turn
from bot.conversation import ownership
from bot.conversation import turn as turn_room
from bot.conversation.accept import accept
from bot.conversation.wake import OUT
from tests.conversation.hotline import (
    SUICIDE,
    Crash,
    Hotline,
    answer,
    at_boundary,
    die,
    losing_connection,
    together,
)


def reading(seen: list[Any]) -> Callable[[Turn], None]:
    """A bot that notes what it reads."""
    def think(turn: Turn) -> None:
        seen.append([(message.seq, message.text) for message in turn.messages])
        turn.say_text("好的")
    return think


class TestWhatIsRead:
    def test_a_burst_is_one_turn_and_one_answer(self, hotline: Hotline) -> None:
        for text in ("我家着火了", "在龙溪", "没地方住"):
            conversation = hotline.write(text).conversation_id
        seen: list[Any] = []
        assert hotline.outcome(reading(seen)) == "answered"
        assert seen == [[(1, "我家着火了"), (3, "在龙溪"), (4, "没地方住")]]  # 2 is the safety line
        assert hotline.marks(conversation) == ["done"] * 3
        last = hotline.messages(conversation)[-1]
        assert (last.seq, last.author, last.answers) == (5, "bot", 4)
        assert hotline.work() is None

    def test_a_press_breaks_the_burst_on_both_sides(self, hotline: Hotline) -> None:
        hotline.write("在吗")
        hotline.work(lambda turn: turn.say_text("?", buttons=[{"title": "有", "value": 1}, {"title": "没有", "value": 2}]))
        buttons = hotline.scalars(sa.select(Message.buttons).where(Message.author == "bot"))[0]
        for text, button in (("一", None), ("", 0), ("", 1), ("二", None), ("三", None)):
            hotline.write(text, button_id=None if button is None else buttons[button]["id"])
        seen: list[Any] = []
        while hotline.work(reading(seen)):
            pass
        assert [[text for _, text in turn] for turn in seen] == [["一"], ["有"], ["没有"], ["二", "三"]]

    def test_what_comes_while_it_thinks_is_the_next_turn(self, hotline: Hotline) -> None:
        conversation = hotline.write("一").conversation_id
        held = hotline.hold("答一")
        hotline.write("二")
        assert hotline.work() is None  # the same conversation is never worked twice at once
        assert held.end().outcome == "answered"
        assert hotline.outcome("答二") == "answered"
        assert [(m.text, m.answers) for m in hotline.messages(conversation) if m.author == "bot"] == [("答一", 1), ("答二", 2)]

    def test_oldest_conversation_first(self, hotline: Hotline) -> None:
        order = [hotline.write("在吗", who=who).conversation_id for who in ("甲", "乙", "丙")]
        hotline.write("还在吗", who="甲")
        assert [hotline.work().conversation_id for _ in order] == order

    def test_dialogue_facts_and_danger_are_read(self, hotline: Hotline) -> None:
        hotline.write(SUICIDE)

        def first(turn: Turn) -> None:
            assert (turn.danger, turn.waiting_for_person, turn.dialogue, turn.channel) == ("now", True, None, "web")
            turn.dialogue = {"n": 1}
            turn.facts.asking = "safe_now"

        def second(turn: Turn) -> None:
            assert (turn.dialogue, turn.facts.asking) == ({"n": 1}, "safe_now")

        assert hotline.outcome(first) == hotline.outcome_after("安全了", second) == "answered"


class TestWhatIsStored:
    def test_everything_in_one_commit(self, hotline: Hotline) -> None:
        conversation = hotline.write("没饭吃").conversation_id
        hotline.clock.advance(minutes=1)

        def think(turn: Turn) -> None:
            turn.dialogue = {"n": 1}
            turn.facts.answers["living_hard"] = {"value": True}
            hotline.open_ticket(turn.session, turn.conversation_id, turn.contact_id)
            turn.say_text("工单开好了")
            turn.say_text("还需要什么", asks="need_tonight", buttons=[{"title": "吃的", "value": ["food"]}])
            turn.ask_for_person("asked")

        assert hotline.outcome(think) == "answered"
        row = hotline.conversation(conversation)
        assert row.dialogue == {"n": 1} and row.facts["answers"] == {"living_hard": {"value": True}}
        assert (row.last_seq, row.waiting_since, row.waiting_reason) == (3, hotline.clock(), "asked")
        assert row.last_message_at == hotline.clock()
        _, one, two = hotline.messages(conversation)
        assert (one.text, one.asks, two.asks, two.buttons[0]["title"]) == ("工单开好了", None, "need_tonight", "吃的")
        assert [(d.message_id, d.seq, d.state) for d in hotline.scalars(sa.select(Delivery).order_by(Delivery.seq))] == [
            (one.id, 2, "waiting"), (two.id, 3, "waiting")]
        assert hotline.count(Ticket) == hotline.count(TicketEvent) == hotline.count(Notice) == 1
        assert hotline.wake.rung == [OUT] and f"conversation:{conversation}" in hotline.wake.hinted

    def test_first_wish_for_a_person_keeps_its_time_and_reason(self, hotline: Hotline) -> None:
        conversation = hotline.write("转人工").conversation_id
        hotline.work(lambda turn: turn.ask_for_person("asked"))
        since = hotline.clock()
        hotline.clock.advance(minutes=3)
        hotline.write("人呢")
        hotline.work(lambda turn: turn.ask_for_person("unsure"))
        row = hotline.conversation(conversation)
        assert (row.waiting_since, row.waiting_reason) == (since, "asked")

    def test_a_turn_without_words_still_ends(self, hotline: Hotline) -> None:
        conversation = hotline.write("嗯").conversation_id
        assert hotline.outcome(lambda turn: None) == "answered"
        assert hotline.marks(conversation) == ["done"]

    def test_safe_again_ends_the_danger(self, hotline: Hotline) -> None:
        conversation = hotline.write(SUICIDE).conversation_id
        hotline.work(lambda turn: setattr(turn, "danger_over", True))
        row = hotline.conversation(conversation)
        assert row.danger == "past" and row.waiting_since is not None  # a person is still to come


class TestDangerWhileThinking:
    """DESIGN 2 point 2: from the cry on the bot asks only about safety, and a case has one ticket."""

    def cry_in_the_middle(self, hotline: Hotline, think: Callable[[Turn], None]) -> tuple[int, Any]:
        conversation = hotline.write("家里没米了").conversation_id
        held = hotline.hold(think)
        hotline.clock.advance(seconds=1)
        hotline.write(SUICIDE)
        return conversation, held.end()

    def test_what_was_thought_before_is_thrown_away_and_read_again(self, hotline: Hotline) -> None:
        def think(turn: Turn) -> None:
            turn.dialogue = {"n": 1}
            turn.say_text("您家几口人")
        conversation, worked = self.cry_in_the_middle(hotline, think)
        assert worked.outcome == "begun_again"
        assert hotline.marks(conversation) == ["waiting", "waiting"]
        assert hotline.conversation(conversation).dialogue is None and hotline.drafts(conversation) == []
        seen: list[Any] = []

        def again(turn: Turn) -> None:
            seen.append((turn.text, turn.danger, turn.waiting_for_person))
            turn.say("danger_ask_safe")
        assert hotline.outcome(again) == "answered"
        assert seen == [(f"家里没米了\n{SUICIDE}", "now", True)]
        assert [author for author, _ in hotline.said(conversation)] == ["resident", "resident", "system", "bot"]
        assert hotline.said(conversation)[-1] == ("bot", hotline.text("danger_ask_safe"))

    def test_no_second_ticket(self, hotline: Hotline) -> None:
        conversation, _ = self.cry_in_the_middle(hotline, hotline.opening())
        assert [t.legal_basis for t in hotline.scalars(sa.select(Ticket))] == ["emergency"]

        def think(turn: Turn) -> None:
            assert latest_of_conversation(turn.session, turn.conversation_id, hotline.lifecycle.open_states) is not None
        hotline.work(think)
        assert hotline.marks(conversation) == ["done", "done"]

    def test_not_over_when_new_danger_came(self, hotline: Hotline) -> None:
        conversation = hotline.write(SUICIDE).conversation_id
        held = hotline.hold(lambda turn: setattr(turn, "danger_over", True))
        hotline.clock.advance(seconds=1)
        hotline.write(SUICIDE)
        held.end()
        row = hotline.conversation(conversation)
        assert (row.danger, row.danger_at) == ("now", hotline.clock())

    def test_past_danger_does_not_disturb(self, hotline: Hotline) -> None:
        conversation = hotline.write("家里没米了").conversation_id
        held = hotline.hold()
        hotline.write("昨晚家里着火了，人都出来了")
        assert held.end().outcome == "answered"
        assert hotline.marks(conversation) == ["done", "waiting"]

    def test_at_the_third_time_a_person_is_called(self, hotline: Hotline) -> None:
        conversation = hotline.write("家里没米了").conversation_id
        for _ in range(2):
            held = hotline.hold()
            hotline.clock.advance(seconds=1)
            hotline.write(SUICIDE)
            assert held.end().outcome == "begun_again"
        assert hotline.outcome() == "given_up"
        assert hotline.marks(conversation) == ["handed_over"] * 3


class TestNobodyWaits:
    def test_accept_and_takeover_while_a_turn_hangs(self, hotline: Hotline) -> None:
        """The hanging turn has even opened a ticket; lock_timeout is 1 ms, so any wait at all would fail."""
        conversation = hotline.write("没饭吃").conversation_id
        held = hotline.hold(hotline.opening())
        assert held.thinking
        with hotline.impatient() as session:
            accept(session, hotline.accept_tools, hotline.incoming("还在吗"), hotline.clock())
        with hotline.impatient() as session:
            accept(session, hotline.accept_tools, hotline.incoming(SUICIDE), hotline.clock())
        hotline.take_over(conversation)
        hotline.say(conversation, "我是小周")
        hotline.release(conversation)
        hotline.take_over(conversation, by="wu")
        hotline.close(conversation, by="wu")
        assert held.thread.is_alive()
        assert held.end().outcome == "overtaken"

    def test_another_conversation_goes_on(self, hotline: Hotline) -> None:
        hotline.write("没饭吃")
        held = hotline.hold()
        other = hotline.write("没饭吃", who="李叔").conversation_id
        assert hotline.work().conversation_id == other
        assert held.end().outcome == "answered"

    def test_many_workers_answer_each_message_once_and_never_one_conversation_at_once(self, hotline: Hotline) -> None:
        conversations = {hotline.write(f"{who} {n}", who=f"甲{who}").conversation_id for who in range(4) for n in range(3)}
        at_work: set[int] = set()

        def think(turn: Turn) -> None:
            assert turn.conversation_id not in at_work
            at_work.add(turn.conversation_id)
            turn.session.execute(sa.text("SELECT 1"))
            turn.say_text(",".join(str(message.seq) for message in turn.messages))
            turn.dialogue = {"n": (turn.dialogue or {"n": 0})["n"] + 1}
            at_work.remove(turn.conversation_id)

        def worker() -> None:
            for n in range(12):
                hotline.work(think)
                hotline.write(f"又 {n}", who=f"甲{n % 4}")

        together(*[worker] * 3)
        while hotline.work(think):
            pass
        for conversation in conversations:
            messages = hotline.messages(conversation)
            answered = [int(seq) for m in messages if m.author == "bot" for seq in m.text.split(",")]
            assert sorted(answered) == [m.seq for m in messages if m.author == "resident"]
            replies = [m for m in messages if m.author == "bot"]
            assert hotline.conversation(conversation).dialogue == {"n": len(replies)}
            assert [m.seq for m in messages] == list(range(1, len(messages) + 1))


class TestOvertaken:
    def test_rolls_back_its_ticket_and_keeps_the_draft(self, hotline: Hotline) -> None:
        conversation = hotline.write("没饭吃").conversation_id
        hotline.write("没地方住")

        def think(turn: Turn) -> None:
            turn.dialogue = {"n": 1}
            turn.facts.asking = "need_tonight"
            hotline.opening("工单开好了")(turn)
            turn.say_text("还要什么")
        held = hotline.hold(think)
        hotline.take_over(conversation)
        assert held.end().outcome == "overtaken"
        assert hotline.count(Ticket) == hotline.count(TicketEvent) == hotline.count(Notice) == 0
        assert hotline.drafts(conversation) == ["工单开好了", "还要什么"]
        assert hotline.marks(conversation) == ["handed_over", "handed_over"]
        assert [author for author, _ in hotline.said(conversation)] == ["resident", "resident", "system"]
        row = hotline.conversation(conversation)
        assert row.dialogue is None and row.facts.get("asking") is None and row.mode == "human"

    def test_even_when_the_person_has_released_it_again(self, hotline: Hotline) -> None:
        """Only the epoch tells: the mode is bot again."""
        conversation = hotline.write("没饭吃").conversation_id
        held = hotline.hold("机器人的话")
        hotline.take_over(conversation)
        hotline.release(conversation)
        assert held.end().outcome == "overtaken"
        assert hotline.drafts(conversation) == ["机器人的话"]
        assert "bot" not in [author for author, _ in hotline.said(conversation)]

    def test_even_when_it_was_closed(self, hotline: Hotline) -> None:
        conversation = hotline.write("没饭吃").conversation_id
        held = hotline.hold("机器人的话")
        hotline.take_over(conversation)
        hotline.close(conversation)
        assert held.end().outcome == "overtaken"
        assert hotline.drafts(conversation) == ["机器人的话"]

    def test_draft_is_kept_though_another_worker_was_faster(self, hotline: Hotline, monkeypatch: pytest.MonkeyPatch) -> None:
        """Between the rollback and the note another worker finds the message waiting and hands it over."""
        conversation = hotline.write("没饭吃").conversation_id
        keep = turn_room._keep_draft

        def other_first(*args: Any) -> None:
            assert hotline.outcome("别的话") == "handed_over"
            keep(*args)
        monkeypatch.setattr(turn_room, "_keep_draft", other_first)
        held = hotline.hold("机器人的话")
        hotline.take_over(conversation)
        assert held.end().outcome == "overtaken"
        assert hotline.drafts(conversation) == ["机器人的话"]

    def test_no_draft_of_what_the_bot_has_answered_since(self, hotline: Hotline, monkeypatch: pytest.MonkeyPatch) -> None:
        conversation = hotline.write("没饭吃").conversation_id
        keep = turn_room._keep_draft

        def other_first(*args: Any) -> None:
            assert hotline.outcome("后来的话") == "answered"
            keep(*args)
        monkeypatch.setattr(turn_room, "_keep_draft", other_first)
        held = hotline.hold("机器人的话")
        hotline.take_over(conversation)
        hotline.release(conversation)
        assert held.end().outcome == "overtaken"
        assert hotline.drafts(conversation) == [] and hotline.marks(conversation) == ["done"]

    def test_takeover_before_the_claim(self, hotline: Hotline) -> None:
        conversation = hotline.write("没饭吃").conversation_id
        hotline.take_over(conversation)
        thought: list[Any] = []
        assert hotline.outcome(reading(thought)) == "handed_over"
        assert thought == [] and hotline.marks(conversation) == ["handed_over"]
        assert hotline.count(TurnAttempt) == hotline.count(Draft) == 0


class TestErrors:
    def broken(self, hotline: Hotline, fault: Callable[[Turn], None]) -> Callable[[Turn], None]:
        def think(turn: Turn) -> None:
            turn.dialogue = {"n": 1}
            turn.facts.asking = "need_tonight"
            hotline.opening("工单开好了")(turn)
            turn.ask_for_person("asked")
            fault(turn)
        return think

    @pytest.mark.parametrize("fault", [
        lambda turn: 1 / 0,
        lambda turn: turn.fail("step", ValueError("Rasa would have swallowed this")),
        lambda turn: turn.session.execute(sa.text("SELECT 1 / 0")),
        lambda turn: turn.session.add(Draft(conversation_id=-1, text="x", created_at=turn.now)),  # seen only at the flush
    ], ids=["raised", "noted", "sql", "flush"])
    def test_rollback_apology_queue_and_nothing_else(self, hotline: Hotline, fault: Callable[[Turn], None]) -> None:
        conversation = hotline.write("没饭吃").conversation_id
        hotline.write("没地方住")
        assert hotline.outcome(self.broken(hotline, fault)) == "failed"
        assert hotline.count(Ticket) == hotline.count(Notice) == hotline.count(Draft) == 0
        assert hotline.said(conversation)[2:] == [("system", hotline.text("turn_failed"))]
        assert hotline.marks(conversation) == ["handed_over", "handed_over"]
        row = hotline.conversation(conversation)
        assert (row.mode, row.waiting_since, row.waiting_reason) == ("bot", hotline.clock(), "turn_failed")
        assert row.dialogue is None and row.facts.get("asking") is None and row.last_seq == 3
        assert hotline.count(Delivery) == 1
        assert hotline.outcome() is None
        assert hotline.outcome_after("还在吗", answer("在")) == "answered"

    def test_swallowed_sql_error_commits_nothing(self, hotline: Hotline) -> None:
        """Rasa swallows it and goes on; PostgreSQL does not."""
        conversation = hotline.write("没饭吃").conversation_id

        def fault(turn: Turn) -> None:
            turn.session.flush()  # nothing is left to write before the last statement
            try:
                turn.session.execute(sa.text("SELECT 1 / 0"))
            except DBAPIError:
                turn.say_text("好的")
        for _ in range(2):
            with pytest.raises(DBAPIError):
                hotline.work(self.broken(hotline, fault))
            assert hotline.marks(conversation) == ["waiting"] and hotline.count(Ticket) == 0
        assert hotline.outcome(self.broken(hotline, fault)) == "given_up"
        assert hotline.said(conversation)[1:] == [("system", hotline.text("turn_failed"))]

    def test_error_after_takeover_apologises_to_nobody(self, hotline: Hotline) -> None:
        conversation = hotline.write("没饭吃").conversation_id
        held = hotline.hold(hotline.opening())
        hotline.take_over(conversation)
        before = hotline.said(conversation)
        assert held.end(ValueError()).outcome == "failed"
        assert hotline.said(conversation) == before and hotline.conversation(conversation).waiting_since is None
        assert hotline.marks(conversation) == ["handed_over"]

    def test_keeps_an_earlier_place_in_the_queue(self, hotline: Hotline) -> None:
        conversation = hotline.write(SUICIDE).conversation_id
        since = hotline.clock()
        hotline.clock.advance(minutes=1)
        hotline.work(self.broken(hotline, lambda turn: 1 / 0))
        row = hotline.conversation(conversation)
        assert (row.waiting_since, row.waiting_reason) == (since, "danger")

    def test_log_tells_where_but_not_what_was_said(self, hotline: Hotline, capsys: pytest.CaptureFixture[str]) -> None:
        hotline.write("我的秘密")

        def fault(turn: Turn) -> None:
            raise ValueError(turn.text)
        hotline.work(self.broken(hotline, fault))
        logged = capsys.readouterr()
        assert "我的秘密" not in logged.out + logged.err
        assert "turn_failed" in logged.out + logged.err and "test_turn.py" in logged.out + logged.err


def die_in_the_middle(turn: Turn) -> None:
    raise Crash()


class TestCrash:
    def test_third_attempt_goes_to_a_person(self, hotline: Hotline) -> None:
        conversation = hotline.write("没饭吃").conversation_id
        for attempt in (1, 2):
            with pytest.raises(Crash):
                hotline.work(die_in_the_middle)
            assert hotline.marks(conversation) == ["waiting"] and hotline.count(TurnAttempt) == attempt
        thought: list[Any] = []
        assert hotline.outcome(reading(thought)) == "given_up"
        assert thought == [] and hotline.marks(conversation) == ["handed_over"]
        assert hotline.said(conversation)[1:] == [("system", hotline.text("turn_failed"))]
        assert hotline.conversation(conversation).waiting_reason == "turn_given_up"

    @pytest.mark.parametrize("how", ["process", "connection"])
    def test_at_any_statement_leaves_the_message_waiting_and_nothing_else(self, hotline: Hotline, how: str) -> None:
        strike = die if how == "process" else losing_connection(hotline.database)

        def think(turn: Turn) -> None:
            turn.dialogue = {"n": 1}
            hotline.opening("工单开好了")(turn)
            turn.say_text("还要什么", buttons=[{"title": "吃的", "value": 1}])
            turn.ask_for_person("asked")
        for at in range(1, 100):
            hotline.empty()
            conversation = hotline.write("没饭吃").conversation_id
            hotline.write("没地方住")
            before = hotline.everything()
            with at_boundary(hotline.database, at, strike) as boundaries:
                worked = hotline.work(think)
            if not boundaries.struck:
                break
            assert boundaries.fatal
            assert hotline.everything() == before, f"left behind by a crash before statement {at}"
            assert hotline.outcome(think) == "answered"  # the next worker does it, once
        assert at > 15, "too few statements: the fault was not injected"
        assert worked is not None and worked.outcome == "answered"
        assert hotline.marks(conversation) == ["done", "done"] and hotline.count(Ticket) == 1
        assert [author for author, _ in hotline.said(conversation)] == ["resident", "resident", "bot", "bot"]

    def test_at_any_statement_of_the_apology(self, hotline: Hotline) -> None:
        for at in range(1, 100):
            hotline.empty()
            conversation = hotline.write("没饭吃").conversation_id
            before = hotline.everything()
            with at_boundary(hotline.database, at, die) as boundaries:
                hotline.work(lambda turn: 1 / 0)
            if not boundaries.struck:
                break
            assert hotline.everything() == before
            assert hotline.outcome() == "answered"
        assert at > 8
        assert [author for author, _ in hotline.said(conversation)] == ["resident", "system"]

    def test_at_any_statement_of_the_draft(self, hotline: Hotline) -> None:
        """The message ends with the person in any case; the draft comes with it or not at all."""
        for at in range(1, 100):
            hotline.empty()
            conversation = hotline.write("没饭吃").conversation_id

            def think(turn: Turn) -> None:
                hotline.take_over(turn.conversation_id)
                turn.say_text("机器人的话")
            with at_boundary(hotline.database, at, die) as boundaries:
                hotline.work(think)
            if boundaries.fatal:
                assert (hotline.marks(conversation), hotline.drafts(conversation)) == (["waiting"], [])
                assert hotline.outcome("机器人的话") in ("handed_over", "answered")
            assert ("bot" in [a for a, _ in hotline.said(conversation)]) == (hotline.conversation(conversation).mode == "bot")
            if not boundaries.struck:
                break
        assert hotline.drafts(conversation) == ["机器人的话"] and hotline.marks(conversation) == ["handed_over"]

    def test_turn_ended_by_the_server_while_it_hangs(self, hotline: Hotline) -> None:
        """As idle_in_transaction_session_timeout does it: the message waits for the next worker."""
        conversation = hotline.write("没饭吃").conversation_id
        held = hotline.hold(hotline.opening())
        backend = held.turn.session.connection().connection.dbapi_connection.get_backend_pid()
        hotline.rows(sa.text(f"SELECT pg_terminate_backend({backend}, 5000)"))
        with pytest.raises(DBAPIError):
            held.end()
        assert hotline.marks(conversation) == ["waiting"] and hotline.count(Ticket) == 0
        assert hotline.outcome(hotline.opening()) == "answered"
        assert hotline.count(Ticket) == 1


class TestLockOrder:
    """message → ticket → conversation, whoever works: no two transactions can wait for each other."""

    ORDER = ("message", "ticket", "conversation")

    def locked(self, hotline: Hotline) -> set[str]:
        """The tables of which another transaction holds a row that now nobody else could change."""
        found = set()
        with hotline.database.begin() as session:
            for table in self.ORDER:
                everything = set(session.execute(sa.text(f"SELECT id FROM {table}")).scalars())
                free = set(session.execute(sa.text(f"SELECT id FROM {table} FOR NO KEY UPDATE SKIP LOCKED")).scalars())
                if everything - free:
                    found.add(table)
            session.rollback()
        return found

    def order_of(self, hotline: Hotline, deed: Callable[[], Any]) -> list[str]:
        """In which order a deed takes its locks, looked at before each of its statements and commits."""
        order: list[str] = []
        looking = False

        def look(*args: Any) -> None:
            nonlocal looking
            if looking:
                return
            looking = True
            order.extend(table for table in sorted(self.locked(hotline), key=self.ORDER.index) if table not in order)
            looking = False

        sa.event.listen(hotline.database.engine, "before_cursor_execute", look)
        sa.event.listen(hotline.database.engine, "commit", look)
        try:
            deed()
        finally:
            sa.event.remove(hotline.database.engine, "before_cursor_execute", look)
            sa.event.remove(hotline.database.engine, "commit", look)
        return order

    def test_a_turn_that_completes_a_ticket(self, hotline: Hotline) -> None:
        hotline.write(SUICIDE)

        def think(turn: Turn) -> None:
            begun = latest_of_conversation(turn.session, turn.conversation_id, hotline.lifecycle.open_states)
            assert begun is not None
            request = hotline.request(conversation_id=turn.conversation_id, contact_id=turn.contact_id)
            complete_ticket(turn.session, hotline.knowledge.keys, begun.number, request, turn.now)
            turn.say_text("好的")
        assert self.order_of(hotline, lambda: hotline.work(think)) == ["message", "ticket", "conversation"]

    def test_while_it_thinks_only_the_message_is_locked(self, hotline: Hotline) -> None:
        hotline.write("没饭吃")
        held = hotline.hold(hotline.opening())
        assert self.locked(hotline) == {"message"}
        held.end()
        assert self.locked(hotline) == set()

    def test_others_lock_the_conversation_last(self, hotline: Hotline) -> None:
        conversation = hotline.write("没饭吃").conversation_id
        assert self.order_of(hotline, lambda: hotline.work(hotline.opening())) == ["message", "conversation"]
        assert self.order_of(hotline, lambda: hotline.write("还在吗")) == ["conversation"]
        assert self.order_of(hotline, lambda: hotline.write(SUICIDE)) == ["conversation"]
        assert self.order_of(hotline, lambda: hotline.work(lambda turn: 1 / 0)) == ["message", "conversation"]
        [number] = hotline.scalars(sa.select(Ticket.number))
        assert self.order_of(hotline, lambda: hotline.accept_ticket(number)) == ["ticket"]
        assert self.order_of(hotline, hotline.post) == ["conversation"]
        assert self.order_of(hotline, lambda: hotline.take_over(conversation)) == ["conversation"]
        hotline.write(SUICIDE)
        assert self.order_of(hotline, lambda: hotline.say(conversation, "我在")) == ["conversation"]
        hotline.clock.advance(seconds=61)
        assert self.order_of(hotline, hotline.timers) == ["conversation"]
        assert self.order_of(hotline, lambda: hotline.release(conversation)) == ["conversation"]

    def test_nothing_is_kept_in_the_session_of_a_takeover(self, hotline: Hotline) -> None:
        """Two operators at once: one gets it, the other is told; nobody waits for ever."""
        conversation = hotline.write("没饭吃").conversation_id

        def take(by: str) -> str:
            try:
                with hotline.database.begin() as session:
                    ownership.take_over(session, hotline.staff[by], conversation, hotline.knowledge.replies,
                                        hotline.knowledge.desk, hotline.clock())
                return by
            except ownership.NotYours:
                return "told"
        results = together(lambda: take("zhou"), lambda: take("wu"))
        assert sorted(results)[0] == "told" and hotline.count(Conversation, Conversation.owner_id.isnot(None)) == 1
