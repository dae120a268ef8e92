"""Decision tables that clerks may edit: a line is a case, a cell may be blank, a verdict may be "a or b"."""
from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from actions.screening.evaluate import evaluate
from actions.screening.model import CHECK, LESS, LIKELY, SOME_OF, YES_NO, RuleSet

TABLES = sorted((Path(__file__).parent / "tables").glob("*.csv"))
NOT_FACTS = ("as_of", "verdict")


def rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(line, cells) of a table; lines that begin with # are for people."""
    numbered = [(number, line) for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
                if line.strip() and not line.startswith("#")]
    cells = csv.DictReader(line for _, line in numbered)
    return [(number, row) for (number, _), row in zip(numbered[1:], cells, strict=True)]


def value(rules: RuleSet, fact: str, cell: str) -> Any:
    kind = rules.facts[fact].type
    if kind == YES_NO:
        return {"true": True, "false": False}[cell]
    return [] if kind == SOME_OF and cell == "none" else cell.split("+") if kind == SOME_OF else cell


CASES = [pytest.param(path.stem, row, id=f"{path.name}:{number}") for path in TABLES for number, row in rows(path)]


@pytest.mark.parametrize(("programme", "row"), CASES)
def test_line(rules: RuleSet, programme: str, row: dict[str, str]) -> None:
    known = {name: value(rules, name, cell) for name, cell in row.items() if name not in NOT_FACTS and cell}
    accepted = set(row["verdict"].split(" or "))
    assert accepted <= {LIKELY, CHECK, LESS}, "verdict is likely, check, less or two of them joined by or"
    found = evaluate(rules, known, date.fromisoformat(row["as_of"]), "500000").verdict(programme).verdict
    assert found in accepted


def test_there_are_tables() -> None:
    assert len(TABLES) >= 2 and all(len(rows(path)) >= 5 for path in TABLES)
