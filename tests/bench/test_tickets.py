"""bench tickets, small: every figure is there, and the pages of the list use the indexes named after them."""
from __future__ import annotations

import pytest

from bot.bench import tickets
from bot.settings import load_settings


@pytest.mark.slow
def test_the_figures_and_the_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, small in (("TICKETS", 20_000), ("OPENED", 3), ("WARM_UP", 1), ("ROUNDS", 1)):
        monkeypatch.setattr(tickets, name, small)
    report = tickets.bench_tickets(load_settings({}), lambda _: None)
    assert report.ours["fsync"] == "on" and len(report.targets) == 2
    assert len([name for name in report.ours if name.startswith("list_")]) == 16
    assert all(isinstance(value, float) and value > 0 for name, value in report.ours.items() if name != "fsync")
    plans = dict(part.split(": ") for part in report.notes[-1].split("plans them: ")[1].rstrip(".").split("; "))
    assert "ix_ticket_unit_open_list" in plans["officer, waiting"] and "ix_ticket_open_list" in plans["district, waiting"]
    assert "ix_ticket_taken_count" in plans["officer, mine"] and "ix_ticket_taken_count" in plans["district, mine"]
    assert not [page for page, indexes in plans.items() if "all of ticket" in indexes]
