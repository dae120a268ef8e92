"""A route's record: what to keep of it, and reading the same words again with the tables as they stood."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from actions.places.gazetteer import Gazetteer
from actions.places.located import resolve_kept_point
from actions.places.resolver import Route, resolve, resolve_answer
from actions.places.rulings import Ruling, ruling_of, with_rulings

COMPARED = ("decision", "unit", "unit_name", "district", "city", "tier", "question", "table_version")
WORDS, POINT = "words", "point"
UNKNOWN = "unknown"  # the resident could not say; kept in place of a decision


def outcome_of(route: Route, asked: str | None, by: str = WORDS) -> dict[str, Any]:
    """What is kept beside the words. `asked`: the role they answered, None when they were told openly.

    `by`: what the text of the route is: the resident's words, or a point that was sent.
    """
    return {
        **{key: getattr(route, key) for key in COMPARED},
        "candidates": [{"unit": c.unit, "unit_name": c.unit_name} for c in route.candidates],
        "asked": asked,
        "by": by,
        "as_of": route.as_of.isoformat(),
    }


def replay_route(
    text: str, outcome: Mapping[str, Any], gazetteer: Gazetteer, rulings_up_to: Callable[[int], list[Ruling]], day: Any
) -> list[dict[str, Any]]:
    """[{"path","then","now"}] for everything that comes out differently today; empty if nothing does.

    `gazetteer` is that of the files alone; `rulings_up_to(n)` gives the desk's rulings as they stood at row n; `day` is
    the record's as_of. Other files show as another table_version, whatever else is the same.
    """
    last = ruling_of(str(outcome["table_version"]))[1]
    then = with_rulings(gazetteer, rulings_up_to(last), last)
    asked, by = outcome.get("asked"), outcome.get("by", WORDS)
    route = resolve_kept_point(text, then, day) if by == POINT else None
    if route is None:  # boundaries that are gone say nothing: the words decide, and a point has none
        route = resolve_answer(text, asked, then, day) if asked else resolve(text, then, day)
    now = outcome_of(route, asked, by)
    keys = [*COMPARED, "candidates"]
    if outcome["decision"] == UNKNOWN:  # nothing could be read then; a unit read now would be a difference
        keys = ["unit", "table_version"]
    return [{"path": key, "then": outcome.get(key), "now": now[key]} for key in keys if outcome.get(key) != now[key]]
