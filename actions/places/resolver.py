"""Decides which township is responsible for the place of the emergency, or what to ask. Pure: no clock, no I/O."""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from actions.places.country import County
from actions.places.gazetteer import (
    CITY,
    DISTRICT,
    FAR,
    OVERRIDE,
    PLACE,
    PROVINCE,
    TIER_COMMUNITY,
    TIER_SHORT,
    TIER_UNIT,
    UNIT,
    Gazetteer,
    Sense,
)
from actions.places.mentions import ROLES, Path, Reading, Scan, read_scan, read_sounds, scan
from actions.places.tokens import Token

# Ids of replies; their words live in config/replies.
ASK_UNIT, ASK_EVENT, CONFIRM, CHOOSE = "place.ask_unit", "place.ask_event", "place.confirm", "place.choose"
ASK_DISTRICT = "place.ask_district"  # a township's name that several districts know
QUESTIONS = (ASK_UNIT, ASK_EVENT, CONFIRM, CHOOSE, ASK_DISTRICT)
DECISIONS = ("route", "confirm", "ask", "out_of_area", "none")
MAX_CANDIDATES = 3
# Uses of a place that can be the place of the event, the best first; a hospital only for illness.
ORDER = ("event", "residence", "plain", "work", "belong", "hospital")


class Candidate(NamedTuple):
    """A unit that the words may mean, with the strength of the evidence (4 full name … 1 sound)."""

    unit: str
    unit_name: str
    district: str | None
    tier: float


class Span(NamedTuple):
    """A place in the original text (half-open offsets), its role and what it stands for."""

    text: str
    start: int
    end: int
    role: str
    means: str | None


class Mention(NamedTuple):
    """A place with its role, as the language side wants it; `unit` only when the words name exactly one."""

    text: str
    start: int
    end: int
    role: str
    unit: str | None
    unit_name: str | None
    evidence: tuple[tuple[str, float], ...] = ()  # the units it may mean, each with its tier


class Route(NamedTuple):
    """The decision with everything needed to explain it and to run it again."""

    text: str
    decision: str
    unit: str | None
    unit_name: str | None
    district: str | None
    city: str | None
    candidates: tuple[Candidate, ...]
    tier: float | None
    spans: tuple[Span, ...]
    question: str | None
    as_of: date
    table_version: str

    def as_json(self, record_id: Any = None) -> dict[str, Any]:
        """The record of `youmen route`, in this order of keys."""
        return {
            "id": record_id,
            "text": self.text,
            "decision": self.decision,
            "unit": self.unit,
            "unit_name": self.unit_name,
            "district": self.district,
            "city": self.city,
            "candidates": [c._asdict() for c in self.candidates],
            "tier": self.tier,
            "spans": [s._asdict() for s in self.spans],
            "question": self.question,
            "as_of": self.as_of.isoformat(),
            "table_version": self.table_version,
        }


class Evidence(NamedTuple):
    """What one path says: candidate units, or a place elsewhere, or only a district or city of ours."""

    units: tuple[tuple[str, float], ...] = ()
    sure: bool = True
    outside: tuple[str | None, str | None] | None = None  # (district, city)
    area: frozenset[str] = frozenset()
    means: str | None = None
    far: tuple[County, ...] = ()  # several counties know the name, and nothing says which of them
    alone: bool = False  # a name far away without a parent: one of ours may be meant

    @property
    def specific(self) -> bool:
        return bool(self.units) or self.outside is not None or bool(self.far)


_NOTHING = Evidence()


class _Found(NamedTuple):
    path: Path
    evidence: Evidence


def resolve(text: str, gazetteer: Gazetteer, as_of: date) -> Route:
    """The township responsible for the emergency told in `text`, by the tables as they stood on `as_of`.

    The place of household registration never decides. Never raises for any text.
    """
    return resolve_scan(scan(text, gazetteer), gazetteer, as_of)


def resolve_answer(text: str, asked_role: str, gazetteer: Gazetteer, as_of: date) -> Route:
    """As `resolve`, for an answer to "which township": bare short names count and take the asked role.

    `asked_role` is event, household, residence or hospital; the decision is about the place of that role.
    Raises ValueError for another role.
    """
    return resolve_scan(scan(text, gazetteer), gazetteer, as_of, asked_role)


def mentions_with_roles(text: str, gazetteer: Gazetteer, as_of: date) -> list[Mention]:
    """Every place of the message with offsets in the original text, its role and, if it names one, its unit."""
    return mentions_of(scan(text, gazetteer), gazetteer, as_of)


def mentions_of(found: Scan, gazetteer: Gazetteer, as_of: date) -> list[Mention]:
    """As `mentions_with_roles`, of a message already taken apart."""
    text, reading = found.original, read_scan(found, gazetteer)
    mentions = []
    for item in _found(reading, gazetteer, as_of):
        start, end = reading.normal.original_span(item.path.start, item.path.end)
        unit = item.evidence.units[0][0] if len(item.evidence.units) == 1 else None
        name = gazetteer.units[unit].name if unit else None
        role = "event" if item.path.use == "plain" and item.evidence.specific else item.path.role
        mentions.append(Mention(text[start:end], start, end, role, unit, name, item.evidence.units))
    return mentions


def resolve_scan(found: Scan, gazetteer: Gazetteer, as_of: date, asked: str | None = None) -> Route:
    """As `resolve`, or with `asked` as `resolve_answer`, of a message already taken apart by the same gazetteer."""
    if asked is not None and asked not in ROLES:
        raise ValueError(f"{asked!r} is no role of a place; known are {', '.join(ROLES)}")
    text = found.original
    first = read_scan(found, gazetteer, asked is not None)
    route = _decide(first, text, gazetteer, as_of, asked)
    if not route.candidates and (route.decision in ("ask", "none") or _names_far(first)):
        # Only when the exact pass named nothing of ours: sounds and slips of the pen, always read back.
        second = read_sounds(found, first, gazetteer, asked is not None)
        if second is not None:
            return _decide(second, text, gazetteer, as_of, asked)
    return route


def _names_far(reading: Reading) -> bool:
    """Whether a name stands alone that only the country's table knows: one of ours may be meant."""
    return any(len(path.tokens) == 1 and path.tokens[0].only_far for path in reading.paths)


def _found(reading: Reading, gazetteer: Gazetteer, as_of: date) -> list[_Found]:
    found = []
    for path in reading.paths:
        evidence = _evidence(path, reading.text, gazetteer, as_of)
        # a name whose lines do not hold for this day or house number says nothing
        if evidence is not _NOTHING or not any(map(_dated, path.tokens)):
            found.append(_Found(path, evidence))
    return found


def _dated(token: Token) -> bool:
    """Whether some line of the name speaks of some days or house numbers only."""
    return any([sense.extent for sense in token.senses])


class _Binder:
    """Binds the names of a path to each other, coarse to fine: the nearest parent decides which one is meant."""

    def __init__(self, gazetteer: Gazetteer, text: str, as_of: date) -> None:
        self.gazetteer, self.text, self.as_of = gazetteer, text, as_of
        self.foreign = False  # whether a province, city or district elsewhere was said
        self.parents: list[Sense] = []
        self.units: dict[str, float] = {}
        self.sure = True
        self.district_text = ""
        self.counties: list[County] = []  # where a township of the country's table may lie

    def take(self, token: Token) -> None:
        """Adds the next finer name of the path."""
        senses = fitting = self._holding(token) if _dated(token) else token.senses
        for parent in self.parents:
            fitting = [s for s in fitting if _fits(parent, s, self.gazetteer)]
        if token.level < UNIT:
            self._take_body(token, fitting)
        elif self.foreign:  # a foreign parent takes everything behind it
            self._take_far_town(token)
        elif not token.only_far:
            if senses:
                self._take_unit(token, senses, fitting)
        elif token.level == PLACE:
            self._take_village(token)
        elif not self.parents and not self.units:
            self.counties = self.gazetteer.country.counties_of(token.far)

    def _holding(self, token: Token) -> Sequence[Sense]:
        """The senses that hold for the day and for the house number behind a road.

        Of a name's lines those for numbers decide when a number is said and lies in one; without any line that holds
        today the last one that held is taken: people go on saying names that are gone.
        """
        ruled = [s for s in token.senses if s.form == OVERRIDE and s.extent is not None and s.extent.holds(self.as_of)]
        number = _house_number(self.text, token.end)
        settled = [s for s in ruled if s.extent and (not s.extent.numbered() or number and s.extent.has(number))]
        if settled:
            return settled[-1:]  # the newest decision
        dated = [(s, s.extent) for s in token.senses if s.extent is not None and s.form != OVERRIDE]
        if not dated:
            return [s for s in token.senses if s.form != OVERRIDE]
        plain = [s for s in token.senses if s.extent is None]
        begun = [(s, e) for s, e in dated if e.valid_from is None or e.valid_from <= self.as_of]
        now = [(s, e) for s, e in begun if e.holds(self.as_of)]
        if not now and not plain:
            last = max((e.valid_to or date.max for _, e in begun), default=date.max)
            now = [(s, e) for s, e in begun if e.valid_to == last]
        whole = [*plain, *(s for s, e in now if not e.numbered())]
        if number is None:
            return [*whole, *(s for s, e in now if e.numbered())]
        return [s for s, e in now if e.numbered() and e.has(number)] or whole

    def _take_far_town(self, token: Token) -> None:
        """A township behind a foreign province, city or county: the country's table knows where it lies."""
        if token.far and not self.counties:
            self.counties = [
                county for county in self.gazetteer.country.counties_of(token.far)
                if all(_lies_in(county, parent) for parent in self.parents)
                and self.district_text in ("", county.name)
            ]

    def _take_village(self, token: Token) -> None:
        """A village of the home city that only its parent makes known."""
        units = self.gazetteer.country.units_of(token.far)
        village = Sense(PLACE, FAR, TIER_COMMUNITY, city=self.gazetteer.city, province=self.gazetteer.province)
        fresh = {
            unit: TIER_COMMUNITY for unit in units
            if all(_fits(parent, village._replace(units=(unit,)), self.gazetteer) for parent in self.parents)
        }
        if fresh:
            self._narrow(fresh, token)

    def _take_body(self, token: Token, fitting: Sequence[Sense]) -> None:
        own = [s for s in fitting if s.city == self.gazetteer.city or s.name == self.gazetteer.province]
        chosen = own or fitting
        if not chosen:  # a district name our city knows too, under another city: it is that city's
            if token.level == DISTRICT and self.parents:
                self.district_text, self.foreign = token.senses[0].name, True
            return
        first = chosen[0]
        same = len(chosen) > 1 and all(s.name == first.name and s.level == first.level for s in chosen)
        if same and len({s.city for s in chosen}) > 1:
            first = first._replace(city="", province="")  # several cities have a district of this name
        self.parents.append(first)
        self.foreign = self.foreign or not _home(first, self.gazetteer)

    def _take_unit(self, token: Token, senses: Sequence[Sense], fitting: Sequence[Sense]) -> None:
        if not fitting and self.units:
            self._contradict(token, senses)
            return
        if fitting:
            senses = fitting
        else:
            nearest = next((p for p in reversed(self.parents) if p.district), None)
            if nearest is None or nearest.district not in self.gazetteer.family:
                return  # an explicit other district beats the name of a unit
            senses, self.sure = [s for s in senses if not self.gazetteer.served.isdisjoint(s.units)], False
            if not senses:
                return  # our district, and a unit of another one: nothing fits, so it is asked
        if not self.units and not any([p.district for p in self.parents]):
            senses = self._prefer_served(senses)
        fresh: dict[str, float] = {}
        for sense in senses:
            self.sure = self.sure and (bool(self.units) or not sense.confirm)
            for unit in sense.units:
                fresh[unit] = max(sense.tier, fresh.get(unit, 0))
        self._narrow(fresh, token)
        self.parents.append(senses[0] if len(senses) == 1 else senses[0]._replace(units=tuple(fresh)))

    def _narrow(self, fresh: dict[str, float], token: Token) -> None:
        if not self.units:
            self.units = fresh
            return
        kept = {unit: max(tier, fresh[unit]) for unit, tier in self.units.items() if unit in fresh}
        if kept:
            self.units = kept
            # Two names for the same unit carry more than one doubtful name.
            self.sure = self.sure or (len(kept) == 1 and token.level == PLACE)

    def _contradict(self, token: Token, senses: Sequence[Sense]) -> None:
        """A community of another unit behind a unit's name contradicts it; a road or an estate does not.

        A settled dispute does more: the unit it names is offered instead of the one that was said.
        """
        if any(s.form == OVERRIDE for s in senses):
            self.units, self.sure = {unit: s.tier for s in senses for unit in s.units}, False
            return
        if max(s.tier for s in senses) == TIER_COMMUNITY and max(self.units.values()) >= TIER_SHORT:
            self.units = dict.fromkeys([*self.units, *(u for s in senses for u in s.units)], TIER_UNIT)

    def _prefer_served(self, senses: Sequence[Sense]) -> Sequence[Sense]:
        """The same name elsewhere in the city: ours, but read back unless ours is the full name of a unit.

        (A landmark's line lists all it may lie in: there the choice is the resident's.)
        """
        served = [s for s in senses if s.form == "place" or any(u in self.gazetteer.served for u in s.units)]
        if not served or len(served) == len(senses):
            return senses
        self.sure = self.sure and max(s.tier for s in served) == max(s.tier for s in senses) == TIER_UNIT
        return served


_NUMBER = re.compile(r"\s?(\d{1,5})(?!\d)")


def _house_number(text: str, position: int) -> int | None:
    """The number directly behind a road."""
    found = _NUMBER.match(text, position)
    return int(found.group(1)) if found else None


def _evidence(path: Path, text: str, gazetteer: Gazetteer, as_of: date) -> Evidence:
    if len(path.tokens) == 1 and len(path.tokens[0].senses) == 1:
        [sense] = path.tokens[0].senses
        # the usual case without the machinery: one name that means one unit of ours
        if len(sense.units) == 1 and sense.extent is None and sense.units[0] in gazetteer.served:
            return Evidence(((sense.units[0], sense.tier),), not sense.confirm,
                            means=gazetteer.address(sense.units[0], as_of))
    binder = _Binder(gazetteer, text, as_of)
    for token in path.tokens:
        binder.take(token)
    return _weigh(binder, as_of)


def _weigh(binder: _Binder, as_of: date) -> Evidence:
    """The evidence of a bound path: units, a place outside, or a district that still holds several units."""
    if binder.foreign:
        return _weigh_foreign(binder)
    gazetteer, parents = binder.gazetteer, binder.parents
    if binder.counties:
        return _weigh_alone(binder.counties)
    if len(binder.units) == 1:
        [(unit, tier)] = binder.units.items()
        if unit in gazetteer.served:  # the usual case
            return Evidence(((unit, tier),), binder.sure, means=gazetteer.address(unit, as_of))
    said = next((p for p in reversed(parents) if p.district), None)
    if binder.units:
        top = max(binder.units.values())
        best = tuple(sorted([(u, t) for u, t in binder.units.items() if t == top]))
        means = _means(best, gazetteer, as_of)
        if any(unit in gazetteer.served for unit, _ in best):
            return Evidence(units=best, sure=binder.sure, means=means)
        names = {gazetteer.district_name(unit, as_of) for unit, _ in best}
        if len(names) > 1 and said is None:
            several = tuple(County(gazetteer.province, gazetteer.city, name) for name in sorted(filter(None, names)))
            return Evidence(far=several, means=gazetteer.city)
        district = names.pop() if len(names) == 1 else (said.name if said else None)
        return Evidence(outside=(district, gazetteer.city), means=means)
    if not parents:
        return _NOTHING
    if said is None or said.district is None:
        return Evidence(area=gazetteer.served, means=parents[-1].name)
    members = gazetteer.members.get(said.district, frozenset())
    means = gazetteer.city + said.name
    if said.district in gazetteer.family and members & gazetteer.served:
        return Evidence(area=members & gazetteer.served, means=means)
    # A district without any unit of ours is outside as a whole; an abolished one is named by its successor.
    bodies = {gazetteer.district_name(unit, as_of) for unit in members}
    return Evidence(outside=(bodies.pop() if len(bodies) == 1 else said.name, gazetteer.city), means=means)


def _weigh_alone(counties: list[County]) -> Evidence:
    """A township of the country's table without a parent: one county is an answer, several are a question."""
    if len(counties) > 1:
        return Evidence(far=tuple(counties), alone=True)
    [county] = counties
    return Evidence(outside=(county.name or None, county.city or None), alone=True, means=_spelled(county))


def _spelled(county: County) -> str:
    """Province, city and county as one address; a city that is its own province is said once."""
    return "".join(dict.fromkeys(filter(None, (county.province, county.city, county.name))))


def _weigh_foreign(binder: _Binder) -> Evidence:
    """The district and city of a place elsewhere, as fine as they were said or as the township behind them tells."""
    if len(binder.counties) == 1:
        [county] = binder.counties
        return Evidence(outside=(county.name or None, county.city or None), means=_spelled(county))
    foreign = [p for p in reversed(binder.parents) if p.level < UNIT and not _home(p, binder.gazetteer)]
    last = foreign[0] if foreign else binder.parents[-1]
    district = binder.district_text or next((p.name for p in foreign if p.level == DISTRICT), None)
    city = next((p.name for p in foreign if p.level == CITY), None) or last.city or None
    if city is None and last.level == PROVINCE:
        city = last.name  # nothing finer was said: name the province
    said = [p.name for p in binder.parents if p.level < UNIT]
    return Evidence(outside=(district, city), means="".join(dict.fromkeys([*said, binder.district_text])))


def _lies_in(county: County, parent: Sense) -> bool:
    """Whether a county of the country's table can lie in what was said before it."""
    if parent.level == PROVINCE:
        return county.province == parent.name
    if parent.level == CITY:
        return county.city == parent.name
    return county.name == parent.name and parent.city in ("", county.city)


def _means(units: Iterable[tuple[str, float]], gazetteer: Gazetteer, as_of: date) -> str:
    return " / ".join([gazetteer.address(unit, as_of) for unit, _ in units])


def _home(sense: Sense, gazetteer: Gazetteer) -> bool:
    return sense.city == gazetteer.city or (sense.level == PROVINCE and sense.name == gazetteer.province)


_NOBODY: frozenset[str] = frozenset()


def _fits(parent: Sense, child: Sense, gazetteer: Gazetteer) -> bool:
    """Whether `child` can lie in `parent`: by name of city and province, by any past or present parent of a unit."""
    if parent.level == PROVINCE:
        return child.province == parent.name
    if parent.level == CITY:
        return child.city == parent.name
    if parent.level == DISTRICT:
        if parent.district is None or child.level <= DISTRICT:
            return False
        return not gazetteer.members.get(parent.district, _NOBODY).isdisjoint(child.units)
    return not set(parent.units).isdisjoint(child.units)


def _decide(reading: Reading, text: str, gazetteer: Gazetteer, as_of: date, asked: str | None) -> Route:
    """Chooses the class of places that may be the event, then the unit within it."""
    found = _found(reading, gazetteer, as_of)
    wanted = [f for f in found if f.evidence.specific]
    if wanted:
        said = [f.path.use for f in wanted]
        best = next(filter(said.__contains__, _uses(reading, asked)), "")
        wanted = [f for f in wanted if f.path.use == best]
    spans = _spans(reading, found, wanted, asked, text)

    def route(decision: str, unit: str | None = None, unit_name: str | None = None, district: str | None = None,
              city: str | None = None, candidates: tuple[Candidate, ...] = (), tier: float | None = None,
              question: str | None = None) -> Route:
        return Route(text, decision, unit, unit_name, district, city, candidates, tier, spans, question, as_of,
                     gazetteer.version)

    if not wanted:
        if not found:
            return route("none")
        coarse = any(f.evidence.area and f.path.use in ORDER and f.path.use != "hospital" for f in found)
        city = gazetteer.city if coarse else None
        return route("ask", question=ASK_UNIT if coarse or asked else ASK_EVENT, city=city)
    outside = _outside(found, wanted)
    inside = [f.evidence for f in wanted if f.evidence.units]
    if not outside and not inside:
        return route("ask", question=ASK_DISTRICT)
    if outside and not inside:
        # The finest of several names for places outside; two different districts need a question.
        named = {o for o in outside if o[0]} or set(outside)
        if len(named) > 1:
            return route("ask", question=ASK_EVENT)
        district, city = named.pop()
        return route("out_of_area", district=district, city=city)
    certain = wanted[0].path.use != "belong" and not _elsewhere(found, wanted)
    decision, what = _choose(inside, bool(outside), certain, gazetteer, as_of)
    return route(decision, **what)


def _outside(found: list[_Found], wanted: list[_Found]) -> list[tuple[str | None, str | None]]:
    """The places outside among the wanted ones. A name that several counties know is settled by a city or county
    named elsewhere in the message, unless that is where someone is registered or comes from."""
    places = []
    for _, evidence in wanted:
        if evidence.outside is not None:
            places.append(evidence.outside)
        elif evidence.far:
            parents = [
                parent for f in found if f.path.use not in ("household", "negated", "past", "origin")
                for token in f.path.tokens for parent in token.senses if parent.level in (CITY, DISTRICT)
            ]
            fitting = {c for c in evidence.far for parent in parents if _lies_in(c, parent)}
            if len(fitting) == 1:
                [county] = fitting
                places.append((county.name or None, county.city or None))
    return places


def _choose(inside: list[Evidence], outside: bool, certain: bool, gazetteer: Gazetteer,
            as_of: date) -> tuple[str, dict[str, Any]]:
    """The decision among units of ours, and what the route says with it."""
    top = max([evidence.units[0][1] for evidence in inside])  # one path's units are all of one tier
    units = [unit for evidence in inside for unit, tier in evidence.units if tier == top]
    if len(units) > 1:
        units = sorted(set(units))
    candidates = tuple(
        [Candidate(unit, gazetteer.units[unit].name, gazetteer.district_name(unit, as_of), top) for unit in units]
    )
    if outside or len(units) > 1:
        few = len(units) <= MAX_CANDIDATES
        return "ask", {"candidates": candidates[:MAX_CANDIDATES], "tier": top,
                       "question": CHOOSE if few else ASK_UNIT, "city": gazetteer.city}
    # "I am from there" may also tell the origin, so it is read back.
    sure = certain and top >= TIER_SHORT and any([e.sure for e in inside if e.units[0] == (units[0], top)])
    [one] = candidates
    return "route" if sure else "confirm", {
        "unit": one.unit, "unit_name": one.unit_name, "district": one.district, "city": gazetteer.city,
        "candidates": candidates, "tier": top, "question": None if sure else CONFIRM}


def _uses(reading: Reading, asked: str | None) -> tuple[str, ...]:
    """Which uses may answer, the best first. A hospital is the place of an illness, not of a fire or a crash."""
    if asked in ("household", "residence", "hospital"):
        return (asked, "event", "plain") if asked != "household" else (asked, "plain", "event", "residence")
    if reading.said("event"):
        return ORDER[:-1]
    return ORDER


def _elsewhere(found: list[_Found], wanted: list[_Found]) -> bool:
    """Whether another city is named as a place of work or stay and the chosen place carries no parent of its own:
    the same unit names exist there."""
    if len(found) == len(wanted) or any([len(f.path.tokens) > 1 for f in wanted]):
        return False
    chosen = {id(f) for f in wanted}
    return any(
        f.evidence.outside is not None and id(f) not in chosen and f.path.use in ("event", "residence", "plain", "work")
        for f in found
    )


def _spans(reading: Reading, found: list[_Found], wanted: list[_Found], asked: str | None,
           text: str) -> tuple[Span, ...]:
    spans = []
    for item in found:
        path = item.path
        start, end = reading.normal.original_span(path.start, path.end)
        role = path.role
        if path.use in ("plain", "event") and asked not in (None, "event", "other"):
            role = str(asked)
        elif path.use in ("plain", "belong") and any([item is one for one in wanted]):
            role = "event"  # said without any cue to a helpline: taken as the place, and shown as such
        spans.append(Span(text[start:end], start, end, role, item.evidence.means))
    return tuple(spans)
