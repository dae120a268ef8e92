"""Exhaustive proof: every class of situations of a programme, to find conditions and facts that can never matter.

Two situations are of one class if no condition of the rule tells them apart. All classes of a rule are laid out on a
line, and each condition is one whole number with a bit for each class: a rule over a million of them is a few
operations on whole numbers. Judgements of a clerk and figures nobody has found are free: the proof supposes both ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import product
from math import prod
from typing import Any

from actions.screening.conditions import (
    All,
    Any_,
    Clerk,
    Compare,
    HasAny,
    IsIn,
    Leaf,
    Node,
    Not,
    ProgrammeRef,
    clerk_key,
    walk,
)
from actions.screening.logic import Interval
from actions.screening.model import MONEY, SOME_OF, YES_NO, Fact, Period, RuleSet

MOST = 1_000_000  # classes of one proof; more must be split
SUPPOSED: Interval = (Decimal("0.5"), Decimal("0.5"))  # stands for a figure nobody has found: only its sides matter


@dataclass(frozen=True)
class Finding:
    """Something the proof objects to, and how to mend it."""

    programme: str
    period: date
    what: str
    mend: str


@dataclass(frozen=True)
class Proof:
    """What was enumerated for one rule (or one pair, `refers_to`), and what was found."""

    programme: str
    refers_to: str | None
    period: date
    situations: int
    facts: Mapping[str, int]  # group of facts → classes
    verdicts: frozenset[str]  # true, false: what the rule can come to
    by_person: bool  # true only where a clerk says so or a missing figure is known
    findings: tuple[Finding, ...]


@dataclass
class _Axis:
    """Facts that are compared together, and the classes of their values: for each leaf, in which classes it holds."""

    facts: tuple[str, ...]
    classes: list[tuple[bool, ...]]
    leaves: list[Leaf | Clerk | ProgrammeRef]
    step: int = 1


@dataclass
class _Line:
    """All situations of a rule on one line of `size` places."""

    axes: list[_Axis]
    size: int
    held: dict[int, int] = field(default_factory=dict)  # id of a leaf → the places where it holds


def prove_all(ruleset: RuleSet, as_of: date | None = None) -> list[Proof]:
    """Every rule of every period (or of one day), alone and with each programme it refers to."""
    proofs = []
    for name, programme in ruleset.programmes.items():
        for period in programme.periods:
            if as_of is not None and not _holds(period, as_of):
                continue
            proofs.append(prove(ruleset, name, period))
            refers = dict.fromkeys(node.programme for node in walk(period.when) if isinstance(node, ProgrammeRef))
            for other in refers:
                for inner in ruleset.programmes[other].periods:
                    if _overlap(period, inner) and (as_of is None or _holds(inner, as_of)):
                        proofs.append(prove_pair(ruleset, name, period, other, inner))
    return proofs


def prove(ruleset: RuleSet, programme: str, period: Period) -> Proof:
    """One rule over the classes of its own facts; programmes it refers to are free."""
    axes = _axes(ruleset, [period.when], _figures(ruleset))
    size = _size(axes)
    if size > MOST:
        return _too_large(programme, None, period, axes, size)
    line = _line(axes, size)
    full = (1 << size) - 1
    result = _run(period.when, line, full, {})
    findings = []
    if result == 0:
        findings.append(Finding(programme, period.start, "the rule can never be true", "correct the conditions"))
    if result == full:
        findings.append(Finding(programme, period.start, "the rule can never be false", "correct the conditions"))
    for axis in axes:
        if not _matters(axis, result, size):
            findings.append(_never(programme, period, " and ".join(axis.facts)))
    for leaf in _all_leaves(period.when):
        forced = [_run(period.when, line, full, {id(leaf): value}) for value in (0, full)]
        if result in forced:  # always true or always false in its place comes to the same
            findings.append(_never(programme, period, describe(leaf)))
    return Proof(
        programme,
        None,
        period.start,
        size,
        {" and ".join(axis.facts): len(axis.classes) for axis in axes},
        _verdicts(result, full),
        _by_person(ruleset, period, line, full),
        tuple(findings),
    )


def prove_pair(ruleset: RuleSet, programme: str, period: Period, other: str, inner: Period) -> Proof:
    """A rule together with one it refers to, over the classes of the facts of both: does the reference ever matter?"""
    axes = [
        axis
        for axis in _axes(ruleset, [period.when, inner.when], _figures(ruleset))
        if axis.facts != (_reference(other),)
    ]
    ours, theirs = {id(leaf) for leaf in _all_leaves(period.when)}, {id(leaf) for leaf in _all_leaves(inner.when)}
    both: list[_Axis] = []
    own: list[_Axis] = []
    private: list[_Axis] = []
    for axis in axes:
        here, there = (any(id(leaf) in known for leaf in axis.leaves) for known in (ours, theirs))
        (both if here and there else own if here else private).append(axis)
    shared, size, inside = (_size(group) for group in (both, both + own, both + private))
    if max(size, inside) > MOST:
        return _too_large(programme, other, period, axes, max(size, inside))
    truth = _run(inner.when, _line(both + private, inside), (1 << inside) - 1, {})
    # what only the other programme looks at is folded away: where can it be true, where can it be false?
    can_hold, can_fail = (
        _repeated(_folded(line, shared, inside // shared), shared, size)
        for line in (truth, truth ^ ((1 << inside) - 1))
    )
    line, full = _line(both + own, size), (1 << size) - 1
    references = [node for node in _all_leaves(period.when) if _names(node) == (_reference(other),)]
    yes, no = (_run(period.when, line, full, {id(node): value for node in references}) for value in (full, 0))
    differs = yes ^ no
    findings = []
    if not (differs & can_hold and differs & can_fail):
        findings.append(
            Finding(programme, period.start, f"the reference to {other} never matters", "take it out of the rule")
        )
    result = (yes & can_hold) | (no & can_fail)
    if result == 0:
        findings.append(
            Finding(programme, period.start, f"together with {other} it can never be true", "correct the conditions")
        )
    facts = {" and ".join(axis.facts): len(axis.classes) for axis in axes}
    return Proof(
        programme, other, period.start, max(size, inside), facts, _verdicts(result, full), False, tuple(findings)
    )


def describe(leaf: Leaf | Clerk | ProgrammeRef) -> str:
    """A condition as the file writes it."""
    if isinstance(leaf, Clerk):
        return f"clerk: {leaf.text}"
    if isinstance(leaf, ProgrammeRef):
        return f"programme: {leaf.programme}"
    if isinstance(leaf, Compare):
        bound = leaf.threshold.param or leaf.threshold.literal
        return f"{leaf.fact} {leaf.op} {bound if isinstance(bound, str) else bound and bound[0]}"
    return f"{leaf.fact} in {sorted(map(str, leaf.values))}"


# --- classes ---


def _axes(ruleset: RuleSet, nodes: list[Node], figures: Mapping[str, Interval]) -> list[_Axis]:
    every = [leaf for node in nodes for leaf in _all_leaves(node)]
    groups: list[set[str]] = []
    for leaf in every:  # facts that are compared with one another belong together
        names = set(_names(leaf))
        touching = [group for group in groups if group & names]
        groups = [group for group in groups if not group & names] + [names.union(*touching)]
    axes = []
    for group in groups:
        own = [leaf for leaf in every if set(_names(leaf)) <= group]
        classes = list(dict.fromkeys(_classes(ruleset, group, own, figures)))
        axes.append(_Axis(tuple(sorted(group)), classes, own))
    return axes


def _names(leaf: Leaf | Clerk | ProgrammeRef) -> tuple[str, ...]:
    if isinstance(leaf, Clerk):
        return (clerk_key(leaf.text),)
    if isinstance(leaf, ProgrammeRef):
        return (_reference(leaf.programme),)
    if isinstance(leaf, Compare) and leaf.per:
        return (leaf.fact, leaf.per)
    return (leaf.fact,)


def _reference(programme: str) -> str:
    return "programme: " + programme


def _size(axes: list[_Axis]) -> int:
    return prod(len(axis.classes) for axis in axes)


def _classes(
    ruleset: RuleSet, group: set[str], own: list[Leaf | Clerk | ProgrammeRef], figures: Mapping[str, Interval]
) -> Iterator[tuple[bool, ...]]:
    first = own[0]
    if isinstance(first, (Clerk, ProgrammeRef)):
        yield (True,) * len(own)
        yield (False,) * len(own)
        return
    names = sorted(group)
    facts = [ruleset.facts[name] for name in names]
    points = _points(facts, own, figures)
    for combination in product(*(points[name] for name in names)):
        values = dict(zip(names, combination, strict=True))
        yield tuple(leaf.run(values, figures, {}) is True for leaf in own)


def _points(
    facts: list[Fact], own: list[Leaf | Clerk | ProgrammeRef], figures: Mapping[str, Interval]
) -> dict[str, list[Any]]:
    """Values of each fact that stand for all the others: every option, and both sides of every threshold."""
    found: dict[str, list[Any]] = {}
    for fact in sorted(
        facts, key=lambda each: any(isinstance(leaf, Compare) and leaf.fact == each.id and leaf.per for leaf in own)
    ):
        if fact.type == YES_NO:
            found[fact.id] = [True, False]
        elif fact.type == SOME_OF:
            found[fact.id] = _subsets(fact, own)
        elif fact.options:
            found[fact.id] = list(fact.options)
        else:
            found[fact.id] = _sides(fact, own, figures, found)
    return found


def _subsets(fact: Fact, own: list[Leaf | Clerk | ProgrammeRef]) -> list[frozenset[str]]:
    """Every set of options no two of which the rule treats alike."""
    alike: dict[tuple[bool, ...], str] = {}
    for option in fact.options:
        sign = tuple(isinstance(leaf, HasAny) and option in leaf.values for leaf in own)
        if any(sign):
            alike.setdefault(sign, option)
    exact = [option for leaf in own if isinstance(leaf, HasAny) and leaf.every for option in leaf.values]
    chosen = list(dict.fromkeys([*alike.values(), *exact]))
    return [
        frozenset(option for option, taken in zip(chosen, pattern, strict=True) if taken)
        for pattern in product((False, True), repeat=len(chosen))
    ]


def _sides(
    fact: Fact, own: list[Leaf | Clerk | ProgrammeRef], figures: Mapping[str, Interval], found: Mapping[str, list[Any]]
) -> list[Interval]:
    low: Decimal = Decimal(fact.minimum or 0)
    high = Decimal(fact.maximum if fact.maximum is not None else 10**9)
    step = Decimal("0.01") if fact.type == MONEY else Decimal(1)
    cuts = {low, high}
    for leaf in own:
        if not isinstance(leaf, Compare):
            continue
        if leaf.per == fact.id and leaf.fact != fact.id:  # the other one takes both sides for each of these
            cuts |= {max(low, Decimal(1)), min(high, Decimal(4)), min(high, Decimal(10000))}
        if leaf.fact != fact.id:
            continue
        bound = leaf.threshold.bound(figures)
        if bound is None:
            continue
        for heads in found.get(leaf.per, [(1, 1)]) if leaf.per else [(1, 1)]:
            edge = Decimal(bound[0]) * Decimal(heads[0])
            whole = edge if fact.type == MONEY else edge.to_integral_value()
            cuts |= {whole - step, whole, whole + step}
    return [(cut, cut) for cut in sorted(cuts) if low <= cut <= high]


def _figures(ruleset: RuleSet) -> dict[str, Interval]:
    """Every figure as one number: what a proof finds must hold whatever the figure is, so any will do."""
    found = {}
    for name, parameter in ruleset.parameters.items():
        known = [row.value for level in parameter.regions.values() for row in level.rows if row.value is not None]
        found[name] = known[-1] if known else SUPPOSED
    return found


# --- the line ---


def _line(axes: list[_Axis], size: int) -> _Line:
    line = _Line(axes, size)
    step = 1
    for axis in axes:
        axis.step = step
        for place, leaf in enumerate(axis.leaves):
            block = 0
            for index, holds in enumerate(axis.classes):
                if holds[place]:
                    block |= ((1 << step) - 1) << (index * step)
            line.held[id(leaf)] = _repeated(block, step * len(axis.classes), size)
        step *= len(axis.classes)
    return line


def _repeated(block: int, width: int, size: int) -> int:
    while width < size:
        block |= block << width
        width *= 2
    return block & ((1 << size) - 1)


def _folded(line: int, width: int, chunks: int) -> int:
    """All chunks of the line laid over one another."""
    while chunks > 1:
        half = (chunks + 1) // 2
        line = (line & ((1 << (half * width)) - 1)) | (line >> (half * width))
        chunks = half
    return line


def _run(node: Node, line: _Line, full: int, forced: Mapping[int, int]) -> int:
    """In which situations the node holds."""
    if isinstance(node, All):
        result = full
        for child in node.children:
            result &= _run(child, line, full, forced)
        return result
    if isinstance(node, Any_):
        result = 0
        for child in node.children:
            result |= _run(child, line, full, forced)
        return result
    if isinstance(node, Not):
        return _run(node.child, line, full, forced) ^ full
    return forced[id(node)] if id(node) in forced else line.held[id(node)]


def _matters(axis: _Axis, result: int, size: int) -> bool:
    """Whether going from one class of this axis to the next ever changes the result."""
    width = axis.step * len(axis.classes)
    inner = _repeated((1 << (width - axis.step)) - 1, width, size)
    return bool(((result >> axis.step) ^ result) & inner)


def _all_leaves(node: Node) -> list[Leaf | Clerk | ProgrammeRef]:
    return [part for part in walk(node) if isinstance(part, (IsIn, HasAny, Compare, Clerk, ProgrammeRef))]


def _by_person(ruleset: RuleSet, period: Period, line: _Line, full: int) -> bool:
    """Whether nobody can come to true by answers alone: a clerk, or a figure nobody has found, must say so."""
    closed = {}
    for leaf in _all_leaves(period.when):
        pending = isinstance(leaf, Compare) and any(_unknown(ruleset, name) for name in leaf.threshold.parameters)
        if isinstance(leaf, Clerk) or pending:
            closed[id(leaf)] = 0
    negated = {id(part.child) for part in walk(period.when) if isinstance(part, Not)}
    closed = {key: value for key, value in closed.items() if key not in negated}
    return _run(period.when, line, full, closed) == 0


def _unknown(ruleset: RuleSet, name: str) -> bool:
    return all(row.value is None for level in ruleset.parameters[name].regions.values() for row in level.rows)


def _verdicts(result: int, full: int) -> frozenset[str]:
    return frozenset(([] if result == 0 else ["true"]) + ([] if result == full else ["false"]))


def _never(programme: str, period: Period, what: str) -> Finding:
    return Finding(programme, period.start, f"{what} never matters", "take it out of the rule")


def _too_large(programme: str, other: str | None, period: Period, axes: list[_Axis], size: int) -> Proof:
    widest = sorted(axes, key=lambda axis: -len(axis.classes))[:3]
    names = ", ".join(f"{' and '.join(axis.facts)} ({len(axis.classes)})" for axis in widest)
    finding = Finding(
        programme,
        period.start,
        f"{size} situations are more than {MOST}",
        f"split the rule into programmes that refer to one another; most classes: {names}",
    )
    facts = {" and ".join(axis.facts): len(axis.classes) for axis in axes}
    return Proof(programme, other, period.start, size, facts, frozenset(), False, (finding,))


def _holds(period: Period, day: date) -> bool:
    return period.start <= day and (period.end is None or day <= period.end)


def _overlap(one: Period, other: Period) -> bool:
    return (one.end is None or other.start <= one.end) and (other.end is None or one.start <= other.end)
