"""An operator's boundaries: what a point may lie in, what is read back, what is asked, and what a wrong file is told."""
from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.language.files import ConfigError
from actions.places.boundaries import FILE, load_boundaries, units_at
from actions.places.check import ERROR, check
from actions.places.compare import differences
from actions.places.datum import Degrees, bd_from_gcj, gcj_from_wgs
from actions.places.gazetteer import FOLDER, Gazetteer, load_gazetteer
from actions.places.located import resolve_kept_point, resolve_point
from actions.places.point import DATUMS, Point
from actions.places.record import POINT, outcome_of, replay_route
from bot.areas import merged_config
from bot.settings import PROJECT

AREA = PROJECT / "tests" / "areas" / "qinghe"
TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return merged_config(PROJECT / "config", AREA, tmp_path_factory.mktemp("build")) / "places"


@pytest.fixture(scope="module")
def there(folder: Path) -> Gazetteer:
    return load_gazetteer(folder)


def wgs(north: float, east: float, accuracy: float | None = None) -> Point:
    return Point(north, east, "WGS-84", accuracy)


@pytest.mark.parametrize("point, units", [
    (wgs(30.05, 118.05), ("u-bailu",)),
    (wgs(30.05, 118.15), ("u-liutang",)),
    (wgs(30.03, 118.03), ("u-liutang",)),                        # a hole of the one is an island of the other
    (wgs(30.05, 118.25), ()),                                    # between the areas: nobody guesses
    (wgs(31.0, 118.05), ()),
    (wgs(30.05, 118.0995, 20), ("u-bailu",)),                    # 48 m from the edge, 20 m vague
    (wgs(30.05, 118.0995, 100), ("u-bailu", "u-liutang")),       # 100 m vague: either side
    (wgs(30.05, 118.05, 2_500), ()),                             # as vague as a town: says nothing
    (Point(30.05, 118.0990, "unknown"), ("u-bailu",)),           # GCJ-02 would lie further west: the same unit
    (Point(30.05, 118.1020, "unknown"), ("u-bailu", "u-liutang")),  # as GCJ-02 it lies on the other side
    (Point(30.05, 118.1020, "GCJ-02"), ("u-bailu",)),
    (Point(30.05, 118.305, "GCJ-02"), ("u-shiqiao",)),           # the centre of the point's circle, in its own datum
    (Point(30.0520, 118.305, "GCJ-02"), ("u-shiqiao",)),         # 223 m away, the circle reaches 300 m
    (Point(30.0540, 118.305, "GCJ-02"), ()),                     # 445 m away
    (wgs(30.05, 118.305), ()),                                   # the same numbers in another datum: half a kilometre off
])
def test_what_a_point_lies_in(there: Gazetteer, point: Point, units: tuple[str, ...]) -> None:
    assert units_at(point, there.boundaries_of_units, TODAY) == units


def test_every_datum_of_the_same_spot_lies_in_the_same_unit(there: Gazetteer) -> None:
    spot = Degrees(30.05, 118.0990)
    gcj = gcj_from_wgs(spot)
    for at, datum in ((spot, "WGS-84"), (spot, "CGCS2000"), (gcj, "GCJ-02"), (bd_from_gcj(gcj), "BD-09")):
        assert units_at(Point(*at, datum), there.boundaries_of_units, TODAY) == ("u-bailu",)


def test_a_boundary_holds_for_its_days(there: Gazetteer) -> None:
    point = Point(30.05, 118.305, "GCJ-02")
    assert units_at(point, there.boundaries_of_units, date(2024, 12, 31)) == ()
    assert units_at(point, there.boundaries_of_units, date(2025, 1, 1)) == ("u-shiqiao",)


@given(point=st.builds(Point, st.floats(-90, 90), st.floats(-180, 180), st.sampled_from([*DATUMS, "unknown"]),
                       st.none() | st.floats(0, 100_000)))
def test_a_point_never_routes_and_never_raises(there: Gazetteer, point: Point) -> None:
    route = resolve_point(point, there, TODAY)
    assert route is None or route.decision in ("confirm", "ask")


@given(north=st.floats(29.99, 30.11), east=st.floats(117.99, 118.31), accuracy=st.floats(0, 1_500))
def test_near_the_areas_it_is_read_back_or_asked(
    there: Gazetteer, north: float, east: float, accuracy: float
) -> None:
    route = resolve_point(wgs(north, east, accuracy), there, TODAY)
    if route is not None:
        assert (route.decision == "confirm") == (route.unit is not None) == (len(route.candidates) == 1)
        assert route.tier is not None and route.tier < 2  # below every name that routes


def test_one_unit_is_read_back_and_an_edge_is_asked(there: Gazetteer) -> None:
    inside, edge = (resolve_point(wgs(30.05, east, 100), there, TODAY) for east in (118.05, 118.0995))
    assert inside is not None and edge is not None
    assert (inside.decision, inside.unit_name, inside.district, inside.question) == (
        "confirm", "白鹭镇", "青禾县", "place.confirm")
    assert (edge.decision, edge.unit, edge.question) == ("ask", None, "place.choose")
    assert [candidate.unit_name for candidate in edge.candidates] == ["白鹭镇", "柳塘街道"]


def test_a_route_by_point_can_be_replayed(there: Gazetteer) -> None:
    route = resolve_point(wgs(30.05, 118.05), there, TODAY)
    assert route is not None and resolve_kept_point(route.text, there, TODAY) == route
    kept = outcome_of(route, None, POINT)
    assert replay_route(route.text, kept, there, lambda last: [], TODAY) == []
    moved = {**kept, "unit": "u-liutang"}
    assert [d["path"] for d in replay_route(route.text, moved, there, lambda last: [], TODAY)] == ["unit"]
    assert resolve_kept_point("白鹭镇", there, TODAY) is None


def test_without_the_file_nothing_is_known_and_the_version_stays(folder: Path, tmp_path: Path) -> None:
    here = load_gazetteer()
    assert not (FOLDER / FILE).exists() and here.boundaries_of_units == ()  # no geometry is invented
    assert resolve_point(wgs(29.71, 106.63), here, TODAY) is None
    copy = tmp_path / "places"
    shutil.copytree(folder, copy)
    with_file = load_gazetteer(copy).version
    assert with_file == load_gazetteer(folder).version
    (copy / FILE).unlink()
    assert load_gazetteer(copy).version != with_file
    assert [(d["table"], d["change"], d["key"]) for d in differences(copy, folder)] == [
        (FILE, "added", ["u-bailu", ""]), (FILE, "added", ["u-liutang", ""]), (FILE, "added", ["u-shiqiao", "卫生院"])]


SQUARE = [[118, 30], [119, 30], [119, 31], [118, 30]]


def feature(geometry: Any = None, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"unit": "u-a", "source": "x", "grade": "C", **properties},
            "geometry": geometry if geometry is not None else {"type": "Polygon", "coordinates": [SQUARE]}}


def point_at(*coordinates: Any) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(coordinates)}


@pytest.mark.parametrize("wrong, says, mend", [
    (feature(unit="u-aa"), "unknown unit 'u-aa'", "did you mean u-a?"),
    (feature(grade="D"), "unknown grade 'D'", "A"),
    (feature(source=""), "'source' is missing", "add source"),
    (feature(colour="red"), "unknown property 'colour'", "known are"),
    (feature(datum="Mars"), "unknown datum 'Mars'", "known are"),
    (feature(valid_from="soon"), "'soon' is no date", "YYYY-MM-DD"),
    (feature(valid_from="2026", valid_to="2025"), "ends before it begins", "valid_to"),
    (feature(point_at(118, 30)), "needs radius_m", "add a radius_m"),
    (feature(point_at(118, 30), radius_m=50_000), "needs radius_m", "add a radius_m"),
    (feature(point_at(30, 118), radius_m=100), "is not on earth", "degrees east"),
    (feature(point_at("118", 30), radius_m=100), "is no point", "degrees east"),
    (feature({"type": "LineString", "coordinates": SQUARE}), "cannot be a LineString", "Polygon"),
    (feature({"type": "Polygon", "coordinates": [SQUARE[:3]]}), "ring has four corners", "close the ring"),
    (feature({"type": "Polygon", "coordinates": []}), "coordinates are missing", "coordinates"),
    (feature({"type": "Polygon"}), "coordinates are missing", "coordinates"),
    ({"type": "Feature", "properties": {}}, "geometry are missing", "both"),
    ("nothing", "no Feature", "write type"),
])
def test_a_wrong_feature_is_named_with_its_line(tmp_path: Path, wrong: Any, says: str, mend: str) -> None:
    lines = [json.dumps(feature()), json.dumps(wrong)]
    (tmp_path / FILE).write_text('{"type": "FeatureCollection",\n"features": [\n' + ",\n".join(lines) + "\n]}")
    with pytest.raises(ConfigError) as told:
        load_boundaries(tmp_path, ["u-a"])
    assert told.value.line == 4 and says in told.value.what and mend in told.value.mend


@pytest.mark.parametrize("text, line", [
    ('{"type": "FeatureCollection",\n"features": [}', 2), ("[]", 1), ('{"type": "Feature"}', 1),
    ('{"type": "FeatureCollection", "features": 5}', 1), ("", 1),
])
def test_a_file_that_is_no_collection(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ConfigError) as told:
        load_boundaries(tmp_path, ["u-a"])
    assert told.value.line == line


def test_places_check_names_it(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "places"
    shutil.copytree(folder, copy)
    path = copy / FILE
    path.write_text(path.read_text("utf-8").replace("u-liutang", "u-liutan"), "utf-8")
    [found] = [finding for finding in check(copy) if finding.level == ERROR]
    assert (found.file, found.line) == (FILE, 8) and "u-liutang" in found.mend
