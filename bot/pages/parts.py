"""WebParts: everything the web process is made of; composed once, handed to the pages."""
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, Mapping

from actions.access.rules import Role
from actions.language.replies import Replies
from actions.privacy.keys import Keys
from actions.storage.engine import Database
from actions.tickets.rules import Lifecycle
from bot.conversation.accept import AcceptTools
from bot.conversation.danger import Gates
from bot.conversation.wake import Wake
from bot.settings import Settings


def no_titles(answers: Mapping[str, Any]) -> list[str]:
    """The fact lines of a house without a fact bank: none."""
    return []


@dataclass(frozen=True)
class WebParts:
    """What the pages need.

    `now` is the clock (aware). `unit_names`: unit id → official name. `fact_titles` turns {fact: value} into lines a
    person can read. `event_titles`, `programme_titles`: id → title. `due_pending`: ids of due rules whose figure
    nobody here has confirmed.
    """

    settings: Settings
    database: Database
    keys: Keys
    replies: Replies
    gates: Gates
    roles: Mapping[str, Role]
    lifecycle: Lifecycle
    wake: Wake
    redis_url: str | None
    now: Callable[[], datetime]
    unit_names: Mapping[str, str]
    fact_titles: Callable[[Mapping[str, Any]], list[str]] = no_titles
    event_titles: Mapping[str, str] = field(default_factory=dict)
    programme_titles: Mapping[str, str] = field(default_factory=dict)
    due_pending: frozenset[str] = frozenset()

    @property
    def accept_tools(self) -> AcceptTools:
        """What accepting a message needs."""
        return AcceptTools(self.gates, self.replies, self.keys)
