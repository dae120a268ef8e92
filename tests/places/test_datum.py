"""Degrees of one map into those of another: known pairs, there and back, and nothing happens abroad."""
from __future__ import annotations

from math import cos, hypot, radians

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions.places.datum import (
    BD_09,
    CGCS2000,
    GCJ_02,
    WGS_84,
    Degrees,
    bd_from_gcj,
    gcj_from_bd,
    gcj_from_wgs,
    shifted,
    to_wgs,
    wgs_from_gcj,
)

# inside the frame with room for the shift itself: at its very edge a point may be moved out of it
MAINLAND = st.builds(Degrees, st.floats(0.9, 55.75), st.floats(72.1, 137.75))
ABROAD = st.builds(Degrees, st.floats(-90, 90), st.floats(-180, 180)).filter(lambda point: not shifted(point))


def metres(one: Degrees, other: Degrees) -> float:
    return hypot((one.latitude - other.latitude) * 111_320,
                 (one.longitude - other.longitude) * 111_320 * cos(radians(one.latitude)))


@pytest.mark.parametrize("wgs, gcj", [  # the pairs the open converters test themselves with
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
])
def test_known_pairs_of_wgs_and_gcj(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    assert gcj_from_wgs(Degrees(*wgs)) == pytest.approx(gcj, abs=1e-9)


def test_a_known_pair_of_gcj_and_bd() -> None:
    assert bd_from_gcj(Degrees(39.915, 116.404)) == pytest.approx((39.92133699351021, 116.41036949371029), abs=1e-9)


def test_the_shift_here_is_the_one_measured() -> None:
    here = Degrees(29.7131, 106.6302)
    assert 470 < metres(here, gcj_from_wgs(here)) < 500


@given(MAINLAND)
@example(Degrees(35.0, 105.0))
def test_there_and_back_within_a_metre(point: Degrees) -> None:
    assert metres(wgs_from_gcj(gcj_from_wgs(point)), point) < 1
    assert metres(gcj_from_bd(bd_from_gcj(point)), point) < 1
    assert metres(to_wgs(bd_from_gcj(gcj_from_wgs(point)), BD_09), point) < 1


@given(MAINLAND)
def test_a_shift_is_never_nothing_and_never_far(point: Degrees) -> None:
    assert metres(gcj_from_wgs(point), point) < 1_500
    assert 100 < metres(bd_from_gcj(point), point) < 1_500


@given(ABROAD, st.sampled_from([WGS_84, GCJ_02, BD_09, CGCS2000]))
@example(Degrees(48.8566, 2.3522), BD_09)
def test_points_abroad_stay_where_they_are(point: Degrees, datum: str) -> None:
    assert to_wgs(point, datum) == gcj_from_wgs(point) == bd_from_gcj(point) == point


@given(MAINLAND)
def test_satellites_and_the_national_frame_are_one(point: Degrees) -> None:
    assert to_wgs(point, WGS_84) == to_wgs(point, CGCS2000) == point


def test_an_unknown_datum_is_refused() -> None:
    with pytest.raises(ValueError, match="known are"):
        to_wgs(Degrees(29.7, 106.6), "unknown")
