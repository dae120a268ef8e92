"""The gazetteer: units, names, districts and cue words of config/places, checked at load and never changed."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.places.bodies import Contact, Contacts, Desks, Succession, load_contacts, load_desks, load_succession
from actions.places.boundaries import FILE as BOUNDARIES
from actions.places.boundaries import Boundary, load_boundaries
from actions.places.country import Country, load_country
from actions.places.extent import Extent
from actions.places.tables import Rows

FOLDER = Path(__file__).resolve().parents[2] / "config" / "places"

# Evidence tiers: a full unit name beats a community, a community beats a short name; the rest needs a yes.
TIER_UNIT, TIER_COMMUNITY, TIER_SHORT, TIER_PLACE, TIER_SOUND = 4.0, 3.0, 2.0, 1.5, 1.0
PROVINCE, CITY, DISTRICT, UNIT, PLACE = 1, 2, 3, 4, 5
GRADES = ("A", "B", "C")
OVERRIDE = "override"  # the form of a settled dispute: see rulings.py
MOST_SEEN = 5000
FAR = "far"  # the form of names that only the country's tables know
RELATIONS = ("legal_parent", "managed_by", "acts_for", "known_as")
PLACE_KINDS = ("area", "estate", "hospital", "landmark", "office", "road", "school", "station")
GROUPS = (
    "register", "home", "residence", "present", "in", "event", "illness", "hospital", "work", "origin_before",
    "origin_after", "belong", "both", "past", "negation", "neutral", "naming", "boundary",
)
LISTS = (
    "tails", "objects", "institutions", "town_endings", "not_after_towns", "address",
    "natives", "unit_endings", "community_endings", "road_endings",
    "road_ways", "spot_endings", "links", "commas", "fillers", "blocks",
)
TABLES = (
    "districts.csv", "units.csv", "jurisdiction.csv", "unit_names.csv", "unit_codes.csv", "communities.csv",
    "places.csv", "elsewhere.csv", "towns.csv", "city_communities.csv", "sounds.csv", "variants.csv",
    "succession.csv", "desks.csv", "contacts.csv",
)
FILES = TABLES + ("area.yaml", "sources.yaml", "cues.yaml")


class Home(TypedDict, total=False):
    """City and province a name lies in, as keywords of a Sense."""

    city: str
    province: str


@dataclass(frozen=True)
class Term:
    """A relation of a unit to a district that holds for `valid_from <= day < valid_to` (None = open)."""

    relation: str
    district: str
    valid_from: date | None
    valid_to: date | None

    def holds(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True)
class District:
    """A county-level body of the home city; legacy ones are names of sets of units, never an answer."""

    id: str
    name: str
    short: str
    kind: str
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True)
class Unit:
    """A township-level unit with the districts it answered to over time."""

    id: str
    name: str
    short: str
    kind: str
    served: bool
    terms: tuple[Term, ...]

    def district_at(self, day: date) -> str | None:
        """The id of the district that acts for the unit on that day, else of its legal parent."""
        for relation in ("acts_for", "legal_parent"):
            for term in self.terms:
                if term.relation == relation and term.holds(day):
                    return term.district
        return None

    def managed_by(self, day: date) -> str | None:
        """The id of the body that managed the unit in its parent's place on that day, if any."""
        return next((t.district for t in self.terms if t.relation == "managed_by" and t.holds(day)), None)


class Sense(NamedTuple):
    """One thing a name may stand for. `guard`: '' counts always, 'short', 'stem' or 'parent' need company."""

    level: int
    form: str
    tier: float
    units: tuple[str, ...] = ()
    district: str | None = None
    name: str = ""
    city: str = ""
    province: str = ""
    guard: str = ""
    kind: str = ""
    confirm: bool = False
    county: str = ""
    extent: Extent | None = None


@dataclass(frozen=True)
class Word:
    """What the scanner finds: a name with its senses, a cue with its group, or a block ('block')."""

    senses: tuple[Sense, ...] = ()
    group: str = ""
    bound: bool = False  # counts only beside another name


@dataclass(frozen=True)
class Gazetteer:
    """Everything the resolver knows; built once by `load_gazetteer`, shared by all, never changed."""

    version: str
    area: str
    area_name: str
    province: str
    city: str
    units: Mapping[str, Unit]
    districts: Mapping[str, District]
    members: Mapping[str, frozenset[str]]
    served: frozenset[str]
    words: Mapping[str, Word]
    pairs: Mapping[str, tuple[int, ...]]
    singles: frozenset[str]
    country: Country
    boundaries: frozenset[str]
    lists: Mapping[str, tuple[str, ...]]  # each with the longest first
    sounds: Mapping[str, str]
    stems_by_sound: Mapping[tuple[str, ...], tuple[str, ...]]
    near_sounds: Mapping[tuple[int, tuple[str, ...]], tuple[str, ...]]  # (place left out, the other sounds)
    variants: Mapping[int, int]
    traditional: re.Pattern[str]
    codes: Mapping[tuple[str, str], str]
    contacts: Contacts
    desks: Desks
    succession: tuple[Succession, ...]
    boundaries_of_units: tuple[Boundary, ...] = ()
    family: frozenset[str] = field(default_factory=frozenset)
    # what was looked up lately: the same units on the same day, all day long
    parents_seen: dict[tuple[str, date], tuple[str | None, str]] = field(
        default_factory=dict, compare=False, repr=False)

    def unit_named(self, name: str) -> Unit | None:
        """The served unit with this official name, for buttons and desks; None when there is none."""
        return next((self.units[i] for i in sorted(self.served) if self.units[i].name == name), None)

    def district_name(self, unit: str, day: date) -> str | None:
        """The name of the district a unit answers to on that day."""
        return self._seen(unit, day)[0]

    def address(self, unit: str, day: date) -> str:
        """City, district of that day and unit, as one reads an address."""
        return self._seen(unit, day)[1]

    def _seen(self, unit: str, day: date) -> tuple[str | None, str]:
        found = self.parents_seen.get((unit, day))
        if found is None:
            if len(self.parents_seen) > MOST_SEEN:
                self.parents_seen.clear()
            parent = self.units[unit].district_at(day)
            name = self.districts[parent].name if parent else None
            found = self.parents_seen[unit, day] = name, f"{self.city}{name or ''}{self.units[unit].name}"
        return found

    def contact(self, city: str | None, district: str | None, day: date) -> Contact:
        """Whom to name for a place outside: the district's own line of the table, else the hotline of its city."""
        return self.contacts.of(city or self.city, district, day)


class _Builder:
    """Collects the senses of every written form and turns them into the lexicon."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.senses: dict[str, list[Sense]] = {}
        self.groups: dict[str, str] = {}

    def add(self, name: str, sense: Sense) -> None:
        found = self.senses.setdefault(name, [])
        # The same unit under the same name keeps its best evidence only.
        for index, other in enumerate(found):
            same = other.units == sense.units and other.level == sense.level and other.extent == sense.extent
            if other.units and same:
                if sense.tier > other.tier:
                    found[index] = sense
                return
        found.append(sense)


def load_gazetteer(folder: Path = FOLDER) -> Gazetteer:
    """Reads and checks every table of an area. Raises ConfigError with file, line, what and how to mend it."""
    build = _Builder(folder)
    area = _area(folder)
    cues = _cues(folder)
    districts = _districts(folder)
    units = _units(folder, set(area["served"]), districts)
    for unit in area["served"]:
        if unit not in units:
            path = folder / "area.yaml"
            raise ConfigError(path, line_of(area, "served"), f"unknown unit {unit!r}", nearest(unit, units))
    served = frozenset(area["served"])
    home = Home(city=str(area["city"]), province=str(area["province"]))
    lying: dict[str, set[str]] = {district: set() for district in districts}
    for unit_id, body in units.items():
        for term in body.terms:
            lying[term.district].add(unit_id)
    members = {district: frozenset(found) for district, found in lying.items()}
    own = {term.district for unit in served for term in units[unit].terms}
    _add_home(build, area, districts, own, home)
    _add_units(build, units, cues, home)
    _add_unit_names(build, folder, units, cues, home)
    _add_communities(build, folder, units, cues, home)
    _add_places(build, folder, units, home)
    _add_elsewhere(build, folder, home)
    words, pairs = _lexicon(build, folder, cues)
    boundaries = frozenset(str(cues["boundaries"]))
    sounds, stems = _sounds(folder, units)
    codes, variants = _codes(folder, units), _variants(folder)
    return Gazetteer(
        version=_version(folder), area=str(area["area"]), area_name=str(area["name"]),
        province=home["province"], city=home["city"], units=units, districts=districts, members=members,
        served=served, words=words, pairs=pairs, boundaries=boundaries,
        singles=boundaries | {word for word in words if len(word) == 1},
        country=load_country(folder / "towns.csv", folder / "city_communities.csv", units),
        lists={name: tuple(sorted(map(str, cues[name]), key=len, reverse=True)) for name in LISTS},
        sounds=sounds, stems_by_sound=stems, near_sounds=_near_sounds(stems), variants=variants, codes=codes,
        traditional=re.compile("[" + "".join(map(chr, variants)) + "]" if variants else "(?!)"),
        contacts=load_contacts(folder), desks=load_desks(folder, served),
        succession=load_succession(folder, {*units, *districts}),
        boundaries_of_units=load_boundaries(folder, units), family=_family(units, served),
    )


def _family(units: Mapping[str, Unit], served: frozenset[str]) -> frozenset[str]:
    """The districts whose name people may rightly or wrongly put before a served unit: past and present parents,
    and the former districts that were merged into one of those."""
    own = {term.district for unit in served for term in units[unit].terms}
    merged = {
        term.district
        for unit in units.values()
        if any(t.valid_to is None and t.district in own and t.valid_from is not None for t in unit.terms)
        for term in unit.terms
    }
    return frozenset(own | merged)


def _version(folder: Path) -> str:
    """The hash of everything that decides a route: the same tables have the same version everywhere."""
    digest = hashlib.sha256()
    for name in sorted((*FILES, *((BOUNDARIES,) if (folder / BOUNDARIES).exists() else ()))):
        digest.update(name.encode() + b"\0" + (folder / name).read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:12]


def _area(folder: Path) -> Any:
    path = folder / "area.yaml"
    data = load_yaml(path)
    require_keys(path, data, ("area", "name", "province", "city", "source", "served"))
    if not isinstance(data["served"], list) or not data["served"]:
        raise ConfigError(path, line_of(data, "served"), "no unit is served", "list at least one unit id")
    for name, entry in _sources(folder).items():
        if name not in (*FILES, BOUNDARIES):
            raise ConfigError(folder / "sources.yaml", None, f"unknown table {name!r}", nearest(name, FILES))
        require_keys(folder / "sources.yaml", entry, ("source", "date", "grade"))
    return data


def _sources(folder: Path) -> dict[str, Any]:
    data = load_yaml(folder / "sources.yaml")
    return dict(data) if isinstance(data, dict) else {}


def _cues(folder: Path) -> Any:
    path = folder / "cues.yaml"
    data = load_yaml(path)
    require_keys(path, data, ("groups", "boundaries", *LISTS))
    require_keys(path, data["groups"], GROUPS)
    for group, entry in data["groups"].items():
        require_keys(path, entry, ("words",))
        if not all(isinstance(word, str) and word for word in entry["words"]):
            raise ConfigError(path, line_of(entry), f"{group} holds something that is no word", "write plain words")
    return data


def _districts(folder: Path) -> dict[str, District]:
    rows = Rows(folder, "districts.csv",
                 ("district", "name", "short", "kind", "valid_from", "valid_to", "grade", "source"))
    found: dict[str, District] = {}
    for line, (key, name, short, kind, start, end, grade, _source) in rows.rows:
        if key in found:
            raise rows.fail(line, f"district {key} stands twice", "remove one of them")
        rows.known(line, "kind", kind, ("district", "functional", "legacy"))
        rows.known(line, "grade", grade, GRADES)
        first, last = rows.term(line, start, end)
        found[key] = District(key, name, short, kind, first, last)
    return found


def _units(folder: Path, served: set[str], districts: Mapping[str, District]) -> dict[str, Unit]:
    terms: dict[str, list[tuple[int, Term]]] = {}
    rows = Rows(folder, "jurisdiction.csv",
                 ("unit", "relation", "district", "valid_from", "valid_to", "grade", "source"))
    for line, (unit, relation, district, start, end, grade, _source) in rows.rows:
        rows.known(line, "relation", relation, RELATIONS)
        rows.known(line, "district", district, districts)
        rows.known(line, "grade", grade, GRADES)
        term = Term(relation, district, *rows.term(line, start, end))
        for other_line, other in terms.get(unit, []):
            if other.relation == relation != "known_as" and _overlap(term, other):
                raise rows.fail(line, f"{unit} has two {relation} at once (line {other_line})", "let one end before")
        terms.setdefault(unit, []).append((line, term))
    table = Rows(folder, "units.csv", ("unit", "official", "short", "kind", "short_use"))
    found: dict[str, Unit] = {}
    for line, (key, name, short, kind, _confirm) in table.rows:
        if key in found:
            raise table.fail(line, f"unit {key} stands twice", "give each unit its own id")
        parents = [t for _, t in terms.get(key, []) if t.relation == "legal_parent"]
        if not any(t.valid_to is None for t in parents):
            raise table.fail(line, f"{key} answers to nobody today", "add its legal_parent to jurisdiction.csv")
        found[key] = Unit(key, name, short, kind, key in served, tuple(t for _, t in terms[key]))
    for unit, entries in terms.items():
        rows.known(entries[0][0], "unit", unit, found)
        dated = sorted((t for _, t in entries if t.relation == "legal_parent"), key=lambda t: t.valid_from or date.min)
        for before, after in zip(dated, dated[1:], strict=False):
            if before.valid_to != after.valid_from:
                raise rows.fail(entries[0][0], f"{unit} answers to nobody between {before.valid_to} and "
                                f"{after.valid_from}", "let the next parent begin on the day the last one ends")
    return found


def _overlap(one: Term, other: Term) -> bool:
    start = max(one.valid_from or date.min, other.valid_from or date.min)
    return start < min(one.valid_to or date.max, other.valid_to or date.max)


def _add_home(build: _Builder, area: Any, districts: Mapping[str, District], own: set[str],
              home: Home) -> None:
    city, province = home["city"], home["province"]
    for name in {city, city[:-1]}:
        build.add(name, Sense(CITY, "official", 0, name=city, **home))
    if province != city:
        for name in {province, province[:-1]}:
            build.add(name, Sense(PROVINCE, "official", 0, name=province, province=province))
    for body in districts.values():
        build.add(body.name, Sense(DISTRICT, "official", 0, district=body.id, name=body.name, **home))
        if body.short and body.short != body.name:
            # The parents of the area itself are unmistakable; other short names are everyday words too.
            build.add(body.short, Sense(DISTRICT, "short", 0, district=body.id, name=body.name,
                                        guard="" if body.id in own else "short", **home))


def _add_units(build: _Builder, units: Mapping[str, Unit], cues: Any, home: Home) -> None:
    table = Rows(build.folder, "units.csv", ("unit", "official", "short", "kind", "short_use"))
    for line, (key, _name, _short, _kind, use) in table.rows:
        # free: means nothing else; confirm: an everyday word even with company; else it needs company.
        table.known(line, "short_use", use, ("", "free", "confirm"))
        unit = units[key]
        build.add(unit.name, Sense(UNIT, "official", TIER_UNIT, (unit.id,), name=unit.name,
                                   guard="" if unit.served else "edge", **home))
        if not unit.short:
            continue
        build.add(unit.short, Sense(UNIT, "short", TIER_SHORT, (unit.id,), name=unit.name,
                                    guard="" if use == "free" else "short", confirm=use == "confirm", **home))
        if not unit.served:
            continue
        for ending in cues["unit_endings"]:
            written = unit.short + ending
            if written == unit.name:
                continue
            longer = written.startswith(unit.name)  # the office of the unit is the unit
            build.add(written, Sense(UNIT, "official" if longer else "ending", TIER_UNIT if longer else TIER_SOUND,
                                     (unit.id,), name=unit.name, **home))


def _add_unit_names(build: _Builder, folder: Path, units: Mapping[str, Unit], cues: Any,
                    home: Home) -> None:
    endings = tuple(str(ending) for ending in cues["unit_endings"])
    rows = Rows(folder, "unit_names.csv",
                 ("unit", "name", "name_kind", "valid_from", "valid_to", "grade", "source"))
    for line, (unit, name, kind, start, end, grade, _source) in rows.rows:
        rows.known(line, "unit", unit, units)
        rows.known(line, "name_kind", kind, ("former", "typo"))
        rows.known(line, "grade", grade, GRADES)
        rows.term(line, start, end)
        guard = "" if name.endswith(endings) else "short"
        build.add(name, Sense(UNIT, kind, TIER_PLACE, (unit,), name=units[unit].name, guard=guard, **home))


def _add_communities(build: _Builder, folder: Path, units: Mapping[str, Unit], cues: Any,
                     home: Home) -> None:
    rows = Rows(folder, "communities.csv", ("unit", "name", "last_seen", "needs_parent"))
    endings = [str(e) for e in cues["community_endings"]]
    roads = tuple(str(e) for e in cues["road_endings"])
    shorts = {unit.short for unit in units.values() if unit.short}
    bodies = {name for name, senses in build.senses.items() if any(s.level < UNIT for s in senses)}
    for line, (unit, name, last_seen, needs_parent) in rows.rows:
        rows.known(line, "unit", unit, units)
        rows.day(line, last_seen)
        rows.known(line, "needs_parent", needs_parent, ("", "yes"))
        build.add(name, Sense(PLACE, "community", TIER_PLACE if last_seen else TIER_COMMUNITY, (unit,), name=name,
                              guard="parent" if needs_parent else "" if units[unit].served else "edge",
                              kind="community", **home))
        stem = next((name[: -len(e)] for e in endings if name.endswith(e)), "")
        # Outside the area only whole names count: sending someone away on half a name is worse than asking.
        if len(stem) < 2 or stem in shorts or stem in bodies or needs_parent or not units[unit].served:
            continue
        free = len(stem) >= 3 and stem.endswith(roads)
        sense = Sense(PLACE, "stem", TIER_PLACE, (unit,), name=name, guard="" if free else "stem",
                      kind="community", **home)
        build.add(stem, sense)
        # A community is named after a road; the parts of that road carry its name too.
        for way in cues["road_ways"]:
            if free and stem[-1] == way[-1]:
                build.add(stem[:-1] + way, sense)
        for ending in endings:
            if stem + ending != name:
                build.add(stem + ending, Sense(PLACE, "stem", TIER_PLACE, (unit,), name=name, kind="community", **home))


PLACES_HEAD = (
    "name", "units", "kind", "number_from", "number_to", "parity", "valid_from", "valid_to", "grade", "source",
)


def _add_places(build: _Builder, folder: Path, units: Mapping[str, Unit], home: Home) -> None:
    rows = Rows(folder, "places.csv", PLACES_HEAD)
    for line, (name, ids, kind, low, high, parity, start, end, grade, _source) in rows.rows:
        rows.known(line, "kind", kind, PLACE_KINDS)
        rows.known(line, "grade", grade, GRADES)
        extent = rows.extent(line, (low, high, parity), start, end)
        for unit in ids.split(";"):
            rows.known(line, "unit", unit, units)
            # A table of landmarks never decides alone, whatever its grade: estates span units, names repeat.
            build.add(name, Sense(PLACE, "place", TIER_PLACE, (unit,), name=name, kind=kind, extent=extent,
                                  guard="short" if len(name) <= 2 else "", **home))


def _add_elsewhere(build: _Builder, folder: Path, home: Home) -> None:
    rows = Rows(folder, "elsewhere.csv", ("level", "name", "short", "city", "province", "needs_parent"))
    ours = frozenset(build.senses)  # a short name of ours means ours
    levels = {"province": PROVINCE, "city": CITY, "county": DISTRICT}
    for line, (level, name, short, city, province, needs_parent) in rows.rows:
        rows.known(line, "level", level, levels)
        if name in (home["city"], home["province"]):
            continue
        guard = "parent" if needs_parent else ""
        own = {
            "province": Home(province=name), "city": Home(city=name, province=province),
            "county": Home(city=city, province=province),
        }[level]
        build.add(name, Sense(levels[level], "official", 0, name=name, guard=guard, **own))
        if short and (level != "county" or short not in ours):
            build.add(short, Sense(levels[level], "short", 0, name=name,
                                   guard="between" if level == "county" else "short", **own))


def _lexicon(build: _Builder, folder: Path, cues: Any) -> tuple[dict[str, Word], dict[str, tuple[int, ...]]]:
    words = {
        name: Word(tuple(senses), bound=all(sense.guard == "between" for sense in senses))
        for name, senses in build.senses.items()
    }
    path = folder / "cues.yaml"
    for group in GROUPS:
        for word in cues["groups"][group]["words"]:
            if word in words:
                other = words[word].group or "a place name"
                raise ConfigError(path, line_of(cues["groups"], group), f"{word!r} is already {other}",
                                  "keep it in one group")
            words[word] = Word(group=group)
    for word in cues["blocks"]:
        words[str(word)] = Word(group="block")
    lengths: dict[str, set[int]] = {}
    for name in words:
        lengths.setdefault(name[:2], set()).add(len(name))
    return words, {pair: tuple(sorted(sizes, reverse=True)) for pair, sizes in lengths.items()}


def _sounds(folder: Path, units: Mapping[str, Unit]) -> tuple[dict[str, str], dict[tuple[str, ...], tuple[str, ...]]]:
    rows = Rows(folder, "sounds.csv", ("sound", "characters"))
    sounds: dict[str, str] = {}
    for line, (sound, characters) in rows.rows:
        for character in characters:
            if character in sounds:
                raise rows.fail(line, f"{character} has two sounds", "keep the usual one")
            sounds[character] = sound
    stems: dict[tuple[str, ...], list[str]] = {}
    for unit in units.values():
        if unit.served and unit.short:
            key = tuple(sounds.get(c, c) for c in unit.short)
            stems.setdefault(key, []).append(unit.id)
    return sounds, {key: tuple(ids) for key, ids in stems.items()}


def _near_sounds(
    stems: Mapping[tuple[str, ...], tuple[str, ...]]
) -> dict[tuple[int, tuple[str, ...]], tuple[str, ...]]:
    """For names of three and more sounds: what is left when one of them is misheard."""
    near: dict[tuple[int, tuple[str, ...]], tuple[str, ...]] = {}
    for key, units in stems.items():
        for gap in range(len(key) if len(key) > 2 else 0):
            rest = gap, key[:gap] + key[gap + 1 :]
            near[rest] = (*near.get(rest, ()), *units)
    return near


def _variants(folder: Path) -> dict[int, int]:
    rows = Rows(folder, "variants.csv", ("traditional", "simplified"))
    for line, (one, other) in rows.rows:
        if len(one) != 1 or len(other) != 1:
            raise rows.fail(line, "more than one character", "write one character on each side")
    return {ord(one): ord(other) for _, (one, other) in rows.rows}


def _codes(folder: Path, units: Mapping[str, Unit]) -> dict[tuple[str, str], str]:
    rows = Rows(folder, "unit_codes.csv", ("unit", "scheme", "code", "valid_from", "valid_to", "grade", "source"))
    found: dict[tuple[str, str], str] = {}
    for line, (unit, scheme, code, start, end, grade, _source) in rows.rows:
        rows.known(line, "unit", unit, units)
        rows.known(line, "scheme", scheme, ("nbs", "mca", "tencent", "platform"))
        rows.known(line, "grade", grade, GRADES)
        rows.term(line, start, end)
        # Codes are attributes with a scheme: the same nine digits name other units in other tables.
        if found.setdefault((scheme, code), unit) != unit:
            raise rows.fail(line, f"{scheme} code {code} names two units", "correct one of them")
    return found
