"""What may be asked where: a channel hosted abroad asks what is sensitive on our own page (个人信息保护法 36)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from actions.language.files import ConfigError, line_of, load_yaml, nearest
from actions.privacy.commands import record_consent
from actions.steps import words
from actions.steps.knowledge import Knowledge
from actions.steps.listening import remember
from actions.storage.tables import Consent
from actions.turn import BY_PAGE, Turn

FOLDER = Path(__file__).resolve().parents[2] / "config" / "channels"
ITEM = "own_page"  # stands in facts.asking while the page is offered
OPEN, SKIP = "open_page", "skip_page"  # values of its buttons
PAGE_CHANNEL = "web"
Where = Literal["here", "page", "skip"]


@dataclass(frozen=True)
class ChannelPolicy:
    """`abroad`: hosted outside the country. A link opens within `link_minutes`, its page stays for `page_minutes`."""

    channel: str
    abroad: bool
    link_minutes: int = 0
    page_minutes: int = 0


def load_policies(folder: Path) -> dict[str, ChannelPolicy]:
    """One file per channel; a channel without a file is our own. Raises ConfigError."""
    return {path.stem: _policy(path) for path in sorted(folder.glob("*.yaml"))}


def _policy(path: Path) -> ChannelPolicy:
    data = load_yaml(path)
    hosted = data.get("hosted")
    if hosted not in ("abroad", "here"):
        raise ConfigError(
            path, line_of(data, "hosted"), f"hosted is {hosted!r}", nearest(str(hosted), ["abroad", "here"])
        )
    if hosted == "here":
        return ChannelPolicy(path.stem, False)
    if data.get("ask_on_own_page") != "sensitive":
        raise ConfigError(
            path,
            line_of(data, "ask_on_own_page"),
            "a channel hosted abroad asks what is sensitive on our own page",
            "write ask_on_own_page: sensitive",
        )
    minutes = [data.get("link_minutes"), data.get("page_minutes")]
    if not all(isinstance(value, int) and value > 0 for value in minutes):
        raise ConfigError(path, line_of(data), "link_minutes or page_minutes is missing", "write both, in minutes")
    return ChannelPolicy(path.stem, True, minutes[0], minutes[1])


@lru_cache(maxsize=1)
def policies() -> Mapping[str, ChannelPolicy]:
    """The policies of this installation."""
    return load_policies(FOLDER)


def where_to_ask(policy: ChannelPolicy | None, sensitive: bool, by_page: bool, skipped: bool) -> Where:
    """The decision. Pure: `by_page` = this turn's message came from our page, `skipped` = the page was not wanted."""
    if policy is None or not policy.abroad or not sensitive or by_page:
        return "here"
    return "skip" if skipped else "page"


def by_page(turn: Turn) -> bool:
    """Whether this turn's message was written on our own page."""
    return any(BY_PAGE in message.secrets for message in turn.messages)


def follow_page(turn: Turn) -> None:
    """What came from our page is answered there: the replies of this turn are not given to the app."""
    if by_page(turn):
        turn.channel = PAGE_CHANNEL


def hidden_here(turn: Turn, know: Knowledge) -> frozenset[str]:
    """Facts that are not to be read back on this turn's channel."""
    policy = policies().get(turn.channel)
    if policy is None or not policy.abroad or by_page(turn):
        return frozenset()
    return frozenset(name for name, fact in know.ruleset.facts.items() if fact.sensitive)


def ask_elsewhere(turn: Turn, know: Knowledge, name: str) -> Where | None:
    """Before a question: None, ask it here. "page": the page was offered instead. "skip": it is left out, ask the next.

    What is left out because the page is not wanted counts as declined: nobody is asked twice, staff sees it.
    """
    follow_page(turn)
    fact = know.ruleset.facts.get(name)
    opener = know.ruleset.interview.openers.get(name)
    sensitive = name == ITEM or (fact is not None and fact.sensitive)
    if opener is not None:
        sensitive = any(know.ruleset.facts[each].sensitive for each in opener.titles)
    where = where_to_ask(policies().get(turn.channel), sensitive, by_page(turn), sensitive and _skipped(turn))
    if where == "page":
        turn.facts.asking = ITEM
        turn.say(ITEM, asks=ITEM, minutes=policies()[turn.channel].link_minutes)
    elif where == "skip" and fact is not None:
        remember(turn, name, "declined", "said")
    elif where == "skip" and opener is not None:
        turn.facts.asked.append(name)
    return None if where == "here" else where


def take_own_page(turn: Turn, know: Knowledge) -> bool:
    """The answer to the offered page: opened, not wanted, or something else, which is heard and the page offered again.

    True: go on with the next question (as the other takers of the interview).
    """
    press = turn.press
    value = press["value"] if press is not None and press.get("asks") == ITEM else None
    if by_page(turn) or value == OPEN:
        return True
    unwilling = value == SKIP or words.yes_no(turn.text) is False or turn.intent in ("decline", "deny", "unsure")
    if not unwilling and turn.facts.misses == 0:
        turn.facts.misses = 1
        ask_elsewhere(turn, know, ITEM)
        return False
    record_consent(
        turn.session,
        contact_id=turn.contact_id,
        conversation_id=turn.conversation_id,
        notice=ITEM,
        version=turn.replies_book.text("own_page_version"),
        channel=turn.channel,
        answer="declined",
        now=turn.now,
    )
    turn.session.flush()
    turn.say("own_page_skipped", buttons=[])
    return True


def _skipped(turn: Turn) -> bool:
    rows: Any = turn.session.execute(
        sa.select(Consent.id).where(
            Consent.conversation_id == turn.conversation_id, Consent.notice == ITEM, Consent.answer == "declined"
        )
    )
    return rows.first() is not None
