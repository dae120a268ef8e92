"""What a point somebody sent says about the township: something to confirm or to choose from, never a route."""
from __future__ import annotations

import json
from datetime import date

from actions.places.boundaries import units_at
from actions.places.gazetteer import TIER_PLACE, Gazetteer
from actions.places.point import Point, read_point
from actions.places.resolver import CHOOSE, CONFIRM, MAX_CANDIDATES, Candidate, Route


def resolve_point(point: Point, gazetteer: Gazetteer, as_of: date) -> Route | None:
    """The units the point may lie in, by the operator's boundaries as of that day; None where they say nothing.

    One unit is read back (`confirm`); near an edge, or when the datum is unknown, it is asked. Outside all boundaries
    nothing follows: they may be incomplete. The text of the route is the point as JSON.
    """
    units = units_at(point, gazetteer.boundaries_of_units, as_of)
    ours = [unit for unit in units if unit in gazetteer.served]
    if not ours or len(ours) > MAX_CANDIDATES:
        return None
    candidates = tuple(
        Candidate(unit, gazetteer.units[unit].name, gazetteer.district_name(unit, as_of), TIER_PLACE) for unit in ours
    )
    one = candidates[0] if len(units) == 1 else None
    return Route(
        json.dumps(point.as_json()), "confirm" if one else "ask", one.unit if one else None,
        one.unit_name if one else None, one.district if one else None, gazetteer.city, candidates, TIER_PLACE, (),
        CONFIRM if one else CHOOSE, as_of, gazetteer.version,
    )


def resolve_kept_point(text: str, gazetteer: Gazetteer, as_of: date) -> Route | None:
    """As `resolve_point`, of the text of such a route; None when it is none."""
    try:
        point = read_point(json.loads(text))
    except ValueError:
        return None
    return resolve_point(point, gazetteer, as_of) if point is not None else None
