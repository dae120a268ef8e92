"""What the data of config/screening becomes once it is loaded and checked: plain, immutable, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from actions.screening.logic import Interval

if TYPE_CHECKING:
    from actions.screening.conditions import Node

YES_NO, ONE_OF, SOME_OF, NUMBER, MONEY, MONTHS, DATE = (
    "yes_no",
    "one_of",
    "some_of",
    "number",
    "money",
    "months",
    "date",
)
TYPES = (YES_NO, ONE_OF, SOME_OF, NUMBER, MONEY, MONTHS, DATE)
MEASURES = (NUMBER, MONEY, MONTHS)  # facts that may be a band
UNSURE, DECLINED = "unsure", "declined"
HELD = "benefits_now"  # the fact that lists the programmes somebody gets already
LIKELY, CHECK, LESS = "likely", "check", "less"
RULE, GUIDANCE = "rule", "guidance"
NOT_ASKED, CLERK_ONLY, NO_PARAMETER, LOW_CONFIDENCE = "not_asked", "clerk_only", "no_parameter", "low_confidence"


@dataclass(frozen=True)
class Option:
    """One choice of a one_of or some_of fact; `says` are words of residents, `offered` = shown as a button."""

    id: str
    title: str
    reads: str
    says: tuple[str, ...] = ()
    offered: bool = True


@dataclass(frozen=True)
class Band:
    """A ready-made range of a number; None = open end."""

    title: str
    low: str | None
    high: str | None


@dataclass(frozen=True)
class Fact:
    """One thing about the case that rules may look at and a resident may be asked."""

    id: str
    type: str
    topic: str
    title: str
    text: str
    why: str
    reads: Mapping[str, str]  # "value" for most, "yes" and "no" for yes_no
    buttons: Mapping[str, str]  # yes_no: titles of "yes" and "no"
    cost: float
    sensitive: bool
    unit: str = ""
    period: str = ""  # money that is per month or per year: a sum said for the other is converted
    options: Mapping[str, Option] = field(default_factory=dict)
    nothing: Option | None = None  # some_of: the answer "none of these"
    bands: tuple[Band, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    says: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    negations: tuple[str, ...] = ()  # words that deny an option, where 没有 does not (没有吃的 is a need)
    zero: tuple[str, ...] = ()
    counts: str = ""  # which word list of wording.yaml counts persons for this fact
    also_hears: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A document a rule or figure leans on. status: stored_source, pending or comparator (another place's rule)."""

    id: str
    title: str
    article: str
    effective_from: str | None  # None = the stored copy does not say
    status: str
    plain: str

    @property
    def name(self) -> str:
        return self.title + self.article


@dataclass(frozen=True)
class ParameterRow:
    start: date
    value: Interval | None  # None = nobody has found the figure
    cite: str
    status: str


@dataclass(frozen=True)
class ParameterRegion:
    """The values of one parameter in one region, oldest first. From `expect_next` on the last one is only pending."""

    rows: tuple[ParameterRow, ...]
    expect_next: date | None = None
    pending_to: Interval | None = None  # the assumed band while pending; None = the last value itself
    pending_why: str = ""


@dataclass(frozen=True)
class Parameter:
    id: str
    title: str
    unit: str
    regions: Mapping[str, ParameterRegion]


@dataclass(frozen=True)
class ParameterUse:
    """A figure as used: `value` for comparing (a band while pending), `last` as published, `region` its level."""

    id: str
    title: str
    unit: str
    value: Interval | None
    last: Interval | None
    region: str | None
    start: date | None
    cite: str | None
    status: str  # stored_source | pending
    why: str = ""


@dataclass(frozen=True)
class Check:
    """What the officer verifies in every case; no part of the verdict."""

    text: str
    cite: str
    param: str | None = None


@dataclass(frozen=True)
class Period:
    """The rule of a programme while one law holds: from `start` to `end` inclusive (None = until replaced)."""

    start: date
    end: date | None
    cite: str
    when: Node
    verify: tuple[Check, ...]
    place: str
    place_text: str
    place_cite: str
    say: Mapping[str, str]
    documents: tuple[str, ...]
    figures: tuple[str, ...] = ()  # what is paid today, told with source and date; never compared with anything


@dataclass(frozen=True)
class Programme:
    """One kind of help. A guidance programme judges no right: it says when to mention it and whom to ask.

    `relevant` is no condition of the law: while it is not true, nothing is asked for this programme's sake and it is
    not mentioned as open. None = always relevant.
    """

    id: str
    title: str
    weight: float
    periods: tuple[Period, ...]
    kind: str = RULE
    relevant: Node | None = None


@dataclass(frozen=True)
class Document:
    id: str
    title: str
    cite: str


@dataclass(frozen=True)
class Region:
    code: str
    title: str
    parent: str | None


@dataclass(frozen=True)
class Item:
    """Something the interview asks that is no fact: consent, the place, the phone, the read-back."""

    id: str
    text: str
    why: str


@dataclass(frozen=True)
class Opener:
    """One spoken question for several rare yes-no facts: what is named is so, what is not named is not."""

    id: str
    text: str
    why: str
    titles: Mapping[str, str]  # fact → how it is offered
    none: str
    none_says: tuple[str, ...]
    cost: int  # how many questions it is worth
    confidence: float  # of what was not named


@dataclass(frozen=True)
class Contradiction:
    """Answers that cannot both hold: while `when` is true, `ask` is asked again with `text`."""

    id: str
    when: Node
    facts: tuple[str, ...]
    ask: str
    text: str


@dataclass(frozen=True)
class Situation:
    id: str
    budget: int
    must: tuple[str, ...]
    order: tuple[str, ...]
    stop_below: float | None = None


@dataclass(frozen=True)
class Interview:
    confirm_below: float
    items: Mapping[str, Item]
    openers: Mapping[str, Opener]
    contradictions: tuple[Contradiction, ...]
    situations: Mapping[str, Situation]
    same_topic: float
    sensitive: float
    stop_below: float


@dataclass(frozen=True)
class RuleSet:
    """Everything of config/screening, checked. `version` is a hash of the files' content."""

    version: str
    facts: Mapping[str, Fact]
    sources: Mapping[str, Source]
    parameters: Mapping[str, Parameter]
    programmes: Mapping[str, Programme]  # as files are read
    order: tuple[str, ...]  # so that a programme comes after those it refers to
    documents: Mapping[str, Document]
    regions: Mapping[str, Region]
    default_region: str
    interview: Interview
    wording: Mapping[str, Any]
    # What holds at (as_of, region) is the same for every case: evaluate keeps it here. Never read by anybody else.
    remembered: dict[tuple[date, str], Any] = field(default_factory=dict, compare=False, repr=False)
