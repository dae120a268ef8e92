"""What `youmen route` does with one record."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from actions.places.gazetteer import Gazetteer
from actions.places.resolver import resolve


def route_record(record: Mapping[str, Any], gazetteer: Gazetteer, as_of: date) -> dict[str, Any]:
    """The route of `record["text"]` as JSON; `id` is passed through, blank text gives decision `none`.

    Raises ValueError when `text` is there but is no text.
    """
    text = record.get("text")
    if text is None:
        text = ""
    if not isinstance(text, str):
        raise ValueError("text must be a string")
    return resolve(text, gazetteer, as_of).as_json(record.get("id"))
