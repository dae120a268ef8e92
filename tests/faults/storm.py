"""What everybody in a run shares: the hotline, the app server, the pace, and the residents' own books."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from actions.storage.engine import Database, open_engine
from actions.turn import HIDDEN
from bot.settings import PROJECT
from tests.channels.bot_api import BotApi
from tests.live import Live

ANSWERS_AFTER = 0.05  # seconds
REPLIES = PROJECT / "config" / "replies"


def is_shown(sent: str, stored: str) -> bool:
    """Whether what an app shows is this message; where the stored text hides something, anything may stand."""
    head, _, tail = stored.partition(HIDDEN)
    return sent.startswith(head) and tail in sent[len(head):]


class SlowBotApi(BotApi):
    """Takes its time between delivering and answering, as the real one does: there a killed courier leaves doubt."""

    def _do_sendMessage(self, values: dict[str, Any]) -> Any:
        found = super()._do_sendMessage(values)
        with self._changed:
            self._changed.wait_for(lambda: self._closing, ANSWERS_AFTER)
        return found


class Pace:
    """Lets residents write only so far ahead of the conductor, so that every fault meets traffic."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._begun = self._allowed = 0

    def enter(self, stop: threading.Event, patience: float = 300) -> None:
        """Waits until another message may be written, and counts it."""
        with self._changed:
            self._changed.wait_for(lambda: self._begun < self._allowed or stop.is_set(), patience)
            self._begun += 1
            self._changed.notify_all()

    def allow(self, messages: int) -> None:
        """So many messages altogether may be written now."""
        with self._changed:
            self._allowed = max(self._allowed, messages)
            self._changed.notify_all()

    def wait(self, messages: int, patience: float) -> bool:
        """Waits until so many have been begun; False when it takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._begun >= messages, patience)

    def reset(self) -> None:
        """From now on only what is allowed anew."""
        with self._changed:
            self._allowed = self._begun

    @property
    def begun(self) -> int:
        """How many messages have been begun."""
        return self._begun


@dataclass(frozen=True)
class Written:
    """One message as the resident's own books have it. `seconds`: how long the app's server took to acknowledge it."""

    channel: str
    external_id: str
    text: str
    seconds: float | None = None
    posts: int = 1


@dataclass
class Storm:
    """The shared things. `notes` are what went wrong on the way, for the report."""

    live: Live
    api: BotApi
    texts: dict[str, str]
    pace: Pace = field(default_factory=Pace)
    stop: threading.Event = field(default_factory=threading.Event)
    written: list[Written] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ripe: list[Callable[[], int | None]] = field(default_factory=list)
    database: Database = field(init=False)
    state: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.state = json.loads((self.live.home / "running.json").read_text(encoding="utf-8"))
        self.database = Database(open_engine(self.state["database_url"], name="judge", pool_size=20))
        self._books = threading.Lock()
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        # what the supervisor says must not fill the pipe
        assert self.live.process.stderr is not None
        for line in self.live.process.stderr:
            self.live.told += line

    def write_down(self, written: Written) -> None:
        """Into the residents' books."""
        with self._books:
            self.written.append(written)

    def note(self, text: str) -> None:
        """Something the report should tell."""
        with self._books:
            self.notes.append(text)

    def rows(self, query: str, **values: Any) -> list[Any] | None:
        """Rows of a query; None while the database is away."""
        try:
            with self.database.begin() as session:
                return list(session.execute(sa.text(query), values).all())
        except SQLAlchemyError:
            return None

    def until(self, what: Callable[[], Any], patience: float, every: float = 0.1) -> Any:
        """Waits for something; None when it did not come. Fails at once when the supervisor is gone."""
        end = time.monotonic() + patience
        pause = threading.Event()
        while time.monotonic() < end:
            if self.live.process.poll() is not None:
                raise AssertionError(f"the supervisor ended: {self.live.told[-1500:]}")
            if found := what():
                return found
            pause.wait(every)
        return None
