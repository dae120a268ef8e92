"""Turn: the one transaction in which a message is thought about; what was heard, what is answered, what went wrong."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from actions.language.replies import Replies

BY_PAGE = "page"  # in the secrets of a message: it was written on our own page, for a contact of another channel
FILES = ("photo", "voice", "document")  # kinds of message that come with a file
HIDDEN = "\u2022" * 6  # stands in a stored text for what only the resident reads


@dataclass
class Facts:
    """What is known in one conversation; stored as JSON in the conversation's row.

    `answers`: fact → {value, how: heard|pressed|said|corrected, heard, confidence, seq};
    `places`: role → {text, unit, unit_name, district, decision, confirmed, seq};
    `asking`: the fact asked for now; `asked`: all asked so far, in order (fact:step where a fact was narrowed down);
    `offered`: what the buttons of a band or threshold stand for; `questions`: what was asked and why, for the record;
    `needs`: intents of help named so far; `served`: those already talked about;
    `call_back`: while a call-back is being arranged {asks: what was asked, tried};
    `filed`: number of the ticket the interview ended with; `phone`, `event_text` and `unclear` (the last message that
    was not understood) are encrypted;
    `doubt`: {kind, seqs} of the messages because of which it was asked whether somebody is in danger; `doubted`: the
    kinds asked about;
    `doing`: what was asked last about a ticket there is already {asks, ticket}.
    """

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, dict[str, Any]] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    served: list[str] = field(default_factory=list)
    unclear: str | None = None
    topic: str | None = None
    consent: str = "none"
    phone: str | None = None
    event_text: str | None = None
    point: str | None = None  # encrypted: the last location sent, with its datum
    asking: str | None = None
    asked: list[str] = field(default_factory=list)
    gates: list[str] = field(default_factory=list)
    filed: str | None = None
    offered: dict[str, Any] = field(default_factory=dict)
    questions: list[dict[str, Any]] = field(default_factory=list)
    misses: int = 0
    doubt: dict[str, Any] | None = None
    doubted: list[str] = field(default_factory=list)
    call_back: dict[str, Any] | None = None
    doing: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data for the conversation's row."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> Facts:
        """Back from the row; keys of an older version that are gone are left out."""
        known = cls.__dataclass_fields__.keys()
        return cls(**{key: value for key, value in (data or {}).items() if key in known})


@dataclass(frozen=True)
class Inbound:
    """One message of the resident as the turn reads it."""

    seq: int
    kind: str
    text: str
    press: dict[str, Any] | None = None
    secrets: dict[str, Any] = field(default_factory=dict)
    danger: tuple[tuple[str, str], ...] = ()  # (gate, level) of the words in it


@dataclass
class Reply:
    """One message the turn wants to send. `buttons`: [{title, value}], ids are given when it is stored.

    `hidden` is shown to the resident only, where the text has HIDDEN; it is stored encrypted.
    """

    text: str
    buttons: list[dict[str, Any]] = field(default_factory=list)
    asks: str | None = None
    hidden: str | None = None


Judge = Callable[["Turn", Mapping[str, Any]], bool]


@dataclass
class Turn:
    """Everything a step may read and write. Steps never commit and make no network call."""

    session: Session
    now: datetime
    conversation_id: int
    contact_id: int
    channel: str
    messages: tuple[Inbound, ...]
    facts: Facts
    replies_book: Replies
    danger: str = "none"
    danger_over: bool = False
    waiting_for_person: bool = False
    dialogue: dict[str, Any] | None = None
    intent: str = ""
    confidence: float = 0.0
    unsure: bool = False
    alternatives: list[tuple[str, float]] = field(default_factory=list)
    sentences: list[tuple[str, float]] = field(default_factory=list)  # intent and confidence of each, if several
    scan: Any = None  # the text as the reader of places has taken it apart (a Scan), for whoever asks next
    replies: list[Reply] = field(default_factory=list)
    handoff: str | None = None
    error: tuple[str, BaseException] | None = None
    judge: Judge | None = None  # decides on what the second reader of danger says
    alarm: str | None = None  # kind of danger it is sure of: nothing more is thought, the alarm is raised
    advanced: bool = False
    places_read: bool = False
    done: bool = False

    @property
    def text(self) -> str:
        """What was said in this turn, all messages of a burst together."""
        return "\n".join(message.text for message in self.messages)

    @property
    def press(self) -> dict[str, Any] | None:
        """The button pressed, if the turn is one."""
        return self.messages[-1].press

    @property
    def raises_danger(self) -> bool:
        """Whether the words of this very turn say that somebody may die now."""
        return any(level == "now" for message in self.messages for _, level in message.danger)

    @property
    def seq(self) -> int:
        """The seq of the last message this turn answers."""
        return self.messages[-1].seq

    def say(
        self, reply_id: str, *, asks: str | None = None, buttons: list[dict[str, Any]] | None = None, **values: object
    ) -> None:
        """Adds a reply from config/replies; its own buttons unless others are given."""
        entry = self.replies_book.get(reply_id)
        own = [{"title": button.title, "value": button.value} for button in entry.buttons]
        self.say_text(
            self.replies_book.text(reply_id, **values), asks=asks, buttons=own if buttons is None else buttons
        )

    def say_text(self, text: str, *, asks: str | None = None, buttons: list[dict[str, Any]] | None = None) -> None:
        """Adds a reply whose text was made elsewhere from data."""
        self.replies.append(Reply(text, list(buttons or []), asks))

    def ask_for_person(self, reason: str) -> None:
        """Puts the conversation into the desk's queue when the turn commits."""
        self.handoff = self.handoff or reason

    def second_look(self, reading: Mapping[str, Any] | None) -> bool:
        """Hands on what the second reader of danger says of this turn's words; True: think no further."""
        return reading is not None and self.judge is not None and self.judge(self, reading)

    def fail(self, step: str, error: BaseException) -> None:
        """Notes the first error of the turn: Rasa would swallow it and go on."""
        if self.error is None:
            self.error = (step, error)


_current: contextvars.ContextVar[Turn] = contextvars.ContextVar("turn")


def current_turn() -> Turn:
    """The turn being worked. Raises LookupError outside of one: actions exist only inside a turn."""
    return _current.get()


@contextmanager
def working(turn: Turn) -> Iterator[Turn]:
    """Makes `turn` the current one while the block runs."""
    token = _current.set(turn)
    try:
        yield turn
    finally:
        _current.reset(token)
