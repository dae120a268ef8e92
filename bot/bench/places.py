"""bench places: the township of real and written sentences, by us and by four rivals, in one run."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from actions.due.clock import SHANGHAI
from actions.places.gazetteer import Gazetteer, load_gazetteer
from actions.places.resolver import Route, resolve
from bot.bench.figures import quantile
from bot.bench.report import Report, target
from bot.processes.parts import NotReady
from bot.settings import PROJECT, Settings

OWN = PROJECT / "tests" / "bench" / "places.csv"
RIVALS = ("cpca", "addressparser", "jionlp")
DICTIONARY = "longest_match"
ASK, OUT, STAR = "ASK", "OUT:", "*"
PLACE_ONLY, TYPO = ("F5", "F6"), "F9"
LONG, LONG_SEED = 10_000, 20261121
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Item:
    """A sentence with its right unit, `OUT:district`, or ASK where no place was said."""

    text: str
    variant: str
    gold: str


@dataclass(frozen=True)
class Said:
    """What a system made of a sentence: a decision as in `youmen route`."""

    decision: str
    unit_name: str | None = None
    district: str | None = None
    candidates: tuple[str, ...] = ()


def said_of(route: Route) -> Said:
    """A route as the measurement sees it."""
    names = tuple(candidate.unit_name for candidate in route.candidates)
    return Said(route.decision, route.unit_name, route.district, names)


def items(path: Path) -> list[Item]:
    """The sentences of a table with the columns variant, text, gold."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [Item(row["text"], row["variant"], row["gold"]) for row in csv.DictReader(stream)]


def measuring_data() -> Path:
    """The sentences outside the repository where they are, else our own."""
    shared = Path(os.environ.get("YOUMEN_SHARED") or "/nonexistent") / "data" / "places_dev.csv"
    return shared if shared.exists() else OWN


def judge(said: Said, gold: str, successors: frozenset[str]) -> str:
    """right, confirm, choice, ask, unnamed, other district, wrong confirm or wrong.

    `successors`: what the old districts of the area are called since; a gold district with a star is also right so.
    """
    named = said.decision in ("route", "confirm")
    if gold == ASK:
        return "wrong" if named or said.decision == "out_of_area" else "right"
    if gold.startswith(OUT):
        right = {gold[len(OUT) :].rstrip(STAR)} | (successors if gold.endswith(STAR) else frozenset())
        if said.decision == "out_of_area":
            return "right" if said.district in right else "unnamed" if said.district is None else "other district"
        return "wrong" if named else "ask"
    if named:
        if said.unit_name != gold:
            return "wrong" if said.decision == "route" else "wrong confirm"
        return "right" if said.decision == "route" else "confirm"
    if said.decision == "out_of_area":
        return "wrong"
    return "choice" if gold in said.candidates else "ask"


def scores(sentences: Sequence[Item], said: Sequence[Said], successors: frozenset[str]) -> dict[str, Any]:
    """Shares of the verdicts, over all sentences and over those the targets speak of."""
    verdicts = [(item, judge(one, item.gold, successors)) for item, one in zip(sentences, said, strict=True)]
    inside = [(i, v) for i, v in verdicts if i.gold != ASK and not i.gold.startswith(OUT)]
    only = [v for i, v in inside if i.variant.startswith(PLACE_ONLY)]
    named = [(i, v) for i, v in inside if not i.variant.startswith(PLACE_ONLY)]
    plain = [v for i, v in named if not i.variant.startswith(TYPO)]
    outside = [v for i, v in verdicts if i.gold.startswith(OUT)]
    nothing = [v for i, v in verdicts if i.gold == ASK]
    return {
        "named_right": _share((v for _, v in named), "right", "confirm"),
        "named_routed": _share(plain, "right"),
        "only_right": _share(only, "right", "confirm", "choice"),
        "outside_right": _share(outside, "right"),
        "outside_into_area": _share(outside, "wrong"),
        "nothing_right": _share(nothing, "right"),
        "all_right": _share((v for _, v in verdicts), "right"),
        "all_confirm": _share((v for _, v in verdicts), "confirm"),
        "all_wrong": _share((v for _, v in verdicts), "wrong", "other district"),
        "all_wrong_route": _share((v for _, v in verdicts), "wrong"),
        "all_wrong_confirm": _share((v for _, v in verdicts), "wrong confirm"),
        "all_ask": _share((v for _, v in verdicts), "ask", "choice", "unnamed"),
    }


def _share(verdicts: Iterable[str], *wanted: str) -> float | None:
    counted = Counter(verdicts)
    total = sum(counted.values())
    return sum(counted[one] for one in wanted) / total if total else None


def _ours(sentences: Sequence[Item], gazetteer: Gazetteer, day: date) -> tuple[list[Said], list[float]]:
    said, times = [], []
    for item in sentences[:50]:
        resolve(item.text, gazetteer, day)
    for item in sentences:
        begin = time.thread_time()
        route = resolve(item.text, gazetteer, day)
        times.append((time.thread_time() - begin) * 1e6)
        said.append(said_of(route))
    return said, times


def _dictionary(sentences: Sequence[Item], gazetteer: Gazetteer) -> tuple[list[Said], list[float]]:
    """The longest name of ours in the text, wherever it stands and whatever is said around it."""
    names = {
        name: gazetteer.units[sense.units[0]].name
        for name, word in gazetteer.words.items() for sense in word.senses[:1]
        if sense.units and sense.units[0] in gazetteer.served
    }
    longest = max(map(len, names))
    said, times = [], []
    for item in sentences:
        begin = time.thread_time()
        found = ""
        for start in range(len(item.text)):
            for size in range(min(longest, len(item.text) - start), len(found), -1):
                if item.text[start : start + size] in names:
                    found = item.text[start : start + size]
                    break
        times.append((time.thread_time() - begin) * 1e6)
        said.append(Said("route", names[found]) if found else Said("none"))
    return said, times


def _rival(name: str, sentences: Sequence[Item], gazetteer: Gazetteer) -> tuple[list[Said], list[float]]:
    python = PROJECT / "build" / "rivals" / "bin" / "python"
    if not python.exists():
        raise NotReady("the rivals are not here: run scripts/rivals (some 200 MB), or measure with --without-stock")
    units = {
        gazetteer.units[unit].name: sorted({gazetteer.districts[t.district].name for t in gazetteer.units[unit].terms})
        for unit in sorted(gazetteer.served)
    }
    ours = {district for districts in units.values() for district in districts}
    task = json.dumps({"units": units, "texts": [item.text for item in sentences]})
    script = PROJECT / "bot" / "bench" / "place_rivals.py"
    command = [str(python), "-I", str(script), name]
    done = subprocess.run(command, input=task, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0 or len(lines) != len(sentences):
        raise NotReady(f"{name} did not run ({(done.stderr.strip().splitlines() or ['no message'])[-1]}): "
                       "remove build/rivals and run scripts/rivals again")
    said = [
        Said("route", line["unit"]) if line["unit"]
        else Said("out_of_area", district=line["district"]) if line["district"] and line["district"] not in ours
        else Said("ask")
        for line in lines
    ]
    return said, [line["us"] for line in lines]


INDEX = """
import gc, json, sys, time
from pathlib import Path
from actions.places import gazetteer, resolver
def pss():
    gc.collect()
    return sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Pss:")) / 1024
before, begin = pss(), time.process_time()
loaded = gazetteer.load_gazetteer(Path(sys.argv[1]))
print(json.dumps({"load_s": time.process_time() - begin, "index_mb": pss() - before}))
"""


def index_cost(folder: Path) -> dict[str, float]:
    """Seconds and memory (PSS difference, MB) of loading everything the resolver knows, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", INDEX, str(folder)], capture_output=True, text=True, check=True,
                          cwd=PROJECT)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def long_texts(gazetteer: Gazetteer, sentences: Sequence[Item]) -> list[str]:
    """Texts of 10,000 characters: nothing but names of ours, names of everywhere, ordinary messages, one character."""
    draw = random.Random(LONG_SEED)
    names = sorted(name for name, word in gazetteer.words.items() if word.senses)
    towns = sorted(gazetteer.country.names)
    mixed = [item.text for item in sentences]

    def of(words: Sequence[str], between: str) -> str:
        return between.join(draw.choice(words) for _ in range(LONG))[:LONG]

    return [of(names, ""), of(names, ","), of(towns, ""), of(towns, ","), of(mixed, "\n"), names[0][0] * LONG]


def _longest_ms(texts: Sequence[str], gazetteer: Gazetteer, day: date) -> float:
    """The slowest of the texts, each by the best of three; processor time."""
    def once(text: str) -> float:
        begin = time.thread_time()
        resolve(text, gazetteer, day)
        return (time.thread_time() - begin) * 1e3

    return max(min(once(text) for _ in range(3)) for text in texts)


def bench_places(settings: Settings, with_rivals: bool, tell: Tell) -> Report:
    """The whole measurement. Raises NotReady when the rivals are not installed."""
    path, folder = measuring_data(), settings.config / "places"
    sentences, day = items(path), datetime.now(SHANGHAI).date()
    gazetteer = load_gazetteer(folder)
    report = Report.begin("places", len(sentences))
    now = {gazetteer.district_name(unit, day) for unit in gazetteer.served}
    successors = frozenset(name for name in now if name)
    cost = index_cost(folder)
    tell("our own resolver")
    said, times = _ours(sentences, gazetteer, day)
    report.ours = {**scores(sentences, said, successors), "us_p50": quantile(times, 0.5),
                   "us_p95": quantile(times, 0.95), **cost,
                   "long_ms": _longest_ms(long_texts(gazetteer, sentences), gazetteer, day)}
    if with_rivals:
        for name in (*RIVALS, DICTIONARY):
            tell(name)
            run = _dictionary(sentences, gazetteer) if name == DICTIONARY else _rival(name, sentences, gazetteer)
            report.rivals[name] = {**scores(sentences, run[0], successors), "us_p50": quantile(run[1], 0.5),
                                   "us_p95": quantile(run[1], 0.95)}
            report.compare(name, ("us_p50", "us_p95"))
    report.targets = _targets(report)
    report.notes = [
        "Times are processor time of one thread, for us and for the rivals: the machine may have other work.",
        f"Sentences: {'the measuring data (YOUMEN_SHARED)' if path != OWN else 'our own, tests/bench/places.csv'}.",
        "Rivals that stop at the county get the least a user would write: the full name of a township of that county "
        "in the rest of the text. They cannot ask; no answer counts as asking.",
    ]
    return report


def _targets(report: Report) -> list[Any]:
    ours, cpca = report.ours, report.ratios.get("cpca", {})
    found = [
        target("place named: unit right", ours["named_right"], ">=", 0.97),
        target("without typo: routed alone", ours["named_routed"], ">=", 0.95),
        target("place only: right or among the buttons", ours["only_right"], ">=", 0.32),
        target("wrong route", ours["all_wrong_route"], "<=", 0.003),
        target("wrong unit offered", ours["all_wrong_confirm"], "<=", 0.015),
        target("out of area: right district", ours["outside_right"], ">=", 0.95),
        target("out of area: routed into it", ours["outside_into_area"], "<=", 0.005),
        target("no place said: none or ask", ours["nothing_right"], ">=", 1),
        target("10,000 characters (ms)", ours["long_ms"], "<=", 10),
        target("index (MB, PSS)", ours["index_mb"], "<=", 40),
        target("load (s)", ours["load_s"], "<=", 0.5),
    ]
    if "cpca" in report.rivals:
        found.append(target("median time, share of cpca's", cpca.get("us_p50"), "<=", 0.2))
    return found
