"""`youmen up`: starts the servers, migrates, trains, starts the three processes, restarts what dies, stops in order."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

import httpx
import structlog
from rich.console import Console

from bot.processes.first_staff import FirstLogin, make_first_staff
from bot.processes.parts import STATE_FILE, NotReady, open_database, running_state, system_clock
from bot.processes.servers import Server, start_postgres, start_redis
from bot.settings import PROJECT, Settings

log = structlog.get_logger(__name__)

STOP_SECONDS = 12
READY_SECONDS = 180
CALM_SECONDS = 20  # a process that lived this long is restarted at once


@dataclass
class Child:
    """One of our processes: how it is started, and its present run."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    next_start: float = 0.0


@dataclass
class Running:
    """Everything that was started, in order."""

    servers: list[Server] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)


class AlreadyRunning(Exception):
    """A supervisor of this home runs; `state` is what it wrote about itself."""

    def __init__(self, state: dict[str, object] | None) -> None:
        super().__init__("already running")
        self.state = state


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Holds the home's lock; raises AlreadyRunning when another process holds it."""
    lock: IO[str] = (home / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise AlreadyRunning(None) from None
        raise
    try:
        yield
    finally:
        lock.close()


def prepare_home(home: Path) -> None:
    """Makes the home folder. Raises NotReady in one sentence when it cannot be."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o755 if os.geteuid() == 0 else 0o700)  # the database's own user must get through
        (home / "logs").mkdir(exist_ok=True)
    except PermissionError:
        raise NotReady(f"{home} cannot be written: choose another folder with YOUMEN_HOME") from None


def check_port(host: str, port: int) -> None:
    """Raises NotReady when somebody listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise NotReady(
                f"port {port} on {host} is not free ({error.strerror}): choose another with YOUMEN_PORT"
            ) from None


def _log_file(home: Path, name: str) -> IO[bytes]:
    path = home / "logs" / f"{name}.log"
    if path.exists() and path.stat().st_size > 20_000_000:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def start_child(child: Child, home: Path, environment: dict[str, str]) -> None:
    """Starts the process in a session of its own: Ctrl-C reaches the supervisor only, which stops it in order."""
    with _log_file(home, child.name) as out:
        child.process = subprocess.Popen(
            child.command,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            cwd=PROJECT,
            env=environment,
            start_new_session=True,
        )
    child.started = time.monotonic()


def stop_all(running: Running, console: Console) -> None:
    """Stops in reverse order: first what accepts and thinks, the database last."""
    for child in reversed(running.children):
        if child.process is not None and child.process.poll() is None:
            child.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in running.children:
        if child.process is None:
            continue
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _kill_session(child.process.pid)
            child.process.wait(5)
    for server in reversed(running.servers):
        server.stop()
    console.print("stopped")


def _kill_session(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _watch(running: Running, home: Path, environment: dict[str, str], told_to_stop: Callable[[], bool]) -> None:
    while not told_to_stop():
        time.sleep(0.1)
        for place, server in enumerate(running.servers):
            if not server.alive():
                log.error("server_died", server=server.name)
                running.servers[place] = start_postgres(home) if server.name == "PostgreSQL" else start_redis(home)
        for child in running.children:
            if child.process is None or child.process.poll() is None:
                continue
            now = time.monotonic()
            if not child.next_start:
                child.failures = 0 if now - child.started > CALM_SECONDS else child.failures + 1
                child.next_start = now + min(30.0, 0.2 * 2**child.failures)
                log.error("process_died", name=child.name, code=child.process.returncode)
                _kill_session(child.process.pid)  # workers of a killed engine parent must not go on alone
            if now >= child.next_start:
                child.next_start = 0.0
                start_child(child, home, environment)


def _wait_ready(address: str, running: Running, told_to_stop: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not told_to_stop() and time.monotonic() < deadline:
        try:
            if httpx.get(address + "/healthz", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        for child in running.children:
            if child.name == "web" and child.process is not None and child.process.poll() is not None:
                return  # the watcher restarts it and the log says why
        time.sleep(0.1)


def _engine_ready(home: Path, since: int, told_to_stop: Callable[[], bool]) -> None:
    """Waits until the engine says in its log that its workers run."""
    path, deadline = home / "logs" / "engine.log", time.monotonic() + READY_SECONDS
    while not told_to_stop() and time.monotonic() < deadline:
        if path.exists():
            with path.open("rb") as log_file:
                log_file.seek(since)
                if b'"engine_ready"' in log_file.read():
                    return
        time.sleep(0.1)


def run_up(settings: Settings, train_first: Callable[[Console], None]) -> None:
    """Brings the hotline up and keeps it so until SIGINT or SIGTERM. Raises NotReady, AlreadyRunning, ServerFailed."""
    console = Console(stderr=True, highlight=False)
    prepare_home(settings.home)
    stopping = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    try:
        with only_one(settings.home):
            signal.signal(signal.SIGINT, on_signal)
            signal.signal(signal.SIGTERM, on_signal)
            _run(settings, console, train_first, lambda: stopping)
    except AlreadyRunning:
        raise AlreadyRunning(running_state(settings)) from None


def _run(
    settings: Settings, console: Console, train_first: Callable[[Console], None], told_to_stop: Callable[[], bool]
) -> None:
    check_port(settings.host, settings.port)
    running = Running()
    state_file = settings.home / STATE_FILE
    try:
        database_url, redis_url = _start_servers(settings, running, console)
        with console.status("preparing the database"):
            database = open_database(database_url, name="supervisor")
            logins = make_first_staff(database, settings, system_clock())
            database.dispose()
        train_first(console)
        if told_to_stop():
            return
        environment = dict(os.environ, DATABASE_URL=database_url, YOUMEN_HOME=str(settings.home))
        if redis_url:
            environment["REDIS_URL"] = redis_url
        state_file.write_text(
            json.dumps(
                {
                    "pid": os.getpid(),
                    "address": settings.address,
                    "desk": settings.address + "/desk",
                    "database_url": database_url,
                    "redis_url": redis_url,
                }
            ),
            encoding="utf-8",
        )
        engine_log = settings.home / "logs" / "engine.log"
        engine_from = engine_log.stat().st_size if engine_log.exists() else 0
        for name in ("web", "courier", "engine"):
            child = Child(name, [sys.executable, "-m", "bot.cli", "run", name])
            running.children.append(child)
            start_child(child, settings.home, environment)
        with console.status("starting the pages"):
            _wait_ready(
                settings.address if not settings.public_url else f"http://{settings.host}:{settings.port}",
                running,
                told_to_stop,
            )
        with console.status("loading the dialogue engine (about 20 seconds; messages are already taken)"):
            _engine_ready(settings.home, engine_from, told_to_stop)
        if not told_to_stop():
            _announce(console, settings, logins)
        _watch(running, settings.home, environment, told_to_stop)
    finally:
        stop_all(running, console)
        state_file.unlink(missing_ok=True)


def _start_servers(settings: Settings, running: Running, console: Console) -> tuple[str, str | None]:
    if settings.database_url:
        database_url = settings.database_url
    else:
        with console.status("starting PostgreSQL"):
            server = start_postgres(settings.home)
        running.servers.append(server)
        database_url = server.url
    if settings.redis_url:
        return database_url, settings.redis_url
    with console.status("starting Redis"):
        server = start_redis(settings.home)
    running.servers.append(server)
    return database_url, server.url


def _announce(console: Console, settings: Settings, logins: list[FirstLogin]) -> None:
    console.print("")
    console.print("[bold]有门 Youmen is up[/bold]")
    console.print(f"  residents   {settings.address}/")
    console.print(f"  staff       {settings.address}/desk")
    if not settings.telegram_token:
        console.print("  Telegram    off: set TELEGRAM_TOKEN to turn it on")
    if logins:
        console.print("")
        console.print("first-time logins (shown once; each person chooses a password at the first sign-in)")
        for login in logins:
            console.print(f"  {login.login:<14} {login.password}   {login.title}")
    console.print("")
    console.print(f"home {settings.home}   logs {settings.home / 'logs'}   Ctrl-C stops everything")
