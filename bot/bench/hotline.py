"""Our side: `youmen up` for real in a home of its own, watched from outside like any resident would."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bot.processes.parts import STATE_FILE, NotReady
from bot.processes.servers import free_port
from bot.settings import PROJECT, Settings

READY_SECONDS = 240
LOOK_SECONDS = 0.02
STOP_SECONDS = 30
# a measurement runs on its own servers, address and home, never on those of the installation
OWN = ("DATABASE_URL", "REDIS_URL", "TELEGRAM_TOKEN", "YOUMEN_PUBLIC_URL", "YOUMEN_HOME", "YOUMEN_HOST", "YOUMEN_PORT",
       "YOUMEN_WORKERS")


@dataclass
class RunningHotline:
    """A hotline that was started here."""

    process: subprocess.Popen[bytes]
    home: Path
    address: str
    started: float
    engine_log_from: int

    @property
    def roots(self) -> list[int]:
        """Every process of it, servers included, hangs below this one."""
        return [self.process.pid]

    def state(self) -> dict[str, Any]:
        """What the supervisor says about itself. Raises NotReady."""
        try:
            found: dict[str, Any] = json.loads((self.home / STATE_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise NotReady(f"the hotline under {self.home} did not come up") from None
        return found

    def seconds(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started

    def wait_web(self) -> float:
        """Waits until the pages answer; seconds since the start. Raises NotReady."""
        return self._wait(self._web_answers)

    def wait_engine(self) -> float:
        """Waits until the engine says that its workers run; seconds since the start. Raises NotReady."""
        return self._wait(self.engine_is_ready)

    def engine_is_ready(self) -> bool:
        """True when the engine has said so since this start."""
        path = self.home / "logs" / "engine.log"
        if not path.exists():
            return False
        with path.open("rb") as log:
            log.seek(self.engine_log_from)
            return b'"engine_ready"' in log.read()

    def engine_processes(self) -> tuple[int, list[int]]:
        """(the engine's parent, its workers). Raises NotReady when there is none."""
        import psutil

        for child in psutil.Process(self.process.pid).children():
            if child.cmdline()[-2:] == ["run", "engine"]:
                return child.pid, [worker.pid for worker in child.children()]
        raise NotReady("the engine does not run")

    def _web_answers(self) -> bool:
        try:
            return httpx.get(self.address + "/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _wait(self, happened: Any) -> float:
        while self.seconds() < READY_SECONDS:
            if happened():
                return self.seconds()
            if self.process.poll() is not None:
                break
            time.sleep(LOOK_SECONDS)
        tail = (self.home / "logs" / "up.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
        raise NotReady("the hotline did not come up: " + " / ".join(tail))


@contextmanager
def running_hotline(settings: Settings, home: Path, workers: int | None = None) -> Iterator[RunningHotline]:
    """Starts everything below `home` as `youmen up` does and stops it afterwards. Does not wait until it is ready."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    environment |= {"YOUMEN_HOME": str(home), "YOUMEN_HOST": "127.0.0.1", "YOUMEN_PORT": str(port),
                    "YOUMEN_WORKERS": str(workers or settings.workers), "YOUMEN_BUILD": str(settings.build)}
    (home / "logs").mkdir(parents=True, exist_ok=True)
    engine_log = home / "logs" / "engine.log"
    before = engine_log.stat().st_size if engine_log.exists() else 0
    with (home / "logs" / "up.log").open("ab") as out:
        started = time.monotonic()
        process = subprocess.Popen([sys.executable, "-m", "bot.cli", "up"], cwd=PROJECT, env=environment, stdout=out,
                                   stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    hotline = RunningHotline(process, home, f"http://127.0.0.1:{port}", started, before)
    try:
        yield hotline
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
