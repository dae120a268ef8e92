"""Why a text is routed as it is: every name and word read, with what it counts for."""
from __future__ import annotations

from datetime import date
from typing import Any

from actions.places.gazetteer import Gazetteer
from actions.places.mentions import Path, Reading, read_scan, read_sounds, scan
from actions.places.resolver import Route

LEVELS = {1: "province", 2: "city", 3: "district", 4: "unit", 5: "place"}


def why(route: Route, gazetteer: Gazetteer, answer: bool = False) -> dict[str, Any]:
    """What `youmen route --why` adds: names with form, evidence and role; the words that tell roles; whom to name."""
    found = scan(route.text, gazetteer)
    reading = read_scan(found, gazetteer, answer)
    sounding = None
    if route.candidates and not any(s.units for p in reading.paths for t in p.tokens for s in t.senses):
        sounding = read_sounds(found, reading, gazetteer, answer)
    chosen = sounding or reading
    said: dict[str, Any] = {
        "names": [name for path in chosen.paths for name in _names(path, chosen, gazetteer)],
        "words": [{"text": _original(chosen, c.start, c.end, route.text), "says": c.group} for c in chosen.cues],
        "desk": gazetteer.desks.of(route.unit, route.as_of) if route.unit else None,
        "managed_by": gazetteer.units[route.unit].managed_by(route.as_of) if route.unit else None,
        "contact": None,
        "came_from": _history(route.unit, gazetteer) if route.unit else [],
    }
    if route.decision == "out_of_area":
        said["contact"] = gazetteer.contact(route.city, route.district, route.as_of)._asdict()
    return said


def _original(reading: Reading, start: int, end: int, text: str) -> str:
    low, high = reading.normal.original_span(start, end)
    return text[low:high]


def _names(path: Path, reading: Reading, gazetteer: Gazetteer) -> list[dict[str, Any]]:
    return [
        {
            "text": reading.text[token.start : token.end],
            "level": LEVELS[token.level],
            "role": path.role,
            "use": path.use,
            "means": [
                {"form": s.form, "tier": s.tier or None, "name": s.name or None,
                 "units": [gazetteer.units[u].name for u in s.units]}
                for s in token.senses
            ],
        }
        for token in path.tokens
    ]


def _history(unit: str, gazetteer: Gazetteer) -> list[dict[str, Any]]:
    """What the unit came from, the latest first."""
    steps = [s for s in gazetteer.succession if s.after == unit]
    steps.sort(key=lambda s: s.day or date.min, reverse=True)
    return [{"from": s.before_name, "kind": s.kind, "date": s.day.isoformat() if s.day else None} for s in steps]
