"""Unknown logins are locked as known ones, in every process, with and without Redis."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from actions.access.commands import SignInRefused
from actions.privacy.keys import Keys
from bot.desk.strangers import Strangers
from bot.processes.servers import start_redis

NOW = datetime(2026, 11, 20, 2, 0, 0, 123456, tzinfo=timezone.utc)
KEYS = Keys(b"k" * 32)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = start_redis(Path(tmp_path_factory.mktemp("redis")))
    yield server.url
    server.stop()


def locks_after_five(one: Strangers, other: Strangers, login: str) -> None:
    said = []
    for desk in (one, other, one, other, one):
        desk.check(login, NOW)
        said.append(desk.count(login, NOW))
    assert said == [False, False, False, False, True]  # which of them locked, so that it is noted once
    with pytest.raises(SignInRefused) as refused:
        other.check(login, NOW + timedelta(minutes=59))
    assert refused.value.until == NOW + timedelta(hours=1)
    with pytest.raises(SignInRefused):  # weighed at the same moment as the fifth
        other.count(login, NOW)
    other.check("somebody else", NOW)
    later = NOW + timedelta(hours=1)
    for _ in range(4):
        one.check(login, later)
        one.count(login, later)
    one.check(login, later)


def test_two_processes_count_together(redis_url: str) -> None:
    locks_after_five(Strangers(redis_url, KEYS), Strangers(redis_url, KEYS), "nobody")


@pytest.mark.parametrize("url", [None, "redis://127.0.0.1:1/0"])
def test_without_redis_one_process_counts_by_itself(url: str | None) -> None:
    alone = Strangers(url, KEYS)
    locks_after_five(alone, alone, "nobody")
