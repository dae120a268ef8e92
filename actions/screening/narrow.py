"""After "unsure" about a number: which step comes next, and the one threshold that matters."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from actions.screening.conditions import Compare, live
from actions.screening.evaluate import Screening
from actions.screening.logic import Number, scaled
from actions.screening.model import MEASURES, MONEY, UNSURE, Fact
from actions.screening.values import Answer, plain, show_interval

BAND, THRESHOLD = "band", "threshold"
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Cut:
    """One threshold as a yes-no question: did it get to `shown` (or above it, if `above`)? `yes`, `no`: the bands."""

    shown: str
    above: bool
    yes: dict[str, Any]
    no: dict[str, Any]


def step_name(fact: str, step: str) -> str:
    """What stands in `asked` for a question that narrows a fact down."""
    return f"{fact}:{step}"


def next_step(fact: Fact, answer: Answer, asked: AbstractSet[str]) -> str | None:
    """A band after a plain unsure, if the fact has bands; then one threshold; None once both were asked."""
    if fact.type not in MEASURES or step_name(fact.id, THRESHOLD) in asked:
        return None
    if answer.value == UNSURE and fact.bands and step_name(fact.id, BAND) not in asked:
        return BAND
    return THRESHOLD if answer.value == UNSURE or isinstance(answer.value, dict) else None


def threshold_of(screening: Screening, fact: Fact, scope: AbstractSet[str] | None = None) -> Cut | None:
    """The threshold inside what is known of the fact that the most weight of undecided programmes turns on.

    `scope`: the programmes to look at, without it the relevant ones.
    None where no threshold can be worked out yet: a figure is missing, or how many persons share it.
    """
    known = screening.case.values.get(fact.id)
    considered = screening.relevant if scope is None else scope
    weights: dict[tuple[Number, bool], float] = {}
    for name in screening.ruleset.order:
        rule = screening.settings.rules.get(name)
        if rule is None or name not in considered:
            continue
        if screening.case.results[name] is not None:
            continue
        for leaf, share in live(rule, screening.case):
            if not isinstance(leaf, Compare) or leaf.fact != fact.id:
                continue
            cut = _cut(screening, leaf)
            if cut is not None and (known is None or known[0] < cut <= known[1]):
                key = (cut, leaf.op in ("more_than", "at_most"))
                weights[key] = weights.get(key, 0.0) + share * screening.ruleset.programmes[name].weight
    if not weights:
        return None
    (cut, above), _ = max(weights.items(), key=lambda entry: (entry[1], -entry[0][0]))
    step: Number = CENT if fact.type == MONEY else 1
    low, high = known if known is not None else (fact.minimum or 0, Decimal("Infinity"))
    lower, upper = (cut, cut + step) if above else (cut - step, cut)
    return Cut(plain(cut), above, _band(fact, upper, high), _band(fact, low, lower))


def _cut(screening: Screening, leaf: Compare) -> Number | None:
    bound = leaf.threshold.bound(screening.case.figures)
    if bound is None:
        return None
    heads = screening.case.values.get(leaf.per) if leaf.per else (1, 1)
    if heads is None or heads[0] != heads[1]:
        return None
    return scaled(bound, heads)[0]


def _band(fact: Fact, low: Number, high: Number) -> dict[str, Any]:
    shown = show_interval(fact, (low, high))
    return shown if isinstance(shown, dict) else {"from": shown, "to": shown}
