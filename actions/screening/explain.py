"""Says what may fit and why: one sentence, a card for the resident, a sheet for the clerk."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from actions.screening.evaluate import Flip, Screening, Verdict
from actions.screening.logic import Interval
from actions.screening.model import (
    CHECK,
    CLERK_ONLY,
    GUIDANCE,
    HELD,
    LESS,
    LIKELY,
    NO_PARAMETER,
    ParameterUse,
    RuleSet,
)
from actions.screening.read_back import read_fact

RANK = {LIKELY: 0, CHECK: 1}


@dataclass(frozen=True)
class Block:
    """One programme on the card: label (可能适用 …), title, what it means, and the lines that give the reasons."""

    programme: str
    verdict: str
    label: str
    title: str
    say: str
    because: tuple[str, ...]
    figures: tuple[str, ...]
    where: str
    documents: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The block as text, without empty lines."""
        return tuple(line for line in (self.say, *self.because, *self.figures, self.where, self.documents) if line)


def worth_saying(
    screening: Screening, everything: bool = False, wanted: AbstractSet[str] = frozenset()
) -> list[Verdict]:
    """Verdicts to tell, the surest first, guidance last.

    Left out, unless `everything` is asked for: an open programme that nothing speaks for or that the situation makes
    irrelevant, what somebody gets already, and the less likely ones. `wanted`: programmes the resident asked for.
    """
    chosen = [verdict for verdict in screening.verdicts if everything or _worth(screening, verdict, wanted)]
    return sorted(
        chosen,
        key=lambda verdict: (
            _guides(screening.ruleset, verdict),
            RANK.get(verdict.verdict, 2),
            -screening.ruleset.programmes[verdict.programme].weight,
            screening.ruleset.order.index(verdict.programme),
        ),
    )


def _worth(screening: Screening, verdict: Verdict, wanted: AbstractSet[str]) -> bool:
    if verdict.programme in held(screening):
        return False
    if verdict.verdict == LIKELY:
        return True
    if verdict.verdict != CHECK or _guides(screening.ruleset, verdict):
        return False
    relevant = verdict.programme in screening.relevant or verdict.programme in wanted
    return relevant and bool(verdict.because)


def held(screening: Screening) -> frozenset[str]:
    """What the household says it gets already."""
    value: frozenset[str] = screening.settled.values.get(HELD, frozenset())
    return value


def _guides(ruleset: RuleSet, verdict: Verdict) -> bool:
    return ruleset.programmes[verdict.programme].kind == GUIDANCE


def sentence(ruleset: RuleSet, screening: Screening, wanted: AbstractSet[str] = frozenset()) -> str:
    """What may fit, in one sentence."""
    frames = ruleset.wording["explain"]
    verdicts = [each for each in worth_saying(screening, wanted=wanted) if not _guides(ruleset, each)]
    parts = {}
    for name in (LIKELY, CHECK):
        titles = [ruleset.programmes[verdict.programme].title for verdict in verdicts if verdict.verdict == name]
        parts[name] = (
            str(frames["sentence_" + name]).format(titles=str(frames["between"]).join(titles)) if titles else ""
        )
    if not any(parts.values()):
        return str(frames["sentence_nothing"])
    return str(frames["sentence"]).format(**parts)


def card(
    ruleset: RuleSet, screening: Screening, everything: bool = False, wanted: AbstractSet[str] = frozenset()
) -> list[Block]:
    """What may fit, why, by which article, where to go and what to bring."""
    return [_block(ruleset, screening, verdict) for verdict in worth_saying(screening, everything, wanted)]


def nearest_flips(ruleset: RuleSet, verdict: Verdict) -> list[str]:
    """The nearest single answer for each other verdict, in words: what would change it."""
    frames = ruleset.wording["explain"]
    nearest: dict[str, Flip] = {}
    for flip in verdict.flip:
        nearest.setdefault(flip.to, flip)
    order = (LIKELY, CHECK, LESS)
    return [
        str(frames["flip"]).format(
            fact=read_fact(ruleset, ruleset.facts[flip.fact], flip.value),
            title=ruleset.programmes[verdict.programme].title,
            verdict=frames["verdicts"][to],
        )
        for to, flip in sorted(nearest.items(), key=lambda entry: order.index(entry[0]))
    ]


def clerk_sheet(ruleset: RuleSet, screening: Screening, wanted: AbstractSet[str] = frozenset()) -> list[str]:
    """What the officer has to verify for the programmes worth saying, each with its article and figure, and the
    nearest change that would alter each verdict."""
    frames = ruleset.wording["explain"]
    lines: dict[str, None] = {}
    for verdict in worth_saying(screening, wanted=wanted):
        for missing in verdict.missing:
            what = missing.what or (ruleset.facts[missing.fact].title if missing.fact else "")
            if missing.cite and missing.reason != NO_PARAMETER:
                lines[str(frames["clerk_check"]).format(what=what, cite=ruleset.sources[missing.cite].name)] = None
        for check in verdict.period.verify if verdict.period else ():
            lines[str(frames["clerk_check"]).format(what=check.text, cite=ruleset.sources[check.cite].name)] = None
            if check.param:
                lines[parameter_line(ruleset, screening.settings.uses[check.param])] = None
        lines.update(dict.fromkeys(nearest_flips(ruleset, verdict)))
    return list(lines)


def parameter_line(ruleset: RuleSet, use: ParameterUse) -> str:
    """A figure with its source and date; one nobody has confirmed says so."""
    frames = ruleset.wording["explain"]
    if use.last is None or use.cite is None or use.start is None:
        return str(frames["parameter_missing"]).format(title=use.title)
    frame = "parameter_pending" if use.status == "pending" else "parameter"
    return str(frames[frame]).format(
        title=use.title,
        value=_figure(use.last),
        unit=use.unit,
        cite=ruleset.sources[use.cite].name,
        **{"from": use.start.isoformat()},
    )


def missing_titles(ruleset: RuleSet, screening: Screening, verdict: Verdict) -> str:
    """What is still open, in words: facts first; what only a clerk can tell is named when no fact is open."""
    frames = ruleset.wording["explain"]
    facts, others = [], []
    for missing in verdict.missing:
        if missing.reason == NO_PARAMETER and missing.parameter:
            title = screening.settings.uses[missing.parameter].title
            others.append(str(frames["missing_parameter"]).format(title=title))
        elif missing.reason == CLERK_ONLY:
            others.append(str(missing.what))
        elif missing.fact:
            facts.append(ruleset.facts[missing.fact].title)
        else:
            others.append(ruleset.programmes[verdict.programme].title)
    return str(frames["between"]).join(dict.fromkeys(facts or others))


def _block(ruleset: RuleSet, screening: Screening, verdict: Verdict) -> Block:
    frames, period = ruleset.wording["explain"], verdict.period
    between = str(frames["between"])
    by_cite: dict[str, list[str]] = {}
    parameters: dict[str, None] = {}
    for reason in verdict.because:
        by_cite.setdefault(reason.cite, []).append(read_fact(ruleset, ruleset.facts[reason.fact], reason.value))
        if reason.parameter:
            parameters[reason.parameter] = None
    for missing in verdict.missing:
        if missing.parameter:
            parameters[missing.parameter] = None
    because = tuple(
        str(frames["because"]).format(facts=between.join(facts), cite=ruleset.sources[cite].name)
        for cite, facts in by_cite.items()
    )
    parameters.update(dict.fromkeys(period.figures if period and verdict.verdict != LESS else ()))
    documents = [ruleset.documents[name].title for name in (period.documents if period else ())]
    say = period.say[verdict.verdict] if period else str(frames["sentence_nothing"])
    return Block(
        verdict.programme,
        verdict.verdict,
        str(frames["verdicts"][LESS if _guides(ruleset, verdict) else verdict.verdict]),
        ruleset.programmes[verdict.programme].title,
        say.format(missing=missing_titles(ruleset, screening, verdict)) if verdict.verdict == CHECK else say,
        because,
        tuple(parameter_line(ruleset, screening.settings.uses[name]) for name in parameters),
        str(frames["where"]).format(text=period.place_text, cite=ruleset.sources[period.place_cite].name)
        if period
        else "",
        str(frames["documents"]).format(titles=between.join(documents)) if documents else "",
    )


def _figure(interval: Interval) -> str:
    return format(interval[0], "f")  # as the notice writes it: 770, 1.5
