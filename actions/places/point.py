"""A point somebody sent: kept as it came, with the datum it came in.

Telegram sends WGS-84, WeChat, AMap and Tencent GCJ-02: the same numbers lie some 480 m apart here, enough to cross a
street's boundary (datum.py). What township it lies in only an operator's boundaries can say (boundaries.py): nearest
centroids send people to the wrong office where small units lie beside large ones.
"""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from actions.places.datum import BD_09, CGCS2000, GCJ_02, WGS_84

DATUMS = (WGS_84, GCJ_02, BD_09, CGCS2000)
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Point:
    """Degrees north and east, the datum they are meant in, and how far off they may be (metres)."""

    latitude: float
    longitude: float
    datum: str
    accuracy: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data for the ticket."""
        return asdict(self)


def read_point(sent: object) -> Point | None:
    """The point of a location message; None for anything that is no place on earth. An unnamed datum stays unknown."""
    if not isinstance(sent, Mapping):
        return None
    latitude, longitude = _degrees(sent.get("latitude"), 90), _degrees(sent.get("longitude"), 180)
    if latitude is None or longitude is None:
        return None
    said = str(sent.get("datum") or "").upper().replace("_", "-").replace(" ", "")
    datum = next((name for name in DATUMS if name.replace("-", "") == said.replace("-", "")), UNKNOWN)
    return Point(latitude, longitude, datum, _degrees(sent.get("accuracy"), 100_000, low=0))


def _degrees(value: object, high: float, low: float | None = None) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value) if (-high if low is None else low) <= value <= high else None
