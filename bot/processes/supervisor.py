"""`youmen up`: starts the servers, migrates, trains, starts the three processes, restarts what dies, stops in order."""

from __future__ import annotations

import contextlib
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
import psutil
import structlog
from rich.console import Console

from bot.processes.first_staff import FirstLogin, make_first_staff
from bot.processes.parts import STATE_FILE, NotReady, keys_of, open_database, running_state, system_clock
from bot.processes.servers import (
    Server,
    ServerFailed,
    end_leftovers,
    ends_with_us,
    launch_postgres,
    launch_redis,
    start_postgres,
    start_redis,
)
from bot.settings import PROJECT, Settings

log = structlog.get_logger(__name__)

STOP_SECONDS = 12
READY_SECONDS = 180
# two of those that start slowly: when one dies the other goes on at once; only the engine forks its own workers
PROCESSES = ("web", "web", "courier", "courier", "engine")
CALM_SECONDS = 20  # a process that lived this long is restarted at once
NOT_READY = 3  # the exit code of a process that lacks something a restart does not bring
MARK = "youmen-home"  # a folder with this file is ours
# an earlier version's home has one of these; a folder that holds nothing but FREE is as good as empty
OLDER, FREE = ("field.key", "postgres"), {"logs", "lost+found"}


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
class Kept:
    """One of our servers: how it is launched again, and its present run."""

    server: Server
    launch: Callable[[Path], Server]
    up: bool = True
    failures: int = 0
    next_start: float = 0.0


@dataclass
class Running:
    """Everything that was started, in order; `state` is what the state file says."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    state: dict[str, object] = field(default_factory=dict)
    servers: list[Kept] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)


class AlreadyRunning(Exception):
    """A supervisor of this home runs; `state` is what it wrote about itself."""

    def __init__(self, state: dict[str, object] | None) -> None:
        super().__init__("already running")
        self.state = state


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Holds the home's lock; raises AlreadyRunning when another process holds it."""
    try:
        lock: IO[str] = (home / "lock").open("a")
    except OSError as error:
        raise NotReady(_unusable(home, error)) from None
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


def _unusable(home: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({home}): free some space and start again"
    return f"{home} cannot be written ({error.strerror}): choose another folder with YOUMEN_HOME"


def prepare_home(home: Path) -> None:
    """Makes the home folder; one that was there keeps its mode. Raises NotReady in one sentence when it cannot be."""
    try:
        if not home.exists():
            home.mkdir(parents=True)
            home.chmod(0o755 if os.geteuid() == 0 else 0o700)  # the database's own user must get through
        found = {path.name for path in home.iterdir()}
        if MARK not in found:
            if found - FREE and not found.intersection(OLDER):
                raise NotReady(
                    f"{home} holds other things: choose an empty folder with YOUMEN_HOME (if it is a home of "
                    f"youmen, make an empty file {MARK} in it)"
                )
            (home / MARK).touch()
        (home / "logs").mkdir(exist_ok=True)
        (home / "logs").chmod(0o700)
    except OSError as error:
        raise NotReady(_unusable(home, error)) from None


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


def start_child(child: Child, running: Running) -> None:
    """Starts the process in a session of its own: Ctrl-C reaches the supervisor only, which stops it in order."""
    with _log_file(running.home, child.name) as out:
        child.process = subprocess.Popen(
            child.command,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            cwd=PROJECT,
            env=running.environment,
            start_new_session=True,
            preexec_fn=ends_with_us(signal.SIGTERM),  # noqa: PLW1509
        )
    child.started = time.monotonic()
    _write_state(running)


def _write_state(running: Running) -> None:
    """Writes the state file; it may hold the database's password, so nobody else reads it."""
    children = []
    for child in running.children:
        with contextlib.suppress(psutil.Error, AttributeError):
            pid = child.process.pid  # type: ignore[union-attr]
            children.append({"pid": pid, "created": psutil.Process(pid).create_time()})
    path = running.home / STATE_FILE
    part = path.with_suffix(".part")
    with contextlib.suppress(OSError):  # a full disk must not end what runs
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({**running.state, "children": children}, file)
        part.replace(path)


def _end_children(home: Path) -> None:
    """Ends what a killed supervisor of this home left of its processes; servers are `end_leftovers`."""
    left = []
    try:
        for entry in json.loads((home / STATE_FILE).read_text(encoding="utf-8"))["children"]:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(int(entry["pid"]))
                if abs(process.create_time() - float(entry["created"])) < 0.05:  # else the number is another's by now
                    process.terminate()
                    left.append(process)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    for process in psutil.wait_procs(left, timeout=STOP_SECONDS)[1]:
        _kill_session(process.pid)
    psutil.wait_procs(left, timeout=5)


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
    for kept in reversed(running.servers):
        kept.server.stop()
    _tell(console, "stopped")


def _tell(console: Console, *told: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        for line in told:
            console.print(line, soft_wrap=True)


def _kill_session(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _delay(failures: int) -> float:
    return min(30.0, 0.2 * 2 ** min(failures, 8))


def _keep_server(kept: Kept, home: Path) -> None:
    """One look at a server: launches it again when it died, waits for nothing, never gives up."""
    now = time.monotonic()
    if kept.server.alive():
        # recovery after a crash takes as long as it takes: what lives is left alone
        if not kept.up and kept.server.ready():
            kept.up = True
            log.error("server_up_again", server=kept.server.name)
    elif not kept.next_start:
        if kept.up and now - kept.server.started_at > CALM_SECONDS:
            kept.failures = 0
        kept.up, kept.next_start = False, now + _delay(kept.failures)
        kept.failures += 1
        log.error("server_died", server=kept.server.name, code=kept.server.process.returncode)
    elif now >= kept.next_start:
        kept.next_start = 0.0
        try:
            kept.server = kept.launch(home)
        except (ServerFailed, OSError) as error:
            kept.next_start = now + _delay(kept.failures)
            kept.failures += 1
            log.error("server_not_started", server=kept.server.name, why=str(error))


def _keep_child(child: Child, running: Running) -> None:
    """One look at a process: starts it again when it died."""
    if child.process is None or child.process.poll() is None:
        return
    now = time.monotonic()
    if not child.next_start:
        child.failures = 0 if now - child.started > CALM_SECONDS else child.failures + 1
        child.next_start = now + _delay(child.failures)
        log.error("process_died", part=child.name, code=child.process.returncode)
        _kill_session(child.process.pid)  # workers of a killed engine parent must not go on alone
    if now >= child.next_start:
        child.next_start = 0.0
        try:
            start_child(child, running)
        except OSError as error:
            child.failures += 1
            child.next_start = now + _delay(child.failures)
            log.error("process_not_started", part=child.name, why=error.strerror)


def _look(running: Running) -> None:
    for kept in running.servers:
        _keep_server(kept, running.home)
    for child in running.children:
        _keep_child(child, running)


def _watch(running: Running, told_to_stop: Callable[[], bool]) -> None:
    while not told_to_stop():
        time.sleep(0.1)
        _look(running)


def _pages_ready(settings: Settings) -> bool:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host.replace("0.0.0.0", "localhost")
    address = f"http://{host}:{settings.port}" if settings.public_url else settings.address
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(address + "/readyz", timeout=2, trust_env=False).status_code == 200
    return False


def _said_since(path: Path, since: int) -> str:
    try:
        with path.open("rb") as log_file:
            log_file.seek(since if path.stat().st_size >= since else 0)  # else it began anew
            return log_file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _stop_if_it_lacks_something(running: Running, sizes: dict[str, int]) -> None:
    """Raises NotReady with a process's own last words when it ended because something it needs is not there."""
    if not all(kept.up and kept.server.alive() for kept in running.servers):
        return  # it lacked a server that is being started again
    for child in running.children:
        if child.process is not None and child.process.poll() == NOT_READY:
            said = _said_since(running.home / "logs" / f"{child.name}.log", sizes[child.name]).strip().splitlines()
            raise NotReady(said[-1].removeprefix("youmen: ") if said else f"{child.name} is not ready and said nothing")


def _come_up(settings: Settings, running: Running, console: Console, told_to_stop: Callable[[], bool]) -> None:
    """Starts our processes and waits until pages and engine are ready. Raises NotReady."""
    engine_log = settings.home / "logs" / "engine.log"
    sizes = {}
    for name in PROCESSES:
        path = settings.home / "logs" / f"{name}.log"
        sizes[name] = path.stat().st_size if path.exists() else 0
        child = Child(name, [sys.executable, "-m", "bot.cli", "run", name])
        running.children.append(child)
        start_child(child, running)
    pages = engine = late = False
    deadline = time.monotonic() + READY_SECONDS
    with console.status("starting the pages") as status:
        while not told_to_stop() and not (pages and engine):
            time.sleep(0.1)
            _stop_if_it_lacks_something(running, sizes)
            _look(running)
            if not pages and (pages := _pages_ready(settings)):
                status.update("loading the dialogue engine (about 20 seconds; messages are already taken)")
            engine = engine or '"engine_ready"' in _said_since(engine_log, sizes["engine"])
            if not late and time.monotonic() > deadline:
                late = True
                what = "engine" if pages else "web"
                _tell(console, f"{what} is not ready after {READY_SECONDS} s; still trying (log: logs/{what}.log)")


def run_up(settings: Settings, train_first: Callable[[Console], None]) -> None:
    """Brings the hotline up and keeps it so until SIGINT, SIGTERM or SIGHUP.

    Raises NotReady, AlreadyRunning, ServerFailed.
    """
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
            if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # with nohup it outlives its terminal
                signal.signal(signal.SIGHUP, on_signal)
            _run(settings, console, train_first, lambda: stopping)
    except AlreadyRunning:
        state = running_state(settings)
        if state is None or not state.get("ready"):
            _tell(console, f"有门 Youmen is starting already (home {settings.home}): wait until it says where it runs")
            return
        raise AlreadyRunning(state) from None


def _run(
    settings: Settings, console: Console, train_first: Callable[[Console], None], told_to_stop: Callable[[], bool]
) -> None:
    _end_children(settings.home)
    end_leftovers(settings.home)
    check_port(settings.host, settings.port)
    running = Running(settings.home)
    state_file = settings.home / STATE_FILE
    logins: list[FirstLogin] = []
    try:
        database_url, redis_url = _start_servers(settings, running, console)
        with console.status("preparing the database"):
            database = open_database(database_url, name="supervisor", keys=keys_of(settings))
            logins = make_first_staff(database, settings, system_clock())
            database.dispose()
        train_first(console)
        if told_to_stop():
            return
        running.environment = dict(os.environ, DATABASE_URL=database_url, YOUMEN_HOME=str(settings.home))
        if redis_url:
            running.environment["REDIS_URL"] = redis_url
        running.state = {
            "pid": os.getpid(),
            "ready": False,
            "address": settings.address,
            "desk": settings.address + "/desk",
            "database_url": database_url,
            "redis_url": redis_url,
        }
        _come_up(settings, running, console, told_to_stop)
        if not told_to_stop():
            running.state["ready"] = True
            _write_state(running)
            _announce(console, settings, logins)
        _watch(running, told_to_stop)
    finally:
        _show(console, logins)
        stop_all(running, console)
        state_file.unlink(missing_ok=True)


def _start_servers(settings: Settings, running: Running, console: Console) -> tuple[str, str | None]:
    if settings.database_url:
        database_url = settings.database_url
    else:
        with console.status("starting PostgreSQL"):
            server = start_postgres(settings.home)
        running.servers.append(Kept(server, launch_postgres))
        database_url = server.url
    if settings.redis_url:
        return database_url, settings.redis_url
    with console.status("starting Redis"):
        server = start_redis(settings.home)
    running.servers.append(Kept(server, launch_redis))
    return database_url, server.url


def _announce(console: Console, settings: Settings, logins: list[FirstLogin]) -> None:
    _tell(
        console,
        "",
        "[bold]有门 Youmen is up[/bold]",
        f"  residents   {settings.address}/",
        f"  staff       {settings.address}/desk",
    )
    if not settings.telegram_token:
        _tell(console, "  Telegram    off: set TELEGRAM_TOKEN to turn it on")
    _show(console, logins)
    _tell(console, "", f"home {settings.home}   logs {settings.home / 'logs'}   Ctrl-C stops everything")


def _show(console: Console, logins: list[FirstLogin]) -> None:
    """Shows the first passwords, once: nobody can read them again, so a start that fails shows them too."""
    if logins:
        _tell(console, "", "first-time logins (shown once; each person chooses a password at the first sign-in)")
    for login in logins:
        _tell(console, f"  {login.login:<14} {login.password}   {login.title}")
    logins.clear()
