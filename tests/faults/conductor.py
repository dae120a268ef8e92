"""The conductor: kills processes, takes servers away, makes the app server fail, and measures until all is back."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import redis

from tests.channels.bot_api import DROP_AFTER, HANG_AFTER, Fault, flood
from tests.faults.plan import Cast, stories
from tests.faults.residents import WebResident
from tests.faults.storm import Storm

PATIENCE = 120
AIM = 5.0  # seconds to wait for the worst moment
SERVER_ERROR = Fault(500)
CRY = "煤气漏了我头好晕快来人"


@dataclass
class Conductor:
    """`recovered`: seconds by what was killed. `injected`: faults by kind. `down`: probes while the engine was away."""

    storm: Storm
    seed: int
    recovered: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    injected: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    down: list[tuple[float, float]] = field(default_factory=list)
    probes: list[WebResident] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.seed}:conductor")

    def run(self, before: int, messages: int, faults: tuple[str, ...]) -> None:
        """Every fault in turn, spread over the messages, each awaited to its end before the next."""
        pace = self.storm.pace
        for number, fault in enumerate(faults):
            pace.allow(before + messages * (number + 1) // len(faults) + 4)
            pace.wait(before + int(messages * (number + 0.5) / len(faults)), patience=45)
            if self.storm.stop.is_set():
                return
            self.injected[fault] += 1
            getattr(self, f"do_{fault}")()
        pace.allow(10**9)

    # who is who

    def _server(self, name: str) -> psutil.Process | None:
        for child in psutil.Process(self.storm.live.process.pid).children():
            try:
                if name in child.cmdline()[0]:
                    return child
            except (psutil.Error, IndexError):
                continue
        return None

    def _child(self, name: str) -> psutil.Process:
        found: list[psutil.Process] = self.storm.until(lambda: self.storm.live.children(name), PATIENCE)
        return found[0]

    def _recovered(self, what: str, back: Callable[[], Any], began: float, every: float = 0.03) -> None:
        if self.storm.until(back, PATIENCE, every) is None:
            self.storm.note(f"{what} did not come back within {PATIENCE} s")
            return
        self.recovered[what].append(time.monotonic() - began)

    def healthy(self) -> bool:
        """The web process and its database answer."""
        try:
            return httpx.get(self.storm.live.address + "/healthz", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    # our own processes

    def do_worker(self) -> None:
        """One worker, while a turn is on; recovered when the parent has forked another."""
        engine = self._child("engine")
        team: list[psutil.Process] = self.storm.until(engine.children, PATIENCE)
        old = {worker.pid for worker in team}
        self.storm.until(self._thinking, AIM, 0.002)
        began = time.monotonic()
        self.dice.choice(team).kill()
        self._recovered("worker", lambda: len(_pids(engine)) == len(old) and _pids(engine) != old, began, 0.005)

    def do_engine(self) -> None:
        """The engine's parent; until its workers run again messages are taken and danger is answered."""
        ready = self.storm.live.log("engine").count(b'"engine_ready"')
        engine = self._child("engine")
        began = time.monotonic()
        engine.kill()
        back = threading.Event()
        prober = threading.Thread(target=self._probe_while, args=(back,))
        prober.start()
        self._recovered(
            "engine", lambda: self.storm.live.log("engine").count(b'"engine_ready"') > ready, began, 0.1
        )
        back.set()
        prober.join()

    def _probe_while(self, back: threading.Event) -> None:
        """Somebody new cries for help, again and again: how long until that is stored, and until the safety text stands there."""
        while not back.is_set() and not self.storm.stop.is_set():
            cast = Cast(50_000 + len(self.probes), "web", stories()["night_danger"], 1, None)
            one = WebResident(self.storm, cast, self.seed)
            one._open()
            began = time.monotonic()
            one.post(CRY, None)
            taken = time.monotonic() - began
            lines = one.look() or []
            answered = time.monotonic() - began
            if not any(line.author == "system" for line in lines):
                self.storm.note("no safety text stood there while the engine was down")
            self.down.append((taken, answered))
            self.probes.append(one)
            back.wait(2.0)

    def do_courier(self) -> None:
        """The courier, while it sends; recovered when the app server hears a new question for news."""
        courier = self._speaker()
        self.storm.until(lambda: self.storm.rows("SELECT 1 FROM delivery WHERE state = 'sending'"), AIM, 0.005)
        began = time.monotonic()
        courier.kill()
        asked = self.storm.api.count("getUpdates")
        self._recovered("courier", lambda: self.storm.api.count("getUpdates") > asked, began)

    def _speaker(self) -> psutil.Process:
        """The courier that speaks with the app server; others, if there are any, stand by."""
        port = int(self.storm.api.url.rsplit(":", 1)[1])
        for one in self.storm.live.children("courier"):
            if any(line.raddr and line.raddr.port == port for line in one.connections("tcp")):
                return one
        return self._child("courier")

    def do_web(self) -> None:
        """The web process; recovered when it answers again."""
        web = self._child("web")
        began = time.monotonic()
        web.kill()
        self._recovered("web", self.healthy, began)

    # the servers below

    def do_redis(self) -> None:
        """Redis, with everything in it."""
        server = self._server("redis")
        assert server is not None
        client = redis.Redis.from_url(self.storm.state["redis_url"], socket_timeout=1)
        began = time.monotonic()
        server.kill()

        def back() -> bool:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

        self._recovered("redis", back, began)

    def do_flush(self) -> None:
        """Everything in Redis forgotten."""
        try:
            redis.Redis.from_url(self.storm.state["redis_url"], socket_timeout=1).flushall()
        except redis.RedisError as error:
            self.storm.note(f"flush: {type(error).__name__}")

    def do_postgres(self) -> None:
        """The database's first process; recovered when the database and the web process answer again."""
        server = self._server("postgres")
        assert server is not None
        began = time.monotonic()
        server.kill()
        self.storm.until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, 5, 0.005)
        self._recovered("postgres", lambda: self.storm.rows("SELECT 1") and self.healthy(), began)

    # the app's server

    def do_app_500(self) -> None:
        """It answers 500 and has done nothing."""
        self.storm.api.fail("sendMessage", *[SERVER_ERROR] * 2)

    def do_app_429(self) -> None:
        """It wants to be left alone for a while."""
        self.storm.api.fail("sendMessage", flood(1), flood(2))

    def do_app_hangs_after(self) -> None:
        """It delivers and never answers."""
        self.storm.api.fail("sendMessage", HANG_AFTER)

    def do_app_drops_after(self) -> None:
        """It delivers and cuts the line."""
        self.storm.api.fail("sendMessage", DROP_AFTER)

    def do_ask_fails(self) -> None:
        """News cannot be had, or are lost on their way."""
        self.storm.api.fail("getUpdates", SERVER_ERROR, DROP_AFTER)

    # a turn that hangs

    def hang(self, act: Callable[[int], int], seconds: float = 10.0) -> dict[str, Any] | None:
        """Stops the worker in the middle of a turn, and measures accepting and taking over meanwhile. None: not caught."""
        for attempt in range(40):
            team = self._child("engine").children()
            cast = Cast(60_000 + attempt, "web", stories()["fire"], 1, None)
            one = WebResident(self.storm, cast, self.seed)
            self.probes.append(one)
            one._open()
            one.post("低保标准是多少", None)
            end = time.monotonic() + 3
            while time.monotonic() < end and not self._thinking():
                pass
            for worker in team:
                worker.suspend()
            held = one.last_id
            if self._held(held):
                break
            _resume(team)
            self.storm.until(lambda one=one: any(line.author == "bot" for line in one.look() or []), PATIENCE)
        else:
            return None
        began, taken = time.monotonic(), []
        conversation = one.conversation()
        assert conversation is not None
        for text in ("还有一件事", "我在等", CRY):
            before = time.monotonic()
            one.post(text, None)
            taken.append(time.monotonic() - before)
        safe = any(line.author == "system" for line in one.look() or [])
        before = time.monotonic()
        code = act(conversation)
        took_over = time.monotonic() - before
        held_still = self._held(held)
        self.storm.stop.wait(max(0.0, seconds - (time.monotonic() - began)))
        _resume(team)
        return {
            "accept": [round(one, 3) for one in taken], "take_over": round(took_over, 3), "code": code, "safe": safe,
            "conversation": conversation, "held": held_still,
        }

    def _thinking(self) -> bool:
        return bool(
            self.storm.rows(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'engine' AND state LIKE 'idle in transaction%'"
            )
        )

    def _held(self, external_id: str) -> bool:
        """Whether a turn holds this message: it waits and cannot be locked."""
        waits = self.storm.rows("SELECT 1 FROM message WHERE external_id = :e AND waiting", e=external_id)
        free = self.storm.rows(
            "SELECT 1 FROM message WHERE external_id = :e AND waiting FOR NO KEY UPDATE SKIP LOCKED", e=external_id
        )
        return bool(waits) and not free


def _resume(team: list[psutil.Process]) -> None:
    for worker in team:
        with contextlib.suppress(psutil.Error):  # one that was idle has been silent for long, and was ended
            worker.resume()


def _pids(engine: psutil.Process) -> set[int]:
    try:
        return {child.pid for child in engine.children() if child.status() != psutil.STATUS_ZOMBIE}
    except psutil.Error:
        return set()

