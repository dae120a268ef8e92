"""A private hotline in one process, for `youmen chat` and tests: own database, own clock, no other process."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from actions.steps.knowledge import install
from actions.turn import Turn
from bot.conversation.turn import Worked, work_one
from bot.processes.courier import work_round
from bot.processes.parts import Parts, open_parts, system_clock, turn_tools
from bot.processes.servers import start_postgres
from bot.settings import Settings


class MovableClock:
    """The system's clock plus what a script has waited."""

    def __init__(self, start: Callable[[], datetime] = system_clock) -> None:
        self._start, self.ahead = start, timedelta()

    def __call__(self) -> datetime:
        """Now."""
        return self._start() + self.ahead

    def wait(self, span: timedelta) -> None:
        """Moves the clock on."""
        self.ahead += span


@dataclass
class Hotline:
    """Everything of a hotline in one process. `settle` works until nothing is left to do."""

    parts: Parts
    clock: MovableClock
    think: Callable[[Turn], None]

    def settle(self) -> list[Worked]:
        """Works all waiting turns and all posts and timers that are due."""
        done = []
        tools = turn_tools(self.parts)
        while True:
            worked = work_one(tools, self.think)
            if worked is not None:
                done.append(worked)
            elif not work_round(self.parts, {}):
                return done


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A home folder that is gone afterwards; outside private folders, so that the database's user can reach it."""
    base = Path("/var/tmp") if os.geteuid() == 0 else Path(tempfile.gettempdir())
    home = Path(tempfile.mkdtemp(prefix="youmen-", dir=base))
    home.chmod(0o755 if os.geteuid() == 0 else 0o700)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def private_hotline(settings: Settings, think: Callable[[Turn], None]) -> Iterator[Hotline]:
    """Starts a database below settings.home and composes the hotline around it."""
    server = start_postgres(settings.home)
    clock = MovableClock()
    try:
        parts = open_parts(settings, name="private", now=clock, urls=(server.url, None))
        install(parts.knowledge)
        try:
            yield Hotline(parts, clock, think)
        finally:
            parts.database.dispose()
    finally:
        server.stop()
