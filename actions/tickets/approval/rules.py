"""Whose signature counts: levels, steps, and that nobody signs alone, twice, for himself or for his own. Pure.

Sources: 社会救助法 44(2), 社会救助暂行办法 48 (county, or township within its limit); 民函〔2019〕95号 (一事一议).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, require_keys
from actions.screening.fields import named, text, words
from actions.screening.model import RuleSet
from actions.tickets.approval.limits import Limit

TOWNSHIP, DISTRICT = "township", "district"
PROPOSE, REVIEW, APPROVE, REFUSE = "propose", "review", "approve", "refuse"
GIVE, NOT_GIVE = "give", "not_give"
SIGNING = (PROPOSE, REVIEW, APPROVE, REFUSE)
OWN, RELATIVE, TWICE = "sign_own", "sign_relative", "sign_twice"  # ids of config/tickets/reasons.yaml
UNCONFIRMED, ABOVE, SPECIAL = "limit_unconfirmed", "above_limit", "special_goes_up"


@dataclass(frozen=True)
class Signature:
    """One step of one round: `persons` are who signed and, through delegation, in whose place."""

    level: str
    step: str
    persons: frozenset[int]
    opinion: str
    amount: Decimal | None
    special: bool = False


@dataclass(frozen=True)
class Case:
    """What is to be decided about: the last opinion of this round."""

    opinion: str
    amount: Decimal | None
    special: bool


def case_of(signatures: Sequence[Signature]) -> Case | None:
    """The opinion that stands in this round; a later reviewer's amount replaces an earlier one. None: nobody proposed.

    A case once named special stays special for the round.
    """
    if not signatures:
        return None
    last = signatures[-1]
    return Case(last.opinion, last.amount, any(signature.special for signature in signatures))


def conflict(
    persons: Collection[int], *, own: Collection[int], relatives: Collection[int], signatures: Iterable[Signature]
) -> str | None:
    """Why these persons (the signer and in whose place) may not sign: OWN, RELATIVE or TWICE; None: they may.

    Through delegation nobody gets round it: the conflicts of both count, and a signature counts for both.
    """
    who = frozenset(persons)
    if who & frozenset(own):
        return OWN
    if who & frozenset(relatives):
        return RELATIVE
    if any(who & signature.persons for signature in signatures):
        return TWICE
    return None


def why_district(case: Case, limit: Limit) -> str | None:
    """Why the township cannot decide this case: SPECIAL, UNCONFIRMED or ABOVE; None: it can.

    A special case always goes to the district's coordination (民函〔2019〕95号). A refusal is a decision as well:
    without a confirmed limit the township has no power to decide either way.
    """
    if case.special:
        return SPECIAL
    if not limit.confirmed:
        return UNCONFIRMED
    if case.opinion == GIVE and (case.amount is None or not limit.covers(case.amount)):
        return ABOVE
    return None


def missing_step(signatures: Sequence[Signature], level: str) -> str | None:
    """The signature that a decision at this level still needs from somebody else: PROPOSE or REVIEW; None: complete.

    Township: 经办 proposes, another reviews, the head decides. District: its officer reviews, the supervisor decides.
    """
    here = [signature for signature in signatures if signature.level == level]
    steps = {signature.step for signature in here}
    if level == TOWNSHIP and PROPOSE not in {signature.step for signature in signatures}:
        return PROPOSE
    return None if REVIEW in steps else REVIEW


@dataclass(frozen=True)
class Procedure:
    """config/tickets/approval.yaml: what can be delegated, on which articles aid is refused, who is checked."""

    delegable: tuple[str, ...]
    attendees_least: int
    grounds: Mapping[str, str]  # ground → source id; the titles stand in the table of commands
    appeal: tuple[str, ...]  # source ids
    checked: frozenset[str]  # types of aid whose proposal must say how the means were checked
    scopes: Mapping[str, str]  # here and below: id → what staff read
    channels: Mapping[str, str]


def _titles(path: Path, data: Any, key: str) -> dict[str, str]:
    entries = data[key]
    if not isinstance(entries, dict) or not entries:
        raise ConfigError(path, line_of(data, key), f"{key} must be a mapping", "write id: title pairs below it")
    return {str(name): text(path, entries, name) for name in entries}


def check_grounds(path: Path, offered: Collection[str]) -> None:
    """Every ground a refusal offers has its article, and none is left over. Raises ConfigError."""
    grounds = load_yaml(path)["refusal"]["grounds"]
    for ground in set(offered) ^ set(grounds):
        raise ConfigError(
            path,
            line_of(grounds, ground),
            f"the ground {ground!r} stands in only one of refusal.grounds and the command refuse",
            "give it its article here and its title in lifecycle.yaml, or delete it in both",
        )


def load_procedure(path: Path, ruleset: RuleSet, permissions: Collection[str]) -> Procedure:
    """Reads and checks config/tickets/approval.yaml. Raises ConfigError with file, line, what and how to mend."""
    data = load_yaml(path)
    require_keys(path, data, ("delegable", "attendees_least", "refusal", "check", "authorisation"))
    delegable = tuple(
        named(path, data, "delegable", name, permissions, "permission") for name in words(path, data, "delegable")
    )
    least = data["attendees_least"]
    if isinstance(least, bool) or not isinstance(least, int) or least < 2:
        raise ConfigError(
            path, line_of(data, "attendees_least"), f"{least!r} is no meeting", "write a whole number from 2 up"
        )
    refusal, check, authorisation = data["refusal"], data["check"], data["authorisation"]
    require_keys(path, refusal, ("grounds", "appeal"))
    require_keys(path, check, ("types",))
    require_keys(path, authorisation, ("scopes", "channels"))
    grounds = {
        ground: named(path, refusal["grounds"], ground, cite, ruleset.sources, "source")
        for ground, cite in _titles(path, refusal, "grounds").items()
    }
    appeal = tuple(
        named(path, refusal, "appeal", cite, ruleset.sources, "source") for cite in words(path, refusal, "appeal")
    )
    if not appeal:
        raise ConfigError(path, line_of(refusal, "appeal"), "appeal is empty", "a refusal names the way to contest it")
    return Procedure(
        delegable,
        least,
        grounds,
        appeal,
        frozenset(
            named(path, check, "types", name, ruleset.programmes, "type") for name in words(path, check, "types")
        ),
        _titles(path, authorisation, "scopes"),
        _titles(path, authorisation, "channels"),
    )
