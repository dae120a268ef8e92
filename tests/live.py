"""A hotline started by `youmen up` as a person would, on a home and port of its own, for tests that need the whole."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bot.processes.private import temporary_home
from bot.processes.servers import free_port
from bot.settings import PROJECT

PATIENCE = 120


def _hears_the_terminal() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def youmen(home: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "bot.cli", "--home", str(home), *arguments],
        cwd=PROJECT,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        start_new_session=True,
        # whoever runs the tests may be deaf to a closing terminal (nohup); the command under test is not
        preexec_fn=_hears_the_terminal,  # noqa: PLW1509 - it only sets a signal
    )


def until(what: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Waits for something to become true; the event itself is waited for, not a time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        psutil.wait_procs([], timeout=0.05)
    raise AssertionError(f"not within {patience} s: {what}")


@dataclass
class Live:
    """A running hotline: its home, port and supervisor; `told` is what it printed, `logins` the first passwords."""

    home: Path
    port: int
    process: subprocess.Popen[str]
    told: str = ""
    logins: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    def log(self, name: str) -> bytes:
        """The log of one process so far."""
        path = self.home / "logs" / f"{name}.log"
        return path.read_bytes() if path.exists() else b""

    def children(self, name: str) -> list[psutil.Process]:
        """The processes the supervisor runs under this name."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):  # it may be gone by now
                if child.cmdline()[-2:] == ["run", name]:
                    found.append(child)
        return found

    def read_welcome(self) -> None:
        """Reads what was printed until the last line of the welcome, and the logins in it."""
        assert self.process.stderr is not None
        while "Ctrl-C" not in self.told:
            line = self.process.stderr.readline()
            assert line, self.told
            self.told += line
        self.logins = dict(re.findall(r"^  (\w+) +([a-z2-9]{12}) ", self.told, re.MULTILINE))


@contextlib.contextmanager
def live_hotline() -> Iterator[Live]:
    """Starts one, waits until its engine is ready, stops it in the end."""
    with temporary_home() as home:
        port = free_port()
        live = Live(home, port, youmen(home, "up", YOUMEN_PORT=str(port)))
        try:
            live.read_welcome()
            yield live
        finally:
            if live.process.poll() is None:
                live.process.send_signal(signal.SIGINT)
                live.process.wait(40)
