"""What each intent is about and where its interview leads, read from config/policy/topics.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.screening.model import RuleSet

AIMS = {"ticket", "advice"}
TICKET, ADVICE = "ticket", "advice"


@dataclass(frozen=True)
class Topic:
    """`aim` is ticket or advice; `programmes` are ids of config/screening/programmes."""

    intent: str
    aim: str
    programmes: tuple[str, ...]
    says: str | None


Topics = Mapping[str, Topic]


def load_topics(path: Path, ruleset: RuleSet) -> Topics:
    """Reads the table. Raises ConfigError for an unknown aim, key or programme."""
    topics: dict[str, Topic] = {}
    for intent, entry in load_yaml(path).items():
        require_keys(path, entry, ["aim", "programmes"], ["says"])
        if entry["aim"] not in AIMS:
            raise ConfigError(
                path, line_of(entry, "aim"), f"unknown aim {entry['aim']!r}", nearest(str(entry["aim"]), AIMS)
            )
        for place, name in enumerate(entry["programmes"]):
            if name not in ruleset.programmes:
                raise ConfigError(
                    path,
                    line_of(entry["programmes"], place),
                    f"unknown programme {name!r}",
                    nearest(str(name), ruleset.programmes),
                )
        topics[intent] = Topic(intent, entry["aim"], tuple(entry["programmes"]), entry.get("says"))
    return topics
