"""WebParts: everything the web process is made of; composed once, handed to the pages."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import structlog

from actions.access.rules import Role
from actions.language.replies import Replies
from actions.privacy.keys import Keys, KeyWrong
from actions.screening.read_back import read_back
from actions.screening.values import ScreenInputError
from actions.steps.knowledge import Knowledge
from actions.storage.engine import Database
from actions.tickets.commands import Work
from actions.tickets.rules import Lifecycle
from bot.conversation.accept import AcceptTools
from bot.conversation.danger import Gates
from bot.conversation.wake import Wake
from bot.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class WebParts:
    """What the pages need. `now` is the clock (aware); without `redis_url` live pages look every two seconds."""

    settings: Settings
    database: Database
    knowledge: Knowledge
    gates: Gates
    roles: Mapping[str, Role]
    lifecycle: Lifecycle
    wake: Wake
    redis_url: str | None
    now: Callable[[], datetime]

    @property
    def keys(self) -> Keys:
        """Opens encrypted fields and makes keyed hashes."""
        return self.knowledge.keys

    @property
    def replies(self) -> Replies:
        """What the hotline says."""
        return self.knowledge.replies

    def opened(self, sealed: bytes) -> str:
        """An encrypted field as text; one that cannot be read says so and takes nothing else of the page with it."""
        try:
            return self.keys.open(sealed)
        except KeyWrong:
            log.error("field_unreadable")
            return self.replies.text("field_unreadable")

    def opened_or_none(self, sealed: bytes | None) -> str | None:
        """As opened; nothing stays nothing."""
        return None if sealed is None else self.opened(sealed)

    @property
    def work(self) -> Work:
        """What the commands of tickets need."""
        return replace(self.knowledge.work, lifecycle=self.lifecycle, roles=self.roles)

    @property
    def accept_tools(self) -> AcceptTools:
        """What accepting a message needs."""
        return AcceptTools(self.gates, self.knowledge)

    @cached_property
    def unit_names(self) -> Mapping[str, str]:
        """Unit id → official name."""
        return {unit.id: unit.name for unit in self.knowledge.gazetteer.units.values()}

    @cached_property
    def event_titles(self) -> Mapping[str, str]:
        """Event kind → title."""
        fact = self.knowledge.ruleset.facts.get("event_kind")
        return {name: option.title for name, option in fact.options.items()} if fact is not None else {}

    @cached_property
    def programme_titles(self) -> Mapping[str, str]:
        """Programme id → title."""
        return {name: programme.title for name, programme in self.knowledge.ruleset.programmes.items()}

    @cached_property
    def due_pending(self) -> frozenset[str]:
        """Clocks whose figure nobody has confirmed for this area."""
        return frozenset(name for name, rule in self.knowledge.clocks.named.items() if rule.status != "confirmed")

    def fact_titles(self, answers: Mapping[str, Any]) -> list[str]:
        """Facts as lines a person can read. One that today's fact bank does not know any more is left out."""
        ruleset = self.knowledge.ruleset
        known = {name: value for name, value in answers.items() if name in ruleset.facts}
        try:
            return read_back(ruleset, known, open_too=True)
        except ScreenInputError:  # a value of an older bank: the others are still worth reading
            return [line for name, value in known.items() for line in self._one(name, value)]

    def _one(self, name: str, value: Any) -> list[str]:
        try:
            return read_back(self.knowledge.ruleset, {name: value}, open_too=True)
        except ScreenInputError:
            return []
