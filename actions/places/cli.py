"""What `youmen route` does with one record."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from actions.places.explain import why
from actions.places.gazetteer import Gazetteer
from actions.places.resolver import resolve


def route_record(
    record: Mapping[str, Any], gazetteer: Gazetteer, as_of: date, explained: bool = False
) -> dict[str, Any]:
    """The route of `record["text"]` as JSON; `id` is passed through, blank text gives decision `none`.

    `explained` adds what was read and why it counts. Raises ValueError when `text` is there but is no text.
    """
    text = record.get("text")
    if text is None:
        text = ""
    if not isinstance(text, str):
        raise ValueError("text must be a string")
    route = resolve(text, gazetteer, as_of)
    return {**route.as_json(record.get("id")), **({"why": why(route, gazetteer)} if explained else {})}
