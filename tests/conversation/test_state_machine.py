"""Everything at once, in any order, on a real database: nothing lost, nothing doubled, no bot over a person.

Hypothesis chooses what happens next: residents write, workers think and are held in the middle of a turn, operators take
over and leave, the courier posts and delivers, and processes die at any statement. After each step the transcript is read
from beginning to end and must tell a story that the protocol of DESIGN 2 allows.
"""
from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from actions.storage.tables import Contact, Conversation, Delivery, Draft, Message, Notice, Ticket, Timer
from actions.tickets.queries import latest_of_conversation
from actions.turn import Turn
from bot.conversation.deliver import Outgoing, recover
from bot.conversation.ownership import NotThere
from bot.conversation.turn import Worked
from tests.conversation.hotline import (
    FIRE_PAST,
    SUICIDE,
    Boundaries,
    Crash,
    FakeApp,
    HeldTurn,
    Hotline,
    at_boundary,
    die,
)

PEOPLE = (("王婶", "telegram"), ("李叔", "web"))
NEVER = 10**9

people = st.sampled_from(PEOPLE)
words = st.sampled_from(["没饭吃", "没地方住", FIRE_PAST, SUICIDE])
which = st.integers(0, 7)
crashes = st.sampled_from([NEVER] * 4) | st.integers(1, 18)
thoughts = st.sampled_from(["talk", "talk", "ticket", "ask for a person", "safe", "say nothing"])
moods = st.lists(st.sampled_from(["well", "well", "later", "lost", "taken_then_silent", "refused"]), max_size=4)


class WatchedApp(FakeApp):
    """The app of 王婶: looks at each call whether the bot speaks over a person."""

    def __init__(self, hotline: Hotline) -> None:
        super().__init__()
        self._hotline = hotline

    def send(self, outgoing: Outgoing) -> str | None:
        [(author, mode)] = self._hotline.rows(
            sa.select(Message.author, Conversation.mode).join(Conversation, Conversation.id == Message.conversation_id)
            .where(Message.id == outgoing.message_id))
        assert not (author == "bot" and mode == "human"), "the bot's words are sent over a person"
        return super().send(outgoing)


@dataclass
class Thinking:
    """A turn held in the middle, and how the conversation stood when it began."""

    held: HeldTurn
    epoch: int
    danger_at: datetime | None

    @property
    def conversation(self) -> int:
        assert self.held.turn is not None
        return self.held.turn.conversation_id


@dataclass
class Story:
    """What a reader knows after each message of a transcript."""

    mode: str = "bot"
    dialogue: int = 0
    opened: int = 0
    cries: int = 0
    owner: int | None = None
    answered: list[int] = field(default_factory=list)

    def hear_system(self, said: str, text: Callable[[str], str]) -> None:
        """Who speaks from here on, and whether the dialogue begins afresh."""
        if said == text("turn_failed"):
            assert self.mode == "bot", "an apology over a person"
            self.dialogue = 0
        for reply, mode in (("operator_joined", "human"), ("operator_left", "bot"), ("operator_gone", "bot"), ("conversation_closed", "closed")):
            if said == text(reply):
                self.mode, self.dialogue = mode, 0 if mode == "bot" else self.dialogue
                self.owner = None

    def hear_operator(self, message: Any) -> None:
        """Only the one who holds the conversation speaks, until it is handed on."""
        assert self.owner in (None, message.staff_id), "two operators at once"
        self.owner = None if message.kind == "note" else message.staff_id

    def hear_bot(self, message: Any) -> None:
        """A reply says what its turn did."""
        assert self.mode == "bot", "the bot spoke over a person"
        told = json.loads(message.text)
        assert told["n"] == self.dialogue + 1, "dialogue and replies disagree"
        assert message.answers == told["answers"][-1] < message.seq
        self.dialogue, self.opened = told["n"], self.opened + told["opens"]
        self.answered += told["answers"]


class Machine(RuleBasedStateMachine):
    """What can happen. What must have been true of it is in the invariants."""

    hotline: Hotline

    @initialize()
    def begin(self) -> None:
        self.sound = False
        self.hotline.empty()
        self.app = WatchedApp(self.hotline)
        self.came: dict[str, tuple[int, int]] = {}  # external id → (conversation, seq)
        self.wrote: dict[str, dict[str, Any]] = {}
        self.thinking: list[Thinking] = []
        self.overtaken: list[str] = []  # replies whose turn reported so
        self.told: list[str] = []  # texts of notices that must come once
        self.said = 0
        self.comes_in(NEVER, text="你好", who=PEOPLE[0][0], channel=PEOPLE[0][1])

    # helpers

    def step(self) -> None:
        """Every step takes a second, so that no two moments are the same."""
        self.sound = False
        self.hotline.clock.advance(seconds=1)

    def crashing(self, at: int) -> AbstractContextManager[Boundaries]:
        return at_boundary(self.hotline.database, at, die)

    def conversations(self, mode: str) -> list[int]:
        return self.hotline.scalars(sa.select(Conversation.id).where(Conversation.mode == mode).order_by(Conversation.id))

    def think(self, thought: str) -> Callable[[Turn], None]:
        """A bot whose reply tells what its turn did, so that replies, dialogue and tickets can be compared."""
        def think(turn: Turn) -> None:
            number = (turn.dialogue or {"n": 0})["n"] + 1
            turn.dialogue = {"n": number}
            opens = thought == "ticket" and latest_of_conversation(turn.session, turn.conversation_id, self.hotline.lifecycle.open_states) is None
            if opens:
                self.hotline.open_ticket(turn.session, turn.conversation_id, turn.contact_id)
            if thought == "ask for a person":
                turn.ask_for_person("asked")
            if thought == "safe":
                turn.danger_over = turn.danger == "now"
            self.said += 1
            told = {"n": number, "answers": [m.seq for m in turn.messages], "opens": opens, "word": self.said}
            turn.say_text(json.dumps(told), buttons=[{"title": "好的", "value": self.said}])
            if thought == "say nothing":
                turn.replies[-1].buttons = []
        return think

    def receive(self, external_id: str) -> None:
        accepted = self.hotline.write(id=external_id, **self.wrote[external_id])
        known = self.came.setdefault(external_id, (accepted.conversation_id, accepted.seq or 0))
        assert known == (accepted.conversation_id, accepted.seq)

    def comes_in(self, crash: int, **what: Any) -> None:
        """The app hands a message over, and again until it is acknowledged."""
        external_id = uuid.uuid4().hex
        self.wrote[external_id] = what
        with self.crashing(crash) as boundaries:
            self.receive(external_id)
        if boundaries.fatal:
            assert external_id not in self.came
            self.receive(external_id)

    # residents

    @rule(person=people, text=words, crash=crashes)
    def inbound(self, person: tuple[str, str], text: str, crash: int) -> None:
        self.step()
        self.comes_in(crash, text=text, who=person[0], channel=person[1])

    @rule(person=people, number=st.integers(2, 4))
    def burst(self, person: tuple[str, str], number: int) -> None:
        self.step()
        for place in range(number):
            self.comes_in(NEVER, text=f"还有 {place}", who=person[0], channel=person[1])

    @rule(person=people, pick=which, again=st.booleans())
    def duplicate_or_press(self, person: tuple[str, str], pick: int, again: bool) -> None:
        """A message that came before comes again; or the last button anybody was shown, perhaps in another conversation."""
        self.step()
        if again:
            before = self.hotline.count(Message)
            self.receive(list(self.came)[pick % len(self.came)])
            assert self.hotline.count(Message) == before
            return
        shown = self.hotline.scalars(sa.select(Message.buttons).where(Message.buttons.isnot(None)).order_by(Message.id))
        if shown:
            self.comes_in(NEVER, text="好的", who=person[0], channel=person[1], button_id=shown[-1][0]["id"])

    # workers

    def note(self, worked: Worked | None, turn: Turn | None) -> None:
        if worked is not None and worked.outcome == "overtaken" and turn is not None:
            self.overtaken.extend(reply.text for reply in turn.replies)

    @precondition(lambda self: len(self.thinking) < 2)
    @rule(thought=thoughts)
    def turn_start(self, thought: str) -> None:
        self.step()
        self.start(thought)

    def start(self, thought: str) -> bool:
        """True when a turn now thinks and is held."""
        held = self.hotline.hold(self.think(thought))
        if not held.thinking:
            assert held.worked is None or held.worked.outcome in ("handed_over", "given_up")
            return False
        assert held.turn is not None
        assert held.turn.conversation_id not in [other.conversation for other in self.thinking], "worked twice at once"
        row = self.hotline.conversation(held.turn.conversation_id)
        assert row.mode == "bot", "the bot thinks about a person's conversation"
        self.thinking.append(Thinking(held, row.epoch, row.danger_at))
        return True

    @precondition(lambda self: self.thinking)
    @rule(pick=which)
    def turn_end(self, pick: int) -> None:
        self.step()
        self.end(self.thinking.pop(pick % len(self.thinking)))

    def end(self, thinking: Thinking) -> None:
        row = self.hotline.conversation(thinking.conversation)
        worked = thinking.held.end()
        expected = "answered"
        if row.epoch != thinking.epoch or row.mode != "bot":
            expected = "overtaken"
        elif row.danger == "now" and row.danger_at != thinking.danger_at:
            expected = "begun_again"
        assert worked is not None and worked.outcome == expected
        self.note(worked, thinking.held.turn)

    @precondition(lambda self: self.thinking)
    @rule(pick=which, how=st.sampled_from(["raises", "dies"]))
    def turn_ends_badly(self, pick: int, how: str) -> None:
        self.step()
        held = self.thinking.pop(pick % len(self.thinking)).held
        if how == "dies":
            assert held.end(Crash()) is None
        else:
            worked = held.end(ValueError("a step is broken"))
            assert worked is not None and worked.outcome == "failed"

    @precondition(lambda self: len(self.thinking) < 2)
    @rule(thought=thoughts, person=people, events=st.lists(
        st.sampled_from(["take over", "say", "release", "close", "write", "cry", "other worker", "hand on", "be gone"]), min_size=1, max_size=5))
    def much_happens_while_one_thinks(self, thought: str, person: tuple[str, str], events: list[str]) -> None:
        """What rarely comes together by itself: all this in the conversation of one held turn, which then ends."""
        self.step()
        self.comes_in(NEVER, text="在吗", who=person[0], channel=person[1])
        if not self.start(thought):
            return
        thinking = self.thinking.pop()
        for event in events:
            self.hotline.clock.advance(seconds=1)
            self.happen(event, thinking.conversation)
        self.end(thinking)

    def happen(self, event: str, conversation: int) -> None:
        mode = self.hotline.conversation(conversation).mode
        [(who, channel)] = [person for person in PEOPLE if person[1] == self.channel(conversation)]
        if event in ("write", "cry"):
            self.comes_in(NEVER, text=SUICIDE if event == "cry" else "在吗", who=who, channel=channel)
        elif event == "take over" and mode == "bot":
            self.hotline.take_over(conversation)
        elif event == "say" and mode == "human":
            self.hotline.say(conversation, f"operator {uuid.uuid4().hex}", by=self.owner(conversation))
        elif event == "release" and mode == "human":
            self.hotline.release(conversation, by=self.owner(conversation))
        elif event == "close" and mode == "human":
            self.hotline.close(conversation, by=self.owner(conversation))
        elif event == "hand on" and mode == "human":
            by = self.owner(conversation)
            to = {"zhou": "wu", "wu": "zhou"}[by]
            self.hotline.beat(to)
            self.hotline.transfer(conversation, to, by=by)
        elif event == "be gone":
            self.hotline.clock.advance(minutes=3)
            self.hotline.timers()
        elif event == "other worker":
            self.hotline.work(self.think("talk"))

    def channel(self, conversation: int) -> str:
        return str(self.hotline.scalars(sa.select(Contact.channel).join(
            Conversation, Conversation.contact_id == Contact.id).where(Conversation.id == conversation))[0])

    @rule(thought=thoughts, crash=crashes)
    def whole_turn(self, thought: str, crash: int) -> None:
        self.step()
        with self.crashing(crash):
            worked = self.hotline.work(self.think(thought))
            assert worked is None or worked.outcome in ("answered", "handed_over", "given_up")

    # operators

    @precondition(lambda self: self.conversations("bot"))
    @rule(pick=which, crash=crashes)
    def takeover(self, pick: int, crash: int) -> None:
        self.step()
        found = self.conversations("bot")
        with self.crashing(crash):
            self.hotline.take_over(found[pick % len(found)])

    @precondition(lambda self: self.conversations("human"))
    @rule(pick=which, crash=crashes)
    def say(self, pick: int, crash: int) -> None:
        self.step()
        found = self.conversations("human")
        conversation, text = found[pick % len(found)], f"operator {uuid.uuid4().hex}"
        by = self.owner(conversation)
        with self.crashing(crash):
            self.hotline.say(conversation, text, by=by, id=text)
        self.hotline.say(conversation, text, by=by, id=text)  # the browser posts it again
        assert self.hotline.count(Message, Message.text == text) == 1

    @precondition(lambda self: self.conversations("human"))
    @rule(pick=which, crash=crashes)
    def release(self, pick: int, crash: int) -> None:
        self.step()
        found = self.conversations("human")
        with self.crashing(crash):
            self.hotline.release(found[pick % len(found)], by=self.owner(found[pick % len(found)]))

    @precondition(lambda self: self.conversations("human"))
    @rule(pick=which, crash=crashes)
    def close(self, pick: int, crash: int) -> None:
        self.step()
        found = self.conversations("human")
        with self.crashing(crash):
            self.hotline.close(found[pick % len(found)], by=self.owner(found[pick % len(found)]))

    @precondition(lambda self: self.conversations("human"))
    @rule(pick=which, there=st.booleans(), crash=crashes)
    def transfer(self, pick: int, there: bool, crash: int) -> None:
        """To the colleague, who is there or is not."""
        self.step()
        found = self.conversations("human")
        conversation = found[pick % len(found)]
        by = self.owner(conversation)
        to = {"zhou": "wu", "wu": "zhou"}[by]
        if there:
            self.hotline.beat(to)
        epoch = self.hotline.conversation(conversation).epoch
        with self.crashing(crash) as boundaries:
            try:
                self.hotline.transfer(conversation, to, by=by)
                done = True
            except NotThere:
                done = False
        if boundaries.fatal:
            return
        row = self.hotline.conversation(conversation)
        assert row.epoch == epoch + done and row.owner_id == self.hotline.staff[to if done else by].staff_id

    @rule(who=st.sampled_from(["zhou", "wu"]))
    def page_is_open(self, who: str) -> None:
        self.step()
        self.hotline.beat(who)

    def owner(self, conversation: int) -> str:
        """The login of whoever holds it."""
        owner = self.hotline.conversation(conversation).owner_id
        return next(login for login, viewer in self.hotline.staff.items() if viewer.staff_id == owner)

    def dispatched(self) -> list[str]:
        return self.hotline.scalars(sa.select(Ticket.number).where(
            Ticket.state == "dispatched", Ticket.unit_name == "龙溪街道").order_by(Ticket.id))

    @precondition(lambda self: self.dispatched())
    @rule(crash=crashes)
    def officer_accepts_ticket(self, crash: int) -> None:
        self.step()
        number = self.dispatched()[0]
        with self.crashing(crash) as boundaries:
            self.hotline.accept_ticket(number)
        if not boundaries.fatal:
            self.told.append(self.hotline.text("ticket_accepted", number=number, unit_name="龙溪街道"))

    # the courier

    @rule(seconds=st.sampled_from([0, 60, 1800]), crash=crashes)
    def post_and_timers(self, seconds: int, crash: int) -> None:
        self.step()
        self.hotline.clock.advance(seconds=seconds)
        with self.crashing(crash):
            self.hotline.timers()
            self.hotline.post()

    @rule(plan=moods, crash=crashes)
    def delivery(self, plan: list[str], crash: int) -> None:
        self.step()
        self.app.plan = list(plan)
        with self.crashing(crash) as boundaries:
            self.hotline.deliver(self.app)
        self.app.plan = []
        if boundaries.fatal:
            self.recover()

    def recover(self) -> None:
        recover(self.hotline.database, {"telegram": self.app}, self.hotline.clock())

    @precondition(lambda self: self.thinking)
    @rule(really=st.integers(0, 3))
    def restart(self, really: int) -> None:
        """Every process dies and comes back; not too often, or no turn ever ends."""
        self.step()
        if really == 0:
            while self.thinking:
                self.thinking.pop().held.end(Crash())
            self.hotline.database.dispose()
            self.recover()

    # what must be true at any moment

    @invariant()
    def the_story_holds(self) -> None:
        if not hasattr(self, "came"):
            return
        self.read_everything()
        for conversation in self.rows[Conversation]:
            self.look_at(conversation)
        assert Counter(self.came.values()) == Counter(
            (m.conversation_id, m.seq) for m in self.rows[Message] if m.author == "resident"), "lost or doubled"
        self.look_at_drafts()
        self.look_at_deliveries()
        for text in self.told:
            assert sum(m.text == text for m in self.rows[Message]) <= 1, "news told twice"
        self.sound = True

    def read_everything(self) -> None:
        with self.hotline.database.begin() as session:
            self.rows = {table: session.execute(sa.select(table).order_by(table.id)).scalars().all()
                         for table in (Conversation, Message, Draft, Delivery, Ticket, Timer)}

    def look_at(self, conversation: Any) -> None:
        """Reads one transcript as a person would."""
        text = self.hotline.text
        messages = [m for m in self.rows[Message] if m.conversation_id == conversation.id]
        assert [m.seq for m in messages] == list(range(1, conversation.last_seq + 1)), "order has a gap"
        story = Story()
        for message in messages:
            if message.author == "system":
                story.hear_system(message.text, text)
            elif message.author == "bot":
                story.hear_bot(message)
            elif message.author == "operator":
                assert story.mode == "human", "an operator without the conversation"
                story.hear_operator(message)
            elif message.danger and message.danger[0]["level"] == "now":
                story.cries += 1
                self.look_at_cry(message, messages, story.mode)
        self.look_at_residents(messages, story.answered)
        self.look_at_row(conversation, story)

    def look_at_residents(self, messages: list[Any], answered: list[int]) -> None:
        assert len(answered) == len(set(answered)), "answered twice"
        for message in messages:
            if message.author == "resident":
                fates = message.waiting + message.handed_over + (message.seq in answered)
                assert fates == 1, "not exactly one of waiting, answered, handed over"

    def look_at_row(self, conversation: Any, story: Story) -> None:
        """The row against its transcript."""
        mode, dialogue, opened, cries = story.mode, story.dialogue, story.opened, story.cries
        assert conversation.mode == mode and (conversation.owner_id is not None) == (mode == "human")
        assert (conversation.dialogue or {"n": 0})["n"] == dialogue, "dialogue in the row and replies disagree"
        assert (conversation.waiting_since is None) == (conversation.waiting_reason is None)
        if mode != "bot":
            assert conversation.waiting_since is None, "waits for a person who is there"
        elif conversation.danger == "now":
            assert conversation.waiting_reason == "danger", "danger, and nobody is called"
        tickets = [t for t in self.rows[Ticket] if t.conversation_id == conversation.id]
        begun = [t for t in self.rows[Ticket] if t.contact_id == conversation.contact_id and t.legal_basis == "emergency"
                 and t.conversation_id < conversation.id]
        # whoever cried in an earlier conversation has the ticket of that cry
        fewest = min(1, opened + (0 if begun else cries))
        assert fewest <= len(tickets) <= min(1, opened + cries), "tickets and what was said disagree"
        for one, other in zip(begun, begun[1:], strict=False):
            assert other.created_at - one.created_at >= self.hotline.knowledge.desk.same_ticket, "a ticket for each cry"
        assert opened == sum(t.legal_basis == "consent" for t in tickets), "tickets and replies disagree"

    def look_at_cry(self, cry: Any, messages: list[Any], mode: str) -> None:
        answers = [m for m in messages if m.author == "system" and m.answers == cry.seq]
        if mode == "bot":
            assert [m.seq for m in answers] == [cry.seq + 1], "a cry without its safety text"
            return
        # an operator's lease is a timer too, and its ref (conversation:epoch) may read like that of a cry
        timers = [t for t in self.rows[Timer]
                  if t.kind == "danger_unanswered" and t.ref == f"{cry.conversation_id}:{cry.seq}"]
        assert len(answers) + len(timers) <= 1
        if not answers and not timers:  # then a person answered, or closed
            assert any(m.seq > cry.seq and m.author == "operator" for m in messages) or any(
                m.seq > cry.seq and m.text == self.hotline.text("conversation_closed") for m in messages)

    def look_at_drafts(self) -> None:
        withheld = [d.message_id for d in self.rows[Delivery] if d.error == "overtaken"]
        texts = {m.id: m.text for m in self.rows[Message]}
        kept = Counter(draft.text for draft in self.rows[Draft])
        assert kept == Counter(self.overtaken) + Counter(texts[id_] for id_ in withheld), "drafts are not what was overtaken"
        spoken = {m.text for m in self.rows[Message]}
        assert not spoken & set(self.overtaken), "an overtaken reply was said all the same"

    def look_at_deliveries(self) -> None:
        tries: dict[int, list[Any]] = {}
        for delivery in self.rows[Delivery]:
            tries.setdefault(delivery.message_id, []).append(delivery)
        outgoing = {m.id: m for m in self.rows[Message] if m.author != "resident" and m.kind != "note"}
        assert set(tries) == set(outgoing), "a message without delivery, or the reverse"
        for message_id, found in tries.items():
            assert [d.try_number for d in found] == list(range(1, len(found) + 1))
            assert all(d.state == "retried" for d in found[:-1]) and found[-1].state != "sending"
            assert all(d.seq == outgoing[message_id].seq for d in found)
        order: dict[int, int] = {}
        for entry in self.app.books:
            message = outgoing[entry.message_id]
            cry = any(m.conversation_id == message.conversation_id and m.seq == message.answers and m.danger
                      for m in self.rows[Message])
            last = order.get(message.conversation_id, 0)
            assert message.seq > last or message.seq == last and message.author == "system" and cry, "doubled or out of order"
            order[message.conversation_id] = message.seq

    def teardown(self) -> None:
        thinking, self.thinking = getattr(self, "thinking", []), []
        for turn in thinking:
            try:
                self.note(turn.held.end(), turn.held.turn)
            except BaseException:
                if self.sound:
                    raise
        if not getattr(self, "sound", False):
            return  # a step has failed already: its own error is the one to read
        for _ in range(200):
            if self.hotline.work(self.think("talk")) is None:
                break
        for _ in range(8):
            self.hotline.clock.advance(minutes=31)
            self.hotline.timers()
            self.hotline.post()
            self.hotline.deliver(self.app)
        self.the_story_holds()
        assert not any(m.waiting for m in self.rows[Message]), "a message waits for ever"
        assert {t.kind for t in self.rows[Timer]} <= {"clock"}, "something is still to come"  # open tickets remind
        assert not [d for d in self.rows[Delivery] if d.state == "waiting" and d.channel == "telegram"], "never delivered"
        for text in self.told:
            assert sum(m.text == text for m in self.rows[Message]) == 1, "news never told"
        assert self.hotline.count(Notice, Notice.state.in_(["waiting", "held"])) == 0


def run(hotline: Hotline, examples: int, steps: int) -> None:
    """Lets Hypothesis tell `examples` stories of at most `steps` steps."""
    Machine.hotline = hotline
    run_state_machine_as_test(Machine, settings=settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]))


@pytest.mark.timeout(900)  # a failing story is made shorter before it is shown
def test_any_story_keeps_the_promises(hotline: Hotline) -> None:
    run(hotline, examples=60, steps=25)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_many_long_stories_keep_the_promises(hotline: Hotline) -> None:
    run(hotline, examples=120, steps=40)
