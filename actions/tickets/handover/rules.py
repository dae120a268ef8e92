"""What a resident reads of what was asked of others, and who answers for a child's consent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from actions.tickets.departments import Departments

OPEN_STATES = ("sent", "accepted")
ANSWERED = "answered"
DEPARTMENT, TOWNSHIP, NOBODY = "department", "township", "nobody"  # who owes the next step
GIVEN = "given"
SELF, GUARDIAN = "self", "guardian"
CHILD = 14  # years; 个人信息保护法 31


@dataclass(frozen=True)
class Line:
    """One department as the resident reads it: who, what it was asked, how it stands or what it said."""

    name: str
    asked: str
    says: str


def said_of(departments: Departments, row: Any) -> str:
    """How a sub-ticket stands, in words of config; never what staff wrote. What has gone from config is not made up."""
    if row.state == ANSWERED:
        outcome = departments.outcomes.get(row.outcome)
        return outcome.says if outcome is not None else departments.ends["accepted"]
    return departments.ends[row.state]


def line_of(departments: Departments, row: Any) -> Line:
    """One sub-ticket for the progress page."""
    one = departments.by_id.get(row.department)
    wish = one.requests.get(row.request) if one is not None else None
    return Line(one.name if one is not None else row.department, wish.says if wish is not None else "",
                said_of(departments, row))


def names_of(departments: Departments, rows: Iterable[Any]) -> list[str]:
    """Each department once, as residents read it, in the order they were asked."""
    lines = [line_of(departments, row).name for row in rows]
    return list(dict.fromkeys(lines))


def needs_guardian(minor: bool, facts: Mapping[str, Any]) -> bool:
    """Whether a guardian has to agree: for a child under 14, and for a minor whose age nobody knows."""
    age = (facts.get("age") or {}).get("value")
    known = isinstance(age, int) and not isinstance(age, bool)
    return minor and not (known and age >= CHILD) or known and age < CHILD
