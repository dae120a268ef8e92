"""Measures the resolver against the development sentences, when they are there; they are no part of the project."""
from __future__ import annotations

import csv
import os
import time
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest

from actions.places.gazetteer import load_gazetteer
from actions.places.resolver import resolve
from bot.bench.places import judge, said_of

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(os.environ.get("YOUMEN_SHARED", ROOT.parent / "shared")) / "data" / "places_dev.csv"
PLACE_ONLY = ("F5", "F6")


@pytest.mark.measure
@pytest.mark.skipif(not TABLE.exists(), reason=f"NOT MEASURED: {TABLE} is absent (set YOUMEN_SHARED)")
def test_development_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    gazetteer, day = load_gazetteer(), date(2026, 11, 21)
    table: dict[str, Counter[str]] = defaultdict(Counter)
    times = []
    with TABLE.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            start = time.perf_counter()
            route = resolve(row["text"], gazetteer, day)
            times.append(time.perf_counter() - start)
            table[row["variant"]][judge(said_of(route), row["gold"], frozenset({"两江新区"}))] += 1
    times.sort()
    with capsys.disabled():
        print()
        for variant in sorted(table):
            print(f"  {variant:22}", dict(table[variant]))
        print(f"  median {times[len(times) // 2] * 1e6:.0f} µs, p95 {times[int(len(times) * 0.95)] * 1e6:.0f} µs")
    total = sum(table.values(), Counter())
    rows = sum(total.values())
    assert total["wrong"] <= 0.003 * rows
    assert total["wrong confirm"] <= 0.015 * rows
    named = sum((c for v, c in table.items() if v[0] in "FV" and not v.startswith(PLACE_ONLY)), Counter())
    assert named["right"] + named["confirm"] >= 0.97 * sum(named.values())
    plain = sum((c for v, c in table.items()
                 if v[0] in "FV" and not v.startswith((*PLACE_ONLY, "F9"))), Counter())
    assert plain["right"] >= 0.95 * sum(plain.values())
    only = sum((c for v, c in table.items() if v.startswith(PLACE_ONLY)), Counter())
    assert only["right"] + only["confirm"] + only["choice"] >= 0.32 * sum(only.values())
