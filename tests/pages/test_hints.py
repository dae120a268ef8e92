"""Live hints: passed on once, filtered, coalesced; without Redis the page is told to look by itself."""
from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.conversation.wake import Wake
from bot.pages.errors import PageError
from bot.pages.hints import HintBoard
from bot.pages.limits import Limit
from bot.processes.servers import start_redis


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = start_redis(Path(tmp_path_factory.mktemp("redis")))
    yield server.url
    server.stop()


async def take(stream: Any, number: int) -> list[str]:
    return [await asyncio.wait_for(stream.__anext__(), 5) for _ in range(number)]


def test_first_word_is_look_so_that_a_reconnected_page_reads_itself() -> None:
    async def run() -> list[str]:
        return await take(HintBoard(None).events(lambda hint: hint), 1)

    assert asyncio.run(run()) == ["retry: 2000\ndata: look\n\n"]


def test_without_redis_it_says_look_again_and_again_and_ends() -> None:
    async def run() -> list[str]:
        return [line async for line in HintBoard(None).events(lambda hint: hint, look=0.001, life=0.05)]

    lines = asyncio.run(run())
    assert len(lines) > 2 and set(lines[1:]) == {"data: look\n\n"}


def test_hints_are_filtered_and_told_once_when_they_pile_up() -> None:
    async def run() -> list[str]:
        board = HintBoard(None)
        stream = board.events(lambda hint: "look" if hint == "conversation:7" else None, look=60)
        first = await take(stream, 1)
        for hint in ("conversation:8", "conversation:7", "conversation:7", "queue"):
            board.tell(hint)
        return first[1:] + await take(stream, 1)

    assert asyncio.run(run()) == ["data: look\n\n"]


def test_over_redis_every_stream_hears_and_a_closed_one_is_forgotten(redis_url: str) -> None:
    async def run() -> tuple[list[str], int]:
        board = HintBoard(redis_url)
        one, two = board.events(lambda hint: hint, look=60), board.events(lambda hint: hint, look=60)
        await take(one, 1)
        await take(two, 1)
        assert await take(one, 1) == await take(two, 1) == ["data: look\n\n"]  # the ear is on: whatever was missed
        Wake(redis_url).hint("queue")
        heard = await take(one, 1) + await take(two, 1)
        await one.aclose()
        ears = len(board._ears)
        await board.stop()
        return heard, ears

    assert asyncio.run(run()) == (["data: queue\n\n"] * 2, 1)


def test_limit_counts_per_key(redis_url: str) -> None:
    limit = Limit(redis_url, "test", 2, 60)
    assert [limit.allow("a") for _ in range(3)] == [True, True, False]
    assert limit.allow("b")


def test_without_redis_nobody_is_slowed(tmp_path: Path) -> None:
    assert all(Limit(None, "test", 0, 60).allow("a") for _ in range(3))
    assert all(Limit(f"unix://{tmp_path}/nothing.sock", "test", 0, 60).allow("a") for _ in range(3))


def test_when_redis_dies_the_streams_look_by_themselves_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = start_redis(Path(tmp_path_factory.mktemp("redis-dies")))

    async def run() -> list[str]:
        board = HintBoard(server.url)
        stream = board.events(lambda hint: hint, beat=600, look=0.01)
        await take(stream, 1)
        while not board.live:
            await take(stream, 1)
        server.stop()
        after = await take(stream, 3)
        await board.stop()
        return after

    assert asyncio.run(run()) == ["data: look\n\n"] * 3


def test_one_holder_gets_five_streams_and_a_closed_one_makes_room() -> None:
    async def run() -> None:
        board = HintBoard(None)
        streams = [board.response(lambda hint: hint, "wang").body_iterator for _ in range(5)]
        for stream in streams:
            await take(stream, 1)
        with pytest.raises(PageError) as refused:
            board.response(lambda hint: hint, "wang")
        assert refused.value.status == 429
        board.response(lambda hint: hint, "zhou")
        await streams[0].aclose()  # type: ignore[union-attr]
        again = board.response(lambda hint: hint, "wang").body_iterator
        await take(again, 1)
        for stream in [*streams[1:], again]:
            await stream.aclose()  # type: ignore[union-attr]
        assert not board._held and not board._ears

    asyncio.run(run())
