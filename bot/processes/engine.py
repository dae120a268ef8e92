"""The engine: one parent imports Rasa and loads the model, then forks workers; each works one turn at a time."""

from __future__ import annotations

import gc
import mmap
import os
import signal
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import structlog
from sqlalchemy.exc import DBAPIError

from actions.turn import Turn
from bot.conversation.turn import work_one
from bot.conversation.wake import TURN
from bot.dialogue.engine import Dialogue
from bot.processes.parts import Parts, turn_tools
from bot.processes.servers import ends_with_us, give_back_memory

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 1.0
GRACE_SECONDS = 5.0
SILENT_SECONDS = 10.0  # an idle worker beats at every sweep
OPEN_SECONDS = 60.0  # until its first beat a worker opens its parts, and may wait for a migration
LIVED_SECONDS = 2.0
PAUSE_SECONDS = 2.0


@dataclass
class Worker:
    """A place in the team: the process that works there now, 0 while a new one waits for its moment."""

    slot: int
    pid: int = 0
    forked: float = 0.0
    failures: int = 0
    next_fork: float = 0.0
    killed: bool = False


class Heartbeats:
    """Shared memory where each worker notes its last beat and since when it thinks; the parent ends one that hangs."""

    def __init__(self, slots: int) -> None:
        self._memory = mmap.mmap(-1, 16 * slots)

    def look(self, slot: int) -> tuple[float, float]:
        """(since when its turn lasts, last beat), monotonic; 0.0 while it waits, and before its first beat."""
        busy, beat = struct.unpack_from("dd", self._memory, 16 * slot)
        return float(busy), float(beat)

    def note(self, slot: int, busy: float, beat: float) -> None:
        """Notes the beginning of a turn, or 0.0, and the beat."""
        struct.pack_into("dd", self._memory, 16 * slot, busy, beat)


def _work(open_parts: Callable[[], Parts], think: Callable[[Turn], None], beats: Heartbeats, slot: int) -> None:
    stop = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        stop = True

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parts = open_parts()
    tools = turn_tools(parts)

    def timed(turn: Turn) -> None:
        beats.note(slot, time.monotonic(), time.monotonic())
        think(turn)

    while not stop:
        worked = None
        beats.note(slot, 0.0, time.monotonic())
        try:
            worked = work_one(tools, timed)
        except DBAPIError as error:
            log.warning("database_unreachable", error=type(error.orig).__name__ if error.orig else "?")
        finally:
            beats.note(slot, 0.0, time.monotonic())
        if worked is None and not stop:
            parts.wake.wait(TURN, SWEEP_SECONDS)
        else:
            parts.wake.ring(TURN)  # perhaps more waits: another worker may look at once


def _fork(open_parts: Callable[[], Parts], think: Callable[[Turn], None], beats: Heartbeats, worker: Worker) -> None:
    beats.note(worker.slot, 0.0, 0.0)
    worker.forked, worker.next_fork, worker.killed = time.monotonic(), 0.0, False
    tie = ends_with_us(signal.SIGKILL)  # a worker that hangs would not hear a milder signal
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            if tie is not None:
                tie()
            _work(open_parts, think, beats, worker.slot)
        except BaseException as error:
            log.error("worker_ended", error=type(error).__name__)
            code = 1
        finally:
            os._exit(code)
    worker.pid = pid


def fork_delay(failures: int) -> float:
    """Seconds until a worker is replaced, after so many in a row that did not live: 0, then doubling up to 5."""
    return 0.0 if failures <= 1 else min(5.0, 0.1 * 2.0 ** min(failures - 2, 8))


def hangs(now: float, awake: float, forked: float, busy: float, beat: float, turn_seconds: float) -> bool:
    """Whether a worker is to be ended. `awake`: since when the parent itself runs without a pause."""
    if busy:
        return now - busy > turn_seconds
    if beat:
        return now - max(beat, awake) > SILENT_SECONDS
    return now - max(forked, awake) > OPEN_SECONDS


def _look(worker: Worker, beats: Heartbeats, now: float, awake: float, turn_seconds: int) -> None:
    """Ends a worker that hangs, and notes when the next one is due after its end."""
    busy, beat = beats.look(worker.slot)
    if not worker.killed and hangs(now, awake, worker.forked, busy, beat, turn_seconds):
        log.error("turn_hangs" if busy else "worker_silent", worker=worker.pid)
        worker.killed = True
        os.kill(worker.pid, signal.SIGKILL)
    if os.waitpid(worker.pid, os.WNOHANG)[0]:
        worker.pid = 0
        lived = bool(beat) and now - worker.forked > LIVED_SECONDS
        worker.failures = 0 if lived else worker.failures + 1
        worker.next_fork = now + fork_delay(worker.failures)


def run_engine(open_parts: Callable[[], Parts], dialogue: Dialogue, workers: int, turn_seconds: int) -> None:
    """Forks workers and replaces those that die or hang, until told to stop. The parent holds no connection."""
    stop = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        stop = True

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    dialogue.parse("smoke")  # jieba and the vectorisers load lazily: once here, not in every worker
    gc.collect()
    give_back_memory()
    gc.freeze()
    beats = Heartbeats(workers)
    team = [Worker(slot) for slot in range(workers)]
    ready = False
    now = awake = time.monotonic()
    while not stop:
        for worker in team:
            if worker.pid:
                _look(worker, beats, now, awake, turn_seconds)
            if not worker.pid and now >= worker.next_fork:
                _fork(open_parts, dialogue.think, beats, worker)
        if not ready and any(beats.look(worker.slot)[1] for worker in team):
            ready = True
            log.info("engine_ready", model=dialogue.model, workers=workers)
        time.sleep(0.02)
        before, now = now, time.monotonic()
        if now - before > PAUSE_SECONDS:
            awake = now  # the machine slept, or we were stopped: nobody could beat
    _end(team)


def _end(team: list[Worker]) -> None:
    left = {worker.pid for worker in team if worker.pid}
    for pid in left:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while left and time.monotonic() < deadline:
        left -= {pid for pid in left if os.waitpid(pid, os.WNOHANG)[0]}
        time.sleep(0.02)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
