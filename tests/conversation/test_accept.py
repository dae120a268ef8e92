"""A message is stored once, masked, in order, and danger is answered in the same transaction, whoever speaks."""
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions.storage.tables import Contact, Conversation, Delivery, Message, ScreeningRecord, Ticket, TicketEvent, Timer
from bot.conversation import accept as accept_room
from bot.conversation import ownership
from bot.conversation.accept import accept
from bot.conversation.post import run_timer
from bot.conversation.transcript import alarms, desk_rows
from tests.conversation.hotline import FIRE_PAST, SUICIDE, Hotline, at_boundary, die, together

IDENTITY = "11010519491231002X"  # the sample number of GB 11643


def test_stored_once_and_waiting(hotline: Hotline) -> None:
    accepted = hotline.write("家里没米了", id="a")
    [message] = hotline.messages(accepted.conversation_id)
    assert (message.seq, message.author, message.kind, message.text) == (1, "resident", "text", "家里没米了")
    assert (message.waiting, message.handed_over, message.secrets, message.danger) == (True, False, None, None)
    assert hotline.count(Delivery) == 0
    assert not accepted.duplicate and accepted.level == "none"


class TestDuplicates:
    def test_same_id_again_changes_nothing(self, hotline: Hotline) -> None:
        first = hotline.write("家里没米了", id="a")
        before = hotline.everything()
        hotline.clock.advance(minutes=5)
        again = hotline.write("家里没米了", id="a")
        assert (again.duplicate, again.seq, again.conversation_id) == (True, first.seq, first.conversation_id)
        assert hotline.everything() == before

    def test_duplicate_of_danger_says_nothing_twice(self, hotline: Hotline) -> None:
        hotline.write(SUICIDE, id="a")
        before = hotline.everything()
        assert hotline.write(SUICIDE, id="a").duplicate
        assert hotline.everything() == before

    def test_same_id_of_another_person_is_another_message(self, hotline: Hotline) -> None:
        one = hotline.write("家里没米了", id="a")
        other = hotline.write("家里没米了", id="a", who="李叔")
        assert not other.duplicate and other.conversation_id != one.conversation_id

    def test_same_address_on_another_channel_is_another_contact(self, hotline: Hotline) -> None:
        one, other = hotline.write("在吗", id="a"), hotline.write("在吗", id="a", channel="telegram")
        assert not other.duplicate and other.contact_id != one.contact_id

    def test_duplicate_after_close_opens_no_conversation(self, hotline: Hotline) -> None:
        first = hotline.write("家里没米了", id="a")
        hotline.take_over(first.conversation_id)
        hotline.close(first.conversation_id)
        assert hotline.write("家里没米了", id="a").conversation_id == first.conversation_id
        assert hotline.count(Conversation) == 1

    @pytest.mark.parametrize("known", [True, False])
    def test_twice_at_the_same_moment(self, hotline: Hotline, known: bool) -> None:
        if known:
            hotline.write("你好", id="before")
        for number in range(10):
            results = together(*[lambda number=number: hotline.write("家里没米了", id=f"a{number}")] * 3)
            assert sorted(result.duplicate for result in results) == [False, True, True]
            assert len({(result.conversation_id, result.seq) for result in results}) == 1
        conversation = results[0].conversation_id
        assert [m.seq for m in hotline.messages(conversation)] == list(range(1, 11 + known))
        assert hotline.count(Contact) == hotline.count(Conversation) == 1

    def test_second_transaction_waits_for_the_first_and_finds_it(self, hotline: Hotline) -> None:
        hotline.write("你好")
        with hotline.database.begin() as first:
            accept(first, hotline.accept_tools, hotline.incoming("家里没米了", id="a"), hotline.clock())
            with pytest.raises(sa.exc.OperationalError), hotline.impatient() as second:
                accept(second, hotline.accept_tools, hotline.incoming("家里没米了", id="a"), hotline.clock())
        assert hotline.write("家里没米了", id="a").duplicate


class TestConversations:
    def test_after_close_the_next_message_opens_a_new_one(self, hotline: Hotline) -> None:
        first = hotline.write("家里没米了")
        hotline.take_over(first.conversation_id)
        hotline.close(first.conversation_id)
        second = hotline.write("又没米了")
        assert second.contact_id == first.contact_id
        assert second.conversation_id != first.conversation_id and second.seq == 1
        assert hotline.conversation(first.conversation_id).mode == "closed"
        assert hotline.conversation(second.conversation_id).mode == "bot"

    @pytest.mark.parametrize("closed_before_it_waits", [True, False])
    def test_close_while_a_message_waits_for_the_row(self, hotline: Hotline, closed_before_it_waits: bool) -> None:
        """The message found the conversation open and waits for its lock while the operator closes it: it must not fail."""
        first = hotline.write("家里没米了")
        hotline.take_over(first.conversation_id)
        row = sa.select(Conversation.id).where(Conversation.id == first.conversation_id).with_for_update(key_share=True)
        with hotline.database.session() as closing:
            closing.execute(row)

            def close() -> None:
                ownership.close(closing, hotline.staff["zhou"], first.conversation_id, hotline.knowledge.replies, hotline.clock())

            if closed_before_it_waits:
                close()

            def close_when_the_other_waits() -> None:
                hotline.until_somebody_waits()
                if not closed_before_it_waits:
                    close()
                closing.commit()

            accepted, _ = together(lambda: hotline.write("又没米了"), close_when_the_other_waits)
        assert accepted.conversation_id != first.conversation_id and accepted.seq == 1
        assert hotline.marks(accepted.conversation_id) == ["waiting"]

    def test_a_person_owns_it_so_no_turn_reads_it(self, hotline: Hotline) -> None:
        conversation = hotline.write("家里没米了").conversation_id
        hotline.take_over(conversation)
        hotline.write("您好")
        assert hotline.marks(conversation) == ["waiting", "handed_over"]
        assert hotline.outcome() == "handed_over"
        assert hotline.marks(conversation) == ["handed_over", "handed_over"]

    def test_seq_has_no_gap_when_many_write_at_once(self, hotline: Hotline) -> None:
        together(*[lambda n=n: [hotline.write(f"{n} {i}") for i in range(10)] for n in range(4)])
        [conversation] = hotline.scalars(sa.select(Conversation))
        assert [m.seq for m in hotline.messages(conversation.id)] == list(range(1, 41)) and conversation.last_seq == 40
        ids = [m.id for m in hotline.messages(conversation.id)]
        assert ids == sorted(ids)
        for n in range(4):  # and each sender's own order is kept
            own = [m.text for m in hotline.messages(conversation.id) if m.text.startswith(f"{n} ")]
            assert own == [f"{n} {i}" for i in range(10)]


class TestButtons:
    BUTTONS = [{"title": "有地方住", "value": False}, {"title": "没有", "value": True}]

    def ask(self, hotline: Hotline, who: str = "王婶") -> tuple[int, list[dict[str, Any]]]:
        conversation = hotline.write("着火了", who=who).conversation_id
        hotline.work(lambda turn: turn.say_text("今晚有地方住吗", asks="need_tonight", buttons=self.BUTTONS))
        shown: list[dict[str, Any]] = hotline.messages(conversation)[-1].buttons
        return conversation, shown

    def test_press_of_a_shown_button(self, hotline: Hotline) -> None:
        conversation, shown = self.ask(hotline)
        hotline.write("", button_id=shown[1]["id"])
        message = hotline.messages(conversation)[-1]
        assert (message.kind, message.text) == ("press", "没有")
        assert message.press == {"asks": "need_tonight", "value": True}

    def test_what_the_client_says_about_a_button_does_not_count(self, hotline: Hotline) -> None:
        conversation, shown = self.ask(hotline)
        hotline.write("别的话", button_id=shown[0]["id"])
        assert hotline.messages(conversation)[-1].text == "有地方住"

    def test_ids_tell_nothing_and_differ_each_time(self, hotline: Hotline) -> None:
        _, one = self.ask(hotline)
        _, other = self.ask(hotline, "李叔")
        ids = [button["id"] for button in one + other]
        assert len(set(ids)) == 4 and all(len(id_) >= 12 for id_ in ids)

    def test_button_of_another_conversation_is_only_its_text(self, hotline: Hotline) -> None:
        _, shown = self.ask(hotline)
        hotline.write("你好", who="李叔")
        accepted = hotline.write("没有", who="李叔", button_id=shown[1]["id"])
        message = hotline.messages(accepted.conversation_id)[-1]
        assert (message.kind, message.text, message.press) == ("text", "没有", None)

    def test_button_of_the_closed_conversation_is_only_its_text(self, hotline: Hotline) -> None:
        conversation, shown = self.ask(hotline)
        hotline.take_over(conversation)
        hotline.close(conversation)
        accepted = hotline.write("没有", button_id=shown[1]["id"])
        assert [(m.kind, m.press) for m in hotline.messages(accepted.conversation_id)] == [("text", None)]

    @pytest.mark.parametrize("button", ["made-up", "", "\x00", "\ud800", "按钮", "'; DROP TABLE message; --"])
    def test_made_up_button_is_only_its_text(self, hotline: Hotline, button: str) -> None:
        accepted = hotline.write("没有", button_id=button)
        [message] = hotline.messages(accepted.conversation_id)
        assert (message.kind, message.text, message.press) == ("text", "没有", None)

    def test_danger_words_in_the_text_of_a_made_up_button_are_heard(self, hotline: Hotline) -> None:
        assert hotline.write(SUICIDE, button_id="made-up").level == "now"


class TestMasking:
    def test_phones_are_hidden_in_the_text_and_kept_encrypted(self, hotline: Hotline) -> None:
        conversation = hotline.write("打我电话 138 0013 8000，或者023-67890123").conversation_id
        [message] = hotline.messages(conversation)
        assert message.text == "打我电话 138****8000，或者023****0123"
        assert hotline.secrets(message) == {"phones": ["13800138000", "02367890123"]}
        assert b"13800138000" not in message.secrets and b"67890123" not in message.secrets

    def test_identity_and_card_numbers_are_gone(self, hotline: Hotline) -> None:
        conversation = hotline.write(f"身份证{IDENTITY}，卡号6222021234567890128，电话13800138000").conversation_id
        [message] = hotline.messages(conversation)
        secrets = hotline.secrets(message)
        for number in (IDENTITY, "6222021234567890128", "13800138000"):
            assert number not in message.text
        assert IDENTITY not in str(secrets) and "6222021234567890128" not in str(secrets)
        assert secrets["phones"] == ["13800138000"] and "identity" in secrets["masked"]

    def test_the_turn_gets_the_phone_but_never_the_identity(self, hotline: Hotline) -> None:
        hotline.write(f"身份证{IDENTITY}，电话13800138000")
        seen: list[Any] = []
        hotline.work(lambda turn: seen.append((turn.text, turn.messages[0].secrets)))
        [(text, secrets)] = seen
        assert secrets["phones"] == ["13800138000"]
        assert IDENTITY not in text + str(secrets) and "13800138000" not in text

    def test_address_is_kept_only_where_the_app_is_called(self, hotline: Hotline) -> None:
        with hotline.database.begin() as session:
            accept(session, hotline.accept_tools, hotline.incoming("在吗", who="token"), hotline.clock(), keep_address=False)
            accept(session, hotline.accept_tools, hotline.incoming("在吗", who="4711", channel="telegram"), hotline.clock())
        web, telegram = hotline.scalars(sa.select(Contact).order_by(Contact.id))
        assert web.address is None and b"4711" not in telegram.address
        assert hotline.knowledge.keys.open(telegram.address) == "4711"


class TestBadInput:
    @pytest.mark.parametrize(("text", "stored"), [
        ("没\x00米了", "没米了"), ("没米\ud800了", "没米了"), ("没米了\x1b[2J\x07", "没米了[2J"), ("一\r\n二\t三", "一\n二\t三"),
        ("\x00", ""), ("👨‍👩‍👧", "👨‍👩‍👧"), ("<b>'; DROP TABLE message; --", "<b>'; DROP TABLE message; --"),
    ])
    def test_control_characters_go_and_nothing_else(self, hotline: Hotline, text: str, stored: str) -> None:
        conversation = hotline.write(text).conversation_id
        assert hotline.said(conversation) == [("resident", stored)]

    def test_danger_behind_a_control_character_is_heard(self, hotline: Hotline) -> None:
        assert hotline.write("我不想\x00活了，现在站在楼顶上").level == "now"

    def test_ten_thousand_characters(self, hotline: Hotline) -> None:
        conversation = hotline.write("没米了" * 3334).conversation_id
        assert len(hotline.messages(conversation)[0].text) == 10_002

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(text=st.text(st.characters(exclude_categories=()), max_size=60))
    def test_any_text_is_stored_and_can_be_worked(self, hotline: Hotline, text: str) -> None:
        hotline.empty()
        accepted = hotline.write(text)
        assert hotline.outcome() == "answered"
        assert hotline.marks(accepted.conversation_id) == ["done"]


class TestDangerWithTheBot:
    def test_safety_text_ticket_queue_and_alarm_in_one_transaction(self, hotline: Hotline) -> None:
        with hotline.database.begin() as session:
            accepted = accept(session, hotline.accept_tools, hotline.incoming(SUICIDE), hotline.clock())
            assert accepted.level == "now"
            with hotline.database.begin() as other:  # nothing is seen before the commit
                assert other.execute(sa.select(sa.func.count()).select_from(Message)).scalar_one() == 0
        conversation = hotline.conversation(accepted.conversation_id)
        resident, system = hotline.messages(conversation.id)
        assert resident.danger == [{"gate": "self_harm_now", "level": "now"}] and resident.waiting
        assert (system.author, system.answers, system.text) == ("system", 1, hotline.text("danger_self_harm_now"))
        assert [d.message_id for d in hotline.scalars(sa.select(Delivery))] == [system.id]
        assert (conversation.waiting_since, conversation.waiting_reason) == (hotline.clock(), "danger")
        assert (conversation.danger, conversation.danger_at, conversation.last_seq) == ("now", hotline.clock(), 2)
        [ticket] = hotline.scalars(sa.select(Ticket))
        assert (ticket.conversation_id, ticket.legal_basis, ticket.urgency) == (conversation.id, "emergency", "life_danger")
        assert ticket.read_back == "none" and ticket.state == "dispatched"
        assert hotline.count(TicketEvent) == hotline.count(ScreeningRecord) == 1
        with hotline.database.begin() as session:
            assert [row[:2] for row in alarms(session, hotline.staff["zhou"])] == [(conversation.id, hotline.clock())]

    def test_crash_at_any_statement_stores_nothing_and_the_app_sends_it_again(self, hotline: Hotline) -> None:
        nothing = hotline.everything()
        for at in range(1, 100):
            with at_boundary(hotline.database, at, die) as boundaries:
                hotline.write(SUICIDE, id="a")
            if not boundaries.struck:
                break
            assert hotline.everything() == nothing, f"left behind by a crash before statement {at}"
        assert at > 12, "too few statements: the fault was not injected"
        assert [author for author, _ in hotline.said(hotline.scalars(sa.select(Conversation.id))[0])] == ["resident", "system"]
        assert hotline.count(Ticket) == 1

    def test_ticket_goes_to_the_place_that_was_said(self, hotline: Hotline) -> None:
        hotline.write("救命，龙溪街道我家里正在着火，出不去了")
        [ticket] = hotline.scalars(sa.select(Ticket))
        assert (ticket.desk, ticket.unit_name, ticket.event_kind) == ("unit", "龙溪街道", "fire")

    def test_a_second_cry_opens_no_second_ticket_but_is_answered(self, hotline: Hotline) -> None:
        hotline.write(SUICIDE)
        hotline.clock.advance(minutes=1)
        conversation = hotline.write("我不想活了，刀就在手上").conversation_id
        assert hotline.count(Ticket) == 1
        assert [author for author, _ in hotline.said(conversation)] == ["resident", "system"] * 2
        row = hotline.conversation(conversation)
        assert row.danger_at == hotline.clock() and row.waiting_since == hotline.clock() - timedelta(minutes=1)

    def test_who_waits_already_moves_to_the_front(self, hotline: Hotline) -> None:
        first = hotline.write("转人工", who="李叔").conversation_id
        hotline.work(lambda turn: turn.ask_for_person("asked"))
        hotline.clock.advance(minutes=1)
        second = hotline.write("转人工").conversation_id
        hotline.work(lambda turn: turn.ask_for_person("asked"))
        hotline.write(SUICIDE)
        with hotline.database.begin() as session:
            assert [row.id for row in desk_rows(session, hotline.staff["zhou"], hotline.knowledge.intake, hotline.clock())] == [second, first]
        row = hotline.conversation(second)
        assert (row.waiting_reason, row.waiting_since) == ("danger", hotline.clock())

    def test_past_danger_has_its_line_and_then_the_normal_turn(self, hotline: Hotline) -> None:
        accepted = hotline.write(FIRE_PAST)
        assert accepted.level == "past"
        row = hotline.conversation(accepted.conversation_id)
        assert (row.danger, row.waiting_since) == ("past", None)
        assert hotline.said(row.id)[1] == ("system", hotline.text("danger_fire_past"))
        assert hotline.count(Ticket) == 0
        assert hotline.outcome() == "answered"

    def test_past_does_not_lower_now(self, hotline: Hotline) -> None:
        hotline.write(SUICIDE)
        at = hotline.clock()
        hotline.clock.advance(minutes=1)
        row = hotline.conversation(hotline.write(FIRE_PAST).conversation_id)
        assert (row.danger, row.danger_at) == ("now", at)

    def test_caption_of_a_photo_is_heard(self, hotline: Hotline) -> None:
        assert hotline.write(SUICIDE, kind="photo").level == "now"

    def test_broken_rules_swallow_neither_the_cry_nor_its_answer(self, hotline: Hotline, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(turn: Any, *more: Any) -> None:
            hotline.open_ticket(turn.session, turn.conversation_id, turn.contact_id)
            turn.session.execute(sa.text("SELECT 1 / 0"))

        monkeypatch.setattr(accept_room, "file_ticket", broken)
        accepted = hotline.write(SUICIDE)
        assert hotline.said(accepted.conversation_id) == [
            ("resident", SUICIDE), ("system", hotline.text("danger_self_harm_now"))]
        row = hotline.conversation(accepted.conversation_id)
        assert (row.danger, row.waiting_reason, row.last_seq) == ("now", "danger", 2)
        assert hotline.count(Ticket) == hotline.count(TicketEvent) == 0


class TestDangerWithAPerson:
    def owned(self, hotline: Hotline) -> int:
        conversation = hotline.write("转人工").conversation_id
        hotline.work()
        hotline.take_over(conversation)
        return conversation

    def timer(self, hotline: Hotline) -> str | None:
        return run_timer(hotline.database, hotline.knowledge, hotline.clock())

    def test_nothing_is_said_over_the_person(self, hotline: Hotline) -> None:
        conversation = self.owned(hotline)
        before = hotline.said(conversation)
        accepted = hotline.write(SUICIDE)
        assert hotline.said(conversation) == [*before, ("resident", SUICIDE)]
        row = hotline.conversation(conversation)
        assert (row.mode, row.danger, row.waiting_since) == ("human", "now", None)
        assert [(t.kind, t.ref, t.due_at) for t in hotline.scalars(sa.select(Timer).where(Timer.kind == "danger_unanswered"))] == [
            ("danger_unanswered", f"{conversation}:{accepted.seq}", hotline.clock() + timedelta(seconds=60))]
        assert [ticket.legal_basis for ticket in hotline.scalars(sa.select(Ticket))] == ["emergency"]
        with hotline.database.begin() as session:
            assert [row[:2] for row in alarms(session, hotline.staff["zhou"])] == [(conversation, hotline.clock())]

    def test_sent_by_itself_after_a_minute_of_silence_once(self, hotline: Hotline) -> None:
        conversation = self.owned(hotline)
        accepted = hotline.write(SUICIDE)
        hotline.clock.advance(seconds=59)
        assert self.timer(hotline) is None
        hotline.clock.advance(seconds=1)
        assert self.timer(hotline) == "danger_unanswered"
        last = hotline.messages(conversation)[-1]
        assert (last.author, last.answers, last.text) == ("system", accepted.seq, hotline.text("danger_cry_now"))
        assert self.timer(hotline) is None and hotline.count(Timer, Timer.kind == "danger_unanswered") == 0

    def test_not_sent_when_the_operator_has_answered(self, hotline: Hotline) -> None:
        conversation = self.owned(hotline)
        hotline.write(SUICIDE)
        hotline.say(conversation, "我在，您先坐下来")
        before = hotline.said(conversation)
        hotline.clock.advance(seconds=61)
        while self.timer(hotline):
            pass
        assert hotline.said(conversation) == before and hotline.count(Timer, Timer.kind == "danger_unanswered") == 0

    def test_an_answer_to_something_earlier_does_not_count(self, hotline: Hotline) -> None:
        conversation = self.owned(hotline)
        hotline.say(conversation, "您好")
        hotline.write(SUICIDE)
        hotline.clock.advance(seconds=61)
        self.timer(hotline)
        assert hotline.said(conversation)[-1] == ("system", hotline.text("danger_cry_now"))

    def test_nothing_is_said_into_a_closed_conversation(self, hotline: Hotline) -> None:
        conversation = self.owned(hotline)
        hotline.write(SUICIDE)
        hotline.close(conversation)
        before = hotline.said(conversation)
        hotline.clock.advance(seconds=61)
        assert self.timer(hotline) == "danger_unanswered"
        assert hotline.said(conversation) == before

    def test_operator_and_timer_at_the_same_moment_do_not_block_each_other(self, hotline: Hotline) -> None:
        conversation = self.owned(hotline)
        for number in range(15):
            hotline.write(SUICIDE)
            hotline.clock.advance(seconds=61)
            together(lambda: self.timer(hotline), lambda n=number: hotline_say(hotline, conversation, n))
        while self.timer(hotline):
            pass
        row = hotline.conversation(conversation)
        assert [m.seq for m in hotline.messages(conversation)] == list(range(1, row.last_seq + 1))


def hotline_say(hotline: Hotline, conversation: int, number: int) -> None:
    with hotline.database.begin() as session:
        ownership.say(session, hotline.staff["zhou"], conversation, f"我在 {number}", str(number), hotline.clock())
