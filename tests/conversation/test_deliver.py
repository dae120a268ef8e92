"""What is out and what is not, by the app's own books: in order, once where it can be known, never guessed."""
from __future__ import annotations

import os
import socket
import subprocess
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Delivery, Message
from bot.conversation.deliver import GIVE_UP, TRIES, WAITS, Outgoing, deliver_one, recover
from tests.conversation.hotline import SUICIDE, Crash, FakeApp, Hotline, at_boundary, die, together


@pytest.fixture
def app() -> FakeApp:
    """An app that recognises no ids, such as Telegram."""
    return FakeApp()


@pytest.fixture
def knowing() -> FakeApp:
    """An app that recognises a repeated message by our id, such as WeCom."""
    return FakeApp(takes_ids=True)


def talk(hotline: Hotline, *answers: str, who: str = "王婶") -> int:
    """王婶 writes on Telegram, the bot answers."""
    conversation = hotline.write("没饭吃", who=who, channel="telegram").conversation_id
    hotline.work(lambda turn: [turn.say_text(text) for text in answers or ("您在哪里",)][0])
    return int(conversation)


def states(hotline: Hotline) -> list[tuple[int, int, str, str | None]]:
    """(seq, try, state, error) of every delivery."""
    return [(d.seq, d.try_number, d.state, d.error) for d in hotline.scalars(sa.select(Delivery).order_by(Delivery.id))]


class TestSent:
    def test_address_text_and_buttons(self, hotline: Hotline, app: FakeApp) -> None:
        hotline.write("没饭吃", channel="telegram", who="4711")
        hotline.work(lambda turn: turn.say_text("今晚有地方住吗", buttons=[{"title": "没有", "value": {"secret": 1}}]))
        assert hotline.deliver(app) == 1
        [out] = app.books
        message = hotline.scalars(sa.select(Message).where(Message.author == "bot"))[0]
        assert (out.message_id, out.address, out.text) == (message.id, "4711", "今晚有地方住吗")
        assert out.buttons == ((message.buttons[0]["id"], "没有"),)  # the value never leaves the house
        [delivery] = hotline.scalars(sa.select(Delivery))
        assert (delivery.state, delivery.external_id) == ("sent", f"app-{message.id}")
        assert hotline.deliver(app) == 0

    def test_in_the_order_of_seq(self, hotline: Hotline, app: FakeApp) -> None:
        talk(hotline, "一", "二", "三")
        hotline.deliver(app)
        assert app.texts == ["一", "二", "三"]

    def test_only_channels_we_can_send_on(self, hotline: Hotline, app: FakeApp) -> None:
        hotline.write("没饭吃")
        hotline.work()
        assert hotline.deliver(app) == 0
        assert deliver_one(hotline.database, {}, hotline.knowledge.keys, hotline.clock) is False

    def test_two_couriers_send_each_once_and_in_order(self, hotline: Hotline, app: FakeApp) -> None:
        for number in range(4):
            talk(hotline, *[f"{number}{letter}" for letter in "abcd"], who=f"甲{number}")
        together(*[lambda: hotline.deliver(app)] * 3)
        hotline.deliver(app)
        assert sorted(app.texts) == sorted(f"{n}{letter}" for n in range(4) for letter in "abcd")
        for number in range(4):
            assert [text for text in app.texts if text[0] == str(number)] == [f"{number}{letter}" for letter in "abcd"]


class TestLater:
    def test_waits_as_long_as_the_app_says_and_holds_back_what_follows(self, hotline: Hotline, app: FakeApp) -> None:
        talk(hotline, "一", "二")
        app.plan = ["later"]
        assert hotline.deliver(app) == 1  # 二 waits behind 一
        assert app.books == []
        assert states(hotline) == [(2, 1, "waiting", "try_later"), (3, 1, "waiting", None)]
        hotline.clock.advance(seconds=29)
        assert hotline.deliver(app) == 0
        hotline.clock.advance(seconds=1)
        hotline.deliver(app)
        assert app.texts == ["一", "二"]

    def test_other_conversations_go_on(self, hotline: Hotline, app: FakeApp) -> None:
        talk(hotline, "一", who="甲")
        talk(hotline, "乙一", who="乙")
        app.plan = ["later"]
        hotline.deliver(app)
        assert app.texts == ["乙一"]

    def test_without_a_moment_named_it_is_tried_again_by_our_own_measure(self, hotline: Hotline, app: FakeApp) -> None:
        talk(hotline, "一", "二")
        app.plan = ["not_taken"]
        hotline.deliver(app)
        assert states(hotline) == [(2, 1, "retried", "try_later"), (3, 1, "waiting", None), (2, 2, "waiting", None)]
        assert hotline.deliver(app) == 0
        hotline.clock.advance(seconds=WAITS[0])
        hotline.deliver(app)
        assert app.texts == ["一", "二"]

    @pytest.mark.parametrize("what", ["later", "not_taken"])
    def test_given_up_in_the_end_and_the_next_one_goes(self, hotline: Hotline, app: FakeApp, what: str) -> None:
        talk(hotline, "一", "二")
        app.plan = [what] * 3
        hotline.deliver(app)
        hotline.clock.advance(seconds=GIVE_UP.total_seconds() - 1)
        hotline.deliver(app)
        assert app.books == [] and app.calls == 2
        hotline.clock.advance(hours=1)
        hotline.deliver(app)
        assert app.texts == ["二"]
        assert [state for seq, _, state, _ in states(hotline) if seq == 2][-1] == "failed"

    def test_refused_is_final_and_does_not_block(self, hotline: Hotline, app: FakeApp) -> None:
        talk(hotline, "一", "二")
        app.plan = ["refused"]
        hotline.deliver(app)
        assert app.texts == ["二"]
        assert states(hotline) == [(2, 1, "failed", "blocked"), (3, 1, "sent", None)]


class TestPerhapsDelivered:
    @pytest.mark.parametrize("what", ["lost", "taken_then_silent"])
    def test_without_ids_it_is_unclear_and_never_resent(self, hotline: Hotline, app: FakeApp, what: str) -> None:
        talk(hotline, "一", "二")
        app.plan = [what]
        hotline.deliver(app)
        hotline.clock.advance(hours=1)
        hotline.deliver(app)
        assert app.texts == (["二"] if what == "lost" else ["一", "二"])
        assert states(hotline) == [(2, 1, "unclear", "TimeoutError"), (3, 1, "sent", None)]

    @pytest.mark.parametrize("what", ["lost", "taken_then_silent"])
    def test_with_ids_it_is_resent_and_seen_once_in_order(self, hotline: Hotline, knowing: FakeApp, what: str) -> None:
        talk(hotline, "一", "二")
        knowing.plan = [what]
        hotline.deliver(knowing)
        hotline.clock.advance(seconds=1)
        hotline.deliver(knowing)
        assert knowing.texts == ["一", "二"] and knowing.calls == 3

    def test_after_some_tries_it_stays_unclear_and_the_next_one_goes(self, hotline: Hotline, knowing: FakeApp) -> None:
        talk(hotline, "一", "二")
        knowing.plan = ["lost"] * TRIES
        for _ in range(TRIES):
            hotline.deliver(knowing)
            hotline.clock.advance(hours=1)
        hotline.deliver(knowing)
        assert knowing.texts == ["二"] and knowing.calls == TRIES + 1
        assert [state for seq, _, state, _ in states(hotline) if seq == 2] == ["retried"] * (TRIES - 1) + ["unclear"]

    def test_danger_text_is_resent_all_the_same(self, hotline: Hotline, app: FakeApp) -> None:
        hotline.write(SUICIDE, channel="telegram")
        app.plan = ["lost"]
        hotline.deliver(app)
        hotline.clock.advance(seconds=1)
        hotline.deliver(app)
        assert app.texts == [hotline.text("danger_self_harm_now")]

    def test_other_words_of_the_system_are_not(self, hotline: Hotline, app: FakeApp) -> None:
        conversation = talk(hotline)
        hotline.deliver(app)
        hotline.take_over(conversation)
        app.plan = ["taken_then_silent"]
        hotline.deliver(app)
        hotline.clock.advance(hours=1)
        assert hotline.deliver(app) == 0 and states(hotline)[-1][2] == "unclear"


class TestCrash:
    def crash(self, hotline: Hotline, app: FakeApp) -> None:
        app.plan = ["taken_then_crash"]
        with pytest.raises(Crash):
            hotline.deliver(app)

    def test_between_app_and_commit_without_ids(self, hotline: Hotline, app: FakeApp) -> None:
        talk(hotline, "一", "二")
        self.crash(hotline, app)
        assert states(hotline)[0] == (2, 1, "sending", None)
        assert hotline.deliver(app) == 0  # order: 二 does not pass
        assert recover(hotline.database, {"telegram": app}, hotline.clock()) == 1
        hotline.deliver(app)
        assert app.texts == ["一", "二"]
        assert states(hotline) == [(2, 1, "unclear", "crash"), (3, 1, "sent", None)]

    def test_what_another_courier_is_sending_is_left_to_it(self, hotline: Hotline, knowing: FakeApp) -> None:
        talk(hotline, "一", "二")
        self.crash(hotline, knowing)
        # it lives, on this machine: our own parent does
        self.claimed_by(hotline, f"{socket.gethostname()}:{os.getppid()}")
        assert recover(hotline.database, {"telegram": knowing}, hotline.clock()) == 0
        assert hotline.deliver(knowing) == 0 and states(hotline)[0][2] == "sending"
        # a machine we cannot look at: only time tells
        self.claimed_by(hotline, "elsewhere:1")
        hotline.clock.advance(seconds=119)
        assert recover(hotline.database, {"telegram": knowing}, hotline.clock()) == 0
        hotline.clock.advance(seconds=1)
        assert recover(hotline.database, {"telegram": knowing}, hotline.clock()) == 1

    def test_what_a_dead_courier_of_this_machine_was_sending_is_taken_up_at_once(self, hotline: Hotline, knowing: FakeApp) -> None:
        talk(hotline, "一")
        self.crash(hotline, knowing)
        gone = subprocess.Popen(["true"])
        gone.wait()
        self.claimed_by(hotline, f"{socket.gethostname()}:{gone.pid}")
        assert recover(hotline.database, {"telegram": knowing}, hotline.clock()) == 1

    def test_what_we_are_sending_ourselves_is_no_wreck(self, hotline: Hotline, knowing: FakeApp) -> None:
        talk(hotline, "一")
        self.crash(hotline, knowing)
        assert recover(hotline.database, {"telegram": knowing}, hotline.clock(), idle=False) == 0
        assert recover(hotline.database, {"telegram": knowing}, hotline.clock(), idle=True) == 1

    def test_taken_for_dead_but_it_came_through(self, hotline: Hotline, knowing: FakeApp) -> None:
        """The row was given up to another while we were sending: what is out does not go out again."""
        talk(hotline, "一")

        class Slow(FakeApp):
            def send(inner, outgoing: Outgoing) -> str | None:
                self.claimed_by(hotline, "elsewhere:1")
                hotline.clock.advance(minutes=5)
                assert recover(hotline.database, {"telegram": inner}, hotline.clock()) == 1
                return super().send(outgoing)

        slow = Slow()
        slow.takes_ids = True
        assert hotline.deliver(slow) == 1
        assert states(hotline)[0][2] == "sent" and hotline.deliver(slow) == 0

    def test_taken_for_dead_and_another_is_sending_it(self, hotline: Hotline) -> None:
        talk(hotline, "一")

        class Slow(FakeApp):
            def send(inner, outgoing: Outgoing) -> str | None:
                self.claimed_by(hotline, "elsewhere:1")
                raise TimeoutError

        assert hotline.deliver(Slow()) == 0  # the books were not reached
        assert states(hotline) == [(2, 1, "sending", None)]

    def claimed_by(self, hotline: Hotline, who: str) -> None:
        with hotline.database.begin() as session:
            session.execute(sa.update(Delivery).where(Delivery.state == "sending").values(claimed_by=who))

    def test_between_app_and_commit_with_ids(self, hotline: Hotline, knowing: FakeApp) -> None:
        talk(hotline, "一", "二")
        self.crash(hotline, knowing)
        recover(hotline.database, {"telegram": knowing}, hotline.clock())
        hotline.deliver(knowing)
        assert knowing.texts == ["一", "二"] and [state for _, _, state, _ in states(hotline)] == ["sent", "sent"]

    def test_danger_text_is_resent(self, hotline: Hotline, app: FakeApp) -> None:
        hotline.write(SUICIDE, channel="telegram")
        self.crash(hotline, app)
        recover(hotline.database, {"telegram": app}, hotline.clock())
        hotline.deliver(app)
        assert app.texts == [hotline.text("danger_self_harm_now")] * 2

    def test_recovery_leaves_other_channels_and_everything_settled_alone(self, hotline: Hotline, app: FakeApp) -> None:
        talk(hotline)
        hotline.deliver(app)
        talk(hotline, who="乙")
        self.crash(hotline, app)
        assert recover(hotline.database, {"sms": app}, hotline.clock()) == 0
        before = states(hotline)[0]
        assert recover(hotline.database, {"telegram": app}, hotline.clock()) == 1
        assert states(hotline)[0] == before

    @pytest.mark.parametrize("takes_ids", [True, False])
    def test_at_any_statement(self, hotline: Hotline, takes_ids: bool) -> None:
        """Never lost where ids are taken, never doubled anywhere, in order, and what is not known is marked."""
        for at in range(1, 60):
            hotline.empty()
            app = FakeApp(takes_ids)
            talk(hotline, "一", "二")
            with at_boundary(hotline.database, at, die) as boundaries:
                hotline.deliver(app)
            recover(hotline.database, {"telegram": app}, hotline.clock())
            hotline.deliver(app)
            unclear = hotline.count(Delivery, Delivery.state == "unclear")
            if takes_ids:
                assert (app.texts, unclear) == (["一", "二"], 0)
            else:
                assert app.texts in (["一", "二"], ["一"], ["二"]) and len(app.texts) >= 2 - unclear and unclear <= 1
            if not boundaries.struck:
                break
        assert at > 10


class TestTakeover:
    def test_what_the_bot_has_not_yet_sent_becomes_a_draft(self, hotline: Hotline, app: FakeApp) -> None:
        conversation = talk(hotline, "一", "二")
        hotline.take_over(conversation)
        hotline.deliver(app)
        assert app.texts == [hotline.text("operator_joined")]
        assert hotline.drafts(conversation) == ["一", "二"]

    def test_what_the_app_put_off_before_is_not_sent_during(self, hotline: Hotline, app: FakeApp) -> None:
        """The takeover comes between the call and its settlement: it finds `sending`, then a new try is written."""
        conversation = talk(hotline, "一")

        class Overtaken(FakeApp):
            def send(self, outgoing: Any) -> str | None:
                hotline.take_over(conversation)
                self.plan = ["later"]
                return super().send(outgoing)
        late = Overtaken()
        assert deliver_one(hotline.database, {"telegram": late}, hotline.knowledge.keys, hotline.clock)
        hotline.say(conversation, "我是小周")
        hotline.clock.advance(minutes=1)
        hotline.deliver(app)
        assert app.texts == [hotline.text("operator_joined"), "我是小周"]
        assert hotline.drafts(conversation) == ["一"]

    def test_what_was_being_sent_at_a_crash_is_not_sent_during(self, hotline: Hotline, knowing: FakeApp) -> None:
        conversation = talk(hotline, "一")

        class Dying(FakeApp):
            def send(self, outgoing: Any) -> str | None:
                raise Crash()
        with pytest.raises(Crash):
            hotline.deliver(Dying())
        hotline.take_over(conversation)
        recover(hotline.database, {"telegram": knowing}, hotline.clock())
        hotline.deliver(knowing)
        assert knowing.texts == [hotline.text("operator_joined")] and hotline.drafts(conversation) == ["一"]

    def test_takeover_while_the_courier_claims_neither_waits_nor_calls_it_unsent(self, hotline: Hotline) -> None:
        conversation = talk(hotline, "一")
        with hotline.database.begin() as courier:
            delivery = courier.execute(sa.select(Delivery).with_for_update(key_share=True)).scalar_one()
            delivery.state = "sending"
            courier.flush()
            hotline.take_over(conversation)  # may wait for nothing
        assert states(hotline)[0][2] == "sending" and hotline.drafts(conversation) == []

    def test_danger_text_is_sent_whoever_owns_it(self, hotline: Hotline, app: FakeApp) -> None:
        conversation = hotline.write(SUICIDE, channel="telegram").conversation_id
        hotline.take_over(conversation)
        hotline.deliver(app)
        assert app.texts == [hotline.text("danger_self_harm_now"), hotline.text("operator_joined")]
