"""The streams as a browser gets them: over a real server, with a real Redis."""
from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import uvicorn

from actions.storage.tables import Conversation
from bot.conversation.wake import Wake
from bot.processes.servers import free_port, start_redis
from bot.processes.web import PortTaken, create_app, run_web
from tests.cast import Stage
from tests.stage import make_stage


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    server = start_redis(tmp_path)
    yield server.url
    server.stop()


@pytest.fixture
def live(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any, redis_url: str) -> Iterator[tuple[Stage, str]]:
    """(stage, address of its server)."""
    stage = make_stage(database, knowledge, gates, roles, lifecycle, clock, redis_url=redis_url)
    stage.hire()
    door = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(stage.parts), ws="none", log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    yield stage, f"http://127.0.0.1:{door.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    door.close()




def test_resident_hears_of_own_conversation_only(live: tuple[Stage, str], redis_url: str) -> None:
    stage, address = live
    wang, other = stage.browser(), stage.browser()
    other.write("你好")
    wang.write("你好")
    with stage.parts.database.begin() as session:
        first, second = session.execute(sa.select(Conversation.id).order_by(Conversation.id)).scalars()
    wake = Wake(redis_url)
    with httpx.Client(base_url=address, cookies=dict(wang.client.cookies), timeout=10) as client, \
            client.stream("GET", "/chat/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.iter_lines()
        said = [next(lines), next(lines)]
        assert said == ["retry: 2000", "data: look"]
        # the ear on Redis goes on a moment later and says so
        assert [next(lines) for _ in range(3)] == ["", "data: look", ""]
        wake.hint(f"conversation:{first}", "queue", f"conversation:{second}")
        assert next(lines) == "data: look"


def test_desk_hears_the_pane_that_changed(live: tuple[Stage, str], redis_url: str) -> None:
    stage, address = live
    zhou = stage.sign_in("zhou")
    cookies = {cookie.name: cookie.value for cookie in zhou.client.cookies.jar if cookie.name == "ym_desk"}
    with httpx.Client(base_url=address, cookies=cookies, timeout=10) as client, client.stream("GET", "/desk/stream") as answer:
        assert answer.status_code == 200
        lines = (line for line in answer.iter_lines() if line.startswith("data: "))
        assert [next(lines), next(lines)] == ["data: look", "data: look"]
        Wake(redis_url).hint("conversation:7")
        assert next(lines) == "data: conversation:7"


def test_probes(live: tuple[Stage, str]) -> None:
    _, address = live
    assert httpx.get(f"{address}/healthz").json() == {"ok": True}
    assert httpx.get(f"{address}/readyz").json()["ok"] is True



def test_port_taken_is_one_sentence(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any) -> None:
    port = free_port()
    stage = make_stage(database, knowledge, gates, roles, lifecycle, clock, {"YOUMEN_PORT": str(port)})
    with socket.create_server(("127.0.0.1", port)), pytest.raises(PortTaken, match=f"127.0.0.1:{port} is taken"):
        run_web(stage.parts)
