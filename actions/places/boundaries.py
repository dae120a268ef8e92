"""Where units lie: an operator's boundaries.geojson (RFC 7946), if there is one. A point near an edge names both sides.

Nobody draws a line here: without the file nothing is known of any point. A Point feature speaks for its `radius_m`
only; the nearest centroid of anything never does (notes: places 4).
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, hypot, radians
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, nearest
from actions.places.datum import Degrees, to_wgs
from actions.places.extent import Extent
from actions.places.point import DATUMS, Point
from actions.places.tables import parse_day

FILE = "boundaries.geojson"
METRES = 111_320.0  # a degree north; a degree east is shorter by the cosine
VAGUE = 2_000.0  # metres: a point that may be this far off says nothing about a street
DOUBTED = ("WGS-84", "GCJ-02")  # what a point of unknown datum may be in
GRADES = ("A", "B", "C")
REQUIRED = ("unit", "source", "grade")
OPTIONAL = ("name", "datum", "valid_from", "valid_to", "radius_m")

Ring = tuple[Degrees, ...]


@dataclass(frozen=True)
class Boundary:
    """One feature: a unit's area (rings: outside, then holes, of each polygon) or a point with the reach it speaks for.

    All in WGS-84. `box`: south, west, north, east.
    """

    unit: str
    polygons: tuple[tuple[Ring, ...], ...]
    centre: Degrees | None
    radius: float
    extent: Extent
    box: tuple[float, float, float, float]

    def reaches(self, at: Degrees, slack: float) -> bool:
        """Whether the point, or one as far from it as `slack` metres, lies in it."""
        high, wide = slack / METRES, slack / (METRES * max(cos(radians(at.latitude)), 0.01))
        south, west, north, east = self.box
        if not (south - high <= at.latitude <= north + high and west - wide <= at.longitude <= east + wide):
            return False
        if self.centre is not None:
            return _metres(at, self.centre) <= self.radius + slack
        return any(_inside(at, rings) for rings in self.polygons) or bool(slack) and any(
            _from_edge(at, one, other) <= slack
            for rings in self.polygons for ring in rings for one, other in zip(ring, ring[1:], strict=False)
        )


def units_at(point: Point, boundaries: Sequence[Boundary], as_of: date) -> tuple[str, ...]:
    """The units a point sent may lie in on that day, sorted: it is as vague as it says, or as its datum is unknown."""
    slack = point.accuracy or 0.0
    if slack > VAGUE:
        return ()
    sent = Degrees(point.latitude, point.longitude)
    readings = [to_wgs(sent, datum) for datum in ((point.datum,) if point.datum in DATUMS else DOUBTED)]
    return tuple(sorted({
        one.unit for one in boundaries for at in readings if one.extent.holds(as_of) and one.reaches(at, slack)
    }))


def load_boundaries(folder: Path, units: Iterable[str]) -> tuple[Boundary, ...]:
    """The features of the file; none without it. Raises ConfigError with file, line, what and how to mend it."""
    path = folder / FILE
    if not path.exists():
        return ()
    known = frozenset(units)
    return tuple(_Feature(path, line, feature).boundary(known) for line, feature in _features(path))


def _features(path: Path) -> Iterator[tuple[int | None, Any]]:
    """Every feature with the line it begins on."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = json.loads(text)
    except UnicodeDecodeError:
        raise ConfigError(path, None, "the file is not UTF-8", "save it as UTF-8") from None
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise ConfigError(path, line, "this is no JSON", "correct the JSON at this line") from None
    if not isinstance(data, dict) or data.get("type") != "FeatureCollection" or not isinstance(
            data.get("features"), list):
        raise ConfigError(path, 1, "this is no GeoJSON FeatureCollection", 'write {"type": "FeatureCollection", …}')
    start = re.search(r'"features"\s*:\s*\[', text)
    position = start.end() if start else 0
    decoder = json.JSONDecoder()
    for feature in data["features"]:
        position += len(text[position:]) - len(text[position:].lstrip(" \t\r\n,"))
        line = text.count("\n", 0, position) + 1
        try:
            read, position = decoder.raw_decode(text, position)
        except ValueError:
            read = None
        # another member of the collection may bear the same name: better no line than a wrong one
        yield line if read == feature else None, feature


class _Feature:
    def __init__(self, path: Path, line: int | None, feature: Any) -> None:
        self.path, self.line = path, line
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise self._wrong("this is no Feature", "write type, properties and geometry")
        properties, geometry = feature.get("properties"), feature.get("geometry")
        if not isinstance(properties, dict) or not isinstance(geometry, dict):
            raise self._wrong("properties or geometry are missing", "give the feature both")
        self.properties: Mapping[str, Any] = properties
        self.geometry: Mapping[str, Any] = geometry

    def boundary(self, known: frozenset[str]) -> Boundary:
        """The feature, checked."""
        for key in self.properties:
            if key not in (*REQUIRED, *OPTIONAL):
                raise self._wrong(f"unknown property {key!r}", nearest(str(key), (*REQUIRED, *OPTIONAL)))
        for key in REQUIRED:
            if not self.properties.get(key):
                raise self._wrong(f"property {key!r} is missing", f"add {key}")
        self._one_of("unit", known)
        self._one_of("grade", GRADES)
        datum = self._one_of("datum", DATUMS) if "datum" in self.properties else "WGS-84"
        first, last = self._day("valid_from"), self._day("valid_to")
        if first and last and last <= first:
            raise self._wrong("it ends before it begins", "valid_to is the first day it no longer holds")
        extent = Extent(None, None, "", first, last)
        kind, coordinates = self.geometry.get("type"), self.geometry.get("coordinates")
        unit = str(self.properties["unit"])
        if kind == "Point":
            centre, radius = self._degrees(coordinates, datum), self._radius()
            high, wide = radius / METRES, radius / (METRES * max(cos(radians(centre.latitude)), 0.01))
            box = (centre.latitude - high, centre.longitude - wide, centre.latitude + high, centre.longitude + wide)
            return Boundary(unit, (), centre, radius, extent, box)
        if kind not in ("Polygon", "MultiPolygon"):
            raise self._wrong(f"a unit cannot be a {kind}", "give a Polygon, a MultiPolygon or a Point with radius_m")
        polygons = self._list([coordinates] if kind == "Polygon" else coordinates)
        found = tuple(tuple(self._ring(ring, datum) for ring in self._list(rings)) for rings in polygons)
        corners = [corner for rings in found for corner in rings[0]]
        norths, easts = [c.latitude for c in corners], [c.longitude for c in corners]
        return Boundary(unit, found, None, 0.0, extent, (min(norths), min(easts), max(norths), max(easts)))

    def _ring(self, ring: Any, datum: str) -> Ring:
        corners = tuple(self._degrees(corner, datum) for corner in self._list(ring))
        if len(corners) < 4 or corners[0] != corners[-1]:
            raise self._wrong("a ring has four corners or more, the last like the first", "close the ring")
        return corners

    def _degrees(self, corner: Any, datum: str) -> Degrees:
        """GeoJSON writes east before north."""
        pair = self._list(corner)[:2]
        if len(pair) < 2 or any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in pair):
            raise self._wrong(f"{corner!r} is no point", "write [degrees east, degrees north]")
        east, north = map(float, pair)
        if not (-90 <= north <= 90 and -180 <= east <= 180):
            raise self._wrong(f"{corner!r} is not on earth", "write [degrees east, degrees north]")
        return to_wgs(Degrees(north, east), datum)

    def _radius(self) -> float:
        radius = self.properties.get("radius_m")
        if isinstance(radius, bool) or not isinstance(radius, (int, float)) or not 0 < radius <= VAGUE:
            raise self._wrong("a Point needs radius_m: how many metres around it surely belong to the unit",
                              f"add a radius_m up to {VAGUE:.0f}")
        return float(radius)

    def _day(self, key: str) -> date | None:
        value = self.properties.get(key) or ""
        try:
            return parse_day(str(value))
        except ValueError:
            raise self._wrong(f"{value!r} is no date", "write YYYY-MM-DD, YYYY-MM, YYYY or nothing") from None

    def _one_of(self, key: str, known: Iterable[str]) -> str:
        value, allowed = self.properties[key], tuple(known)
        if value not in allowed:
            raise self._wrong(f"unknown {key} {value!r}", nearest(str(value), allowed))
        return str(value)

    def _list(self, value: Any) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise self._wrong("coordinates are missing", "give every ring and point its coordinates")
        return value

    def _wrong(self, what: str, mend: str) -> ConfigError:
        return ConfigError(self.path, self.line, what, mend)


def _inside(at: Degrees, rings: Sequence[Ring]) -> bool:
    """Whether a ray to the east leaves the outer ring an odd number of times, and no hole holds the point."""
    return _crossed(at, rings[0]) and not any(_crossed(at, hole) for hole in rings[1:])


def _crossed(at: Degrees, ring: Ring) -> bool:
    inside = False
    for (north, east), (other_north, other_east) in zip(ring, ring[1:], strict=False):
        if (north > at.latitude) != (other_north > at.latitude):
            share = (at.latitude - north) / (other_north - north)
            if at.longitude < east + share * (other_east - east):
                inside = not inside
    return inside


def _flat(at: Degrees, of: Degrees) -> tuple[float, float]:
    """Metres north and east of `at`, on a plane: exact enough for the width of a township."""
    return (of.latitude - at.latitude) * METRES, (of.longitude - at.longitude) * METRES * cos(radians(at.latitude))


def _metres(one: Degrees, other: Degrees) -> float:
    return hypot(*_flat(one, other))


def _from_edge(at: Degrees, one: Degrees, other: Degrees) -> float:
    """Metres from a point to the line between two corners."""
    (y, x), (y2, x2) = _flat(at, one), _flat(at, other)
    along, across = y2 - y, x2 - x
    length = along * along + across * across
    share = 0.0 if length == 0 else min(1.0, max(0.0, -(y * along + x * across) / length))
    return hypot(y + share * along, x + share * across)
