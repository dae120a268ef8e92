"""Roles and what they permit, read from config/roles; and Viewer: a signed-in person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys

PERMISSIONS = {
    "see_conversations",
    "take_over",
    "see_tickets",
    "accept_ticket",
    "return_ticket",
    "assign_ticket",
    "dispatch_ticket",
    "transfer_ticket",
    "work_ticket",
    "review_ticket",
    "approve_ticket",
    "send_up_ticket",
    "rework_ticket",
    "give_aid",
    "pay_ticket",
    "follow_up_ticket",
    "urge_ticket",
    "ask_call",
    "supervise_ticket",
    "decide_extension",
    "withdraw_ticket",
    "supplement_ticket",
    "receive_supplement",
    "reopen_ticket",
    "add_note",
    "read_sealed",
    "decide_places",
    "hold_meeting",
    "declare_tie",
    "see_ties",
    "oversee_decisions",
    "manage_staff",
    "take_in",
    "switch_surge",
    "show_masked",
    "see_reporter",
    "see_minor",
    "join_contacts",
    "read_audit",
    "hand_over",
    "end_sharing",
    "see_subtickets",
    "answer_subticket",
}
SCOPES = {"unit", "all", "none", "own", "department"}
DEPARTMENT = "department"  # the scope of people of another department: no ticket, only what theirs was asked for
HEAD = "head"  # the role that answers for a unit
RESIDENT = "resident"  # the role, and the actor, of who asks for help


class Refused(Exception):
    """This person may not do this. Pages answer as if the thing did not exist."""


@dataclass(frozen=True)
class Role:
    """One role of config/roles: its title, which tickets it sees, what it may do."""

    id: str
    title: str
    scope: str
    may: frozenset[str]


@dataclass(frozen=True)
class Viewer:
    """A signed-in staff member; or a resident who has shown which tickets are theirs, with no staff id."""

    staff_id: int | None
    login: str
    name: str
    role: Role
    unit_id: str | None
    contact_id: int | None = None
    ticket_id: int | None = None
    department: str | None = None  # people of another department: which one
    lent: frozenset[str] = frozenset()  # permissions held in somebody else's place, for a time

    def may(self, permission: str) -> bool:
        """True if the role permits it, or somebody whose role does has lent it."""
        return permission in self.role.may or permission in self.lent

    def require(self, permission: str) -> None:
        """Raises Refused where the role does not permit it."""
        if not self.may(permission):
            raise Refused(f"{self.role.id} may not {permission}")

    @property
    def actor(self) -> str:
        """The name under which events and audit rows are written."""
        return RESIDENT if self.staff_id is None else f"staff:{self.staff_id}"


def load_roles(path: Path) -> Mapping[str, Role]:
    """Reads the roles. Raises ConfigError on an unknown permission or scope."""
    roles = {}
    for role_id, entry in load_yaml(path).items():
        require_keys(path, entry, ["title", "scope", "may"])
        if entry["scope"] not in SCOPES:
            raise ConfigError(
                path, line_of(entry, "scope"), f"unknown scope {entry['scope']!r}", nearest(entry["scope"], SCOPES)
            )
        for permission in entry["may"]:
            if permission not in PERMISSIONS:
                raise ConfigError(
                    path, line_of(entry, "may"), f"unknown permission {permission!r}", nearest(permission, PERMISSIONS)
                )
        roles[role_id] = Role(role_id, entry["title"], entry["scope"], frozenset(entry["may"]))
    return roles
