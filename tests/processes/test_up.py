"""`youmen up` as a person runs it: it comes up, heals itself, says where it runs, and stops without a trace."""

from __future__ import annotations

import json
import signal
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from bot.processes.private import temporary_home
from bot.processes.servers import free_port
from tests.live import PATIENCE, Live, live_hotline, until, youmen

pytestmark = [pytest.mark.engine, pytest.mark.slow]

FIRE = "我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃"


@pytest.fixture(scope="module")
def running(dialogue: Any) -> Iterator[Live]:
    """A hotline that is up; the dialogue fixture has trained its model."""
    with live_hotline() as live:
        yield live


def chat(port: int) -> httpx.Client:
    base = f"http://localhost:{port}"
    return httpx.Client(
        base_url=base, headers={"Origin": base, "Accept": "application/json"}, trust_env=False, timeout=10
    )


def post(client: httpx.Client, text: str) -> httpx.Response:
    return client.post("/chat/messages", json={"id": str(uuid.uuid4()), "text": text})


def lines(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/chat/messages", params={"after": 0}).json()["lines"]
    return found


def bot_lines(client: httpx.Client) -> list[dict[str, Any]]:
    return [line for line in lines(client) if line["author"] == "bot"]


def test_a_message_through_the_browser_is_answered(running: Live) -> None:
    with chat(running.port) as client:
        assert post(client, FIRE).status_code == 200
        # the safety line stands there before the engine has thought
        assert [line["author"] for line in lines(client)][:2] == ["resident", "system"]
        assert until(lambda: bot_lines(client))[-1]["text"].startswith("在登记之前")


def test_a_second_start_says_where_the_first_one_runs(running: Live) -> None:
    home, port, process = running.home, running.port, running.process
    second = youmen(home, "up", YOUMEN_PORT=str(port))
    _, told = second.communicate(timeout=60)
    assert second.returncode == 0
    assert f"http://localhost:{port}" in told and str(process.pid) in told
    assert process.poll() is None


def test_what_dies_is_started_again(running: Live) -> None:
    port = running.port
    for name in ("courier", "web"):
        old = running.children(name)[0]
        old.kill()
        until(lambda name=name, old=old: _two_without(running, name, old.pid))
    with chat(port) as client:
        until(lambda: _answers(client))
        post(client, "你好")
        assert until(lambda: bot_lines(client))


def _two_without(live: Live, name: str, pid: int) -> bool:
    pids = [child.pid for child in live.children(name)]
    return len(pids) == 2 and pid not in pids


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def test_a_killed_worker_is_replaced_and_its_message_answered(running: Live) -> None:
    port = running.port
    [parent] = running.children("engine")
    with chat(port) as client:
        post(client, "低保标准是多少")
        for worker in parent.children():
            worker.kill()
        assert "770" in until(lambda: bot_lines(client))[-1]["text"]
    assert parent.is_running()


def test_an_idle_worker_that_was_stopped_is_replaced(running: Live) -> None:
    [parent] = running.children("engine")
    stopped = until(parent.children)
    for worker in stopped:
        worker.suspend()
    until(lambda: not any(worker.is_running() for worker in stopped))
    assert running.log("engine").count(b'"worker_silent"') == len(stopped)
    with chat(running.port) as client:
        post(client, "低保标准是多少")
        assert "770" in until(lambda: bot_lines(client))[-1]["text"]


def test_a_killed_database_comes_back(running: Live) -> None:
    """Its successor refuses to start while the killed one's processes hold its memory: that must end nothing."""
    for _ in range(3):
        killed = _postmaster(running)
        assert killed is not None
        psutil.Process(int(killed)).kill()
        with chat(running.port) as client:
            # whether it is back is asked where nobody counts: a message tried again and again is soon one too many
            until(lambda client=client, killed=killed: _postmaster(running) not in (None, killed) and _ready(client))  # type: ignore[misc]
            assert post(client, "低保标准是多少").status_code == 200
            assert "770" in until(lambda client=client: bot_lines(client))[-1]["text"]  # type: ignore[misc]
    assert running.process.poll() is None


def _postmaster(running: Live) -> str | None:
    """The process id of the database as its own file says; None while there is none."""
    try:
        return (running.home / "postgres" / "postmaster.pid").read_text().split()[0]
    except (OSError, IndexError):
        return None


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def test_accepting_and_danger_replies_go_on_without_the_engine(running: Live) -> None:
    port = running.port
    [parent] = running.children("engine")
    parent.kill()
    with chat(port) as client:
        assert post(client, "煤气漏了我头好晕快来人").status_code == 200
        assert [line["author"] for line in lines(client)][:2] == ["resident", "system"]
        assert until(lambda: bot_lines(client))  # and the engine comes back by itself


def test_logs_hold_no_words_of_residents(running: Live) -> None:
    home = running.home
    for path in (home / "logs").glob("*.log"):
        for word in ("龙溪", "着火", "煤气", "低保标准"):
            assert word not in path.read_text(encoding="utf-8", errors="replace"), (path.name, word)


def test_ctrl_c_stops_every_process(running: Live) -> None:
    home, process = running.home, running.process
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 6
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 0
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert not (home / "running.json").exists()


def test_a_killed_supervisor_leaves_nothing_and_the_next_one_comes_up(dialogue: Any) -> None:
    with live_hotline() as live:
        family = psutil.Process(live.process.pid).children(recursive=True)
        assert len(family) >= 6
        live.process.kill()
        live.process.wait()
        live.told, live.process = "", youmen(live.home, "up", YOUMEN_PORT=str(live.port))
        live.read_welcome()
        assert not [process for process in family if process.is_running()]
        with chat(live.port) as client:
            assert post(client, "低保标准是多少").status_code == 200
            assert "770" in until(lambda: bot_lines(client))[-1]["text"]
        live.process.send_signal(signal.SIGHUP)  # the terminal was closed
        assert live.process.wait(90) == 0


def test_a_port_that_is_taken(tmp_path: Path, dialogue: Any) -> None:
    with temporary_home() as home, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = youmen(home, "up", YOUMEN_PORT=str(port))
        _, told = process.communicate(timeout=60)
    assert process.returncode == 3
    assert told.strip().count("\n") == 0 and str(port) in told and "YOUMEN_PORT" in told


def test_a_database_that_is_gone(tmp_path: Path) -> None:
    process = youmen(tmp_path, "migrate", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    _, told = process.communicate(timeout=60)
    assert process.returncode == 3 and "DATABASE_URL" in told and "Traceback" not in told


def damaged_model(build: Path) -> Path:
    from actions.places.dictionary import jieba_words
    from actions.places.gazetteer import load_gazetteer
    from bot.dialogue.model import model_files
    from bot.settings import load_settings

    settings = load_settings({"YOUMEN_BUILD": str(build)})
    archive = model_files(settings, jieba_words(load_gazetteer(settings.config / "places"))).archive
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"damaged")
    return archive


def test_a_damaged_model(tmp_path: Path, dialogue: Any) -> None:
    damaged_model(tmp_path)
    process = youmen(tmp_path, "understand", YOUMEN_BUILD=str(tmp_path))
    _, told = process.communicate(timeout=120)
    assert process.returncode == 3 and "youmen train" in told and "Traceback" not in told


def test_a_start_that_lacks_something_says_what_and_ends(tmp_path: Path, dialogue: Any) -> None:
    archive = damaged_model(tmp_path)
    with temporary_home() as home:
        process = youmen(home, "up", YOUMEN_PORT=str(free_port()), YOUMEN_BUILD=str(tmp_path))
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3 and archive.exists()
    assert "youmen train" in told.splitlines()[-1] and "is up" not in told and "Traceback" not in told
    assert "first-time logins" in told  # nobody could read them again


def test_the_state_of_a_dead_supervisor_is_not_believed(tmp_path: Path) -> None:
    from bot.processes.parts import running_state
    from bot.settings import load_settings

    (tmp_path / "running.json").write_text(json.dumps({"pid": 2**22 + 1, "address": "x"}), encoding="utf-8")
    assert running_state(load_settings({}, tmp_path)) is None
