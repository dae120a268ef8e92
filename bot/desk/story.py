"""The history of a ticket in words: who did what when, and what they wrote."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actions.tickets.rules import Lifecycle
from bot.desk.frame import Visit

SEALED = "read_sealed"


def _field(visit: Visit, name: str, kept: Mapping[str, Any], open_sealed: bool) -> dict[str, Any]:
    """One field: id, title and text; text None where this person may not read it."""
    if kept["kind"] == "file":
        text = name if open_sealed else None
    elif "sealed" in kept:
        text = visit.parts.opened(kept["sealed"].encode()) if open_sealed else None
    else:
        text = kept.get("shown", kept["value"])
    return {"id": name, "title": kept.get("title", ""), "kind": kept["kind"], "text": text}


def told(visit: Visit, lines: Iterable[Mapping[str, Any]], restricted: bool = False, table: Lifecycle | None = None,
         readable: bool = False) -> list[dict[str, Any]]:
    """Lines of history for a page. What was sealed is read by those whose work needs it, nobody else; of a child's
    ticket (`restricted`) nobody reads it in passing. `table`: another than that of tickets; `readable`: own words.
    """
    table = table or visit.parts.lifecycle
    titles, open_sealed = table.event_titles, readable or visit.viewer.may(SEALED) and not restricted
    found = []
    for line in lines:
        kept, order = line["data"].get("fields") or {}, table.field_order.get(line["kind"], ())
        names = sorted(kept, key=lambda name: (order.index(name) if name in order else len(order), name))
        found.append({
            **line, "title": titles.get(line["kind"], line["kind"]), "to": line["data"].get("to"),
            "about": line["data"].get("about"), "outcome": line["data"].get("outcome"),
            "sent": line["data"].get("sent", []) if open_sealed else [],
            "fields": [_field(visit, name, kept[name], open_sealed) for name in names]})
    return found
