"""What a decision leans on beside the ticket: limits, amounts, procedure and the dated figures in one hand. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from actions.screening.model import RuleSet
from actions.tickets.approval.amounts import Amounts, Suggestion, load_amounts, suggest
from actions.tickets.approval.limits import Limit, Limits, aid_limit_at, limit_at, load_limits
from actions.tickets.approval.rules import Procedure, load_procedure


@dataclass(frozen=True)
class Book:
    """Loaded once per process; the figures are looked up for the day that is asked about."""

    limits: Limits
    amounts: Amounts
    procedure: Procedure
    ruleset: RuleSet

    def limit(self, unit: str | None, type_: str, on: date) -> Limit:
        """What this unit may decide about this type of aid on this day."""
        return limit_at(self.limits, self.ruleset, unit=unit, type_=type_, on=on, region=self.ruleset.default_region)

    def aid_limit(self, unit: str | None, type_: str, on: date) -> Limit:
        """What this unit may give at once."""
        region = self.ruleset.default_region
        return aid_limit_at(self.limits, self.ruleset, unit=unit, type_=type_, on=on, region=region)

    def suggestion(self, type_: str, facts: Mapping[str, Any], on: date) -> Suggestion:
        """The calculation shown beside a case."""
        return suggest(self.amounts, self.ruleset, type_=type_, facts=facts, on=on, region=self.ruleset.default_region)

    def plain(self, source: str) -> str:
        """What a source says, in plain words."""
        return self.ruleset.sources[source].plain

    def cited(self, source: str | None) -> str | None:
        """Title and article of a source, as staff read it."""
        found = self.ruleset.sources.get(source or "")
        return None if found is None else f"{found.title} {found.article}"


def load_book(config: Path, ruleset: RuleSet, units: Collection[str], permissions: Collection[str]) -> Book:
    """Reads limits.yaml, amounts.yaml and approval.yaml of config/tickets. Raises ConfigError.

    `units`: the ids a row may name; `permissions`: what can be delegated.
    """
    folder = config / "tickets"
    return Book(
        load_limits(folder / "limits.yaml", ruleset, units, ruleset.programmes),
        load_amounts(folder / "amounts.yaml", ruleset, ruleset.programmes),
        load_procedure(folder / "approval.yaml", ruleset, permissions),
        ruleset,
    )
