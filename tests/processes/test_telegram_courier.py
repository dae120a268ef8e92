"""The courier as a process: killed with SIGKILL again and again, it loses no update, stores none twice, answers in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from actions.storage.engine import Database
from actions.storage.tables import Message
from bot.settings import PROJECT
from tests.channels.bot_api import TOKEN, BotApi
from tests.live import until

CHATS, EACH, KILLS = 5, 12, 3
PATIENCE = 60


@pytest.fixture
def server() -> Iterator[BotApi]:
    api = BotApi(duplicates=True, reorders=True)
    yield api
    api.close()


def courier(server: BotApi, database_url: str, home: Path, **more: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "YOUMEN_HOME": str(home),
        "TELEGRAM_TOKEN": TOKEN,
        "TELEGRAM_API_URL": server.url,
        "YOUMEN_FIELD_KEY": (b"k" * 32).hex(),
        "NO_PROXY": "127.0.0.1",
        **more,
    }
    log = (home / "courier.log").open("ab")
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "bot.cli", "run", "courier"],
        cwd=PROJECT,
        stdout=log,
        stderr=log,
        env=environment,
    )


@pytest.mark.faults
@pytest.mark.slow
def test_killed_again_and_again_it_loses_and_doubles_nothing(
    server: BotApi, database: Database, database_url: str, tmp_path: Path
) -> None:
    written = 0
    for kill in range(KILLS + 1):
        process = courier(server, database_url, tmp_path)
        try:
            asked = server.count("getUpdates")
            for _ in range(CHATS * EACH // (KILLS + 1)):
                server.write(7000 + written % CHATS, f"第{written // CHATS}句")
                written += 1
            # killed at the next question but one after news: some is stored and not confirmed, some not even stored
            server.wait_until(lambda asked=asked: server.count("getUpdates") >= asked + 1, PATIENCE)  # type: ignore[misc]
            if kill == KILLS:
                server.wait_until(lambda: not server._updates, PATIENCE)
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE) == 0, (tmp_path / "courier.log").read_text()[-2000:]
        finally:
            process.kill()
            process.wait()
    with database.begin() as session:
        rows = session.execute(
            sa.select(Message.contact_id, Message.seq, Message.text)
            .where(Message.author == "resident")
            .order_by(Message.contact_id, Message.seq)
        ).all()
    by_contact: dict[int, list[str]] = {}
    for contact_id, _, text in rows:
        by_contact.setdefault(contact_id, []).append(text)
    assert list(by_contact.values()) == [[f"第{number}句" for number in range(EACH)]] * CHATS
    said = (tmp_path / "courier.log").read_text()
    assert "第" not in said and TOKEN not in said


def test_without_a_token_the_channel_is_off_and_says_so(
    server: BotApi, database: Database, database_url: str, tmp_path: Path
) -> None:
    process = courier(server, database_url, tmp_path, TELEGRAM_TOKEN="")
    log = tmp_path / "courier.log"
    try:
        until(lambda: "courier_ready" in log.read_text() or process.poll() is not None)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
    assert log.read_text().count("telegram_off") == 1 and server.calls == []
