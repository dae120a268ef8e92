"""What stands in the audit log, in words: config/privacy/audit.yaml, checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from actions.language.files import ConfigError, line_of, load_yaml, require_keys
from actions.privacy.rules import ANCHORS, CHANGED, CUT, GAP, HEAD, NOTED

ACTORS = ("system", "resident", "api", "login")
COLUMNS = 10
OF_TICKET = "ticket_"


@dataclass(frozen=True)
class AuditWords:
    """`groups`: title → action → title. `tickets`: the group of what commands do. `broken`: finding → sentence."""

    groups: Mapping[str, Mapping[str, str]]
    tickets: str
    actors: Mapping[str, str]
    objects: Mapping[str, str]
    broken: Mapping[str, str]
    columns: tuple[str, ...]

    def object(self, name: str) -> str:
        """What a deed was done to, in words and with its number, such as 委托 3."""
        kind, _, number = name.partition(":")
        return f"{self.objects[kind]} {number}".strip() if kind in self.objects else name

    def title(self, action: str, events: Mapping[str, str]) -> str:
        """The action in words; `events` are the titles of a ticket's history. Unknown ones as they are."""
        known = next((actions[action] for actions in self.groups.values() if action in actions), None)
        return known or events.get(action[len(OF_TICKET):] if action.startswith(OF_TICKET) else "", action)


def load_audit_words(path: Path) -> AuditWords:
    """Reads audit.yaml. Raises ConfigError."""
    data = load_yaml(path)
    require_keys(path, data, ["groups", "tickets", "actors", "objects", "broken", "columns"])
    require_keys(path, data["actors"], list(ACTORS))
    require_keys(path, data["broken"], [GAP, CHANGED, HEAD, CUT, NOTED, ANCHORS])
    if len(data["columns"]) != COLUMNS:
        raise ConfigError(path, line_of(data, "columns"), f"{len(data['columns'])} columns", f"name all {COLUMNS}")
    groups: dict[str, dict[str, str]] = {}
    for entry in data["groups"]:
        require_keys(path, entry, ["title", "actions"])
        for action in entry["actions"]:
            if any(action in actions for actions in groups.values()):
                raise ConfigError(path, line_of(entry["actions"], action), f"{action} stands in two groups",
                                  "keep one of them")
        groups[str(entry["title"])] = {str(name): str(title) for name, title in entry["actions"].items()}
    return AuditWords(
        groups, str(data["tickets"]), {str(k): str(v) for k, v in data["actors"].items()},
        {str(k): str(v) for k, v in data["objects"].items()},
        {str(k): str(v) for k, v in data["broken"].items()}, tuple(map(str, data["columns"])))
