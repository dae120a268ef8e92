"""What a measurement says: one JSON object, a table for people, and a section of docs/performance.md."""
from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.bench.figures import ratio, rounded
from bot.bench.machine import commit, describe

TITLES = {
    "turns": "Turns: the whole hotline beside stock Rasa",
    "startup": "From nothing to the first answer",
    "nlu": "Understanding",
    "screening": "Screening: every programme judged, the next question, the interview",
    "places": "The responsible township",
    "tickets": "Tickets: opening, accepting, and the list of 100,000",
    "due": "Deadlines in working days",
}
# figure → what people read
NAMES = {
    "turns_per_s_1": "turns a second, 1 conversation",
    "turns_per_s_50": "turns a second, 50 conversations",
    "p50_ms_1": "a turn, median, 1 conversation (ms)",
    "p95_ms_1": "a turn, 95 %, 1 conversation (ms)",
    "p50_ms_50": "a turn, median, 50 conversations (ms)",
    "p95_ms_50": "a turn, 95 %, 50 conversations (ms)",
    "cpu_ms_per_turn_1": "processor time a turn, 1 conversation (ms)",
    "cpu_ms_per_turn_50": "processor time a turn, 50 conversations (ms)",
    "driver_cpu_ms_per_turn_1": "the measuring program itself, a turn, 1 conversation (ms, not counted)",
    "driver_cpu_ms_per_turn_50": "the measuring program itself, a turn, 50 conversations (ms, not counted)",
    "memory_mb": "memory of all processes (MB, PSS)",
    "idle_cpu_ms_per_s": "processor time a second, idle (ms)",
    "engine_parent_mb": "engine: parent (MB, PSS)",
    "engine_worker_mb": "engine: largest worker (MB, PSS)",
    "workers": "workers",
    "conversations": "conversations, warm-up included",
    "fsync": "fsync",
    "epochs": "epochs of DIET",
    "web_s": "pages answer (s)",
    "accepted_s": "first message accepted (s)",
    "ready_s": "ready to answer (s)",
    "answered_s": "first answer of the bot (s)",
    "again_web_s": "second start: pages answer (s)",
    "again_accepted_s": "second start: first message accepted (s)",
    "again_ready_s": "second start: ready to answer (s)",
    "again_answered_s": "second start: first answer of the bot (s)",
    "stop_s": "stopping (s)",
    "lenient": "right, lenient",
    "strict": "right, strict",
    "lenient_in_scope": "right, messages that accept no out_of_scope",
    "macro_f1": "macro-F1, labels with 5 or more, lenient",
    "macro_f1_strict": "macro-F1, labels with 5 or more, strict",
    "danger_found": "life danger found",
    "danger_all": "life danger in the data",
    "false_alarms": "false alarms",
    "not_urgent": "messages without urgency",
    "ece": "calibration error on held-back data",
    "ece_dev": "calibration error on dev",
    "held_right": "right on held-back data",
    "fact_f1": "facts, F1 on our own labelled messages",
    "fact_precision": "facts, precision",
    "fact_recall": "facts, recall",
    "role_f1": "places with their role, F1 on our own labelled messages",
    "role_precision": "places with their role, precision",
    "role_recall": "places with their role, recall",
    "parse_p50_ms": "reading a message, median (ms)",
    "parse_p95_ms": "reading a message, 95 % (ms)",
    "parse_all_s": "reading all messages (s)",
    "parse_cpu_ms": "reading a message, processor time on average (ms)",
    "held_back": "held-back utterances",
    "programmes": "programmes",
    "judge_us": "judging every programme, median (µs)",
    "judge_p95_us": "judging every programme, 95 % (µs)",
    "next_ms": "the next question, median (ms)",
    "next_p95_ms": "the next question, 95 % (ms)",
    "questions_mean": "questions a case, mean",
    "questions_p90": "questions a case, 90 %",
    "questions_all": "questions a case when everything is asked",
    "questions_share": "questions, share of asking everything",
    "likely_named": "fitting programmes the interview names",
    "proof_s": "exhaustive proof of all rules (s)",
    "proofs": "rules and pairs proved",
    "situations": "situations looked at",
    "open_ms": "opening a ticket, median (ms)",
    "open_p95_ms": "opening a ticket, 95 % (ms)",
    "accept_ms": "accepting a ticket, median (ms)",
    "accept_p95_ms": "accepting a ticket, 95 % (ms)",
    "agrees": "cases judged as we do",
    "named_right": "place named: unit right (routed or read back)",
    "named_routed": "place named without typo: routed alone",
    "only_right": "place only: right, read back or among the buttons",
    "outside_right": "out of area: right district",
    "outside_into_area": "out of area: routed into the area",
    "nothing_right": "no place said: nothing named",
    "all_right": "all: right",
    "all_confirm": "all: right after reading back",
    "all_wrong": "all: wrong unit or district",
    "all_wrong_route": "all: wrong unit routed",
    "all_wrong_confirm": "all: wrong unit offered",
    "all_ask": "all: asked or not named",
    "us_p50": "a message, median (µs)",
    "us_p95": "a message, 95 % (µs)",
    "index_mb": "tables and country loaded (MB, PSS difference)",
    "load_s": "loading them (s)",
    "long_ms": "10,000 characters, the slowest of six texts (ms)",
    "right_5": "5 working days: right",
    "right_10": "10 working days: right",
    "right_20": "20 working days: right",
    "right_25": "25 working days: right",
    "provisional_marked": "later than the last notice: marked provisional",
    "deadline_us_p50": "a deadline with its explanation, median (µs)",
    "deadline_us_p95": "a deadline with its explanation, 95 % (µs)",
    "ends_known": "deadlines within the notices",
    "ends_later": "deadlines later than the last notice",
    "train_s": "training from nothing (s)",
    "train_cpu_s": "training, processor time (s)",
    "train_again_s": "training again, nothing changed (s)",
    "model_mb": "model on disk (MB)",
    "parent_and_worker_mb": "engine parent and one worker (MB, PSS)",
}
HEAD = """# Performance

Figures of this hotline and of stock Rasa, measured in one run on one machine. This page is written by
`youmen bench NAME --write`; do not edit it by hand. A ratio is ours divided by the rival's.
"""


@dataclass(frozen=True)
class Target:
    """A bound that a figure must keep: `reach` as people say it, `met` whether it does, `value` the figure."""

    name: str
    value: float | None
    reach: str
    met: bool


def target(name: str, value: float | None, sign: str, bound: float) -> Target:
    """A figure held against `<=` or `>=` its bound; a figure that is missing does not keep it."""
    if sign not in ("<=", ">="):
        raise ValueError(f"{sign} is neither <= nor >=")
    met = value is not None and (value <= bound if sign == "<=" else value >= bound)
    return Target(name, value, f"{'≤' if sign == '<=' else '≥'} {bound:g}", met)


@dataclass
class Report:
    """The result of one measurement (DESIGN 5)."""

    bench: str
    date: str
    commit: str | None
    machine: str
    n: int
    load: float
    ours: dict[str, Any] = field(default_factory=dict)
    rivals: dict[str, dict[str, Any]] = field(default_factory=dict)
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, bench: str, n: int) -> Report:
        """A report of what begins now; `load` is how much else the machine had to do in the last minute."""
        now = datetime.now().astimezone().replace(microsecond=0)
        return cls(bench, now.isoformat(), commit(), describe(), n, os.getloadavg()[0])

    def compare(self, rival: str, names: Iterable[str]) -> None:
        """Fills the ratios to a rival for the figures both have."""
        found = {name: ratio(self.ours.get(name), self.rivals[rival].get(name)) for name in names}
        self.ratios[rival] = {name: value for name, value in found.items() if value is not None}

    def record(self) -> dict[str, Any]:
        """The JSON object of DESIGN 5, figures with four significant digits."""
        return {
            "bench": self.bench, "date": self.date, "commit": self.commit, "machine": self.machine, "n": self.n,
            "ours": rounded(self.ours), "rivals": rounded(self.rivals), "ratios": rounded(self.ratios, 3),
            "targets": [{"name": one.name, "value": rounded(one.value), "reach": one.reach, "met": one.met}
                        for one in self.targets],
            "load_before": rounded(self.load, 3), "notes": self.notes,
        }

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """(heads, rows) of the table: every figure, ours, each rival's, each ratio."""
        heads = ["", "ours"]
        for name in self.rivals:
            heads += [name, f"ours / {name}"]
        figures = [*self.ours, *(name for rival in self.rivals.values() for name in rival if name not in self.ours)]
        rows = []
        for figure in dict.fromkeys(figures):
            row = [name_of(figure), shown(self.ours.get(figure))]
            for name, theirs in self.rivals.items():
                row += [shown(theirs.get(figure)), shown(self.ratios.get(name, {}).get(figure), 3)]
            rows.append(row)
        return heads, rows


def name_of(figure: str) -> str:
    """What people read for a figure."""
    if figure.startswith("list_"):
        who, _, what = figure.removeprefix("list_").removesuffix("_p95_ms").partition("_")
        return f"list of the {who}, {what.replace('_', ' ')}, with counts, 95 % (ms)"
    part = figure.removeprefix("cpu_ms_per_turn_of_")
    return NAMES.get(figure, figure) if part == figure else f"processor time a turn: {part} (ms)"


def shown(value: Any, digits: int = 4) -> str:
    """A figure as people read it."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    whole = float(f"{value:.{digits}g}")
    return f"{whole:.0f}" if abs(whole) >= 1000 else f"{whole:g}"


def print_table(report: Report, console: Console) -> None:
    """The table, the targets and the notes, for people."""
    heads, rows = report.rows()
    table = Table(title=f"{TITLES.get(report.bench, report.bench)} (n = {report.n})", title_justify="left")
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for one in report.targets:
        console.print(f"{'[green]met' if one.met else '[red]not met'}[/] {one.name}: "
                      f"{shown(one.value) or '–'} (reach {one.reach})", highlight=False)
    console.print(f"{report.machine}; load before {shown(report.load, 3)}; commit {report.commit or '–'}",
                  highlight=False)


def section(report: Report, command: str) -> str:
    """The report as a section of the page."""
    heads, rows = report.rows()
    lines = [f"## {TITLES.get(report.bench, report.bench)}", "",
             f"{report.date}, commit `{report.commit or 'none'}`, {report.machine}. Load of the machine in the minute "
             f"before: {shown(report.load, 3)}. n = {report.n}.", "",
             "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    if report.targets:
        lines += ["", "| target | reach | measured | |", "|---|---|---|---|"]
        lines += [f"| {one.name} | {one.reach} | {shown(one.value)} | {'met' if one.met else '**not met**'} |"
                  for one in report.targets]
    lines += ["", *(f"- {note}" for note in report.notes), "", f"Repeat: `{command}`", ""]
    return "\n".join(lines)


def put_section(page: str, bench: str, text: str) -> str:
    """The page with this measurement's section put in, or in the place of its earlier one; others stay."""
    begin, end = f"<!-- bench {bench} -->", f"<!-- end {bench} -->"
    block = f"{begin}\n{text.strip()}\n{end}"
    earlier = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if earlier.search(page):
        return earlier.sub(lambda _: block, page, count=1)
    return (page or HEAD).rstrip() + f"\n\n{block}\n"


def write_page(path: Path, report: Report, command: str) -> None:
    """Writes the section into the page; the page is made if there is none."""
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(put_section(page, report.bench, section(report, command)), encoding="utf-8")
