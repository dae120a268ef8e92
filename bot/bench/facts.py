"""How many facts and place roles are heard rightly, on messages labelled by hand (tests/bench)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from actions.language.facts import hear_facts
from actions.places.gazetteer import Gazetteer
from actions.places.resolver import mentions_with_roles
from actions.steps.listening import plain

Mark = tuple[str, ...]


def read_labelled(path: Path) -> list[dict[str, Any]]:
    """The messages: [{id, today, text, facts, places}]."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def fact_marks(number: str, facts: dict[str, Any]) -> set[Mark]:
    """One mark for each fact and value; each thing in a list by itself, amounts as numbers."""
    marks = set()
    for name, value in facts.items():
        for part in value if isinstance(value, list) else [value]:
            marks.add((number, name, _comparable(part)))
    return marks


def _comparable(value: Any) -> str:
    if isinstance(value, dict):
        return f"{_comparable(value.get('from'))}..{_comparable(value.get('to'))}"
    if isinstance(value, bool) or value is None:
        return str(value)
    try:
        return format(Decimal(str(value)).normalize(), "f")
    except InvalidOperation:
        return str(value)


def f1(right: set[Mark], said: set[Mark]) -> dict[str, float]:
    """Precision, recall and F1 of marks; 0 where nothing stands against."""
    hit = len(right & said)
    precision = hit / len(said) if said else 0.0
    recall = hit / len(right) if right else 0.0
    both = 2 * hit / (len(right) + len(said)) if right or said else 0.0
    return {"precision": precision, "recall": recall, "f1": both}


def hear(labelled: Iterable[dict[str, Any]], gazetteer: Gazetteer) -> dict[str, Any]:
    """Facts and roles heard in each message, and the scores: {fact_f1, fact_precision, …, by_fact}."""
    right: set[Mark] = set()
    said: set[Mark] = set()
    meant_roles: set[Mark] = set()
    heard_roles: set[Mark] = set()
    for one in labelled:
        day = date.fromisoformat(one["today"])
        right |= fact_marks(one["id"], one["facts"])
        heard = {name: plain(fact.value) for name, fact in hear_facts(one["text"], day).items()}
        said |= fact_marks(one["id"], heard)
        mentions = [m for m in mentions_with_roles(one["text"], gazetteer, day) if m.role != "other"]
        for number, place in enumerate(one["places"]):
            meant_roles.add((one["id"], str(number), place["role"]))
            start = one["text"].find(place["text"])
            end = start + len(place["text"])
            for mention in list(mentions):
                if mention.start < end and start < mention.end:
                    heard_roles.add((one["id"], str(number), mention.role))
                    mentions.remove(mention)
        heard_roles |= {(one["id"], f"+{m.start}", m.role) for m in mentions}
    found: dict[str, Any] = {}
    for title, marks in (("fact", (right, said)), ("role", (meant_roles, heard_roles))):
        found |= {f"{title}_{name}": value for name, value in f1(*marks).items()}
    names = sorted({mark[1] for mark in right | said})
    found["by_fact"] = {
        name: f1({m for m in right if m[1] == name}, {m for m in said if m[1] == name})["f1"] for name in names}
    return found
