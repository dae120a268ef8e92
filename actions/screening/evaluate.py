"""The evaluator: answers, a day and a region in; for every programme likely, check or less out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from actions.language.files import nearest
from actions.screening.conditions import (
    Compare,
    Context,
    HasAny,
    Lack,
    Leaf,
    Node,
    facts_of,
    grounds,
    lacks,
    leaves,
    parameters_of,
    shares,
    support,
)
from actions.screening.logic import Interval, Truth, scaled
from actions.screening.model import (
    CHECK,
    DATE,
    LESS,
    LIKELY,
    MEASURES,
    NO_PARAMETER,
    SOME_OF,
    YES_NO,
    Fact,
    Parameter,
    ParameterUse,
    Period,
    RuleSet,
)
from actions.screening.values import ScreenInputError, Settled, settle, show_measure

VERDICTS: dict[Truth, str] = {True: LIKELY, None: CHECK, False: LESS}
KEPT = 64  # days × regions remembered; a running service sees a handful


@dataclass(frozen=True)
class Reason:
    """A fact that decided (or supports) a verdict: its value as shown, the source id, the figure compared with."""

    fact: str
    value: Any
    cite: str
    parameter: str | None = None


@dataclass(frozen=True)
class Missing:
    """What keeps a verdict open. `fact` is None where only a clerk can tell (`what`) or no rule is known."""

    fact: str | None
    reason: str
    what: str | None = None
    parameter: str | None = None
    cite: str | None = None


@dataclass(frozen=True)
class Flip:
    """The nearest single answer that would turn the verdict into `to`."""

    fact: str
    value: Any
    to: str


@dataclass(frozen=True)
class Settings:
    """What holds on one day in one region, whoever asks."""

    periods: Mapping[str, Period]
    rules: Mapping[str, Node]
    uses: Mapping[str, ParameterUse]
    figures: Mapping[str, Interval | None]


@dataclass(frozen=True)
class Verdict:
    """One programme's answer. The parts that explain it are worked out when they are read."""

    programme: str
    verdict: str
    _screening: Screening = field(compare=False, repr=False)

    @property
    def period(self) -> Period | None:
        """The rule that was applied; None = no rule of this programme is known for the day."""
        return self._screening.settings.periods.get(self.programme)

    @cached_property
    def because(self) -> tuple[Reason, ...]:
        """likely, less: the smallest set of conditions that made it so. check: what already speaks for it."""
        rule = self._screening.settings.rules.get(self.programme)
        if rule is None:
            return ()
        case = self._screening.case
        leaves = support(rule, True, case) if self.verdict == CHECK else grounds(rule, self.verdict == LIKELY, case)
        seen: dict[tuple[str, str], Reason] = {}
        for leaf in leaves:
            for reason in self._screening.reasons_of(leaf):
                seen.setdefault((reason.fact, reason.cite), reason)
        return tuple(seen.values())

    @cached_property
    def lacks(self) -> tuple[Lack, ...]:
        """What keeps it open, once per condition."""
        if self.verdict != CHECK:
            return ()
        rule = self._screening.settings.rules.get(self.programme)
        if rule is None:
            return (Lack(None, NO_PARAMETER, what=self.programme),)
        return tuple(lacks(rule, self._screening.case))

    @cached_property
    def shares(self) -> tuple[tuple[Lack, float], ...]:
        """What keeps it open with its part of the whole: the question order weighs them."""
        rule = self._screening.settings.rules.get(self.programme)
        return () if self.verdict != CHECK or rule is None else tuple(shares(rule, self._screening.case))

    @cached_property
    def missing(self) -> tuple[Missing, ...]:
        """What keeps it open, each thing once."""
        seen: dict[tuple[Any, ...], Missing] = {}
        for lack in self.lacks:
            key = (lack.fact, lack.reason, lack.what, lack.parameter)
            seen.setdefault(key, Missing(lack.fact, lack.reason, lack.what, lack.parameter, lack.cite))
        return tuple(seen.values())

    @cached_property
    def flip(self) -> tuple[Flip, ...]:
        """For each fact and each other verdict, the nearest value that alone would bring it about."""
        return tuple(_flips(self._screening, self.programme))


@dataclass(frozen=True)
class Screening:
    """The result for one case: verdicts in the order of the files, with everything needed to explain and replay."""

    ruleset: RuleSet = field(repr=False)
    as_of: date
    region: str
    settled: Settled = field(repr=False)
    settings: Settings = field(repr=False)
    case: Context = field(repr=False)

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(Verdict(name, VERDICTS[self.case.results[name]], self) for name in self.ruleset.programmes)

    def verdict(self, programme: str) -> Verdict:
        """One programme's verdict; KeyError for a programme that is not loaded."""
        return self._by_name[programme]

    @cached_property
    def relevant(self) -> frozenset[str]:
        """Programmes that the situation makes worth asking about; a rule without `relevant` always is."""
        case = self.case
        none: dict[str, Truth] = {}
        return frozenset(
            name
            for name, programme in self.ruleset.programmes.items()
            if programme.relevant is None or programme.relevant.run(case.values, case.figures, none) is True
        )

    @cached_property
    def _by_name(self) -> Mapping[str, Verdict]:
        return {verdict.programme: verdict for verdict in self.verdicts}

    @cached_property
    def parameters(self) -> tuple[ParameterUse, ...]:
        """Every figure the rules of this day may look at, with level, citation and state."""
        names = dict.fromkeys(name for rule in self.settings.rules.values() for name in parameters_of(rule))
        return tuple(self.settings.uses[name] for name in names)

    def reasons_of(self, leaf: Leaf) -> Iterator[Reason]:
        names = [leaf.fact]
        parameter = None
        if isinstance(leaf, Compare):
            names += [leaf.per] if leaf.per else []
            parameter = leaf.threshold.param
        for name in names:
            yield Reason(name, self.settled.shown[name], leaf.cite, parameter if name == leaf.fact else None)


# --- the evaluator ---


def evaluate(ruleset: RuleSet, answers: Mapping[str, Any], as_of: date, region: str) -> Screening:
    """Every loaded programme for one case.

    `answers`: fact → value, {from, to}, "unsure", "declined", Answer or {"value", "confidence", …}.
    `as_of`: the day of the case, never taken from the clock. `region`: a division code; an unlisted one falls back to
    its city, then the country. Raises UnknownFact, BadAnswer, ScreenInputError (region unreadable, day before all law).
    """
    return evaluate_settled(ruleset, settle(ruleset, answers), as_of, region)


def evaluate_settled(ruleset: RuleSet, settled: Settled, as_of: date, region: str) -> Screening:
    """`evaluate` for answers that are already checked."""
    settings = settings_at(ruleset, as_of, region)
    values, figures, rules = settled.values, settings.figures, settings.rules
    results: dict[str, Truth] = {}
    for name in ruleset.order:
        rule = rules.get(name)
        results[name] = None if rule is None else rule.run(values, figures, results)
    case = Context(values, settled.reasons, figures, results, settings.uses, rules)
    return Screening(ruleset, as_of, region, settled, settings, case)


def settings_at(ruleset: RuleSet, as_of: date, region: str) -> Settings:
    """Rules and figures of one day and region, worked out once."""
    key = (as_of, region)
    found = ruleset.remembered.get(key)
    if found is None:
        if len(ruleset.remembered) >= KEPT:
            ruleset.remembered.clear()
        found = ruleset.remembered[key] = _settings(ruleset, as_of, region)
    return found


def _settings(ruleset: RuleSet, as_of: date, region: str) -> Settings:
    periods = {}
    for name, programme in ruleset.programmes.items():
        for period in programme.periods:
            if period.start <= as_of and (period.end is None or as_of <= period.end):
                periods[name] = period
    if not periods:
        first = min(period.start for programme in ruleset.programmes.values() for period in programme.periods)
        raise ScreenInputError(
            f"no rule is known for {as_of.isoformat()}",
            f"use a day from {first.isoformat()} on, or add a period to config/screening/programmes",
        )
    chain = region_chain(ruleset, region)
    uses = {name: _parameter_at(parameter, as_of, chain) for name, parameter in ruleset.parameters.items()}
    return Settings(
        periods,
        {name: period.when for name, period in periods.items()},
        uses,
        {name: use.value for name, use in uses.items()},
    )


def region_chain(ruleset: RuleSet, region: str) -> tuple[str, ...]:
    """The levels to look for a figure, nearest first. ScreenInputError for something that is no division code."""
    code = str(region)
    if code not in ruleset.regions:
        by_title = [entry.code for entry in ruleset.regions.values() if entry.title == code]
        if by_title:
            code = by_title[0]
        elif not code.isdigit() or not 6 <= len(code) <= 12:
            known = [*ruleset.regions, *(entry.title for entry in ruleset.regions.values())]
            raise ScreenInputError(f"unknown region {code!r}", nearest(code, known))
        else:  # digits nest: township 9, district 6, city 4, province 2
            nested = (code[:6], code[:4] + "00", code[:2] + "0000", "000000")
            code = next((level for level in nested if level in ruleset.regions), ruleset.default_region)
    chain = []
    step: str | None = code
    while step is not None:
        chain.append(step)
        step = ruleset.regions[step].parent
    return tuple(chain)


def _parameter_at(parameter: Parameter, as_of: date, chain: tuple[str, ...]) -> ParameterUse:
    """The figure of the nearest level that has a row for the day. Nothing found stays None."""
    for code in chain:
        level = parameter.regions.get(code)
        rows = [row for row in level.rows if row.start <= as_of] if level else []
        if not level or not rows:
            continue
        row = rows[-1]
        stale = level.expect_next is not None and row is level.rows[-1] and as_of >= level.expect_next
        value = level.pending_to if stale and level.pending_to else row.value
        return ParameterUse(
            parameter.id,
            parameter.title,
            parameter.unit,
            value,
            row.value,
            code,
            row.start,
            row.cite,
            "pending" if stale or row.value is None else row.status,
            level.pending_why if stale else "",
        )
    return ParameterUse(parameter.id, parameter.title, parameter.unit, None, None, None, None, None, "pending")


# --- what would change it ---


def _flips(screening: Screening, programme: str) -> Iterator[Flip]:
    ruleset, rules = screening.ruleset, screening.settings.rules
    rule = rules.get(programme)
    if rule is None:
        return
    now = screening.case.results[programme]
    order = [name for name in ruleset.order if name in rules]
    order = order[: order.index(programme) + 1]
    for name in facts_of(rule, rules):
        fact = ruleset.facts[name]
        reached: set[Truth] = {now}
        for value, shown in _candidates(screening, rule, fact):
            values = {**screening.case.values, name: value}
            results: dict[str, Truth] = {}
            for other in order:
                results[other] = rules[other].run(values, screening.case.figures, results)
            truth = results[programme]
            if truth not in reached:
                reached.add(truth)
                yield Flip(name, shown, VERDICTS[truth])


def _candidates(screening: Screening, rule: Node, fact: Fact) -> Iterator[tuple[Any, Any]]:
    """Other values of a fact that a condition could tell apart, the nearest to the present one first."""
    if fact.type == YES_NO:
        yield from ((value, value) for value in (True, False))
    elif fact.type == SOME_OF:
        present = screening.case.values.get(fact.id, frozenset())
        named: dict[str, None] = {}
        for leaf in leaves(rule, screening.settings.rules):
            if isinstance(leaf, HasAny) and leaf.fact == fact.id:
                named.update((option, None) for option in fact.options if option in leaf.values)
        for option in named:
            yield frozenset({*present, option}), [name for name in fact.options if name in present or name == option]
        yield frozenset(), []
        if named:
            yield frozenset(named), list(named)
    elif fact.type in MEASURES or fact.type == DATE:
        yield from _measured(screening, rule, fact)
    else:
        yield from ((option, option) for option in fact.options)


def _measured(screening: Screening, rule: Node, fact: Fact) -> Iterator[tuple[Any, Any]]:
    values, figures = screening.case.values, screening.case.figures
    points: set[Any] = set()
    for leaf in leaves(rule, screening.settings.rules):
        if not isinstance(leaf, Compare) or fact.id not in (leaf.fact, leaf.per):
            continue
        bound = leaf.threshold.bound(figures)
        if bound is None:
            continue
        if leaf.fact == fact.id:
            heads = values.get(leaf.per) if leaf.per else (1, 1)
            if heads is not None:
                low, high = scaled(bound, heads)
                points |= {low - 1, low, high, high + 1}
        elif leaf.fact in values and bound[0] > 0:  # how many heads would bring the income per head below
            for end in values[leaf.fact]:
                if Decimal(end).is_finite():
                    points |= {int(Decimal(end) / Decimal(edge)) + step for edge in bound for step in (0, 1)}
    lowest = fact.minimum if fact.minimum is not None else 0
    usable = [
        point
        for point in points
        if Decimal(point).is_finite() and point >= lowest and (fact.maximum is None or point <= fact.maximum)
    ]
    present = values.get(fact.id)
    centre = present[0] if present is not None else 0
    for point in sorted(usable, key=lambda number: (abs(number - centre), number)):
        yield (point, point), show_measure(fact, point)
