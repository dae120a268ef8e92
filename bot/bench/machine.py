"""What machine this is, and what processes cost on it: processor time and memory of whole process trees."""
from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from bot.settings import PROJECT

MEGABYTE = 1_000_000


def processes(roots: Iterable[int]) -> Iterator[psutil.Process]:
    """The processes with these ids and everything they started that still lives."""
    for root in roots:
        try:
            parent = psutil.Process(root)
            yield parent
            yield from parent.children(recursive=True)
        except psutil.NoSuchProcess:
            continue


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system seconds of the trees since they began, children that have ended included.

    A process that ended is counted by whoever waited for it, so the sum never goes down and counts nothing twice.
    """
    total = 0.0
    for process in processes(roots):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def cpu_by_name(roots: Iterable[int]) -> dict[str, float]:
    """The same seconds by what a process does: the last word of `youmen run …`, else the name of the program."""
    found: dict[str, float] = {}
    for process in processes(roots):
        try:
            times, words, name = process.cpu_times(), process.cmdline(), process.name()
        except psutil.NoSuchProcess:
            continue
        name = name_of(words, name)
        found[name] = found.get(name, 0.0) + times.user + times.system
    return found


def name_of(words: list[str], program: str) -> str:
    """What a process is called in a report, from its command line and the name of its program."""
    if len(words) >= 2 and words[-2] == "run":
        return words[-1]
    if words and words[-1] == "up":
        return "supervisor"
    if "rasa" in words:
        return "actions" if "actions" in words else "server"
    return program


def pss_of(pid: int) -> int:
    """Bytes of memory of one process, what it shares with others in fair parts; 0 when it is gone."""
    try:
        return pss_in(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def pss_in(rollup: str) -> int:
    """The Pss line of a smaps_rollup in bytes; 0 without one."""
    for line in rollup.splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            return int(rest.split()[0]) * 1024
    return 0


def memory_mb(roots: Iterable[int]) -> float:
    """Megabytes (10^6 bytes, PSS) of the trees: shared pages are counted once, not once for each process."""
    return sum(pss_of(process.pid) for process in processes(roots)) / MEGABYTE


def describe() -> str:
    """Processor, cores, memory, system and Python of this machine in one line."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = " ".join(line.partition(":")[2].split())
                break
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0))
    memory = psutil.virtual_memory().total / 1e9
    return (f"{model}, {cores} cores, {memory:.0f} GB, Linux {platform.release().split('-')[0]}, "
            f"Python {platform.python_version()}")


def commit() -> str | None:
    """The commit that was measured, with `+` when files differ from it; None outside a repository."""
    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=False)
        except OSError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "--short", "HEAD")
    if head is None:
        return None
    return head + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
