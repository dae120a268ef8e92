"""Reads the interview: what is asked in which situation, grouped openers, and answers that cannot both hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, require_keys
from actions.screening.conditions import facts_of
from actions.screening.fields import frozen, mapping, named, number, text, whole, words
from actions.screening.load_programmes import Parser
from actions.screening.model import (
    YES_NO,
    Contradiction,
    Fact,
    Interview,
    Item,
    Opener,
    Parameter,
    Situation,
    Source,
)

BY_SCORE = "by_score"


def read_interview(
    folder: Path, facts: Mapping[str, Fact], sources: Mapping[str, Source], parameters: Mapping[str, Parameter]
) -> Interview:
    """interview.yaml and contradictions.yaml. Raises ConfigError."""
    path = folder / "interview.yaml"
    data = load_yaml(path)
    require_keys(path, data, ("confirm_below", "items", "openers", "situations", "scoring"))
    items = {}
    for name, entry in mapping(path, data, "items").items():
        require_keys(path, entry, ("text", "why"))
        if name in facts:
            raise ConfigError(path, line_of(data["items"], name), f"{name!r} is already a fact", "give it another name")
        items[str(name)] = Item(str(name), text(path, entry, "text"), text(path, entry, "why"))
    openers = {
        str(name): _opener(path, str(name), entry, facts) for name, entry in mapping(path, data, "openers").items()
    }
    situations = {}
    for name, entry in mapping(path, data, "situations").items():
        require_keys(path, entry, ("budget", "must", "order"), ("stop_below",))
        known = [*items, *openers, *facts, BY_SCORE]
        order = tuple(
            named(path, entry["order"], index, item, known, "item") for index, item in enumerate(entry["order"])
        )
        must = tuple(
            named(path, entry["must"], index, item, order, "item of the order")
            for index, item in enumerate(entry["must"])
        )
        budget = whole(path, entry, "budget") or 0
        if budget < len(must):
            raise ConfigError(
                path,
                line_of(entry, "budget"),
                f"a budget of {budget} cannot hold {len(must)} items that must be asked",
                "raise the budget or shorten must",
            )
        situations[str(name)] = Situation(
            str(name), budget, must, order, number(path, entry, "stop_below") if "stop_below" in entry else None
        )
    scoring = data["scoring"]
    require_keys(path, scoring, ("same_topic", "sensitive", "stop_below"))
    return Interview(
        number(path, data, "confirm_below"),
        frozen(items),
        frozen(openers),
        _contradictions(folder, facts, sources, parameters),
        frozen(situations),
        number(path, scoring, "same_topic"),
        number(path, scoring, "sensitive"),
        number(path, scoring, "stop_below"),
    )


def _opener(path: Path, name: str, data: Any, facts: Mapping[str, Fact]) -> Opener:
    require_keys(path, data, ("text", "why", "cost", "confidence", "titles", "none", "none_says"))
    titles = mapping(path, data, "titles")
    for fact in titles:
        named(path, titles, fact, fact, facts, "fact")
        if facts[fact].type != YES_NO:
            raise ConfigError(
                path, line_of(titles, fact), f"{fact} is {facts[fact].type}", "an opener asks yes_no facts only"
            )
    cost = whole(path, data, "cost") or 0
    if cost < 1:
        raise ConfigError(path, line_of(data, "cost"), "an opener costs at least one question", "write cost: 2")
    return Opener(
        name,
        text(path, data, "text"),
        text(path, data, "why"),
        frozen({str(fact): text(path, titles, fact) for fact in titles}),
        text(path, data, "none"),
        words(path, data, "none_says"),
        cost,
        number(path, data, "confidence"),
    )


def _contradictions(
    folder: Path, facts: Mapping[str, Fact], sources: Mapping[str, Source], parameters: Mapping[str, Parameter]
) -> tuple[Contradiction, ...]:
    path = folder / "contradictions.yaml"
    found = []
    parser = Parser(path, facts, sources, parameters, (), {})
    parser.cited_one_by_one = False
    for entry in load_yaml(path):
        require_keys(path, entry, ("id", "when", "ask", "text"))
        node = parser.node(entry["when"], "")
        looked_at = tuple(facts_of(node, {}))
        ask = named(path, entry, "ask", entry["ask"], looked_at, "fact of this contradiction")
        found.append(Contradiction(text(path, entry, "id"), node, looked_at, ask, text(path, entry, "text")))
    return tuple(found)
