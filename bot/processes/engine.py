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

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 1.0
GRACE_SECONDS = 5.0


@dataclass
class Worker:
    """A forked worker and the moment its present turn began (0.0 while it waits)."""

    pid: int
    slot: int


class Heartbeats:
    """Shared memory where each worker notes since when it thinks, so that the parent can end a turn that hangs."""

    def __init__(self, slots: int) -> None:
        self._memory = mmap.mmap(-1, 8 * slots)

    def busy_since(self, slot: int) -> float:
        """Monotonic time at which the worker's turn began; 0.0 when it waits."""
        return float(struct.unpack_from("d", self._memory, 8 * slot)[0])

    def note(self, slot: int, moment: float) -> None:
        """Notes the beginning of a turn, or 0.0."""
        struct.pack_into("d", self._memory, 8 * slot, moment)


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
        beats.note(slot, time.monotonic())
        think(turn)

    while not stop:
        worked = None
        try:
            worked = work_one(tools, timed)
        except DBAPIError as error:
            log.warning("database_unreachable", error=type(error.orig).__name__ if error.orig else "?")
        finally:
            beats.note(slot, 0.0)
        if worked is None and not stop:
            parts.wake.wait(TURN, SWEEP_SECONDS)
        else:
            parts.wake.ring(TURN)  # perhaps more waits: another worker may look at once


def _fork(open_parts: Callable[[], Parts], think: Callable[[Turn], None], beats: Heartbeats, slot: int) -> Worker:
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            _work(open_parts, think, beats, slot)
        except BaseException as error:
            log.error("worker_ended", error=type(error).__name__)
            code = 1
        finally:
            os._exit(code)
    beats.note(slot, 0.0)
    return Worker(pid, slot)


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
    gc.freeze()
    beats = Heartbeats(workers)
    team = [_fork(open_parts, dialogue.think, beats, slot) for slot in range(workers)]
    log.info("engine_ready", model=dialogue.model, workers=workers)
    while not stop:
        time.sleep(0.02)
        for place, worker in enumerate(team):
            since = beats.busy_since(worker.slot)
            if since and time.monotonic() - since > turn_seconds:
                log.error("turn_hangs", worker=worker.pid)
                os.kill(worker.pid, signal.SIGKILL)
            gone, _ = os.waitpid(worker.pid, os.WNOHANG)
            if gone:
                team[place] = _fork(open_parts, dialogue.think, beats, worker.slot)
    for worker in team:
        os.kill(worker.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    left = {worker.pid for worker in team}
    while left and time.monotonic() < deadline:
        left -= {pid for pid in left if os.waitpid(pid, os.WNOHANG)[0]}
        time.sleep(0.02)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
