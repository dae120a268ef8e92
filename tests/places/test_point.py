"""A point is kept as it came, with its datum."""
from __future__ import annotations

import json
import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.places.gazetteer import load_gazetteer
from actions.places.point import DATUMS, Point, read_point
from actions.places.resolver import resolve
from tests.cast import Stage
from tests.stage import make_stage


@pytest.mark.parametrize("sent, kept", [
    ({"latitude": 29.71, "longitude": 106.63, "datum": "WGS-84", "accuracy": 12.5}, Point(29.71, 106.63, "WGS-84", 12.5)),
    ({"latitude": 29.71, "longitude": 106.63, "datum": "gcj02"}, Point(29.71, 106.63, "GCJ-02")),
    ({"latitude": 29, "longitude": 106}, Point(29.0, 106.0, "unknown")),
    ({"latitude": 29.7, "longitude": 106.6, "datum": "Mars", "accuracy": -3}, Point(29.7, 106.6, "unknown")),
    ({"latitude": 91, "longitude": 106.6}, None), ({"latitude": 29.7, "longitude": 181}, None),
    ({"latitude": "29.7", "longitude": 106.6}, None), ({"latitude": True, "longitude": 106.6}, None),
    ({"latitude": math.nan, "longitude": 106.6}, None), ({}, None), (None, None), ("29.7,106.6", None),
])
def test_what_is_kept_of_a_location_message(sent: object, kept: Point | None) -> None:
    assert read_point(sent) == kept


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda x: st.dictionaries(
    st.sampled_from(["latitude", "longitude", "datum", "accuracy"]), x), max_leaves=6))
def test_never_raises(sent: Any) -> None:
    point = read_point(sent)
    assert point is None or (abs(point.latitude) <= 90 and abs(point.longitude) <= 180
                             and point.datum in (*DATUMS, "unknown") and json.dumps(point.as_json()))


def test_numbers_in_a_text_are_no_place() -> None:
    assert resolve("29.71, 106.63", load_gazetteer(), date(2026, 11, 21)).decision == "none"


def test_the_page_of_the_place_shows_point_and_datum_and_the_row_is_encrypted(
    database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any
) -> None:
    stage: Stage = make_stage(database, knowledge, gates, roles, lifecycle, clock)
    stage.hire()
    point = {"latitude": 29.7131, "longitude": 106.6302, "datum": "WGS-84", "accuracy": None}
    ticket = stage.ticket(event_point=json.dumps(point))
    assert b"29.7131" not in bytes(ticket.event_point)
    page = stage.sign_in("zhang").get(f"/desk/tickets/{ticket.number}/place").text
    assert "29.7131, 106.6302" in page and "WGS-84" in page and "不据此派单" in page
