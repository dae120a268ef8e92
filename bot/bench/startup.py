"""bench startup: seconds from `youmen up` to pages, first message, engine and first answer, twice; the rival's."""
from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx

from bot.bench import rival
from bot.bench.drive import answered, story
from bot.bench.figures import best
from bot.bench.hotline import LOOK_SECONDS, READY_SECONDS, RunningHotline, running_hotline
from bot.bench.report import Report
from bot.processes.parts import NotReady
from bot.processes.private import temporary_home
from bot.settings import Settings

FIGURES = ("web_s", "accepted_s", "ready_s", "answered_s")
Tell = Callable[[str], None]


def _first_message(client: httpx.Client, hotline: RunningHotline, text: str) -> int:
    """Sends the message until it is taken; its place in the conversation. Raises NotReady."""
    message = {"id": str(uuid.uuid4()), "text": text}
    while hotline.seconds() < READY_SECONDS:
        try:
            response = client.post("/chat/messages", json=message)
            if response.status_code == 200:
                return int(response.json()["seq"])
        except httpx.HTTPError:
            pass
        time.sleep(LOOK_SECONDS)
    raise NotReady("the web chat took no message")


def _follow(hotline: RunningHotline, text: str) -> dict[str, float]:
    """Seconds since the start at which each thing happened, for a resident who writes as soon as there is a page."""
    found = {"web_s": hotline.wait_web()}
    with httpx.Client(base_url=hotline.address, trust_env=False, timeout=10) as client:
        seq = _first_message(client, hotline, text)
        found["accepted_s"] = hotline.seconds()
        while "answered_s" not in found:
            if "ready_s" not in found and hotline.engine_is_ready():
                found["ready_s"] = hotline.seconds()
            page = client.get("/chat/messages", headers={"Accept": "text/html"}).text
            if answered(page, seq)[0]:
                found["answered_s"] = hotline.seconds()
            elif hotline.seconds() > READY_SECONDS:
                raise NotReady("the first message was not answered")
            time.sleep(LOOK_SECONDS)
    found.setdefault("ready_s", found["answered_s"])
    return found


def measure_ours(settings: Settings, tell: Tell) -> dict[str, float]:
    """A first start in a fresh home and a second one in the same. Raises NotReady."""
    figures: dict[str, float] = {}
    with temporary_home() as home:
        for prefix in ("", "again_"):
            tell(f"ours: {'second' if prefix else 'first'} start")
            figures |= {prefix + name: value for name, value in _start_once(settings, home, figures, prefix).items()}
    return figures


def _start_once(settings: Settings, home: Path, figures: dict[str, float], prefix: str) -> dict[str, float]:
    with running_hotline(settings, home) as hotline:
        found = _follow(hotline, story()[0])
        stopping = time.monotonic()
    if not prefix:
        figures["stop_s"] = time.monotonic() - stopping
    return found


def measure_stock(settings: Settings, stock: rival.Stock, tell: Tell) -> dict[str, float]:
    """Seconds from `rasa run` and `rasa run actions` to their being ready and to the first answer. Raises NotReady."""
    tell("stock: start")
    with rival.running_stock(settings, stock) as running:
        asked = time.monotonic()
        answer = httpx.post(running.address + "/webhooks/rest/webhook", timeout=120, trust_env=False,
                            json={"sender": uuid.uuid4().hex, "message": story()[0]})
        if answer.status_code != 200 or not answer.json():
            raise NotReady("stock Rasa gave no answer to its first message")
        return {"ready_s": running.ready_s, "answered_s": running.ready_s + time.monotonic() - asked}


def bench_startup(settings: Settings, repeat: int, stock: rival.Stock | None, tell: Tell) -> Report:
    """Both sides one after the other, `repeat` times, the best of each figure. Raises NotReady."""
    report = Report.begin("startup", n=repeat)
    rows = [measure_ours(settings, tell) for _ in range(repeat)]
    report.ours = {name: best([row[name] for row in rows], smaller=True) for name in rows[0]}
    if stock is not None:
        theirs = [measure_stock(settings, stock, tell) for _ in range(repeat)]
        report.rivals["stock"] = {name: best([row[name] for row in theirs], smaller=True) for name in theirs[0]}
        report.compare("stock", FIGURES)
    report.notes = [
        "Seconds from the command. The model is trained; the home is fresh (database made, migrated, first staff made) "
        "and the same one at the second start. A message is sent as soon as the pages take one; it waits in the "
        f"database until the engine has loaded. Best of {repeat}.",
        "The rival's PostgreSQL runs already when its clock starts; its server and its action server start together. "
        "It takes no message before it has loaded its model.",
    ]
    return report
