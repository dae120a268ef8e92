"""bench turns: the fire story, six turns, to the whole hotline and to stock Rasa; speed, latency, processor, memory."""
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
import sqlalchemy as sa

from bot.bench import rival
from bot.bench.drive import drive, story
from bot.bench.figures import best, quantile
from bot.bench.hotline import running_hotline
from bot.bench.machine import cpu_by_name, cpu_seconds, memory_mb, pss_of
from bot.bench.report import Report
from bot.processes.parts import NotReady
from bot.processes.private import temporary_home
from bot.settings import Settings

SETTLE_SECONDS = 1.0
IDLE_SECONDS = 5.0
WARM_UP = 3
# figure → whether a smaller one is better
FIGURES = {
    "turns_per_s_1": False, "p50_ms_1": True, "p95_ms_1": True, "cpu_ms_per_turn_1": True,
    "turns_per_s_50": False, "p50_ms_50": True, "p95_ms_50": True, "cpu_ms_per_turn_50": True,
    "memory_mb": True, "idle_cpu_ms_per_s": True,
}
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much is measured: conversations one after another, conversations at once, repetitions."""

    alone: int = 20
    at_once: int = 50
    repeat: int = 3


def _repetition(side: str, address: str, roots: list[int], plan: Plan) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, conversations, at_once in (("1", plan.alone, 1), ("50", plan.at_once, plan.at_once)):
        own, before = _own_cpu(), cpu_seconds(roots)
        driven = drive(side, address, conversations, at_once)
        time.sleep(SETTLE_SECONDS)  # what is done after the answer belongs to the turn
        turns, spent = len(driven.turns), cpu_seconds(roots) - before
        figures |= {
            f"turns_per_s_{name}": turns / driven.seconds,
            f"p50_ms_{name}": quantile(driven.turns, 0.5) * 1000, f"p95_ms_{name}": quantile(driven.turns, 0.95) * 1000,
            f"cpu_ms_per_turn_{name}": spent / turns * 1000,
            f"driver_cpu_ms_per_turn_{name}": (_own_cpu() - own) / turns * 1000,
        }
    return figures


def _own_cpu() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def _measure(side: str, address: str, roots: list[int], plan: Plan, tell: Tell) -> dict[str, Any]:
    drive(side, address, WARM_UP, 1)
    drive(side, address, plan.at_once, plan.at_once)
    rows, parts = [], cpu_by_name(roots)
    for number in range(plan.repeat):
        tell(f"{side}: repetition {number + 1} of {plan.repeat}")
        rows.append(_repetition(side, address, roots, plan))
    turns = turns_of(plan)
    shares = {f"cpu_ms_per_turn_of_{name}": (spent - parts.get(name, 0.0)) / turns * 1000
              for name, spent in cpu_by_name(roots).items()}
    memory = memory_mb(roots)
    before = cpu_seconds(roots)
    time.sleep(IDLE_SECONDS)
    idle = (cpu_seconds(roots) - before) / IDLE_SECONDS * 1000
    figures = {name: best([row[name] for row in rows], FIGURES.get(name, True)) for name in rows[0]}
    return {**figures, **shares, "memory_mb": memory, "idle_cpu_ms_per_s": idle,
            "conversations": conversations_of(plan)}


def conversations_of(plan: Plan) -> int:
    """How many conversations one side holds, warm-up included."""
    return WARM_UP + plan.at_once + plan.repeat * (plan.alone + plan.at_once)


def turns_of(plan: Plan) -> int:
    """How many turns of one side are measured."""
    return plan.repeat * len(story()) * (plan.alone + plan.at_once)


def _check(url: str, table: str, expected: int, where: str) -> str:
    """Every conversation must have ended with its ticket; fsync must be on. Returns the fsync setting."""
    engine = sa.create_engine(url, future=True)
    with engine.connect() as connection:
        tickets = connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
        fsync = str(connection.execute(sa.text("SHOW fsync")).scalar_one())
    engine.dispose()
    if tickets != expected:
        raise NotReady(f"{where}: {expected} conversations ended with {tickets} tickets, so the work was not the same")
    return fsync


def measure_ours(settings: Settings, plan: Plan, tell: Tell) -> dict[str, Any]:
    """The figures of this hotline with its processes, servers included. Raises NotReady."""
    with temporary_home() as home, running_hotline(settings, home) as hotline:
        tell("ours: starting")
        hotline.wait_web()
        hotline.wait_engine()
        figures = _measure("ours", hotline.address, hotline.roots, plan, tell)
        parent, workers = hotline.engine_processes()
        shares = [pss_of(worker) / 1e6 for worker in workers]
        figures["engine_parent_mb"], figures["engine_worker_mb"] = pss_of(parent) / 1e6, max(shares)
        figures["workers"] = len(workers)
        figures["fsync"] = _check(hotline.state()["database_url"], "ticket", figures["conversations"], "ours")
    return figures


def measure_stock(settings: Settings, stock: rival.Stock, plan: Plan, tell: Tell) -> dict[str, Any]:
    """The figures of stock Rasa with its action server and PostgreSQL. Raises NotReady."""
    tell("stock: starting")
    with rival.running_stock(settings, stock) as running:
        figures = _measure("stock", running.address, running.roots, plan, tell)
        figures["fsync"] = _check(running.database_url, "stock_ticket", figures["conversations"], "stock Rasa")
    return {**figures, "epochs": stock.epochs, "workers": 1}


def bench_turns(settings: Settings, plan: Plan, stock: rival.Stock | None, tell: Tell) -> Report:
    """Both sides one after the other. Raises NotReady."""
    report = Report.begin("turns", n=turns_of(plan))
    report.ours = measure_ours(settings, plan, tell)
    if stock is not None:
        report.rivals["stock"] = measure_stock(settings, stock, plan, tell)
        report.compare("stock", list(FIGURES))
    report.notes = [
        f"The fire story, six turns each; {plan.alone} conversations one after another, then {plan.at_once} at once "
        f"without pauses; measured {plan.repeat} times, the best of each figure, for both sides.",
        "Processor and memory (PSS) are those of all processes of a side: ours with PostgreSQL, Redis, pages, courier, "
        "supervisor and engine; the rival's with PostgreSQL, action server and server. fsync is on. The program that "
        "drives them is not counted, but it uses the same cores.",
        "Ours is driven like a browser: each turn is a post, a live stream and two or three reads of the page. The "
        "rival's REST channel answers in the same request.",
        "The rival does less in a turn: it extracts no places and facts, screens and routes nothing, keeps no consent, "
        "and writes one row at the end.",
    ]
    if stock is not None:
        report.notes += [rival.about(settings, stock), "It runs as `rasa run` starts it: one worker."]
    return report
