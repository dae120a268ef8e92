"""What the answer to a grouped opener means for each of its facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actions.screening.model import RuleSet
from actions.screening.values import Answer

OPENER = "opener"  # how an answer came: named, or not named, in a grouped question


def opened(ruleset: RuleSet, opener: str, named: Iterable[str], answers: Mapping[str, Any]) -> dict[str, Answer]:
    """The answers a grouped question gives: what was named is so; the rest, if not answered before, is probably not.

    KeyError for an unknown opener.
    """
    entry = ruleset.interview.openers[opener]
    chosen = set(named)
    found = {}
    for fact in entry.titles:
        if fact in chosen:
            found[fact] = Answer(fact, True, OPENER)
        elif fact not in answers:
            found[fact] = Answer(fact, False, OPENER, entry.confidence)
    return found
