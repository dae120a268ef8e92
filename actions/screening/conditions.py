"""The conditions of a rule: each compiles to one closure at load, and can say why it holds and what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from actions.screening.logic import COMPARISONS, Interval, Truth, scaled
from actions.screening.model import CLERK_ONLY, NO_PARAMETER, NOT_ASKED, UNSURE, ParameterUse

Values = Mapping[str, Any]  # fact → bool, str, frozenset or Interval; unknown facts are absent
Figures = Mapping[str, Interval | None]  # parameter → the band to compare with; None = not found
Results = Mapping[str, Truth]  # programme → its truth
Run = Callable[[Values, Figures, Results], Truth]


@dataclass(frozen=True)
class Context:
    """One case in the form the conditions read it."""

    values: Values
    reasons: Mapping[str, str]  # why a fact is unknown although it was asked or heard
    figures: Figures
    results: Results
    uses: Mapping[str, ParameterUse]
    rules: Mapping[str, Node]  # programme → its condition at this date


@dataclass(frozen=True)
class Lack:
    """Something that keeps a condition open: a fact, a figure (with the fact it is compared with), or a judgement."""

    fact: str | None
    reason: str
    what: str | None = None  # clerk_only: what the clerk looks at
    parameter: str | None = None
    cite: str | None = None


@dataclass(frozen=True)
class Threshold:
    """What a fact is compared with: a literal, or a parameter times a factor, which may be a parameter itself."""

    literal: Interval | None = None
    param: str | None = None
    times: Interval = (1, 1)
    times_param: str | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(name for name in (self.param, self.times_param) if name is not None)

    def bound(self, figures: Figures) -> Interval | None:
        """The figure to compare with, before it is taken per head; None while one of its figures is not known."""
        bound = figures.get(self.param) if self.param is not None else self.literal
        times = figures.get(self.times_param) if self.times_param is not None else self.times
        return None if bound is None or times is None else scaled(bound, times)


@dataclass(frozen=True)
class All:
    children: tuple[Node, ...]
    run: Run = field(compare=False, repr=False)


@dataclass(frozen=True)
class Any_:
    children: tuple[Node, ...]
    run: Run = field(compare=False, repr=False)


@dataclass(frozen=True)
class Not:
    child: Node
    run: Run = field(compare=False, repr=False)


@dataclass(frozen=True)
class IsIn:
    """A yes_no or one_of fact has one of these values."""

    fact: str
    values: frozenset[Any]
    cite: str
    run: Run = field(compare=False, repr=False)


@dataclass(frozen=True)
class HasAny:
    """A some_of fact holds at least one (or all) of these options."""

    fact: str
    values: frozenset[str]
    every: bool
    cite: str
    run: Run = field(compare=False, repr=False)


@dataclass(frozen=True)
class Compare:
    """A measured fact, per head of another one if `per` is given, compared with a threshold."""

    fact: str
    per: str | None
    op: str
    threshold: Threshold
    cite: str
    run: Run = field(compare=False, repr=False)


@dataclass(frozen=True)
class ProgrammeRef:
    """Another programme fits."""

    programme: str
    cite: str
    run: Run = field(compare=False, repr=False)


@dataclass(frozen=True)
class Clerk:
    """Only a person can judge it: always unknown, never asked."""

    text: str
    cite: str
    run: Run = field(compare=False, repr=False)


Node = All | Any_ | Not | IsIn | HasAny | Compare | ProgrammeRef | Clerk
Leaf = IsIn | HasAny | Compare


# --- building: the closures are the only thing that runs when a case is evaluated ---


def make_all(children: tuple[Node, ...]) -> All:
    runs = tuple(child.run for child in children)

    def run(values: Values, figures: Figures, results: Results) -> Truth:
        answer: Truth = True
        for part in runs:
            truth = part(values, figures, results)
            if truth is False:
                return False
            if truth is None:
                answer = None
        return answer

    return All(children, run)


def make_any(children: tuple[Node, ...]) -> Any_:
    runs = tuple(child.run for child in children)

    def run(values: Values, figures: Figures, results: Results) -> Truth:
        answer: Truth = False
        for part in runs:
            truth = part(values, figures, results)
            if truth is True:
                return True
            if truth is None:
                answer = None
        return answer

    return Any_(children, run)


def make_not(child: Node) -> Not:
    inner = child.run

    def run(values: Values, figures: Figures, results: Results) -> Truth:
        truth = inner(values, figures, results)
        return None if truth is None else not truth

    return Not(child, run)


def make_is_in(fact: str, allowed: frozenset[Any], cite: str) -> IsIn:
    def run(values: Values, figures: Figures, results: Results) -> Truth:
        value = values.get(fact)
        return None if value is None else value in allowed

    return IsIn(fact, allowed, cite, run)


def make_has(fact: str, wanted: frozenset[str], every: bool, cite: str) -> HasAny:
    def run(values: Values, figures: Figures, results: Results) -> Truth:
        value = values.get(fact)
        if value is None:
            return None
        return bool(wanted <= value) if every else not wanted.isdisjoint(value)

    return HasAny(fact, wanted, every, cite, run)


def make_compare(fact: str, per: str | None, op: str, threshold: Threshold, cite: str) -> Compare:
    compare = COMPARISONS[op]
    literal, param = threshold.literal, threshold.param
    plain = threshold.times == (1, 1) and threshold.times_param is None

    def run(values: Values, figures: Figures, results: Results) -> Truth:
        value = values.get(fact)
        if value is None:
            return None
        if plain:
            bound = figures.get(param) if param is not None else literal
        else:
            bound = threshold.bound(figures)
        if bound is None:
            return None
        if per is not None:
            heads = values.get(per)
            if heads is None:
                return None
            bound = scaled(bound, heads)  # income < limit × heads is exact, income ÷ heads is not
        return compare(value, bound)

    return Compare(fact, per, op, threshold, cite, run)


def make_programme(programme: str, cite: str) -> ProgrammeRef:
    def run(values: Values, figures: Figures, results: Results) -> Truth:
        return results.get(programme)

    return ProgrammeRef(programme, cite, run)


def make_clerk(text: str, cite: str) -> Clerk:
    key = clerk_key(text)

    def run(values: Values, figures: Figures, results: Results) -> Truth:
        return values.get(key)  # no answer of a resident has this name: unknown, unless a proof supposes it

    return Clerk(text, cite, run)


def clerk_key(text: str) -> str:
    """The name under which a proof may suppose what the clerk will find."""
    return "clerk: " + text


# --- reading ---


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it; references are not followed."""
    yield node
    if isinstance(node, (All, Any_)):
        for child in node.children:
            yield from walk(child)
    elif isinstance(node, Not):
        yield from walk(node.child)


def leaves(node: Node, rules: Mapping[str, Node]) -> Iterator[Leaf]:
    """The conditions on facts below a node, also through the programmes it refers to."""
    for part in walk(node):
        if isinstance(part, (IsIn, HasAny, Compare)):
            yield part
        elif isinstance(part, ProgrammeRef) and part.programme in rules:
            yield from leaves(rules[part.programme], rules)


def facts_of(node: Node, rules: Mapping[str, Node]) -> list[str]:
    """Every fact the condition looks at, in the order of the file, also through other programmes."""
    found: dict[str, None] = {}
    for part in walk(node):
        if isinstance(part, (IsIn, HasAny)):
            found[part.fact] = None
        elif isinstance(part, Compare):
            found[part.fact] = None
            if part.per:
                found[part.per] = None
        elif isinstance(part, ProgrammeRef) and part.programme in rules:
            found.update(dict.fromkeys(facts_of(rules[part.programme], rules)))
    return list(found)


def parameters_of(node: Node) -> list[str]:
    return list(
        dict.fromkeys(name for part in walk(node) if isinstance(part, Compare) for name in part.threshold.parameters)
    )


def truth_of(node: Node, case: Context) -> Truth:
    return node.run(case.values, case.figures, case.results)


def grounds(node: Node, target: bool, case: Context) -> list[Leaf]:
    """The smallest set of leaves that makes a decided node what it is. Empty if the node is not `target`."""
    if truth_of(node, case) is not target:
        return []
    if isinstance(node, Not):
        return grounds(node.child, not target, case)
    if isinstance(node, (All, Any_)):
        needs_every = isinstance(node, All) is target
        sets = [grounds(child, target, case) for child in node.children if truth_of(child, case) is target]
        if needs_every:
            return [leaf for each in sets for leaf in each]
        return min(sets, key=len, default=[])
    if isinstance(node, ProgrammeRef):
        rule = case.rules.get(node.programme)
        return grounds(rule, target, case) if rule is not None else []
    return [] if isinstance(node, Clerk) else [node]


def support(node: Node, target: bool, case: Context) -> list[Leaf]:
    """What already speaks for `target` in a node that is still open."""
    truth = truth_of(node, case)
    if truth is not None:
        return grounds(node, target, case)
    if isinstance(node, Not):
        return support(node.child, not target, case)
    if isinstance(node, (All, Any_)):
        return [leaf for child in node.children for leaf in support(child, target, case)]
    if isinstance(node, ProgrammeRef) and node.programme in case.rules:
        return support(case.rules[node.programme], target, case)
    return []


def lacks(node: Node, case: Context) -> list[Lack]:
    """What keeps an open node open, once per leaf (a fact that stands in two leaves counts twice)."""
    if truth_of(node, case) is not None:
        return []
    if isinstance(node, Not):
        return lacks(node.child, case)
    if isinstance(node, (All, Any_)):
        return [lack for child in node.children for lack in lacks(child, case)]
    if isinstance(node, ProgrammeRef):
        rule = case.rules.get(node.programme)
        if rule is None:
            return [Lack(None, NO_PARAMETER, what=node.programme, cite=node.cite)]
        return lacks(rule, case)
    if isinstance(node, Clerk):
        return [Lack(None, CLERK_ONLY, what=node.text, cite=node.cite)]
    if isinstance(node, Compare):
        return _compare_lacks(node, case)
    return [Lack(node.fact, case.reasons.get(node.fact, NOT_ASKED), cite=node.cite)]


def _compare_lacks(node: Compare, case: Context) -> list[Lack]:
    for name in node.threshold.parameters:
        if case.figures.get(name) is None:
            return [Lack(node.fact, NO_PARAMETER, parameter=name, cite=node.cite)]  # asking would not help
    param = node.threshold.param
    facts = [node.fact] + ([node.per] if node.per else [])
    open_ = [Lack(fact, case.reasons.get(fact, NOT_ASKED), cite=node.cite) for fact in facts if fact not in case.values]
    if open_:
        return open_
    wide = [Lack(fact, UNSURE, cite=node.cite) for fact in facts if case.values[fact][0] != case.values[fact][1]]
    return wide or [Lack(node.fact, NO_PARAMETER, parameter=param, cite=node.cite)]


def live(node: Node, case: Context, share: float = 1.0) -> Iterator[tuple[Leaf | Clerk | ProgrammeRef, float]]:
    """The open conditions of an open node, each with its part of the whole: open children of a group share alike.

    So a condition that decides alone weighs more than one of many alternatives, and what stands in a group that is
    decided already does not count.
    """
    if truth_of(node, case) is not None:
        return
    if isinstance(node, Not):
        yield from live(node.child, case, share)
    elif isinstance(node, (All, Any_)):
        open_ = [child for child in node.children if truth_of(child, case) is None]
        for child in open_:
            yield from live(child, case, share / len(open_))
    elif isinstance(node, ProgrammeRef) and node.programme in case.rules:
        yield from live(case.rules[node.programme], case, share)
    else:
        yield node, share


def shares(node: Node, case: Context) -> Iterator[tuple[Lack, float]]:
    """What keeps an open node open, each with its part of the whole."""
    for leaf, share in live(node, case):
        found = lacks(leaf, case)
        for lack in found:
            yield lack, share / len(found)
