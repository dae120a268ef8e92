"""Turns the degrees of one map into those of another: WGS-84 (satellites), GCJ-02 (maps sold here), BD-09 (Baidu).

GCJ-02 shifts every point of the mainland by some hundred metres, BD-09 shifts GCJ-02 once more; neither is published.
The series used here are the ones every open converter uses (eviltransform, coordtransform, gcoord): Krasovsky's
ellipsoid for the first, a turn and a stretch for the second. The way back is found by repeating the way there until it
meets the point, to less than a centimetre. CGCS2000 and WGS-84 differ by centimetres and count as one. Points outside
the frame those maps shift come back as they went in.
"""
from __future__ import annotations

from collections.abc import Callable
from math import atan2, cos, hypot, pi, radians, sin, sqrt
from typing import NamedTuple

WGS_84, GCJ_02, BD_09, CGCS2000 = "WGS-84", "GCJ-02", "BD-09", "CGCS2000"

_SOUTH, _NORTH, _WEST, _EAST = 0.8293, 55.8271, 72.004, 137.8347  # degrees: what the maps shift
_AXIS, _FLAT = 6378245.0, 0.00669342162296594323  # Krasovsky 1940: half the long axis (m), eccentricity squared
_ORIGIN = 35.0, 105.0  # degrees north and east from which the series is counted
_BAIDU_NORTH, _BAIDU_EAST, _BAIDU_TURN = 0.006, 0.0065, 3000.0
_NEAR, _TRIES = 1e-9, 30  # degrees: a tenth of a millimetre


class Degrees(NamedTuple):
    """Degrees north and east."""

    latitude: float
    longitude: float


def shifted(point: Degrees) -> bool:
    """Whether the maps of the mainland move this point."""
    return _SOUTH <= point.latitude <= _NORTH and _WEST <= point.longitude <= _EAST


def gcj_from_wgs(point: Degrees) -> Degrees:
    """WGS-84 to GCJ-02."""
    if not shifted(point):
        return point
    y, x = point.latitude - _ORIGIN[0], point.longitude - _ORIGIN[1]
    waves = 20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += (waves + 20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += (waves + 20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    tilt = radians(point.latitude)
    bend = 1.0 - _FLAT * sin(tilt) ** 2
    meridian = _AXIS * (1.0 - _FLAT) / (bend * sqrt(bend))  # radius of curvature (m), here and across
    across = _AXIS / sqrt(bend) * cos(tilt)
    return Degrees(point.latitude + north / meridian * 180.0 / pi, point.longitude + east / across * 180.0 / pi)


def wgs_from_gcj(point: Degrees) -> Degrees:
    """GCJ-02 to WGS-84."""
    return _back(gcj_from_wgs, point)


def bd_from_gcj(point: Degrees) -> Degrees:
    """GCJ-02 to BD-09."""
    if not shifted(point):
        return point
    away = hypot(point.longitude, point.latitude) + 0.00002 * sin(radians(point.latitude * _BAIDU_TURN))
    angle = atan2(point.latitude, point.longitude)
    angle += 0.000003 * cos(radians(point.longitude * _BAIDU_TURN))
    return Degrees(away * sin(angle) + _BAIDU_NORTH, away * cos(angle) + _BAIDU_EAST)


def gcj_from_bd(point: Degrees) -> Degrees:
    """BD-09 to GCJ-02."""
    return _back(bd_from_gcj, point)


def to_wgs(point: Degrees, datum: str) -> Degrees:
    """Any known datum to WGS-84. Raises ValueError for another one."""
    if datum in (WGS_84, CGCS2000):
        return point
    if datum == GCJ_02:
        return wgs_from_gcj(point)
    if datum == BD_09:
        return wgs_from_gcj(gcj_from_bd(point))
    raise ValueError(f"unknown datum {datum!r}; known are {WGS_84}, {GCJ_02}, {BD_09}, {CGCS2000}")


def _back(there: Callable[[Degrees], Degrees], point: Degrees) -> Degrees:
    """The point that `there` takes to this one."""
    if not shifted(point):
        return point
    guess = point
    for _ in range(_TRIES):
        met = there(guess)
        north, east = point.latitude - met.latitude, point.longitude - met.longitude
        guess = Degrees(guess.latitude + north, guess.longitude + east)
        if abs(north) < _NEAR and abs(east) < _NEAR:
            break
    return guess
