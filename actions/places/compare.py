"""What differs between two versions of an area's tables, line by line and route by route."""
from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from actions.places.boundaries import FILE
from actions.places.gazetteer import Gazetteer
from actions.places.resolver import Route, resolve

# how many leading columns say what a line is about; tables not named here: all of them
KEYS = {
    "units.csv": 1, "districts.csv": 1, "jurisdiction.csv": 4, "unit_names.csv": 2, "unit_codes.csv": 3,
    "communities.csv": 2, "places.csv": 6, "elsewhere.csv": 1, "sounds.csv": 1, "variants.csv": 1, "desks.csv": 3,
    "contacts.csv": 2, "succession.csv": 3,
}
GROUPED = ("towns.csv", "city_communities.csv")  # the last column holds many names


def differences(base: Path, now: Path) -> Iterator[dict[str, Any]]:
    """{"table","change":"added|removed|changed","key","then","now"} for every line that differs."""
    for name in sorted({path.name for folder in (base, now) for path in (*folder.glob("*.csv"), folder / FILE)}):
        read = _features if name == FILE else _lines
        then, today = read(base / name), read(now / name)
        for key in sorted({*then, *today}):
            before, after = sorted(then.get(key, [])), sorted(today.get(key, []))
            if before != after:
                change = "changed" if before and after else "added" if after else "removed"
                yield {"table": name, "change": change, "key": list(key), "then": before, "now": after}


def _features(path: Path) -> dict[tuple[str, ...], list[str]]:
    """The features of the boundaries by unit and name."""
    found: dict[tuple[str, ...], list[str]] = {}
    for feature in json.loads(path.read_text(encoding="utf-8-sig"))["features"] if path.exists() else ():
        said = feature["properties"]
        found.setdefault((said["unit"], said.get("name", "")), []).append(json.dumps(feature, ensure_ascii=False))
    return found


def routes(texts: Iterable[str], base: Gazetteer, now: Gazetteer, as_of: date) -> Iterator[dict[str, Any]]:
    """{"text","then","now"} for every text that goes another way."""
    for text in texts:
        then, today = _way(resolve(text, base, as_of)), _way(resolve(text, now, as_of))
        if then != today:
            yield {"text": text, "then": then, "now": today}


def _way(route: Route) -> dict[str, Any]:
    return {"decision": route.decision, "unit_name": route.unit_name, "district": route.district, "city": route.city,
            "candidates": [candidate.unit_name for candidate in route.candidates]}


def _lines(path: Path) -> dict[tuple[str, ...], list[list[str]]]:
    found: dict[tuple[str, ...], list[list[str]]] = {}
    if not path.exists():
        return found
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    for row in rows:
        if path.name in GROUPED:
            for name in row[-1].split(" "):
                found.setdefault((*row[:-1], name), []).append([])
        else:
            size = KEYS.get(path.name, len(row))
            found.setdefault(tuple(row[:size]), []).append(row[size:])
    return found
