"""Residents: each tells a story over the web page or Telegram, and keeps books of what was written and shown."""

from __future__ import annotations

import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.plan import FILLERS, LATE, TWICE, WRITTEN_TO_A_PERSON, Cast
from tests.faults.storm import Storm, Written, is_shown

PATIENCE = 150
STEPS = 14  # answers to questions before only fillers follow


@dataclass(frozen=True)
class Line:
    """One line of the talk as the resident sees it."""

    id: int
    seq: int
    author: str
    text: str
    asks: str | None
    answers: int | None
    buttons: tuple[dict[str, str], ...] = ()


@dataclass
class Resident:
    """Tells a story. `asked` holds what was asked after each message of a talk nobody disturbed."""

    storm: Storm
    cast: Cast
    seed: int
    sent: int = 0
    asked: list[tuple[str | None, ...]] = field(default_factory=list)
    confirmed: bool = False
    disturbed: set[str] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.seed}:{self.cast.number}")
        self._steps = self._filler = 0
        self._human_words = 0

    # what the two channels do differently

    def post(self, text: str, button: str | None) -> int | None:
        """Writes; returns the message's seq (None: not known yet)."""
        raise NotImplementedError

    def look(self) -> list[Line] | None:
        """The whole talk so far, or None while it cannot be read."""
        raise NotImplementedError

    def seq_of_last(self) -> int | None:
        """The seq of what was written last."""
        raise NotImplementedError

    def conversation(self) -> int | None:
        """The id of the conversation, for the operator."""
        rows = self.storm.rows("SELECT conversation_id FROM message WHERE external_id = :e", e=self.last_id)
        return int(rows[0][0]) if rows else None

    last_id = ""

    # the story

    def run(self) -> None:
        """The whole story, then policy questions until the quota is reached."""
        story = self.cast.story
        outcome = ""
        for text in story.opening:
            outcome = self.tell(text)
        while self.sent < self.cast.quota and not self.storm.stop.is_set():
            if story.burst:
                outcome = self.burst([self._next_filler() for _ in range(self.dice.randint(2, 3))])
            else:
                outcome = self.tell(*self._next(outcome))

    def _next(self, outcome: str) -> tuple[str, str | None]:
        """(what to say, the button to press instead)."""
        if outcome == "human":
            self._human_words += 1
            return WRITTEN_TO_A_PERSON[self._human_words % len(WRITTEN_TO_A_PERSON)], None
        if outcome == "unseen":
            return "在吗", None
        line = self._question()
        if line is None or line.asks is None or self.confirmed or self._steps >= STEPS:
            return self._next_filler(), None
        self._steps += 1
        text = self.cast.story.answers.get(line.asks, self.cast.story.otherwise)
        pressed = next((one["id"] for one in line.buttons if one["title"] == text), None)
        return text, pressed if self.cast.number % 2 else None

    def _question(self) -> Line | None:
        lines = self.lines
        return next((line for line in reversed(lines) if line.author == "bot"), None)

    def _next_filler(self) -> str:
        self._filler += 1
        return FILLERS[(self._filler - 1) % len(FILLERS)]

    def tell(self, text: str, button: str | None = None) -> str:
        """Writes one message and waits for what becomes of it: answered, human, released, failed, unseen, silent."""
        asked = self._question() if self.sent else None
        self.storm.pace.enter(self.storm.stop)
        self.sent += 1
        self.post(text, button)
        self._perhaps_ripe()
        outcome = self._await()
        if outcome not in ("answered", "unseen"):
            self.disturbed.add(outcome)
            return outcome
        left = max((line.seq for line in self.lines if line.text == self.storm.texts["operator_left"]), default=0)
        yes = self.cast.story.answers.get("read_back")
        if asked is not None and asked.asks == "read_back" and asked.seq > left and text == yes:
            self.confirmed = True  # it was answered, whether or not the answer came through
        if outcome == "unseen":
            self.disturbed.add(outcome)
            return outcome
        mine = self.storm.until(self.seq_of_last, PATIENCE) or 0  # the database may be away at this very moment
        answer = [line for line in self.lines if line.author == "bot" and (line.answers or 0) >= mine]
        self.asked.append(tuple(line.asks for line in answer))
        return outcome

    def burst(self, texts: list[str]) -> str:
        """Several at once, in whatever order the net brings them; one wait for all."""
        for _ in texts:
            self.storm.pace.enter(self.storm.stop)
        self.sent += len(texts)
        writers = [threading.Thread(target=self.post, args=(text, None)) for text in texts]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        self._perhaps_ripe()
        outcome = self._await()
        if outcome != "answered":
            self.disturbed.add(outcome)
        return outcome

    def _perhaps_ripe(self) -> None:
        after = self.cast.taken_over_after
        if after is not None and self.sent >= after and "ripe" not in self.disturbed:
            self.disturbed.add("ripe")
            self.storm.ripe.append(self.conversation)

    def _await(self) -> str:
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE and not self.storm.stop.is_set():
            lines = self.look()
            if lines is not None:
                self.lines = lines
                found = self._outcome(lines, time.monotonic() - began)
                if found:
                    return found
            self.storm.stop.wait(0.2 if time.monotonic() - began < 5 else 0.6)
        self.storm.note(f"{self.cast.channel} {self.cast.number}: no answer within {PATIENCE} s")
        return "silent"

    def _outcome(self, lines: list[Line], waited: float) -> str | None:
        mine = self.seq_of_last()
        if mine is None:
            return None
        if any(line.author == "bot" and (line.answers or 0) >= mine for line in lines):
            return "unseen" if self.unseen(mine) else "answered"
        joined = max((line.seq for line in lines if line.text == self.storm.texts["operator_joined"]), default=0)
        left = max((line.seq for line in lines if line.text == self.storm.texts["operator_left"]), default=0)
        if joined > left:
            self.disturbed.add("human")
            # a person is here: now and then one writes again, else waits for the bot to come back
            return "human" if waited > 1.5 and self._human_words < 2 else None
        if left > mine:
            self.disturbed.add("human")
            return "released"
        if any(line.text == self.storm.texts["turn_failed"] and line.seq > mine for line in lines):
            return "failed"
        return None

    def unseen(self, mine: int) -> bool:
        """The answer was sent and never arrived."""
        return False


@dataclass
class WebResident(Resident):
    """Writes as the page does: JSON with a UUID of its own, posted again with the same UUID until it is acknowledged."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.client = web_client(self.storm.live.address, self.cast.number)
        self.shown: dict[int, Line] = {}
        self.shown_order: list[int] = []
        self.seqs: dict[str, int] = {}
        self._opened = False
        self._reading = threading.Lock()

    def _open(self) -> None:
        """The page is loaded first: with it comes the cookie."""
        while not self._opened and not self.storm.stop.is_set():
            try:
                self._opened = self.client.get("/", headers={"Accept": "text/html"}).status_code == 200
            except httpx.HTTPError:
                self._opened = False
            if not self._opened:
                self.storm.stop.wait(0.3)

    def post(self, text: str, button: str | None) -> int | None:
        self._open()
        message_id = str(uuid.UUID(int=self.dice.getrandbits(128), version=4))
        old = self.last_id
        self.last_id = message_id
        sent = {"id": message_id, "text": text, **({"button": button} if button else {})}
        if self.dice.random() < TWICE:
            other = threading.Thread(target=self._once, args=(sent,))
            other.start()
            self._until_taken(sent)
            other.join()
        else:
            self._until_taken(sent)
        # an old one, long acknowledged, is still on its way somewhere and comes again
        if old in self.seqs and old != message_id and self.dice.random() < LATE:
            self._late(old)
        return self.seqs.get(message_id)

    def _until_taken(self, sent: dict[str, str]) -> None:
        posts = 0
        while True:
            posts += 1
            began = time.monotonic()
            code = self._once(sent)
            if code == 200:
                took = time.monotonic() - began
                self.storm.write_down(Written("web", sent["id"], sent["text"], took, posts))
                return
            if code is not None and 400 <= code < 500 and code != 429:
                self.storm.note(f"the web refused a good message with {code}")
            if self.storm.stop.is_set():
                self.storm.note(f"a message was given up after {posts} posts, last {code}")
                return
            self.storm.stop.wait(2.0 if code == 429 else 0.25)

    def _once(self, sent: dict[str, str]) -> int | None:
        try:
            answer = self.client.post("/chat/messages", json=sent)
        except httpx.HTTPError:
            return None
        if answer.status_code == 200:
            seq = int(answer.json()["seq"])
            if self.seqs.setdefault(sent["id"], seq) != seq:
                self.storm.note(f"one message has two places: {self.seqs[sent['id']]} and {seq}")
        return answer.status_code

    def _late(self, message_id: str) -> None:
        try:
            answer = self.client.post("/chat/messages", json={"id": message_id, "text": "旧的"})
        except httpx.HTTPError:
            return
        if answer.status_code == 200 and not answer.json()["duplicate"]:
            self.storm.note("an old message sent again was taken as new")

    def seq_of_last(self) -> int | None:
        return max(self.seqs.values(), default=None)

    def look(self) -> list[Line] | None:
        """What the page asks: everything after the last line it has; that also marks it as seen."""
        with self._reading:
            try:
                answer = self.client.get("/chat/messages", params={"after": max(self.shown, default=0)})
            except httpx.HTTPError:
                return None
            if answer.status_code != 200:
                return None
            for one in answer.json()["lines"]:
                line = Line(
                    one["id"], one["seq"], one["author"], one["text"], one["asks"], one["answers"], tuple(one["buttons"])
                )
                if line.id in self.shown:
                    self.storm.note("the page was given a line twice")
                self.shown[line.id] = line
                self.shown_order.append(line.seq)
            return list(self.shown.values())


@dataclass
class TelegramResident(Resident):
    """Writes through the local Bot API server, which has its own books; what was shown is what that server sent."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.chat = 100_000 + self.cast.number
        self.ids: list[str] = []
        self.contact: int | None = None
        self._unseen: list[Line] = []

    def post(self, text: str, button: str | None) -> int | None:
        if button:
            callback = f"{self.chat}-{self.sent}"
            self.last_id = f"callback:{callback}"
            self.storm.api.press(self.chat, button, callback)
        else:
            self.last_id = f"{self.chat}:{self.storm.api.write(self.chat, text)}"
        self.ids.append(self.last_id)
        self.storm.write_down(Written("telegram", self.last_id, text))
        return None

    def _contact(self) -> int | None:
        if self.contact is None:
            rows = self.storm.rows("SELECT contact_id FROM message WHERE external_id = :e", e=self.ids[0])
            self.contact = int(rows[0][0]) if rows else None
        return self.contact

    def seq_of_last(self) -> int | None:
        rows = self.storm.rows(
            "SELECT max(seq), count(*) FROM message WHERE contact_id = :c AND external_id = ANY(:e)",
            c=self._contact(), e=self.ids,
        )
        return int(rows[0][0]) if rows and rows[0][1] == len(self.ids) else None

    def look(self) -> list[Line] | None:
        rows = self.storm.rows(
            "SELECT m.id, m.seq, m.author, m.text, m.asks, m.answers, m.buttons, array_agg(d.state) AS states"
            " FROM message m LEFT JOIN delivery d ON d.message_id = m.id"
            " WHERE m.contact_id = :c AND m.kind <> 'note' GROUP BY m.id ORDER BY m.seq",
            c=self._contact(),
        )
        if not rows or any(state in ("waiting", "sending") for row in rows for state in row.states):
            return None  # it is not all here yet
        lines = [
            Line(row.id, row.seq, row.author, row.text, row.asks, row.answers, tuple(row.buttons or ())) for row in rows
        ]
        texts = self.storm.api.texts(self.chat)
        doubtful = {row.id for row in rows if "unclear" in row.states and "sent" not in row.states}
        self._unseen = [
            line for line in lines if line.id in doubtful and not any(is_shown(text, line.text) for text in texts)
        ]
        return lines

    def unseen(self, mine: int) -> bool:
        return any((line.answers or 0) >= mine for line in self._unseen)


def web_client(address: str, number: int = 0) -> httpx.Client:
    """A browser without a face, behind a proxy of ours: each resident comes from a network of their own."""
    network = f"10.{number // 250 % 250}.{number % 250}.7"
    headers = {"Origin": address, "Accept": "application/json", "X-Forwarded-For": network}
    return httpx.Client(base_url=address, headers=headers, trust_env=False, timeout=10)


def resident(storm: Storm, cast: Cast, seed: int) -> Any:
    """The resident of this conversation."""
    return (WebResident if cast.channel == "web" else TelegramResident)(storm, cast, seed)
