"""The reason without which nothing masked or restricted is shown: read from the form, its words sealed."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.desk.frame import Visit
from bot.pages.forms import blank

OTHER = "other"
WORDS = 200


@dataclass(frozen=True)
class Reason:
    """Why somebody looks: an id of config/tickets/intake.yaml, and their own words, encrypted."""

    reason: str
    sealed: str | None


def asked_reason(visit: Visit, sent: Mapping[str, str]) -> Reason | None:
    """The reason given; None for one nobody knows, and for "other" without a word."""
    reason, words = sent.get("reason", ""), sent.get("words", "")[:WORDS].strip()
    if reason not in visit.parts.knowledge.intake.reasons or reason == OTHER and blank(words):
        return None
    return Reason(reason, visit.parts.keys.seal(words).decode() if words else None)
