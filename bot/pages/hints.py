"""Live pages get hints, not events: one ear on Redis per process, any number of streams. DESIGN 2 point 11."""
from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import redis
import redis.asyncio
import structlog
from fastapi.responses import StreamingResponse

from bot.conversation.wake import HINTS
from bot.pages.errors import PageError
from bot.pages.quiet import note

log = structlog.get_logger(__name__)

BEAT_SECONDS = 15.0
LOOK_SECONDS = 2.0
LIFE_SECONDS = 600.0
RETRY_SECONDS = 2.0
MOST_STREAMS = 5
LOOK = "look"
Wanted = Callable[[str], "str | None"]


class HintBoard:
    """Spreads the hints of Redis to the streams of this process. Without Redis the streams say "look" every 2 s."""

    def __init__(self, redis_url: str | None) -> None:
        self._url = redis_url
        self._ears: set[asyncio.Queue[str]] = set()
        self._held: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.live = False

    def tell(self, hint: str) -> None:
        """Gives a hint to every stream. A stream that is far behind loses hints: the next one makes it read anyway."""
        for ear in self._ears:
            if not ear.full():
                ear.put_nowait(hint)

    def _listen_once(self) -> None:
        loop = asyncio.get_running_loop()
        if self._url and (self._task is None or self._task.done() or self._loop is not loop):
            self._loop, self._task = loop, loop.create_task(self._listen(self._url))

    async def stop(self) -> None:
        """Ends listening; for the end of the process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self, url: str) -> None:
        while True:
            client = redis.asyncio.Redis.from_url(url, socket_connect_timeout=1)
            try:
                async with client.pubsub() as books:
                    await books.subscribe(HINTS)
                    self.live = True
                    self.tell(LOOK)  # whatever was missed meanwhile
                    while True:
                        message = await books.get_message(ignore_subscribe_messages=True, timeout=5.0)
                        if message is None:
                            await books.ping()
                        elif message["type"] == "message":
                            self.tell(message["data"].decode("utf-8", "replace"))
            except (redis.RedisError, OSError) as error:
                if self.live:
                    note(log.warning, "hints_unreachable", error=type(error).__name__)
            finally:
                self.live = False
                self.tell(LOOK)  # wakes the streams: from now on they look by themselves
                await client.close()
            await asyncio.sleep(RETRY_SECONDS)

    async def events(self, wanted: Wanted, beat: float = BEAT_SECONDS, look: float = LOOK_SECONDS,
                     life: float = LIFE_SECONDS) -> AsyncGenerator[str, None]:
        """The lines of one stream. `wanted` gives the word to pass on for a hint, or None to keep it back.

        It ends after `life` seconds: the browser comes back by itself, and must show again who it is.
        """
        self._listen_once()
        ear: asyncio.Queue[str] = asyncio.Queue(maxsize=256)
        self._ears.add(ear)
        end = asyncio.get_running_loop().time() + life
        try:
            yield f"retry: 2000\ndata: {LOOK}\n\n"
            while (left := end - asyncio.get_running_loop().time()) > 0:
                try:
                    hints = {await asyncio.wait_for(ear.get(), min(left, beat if self.live else look))}
                except asyncio.TimeoutError:
                    yield ": beat\n\n" if self.live else f"data: {LOOK}\n\n"
                    continue
                while not ear.empty():
                    hints.add(ear.get_nowait())
                words = {word for hint in hints if (word := hint if hint == LOOK else wanted(hint)) is not None}
                if words:
                    yield "".join(f"data: {word}\n\n" for word in sorted(words))
        finally:
            self._ears.discard(ear)

    async def _counted(self, wanted: Wanted, holder: str) -> AsyncIterator[str]:
        self._held[holder] += 1
        try:
            async with aclosing(self.events(wanted)) as lines:
                async for line in lines:
                    yield line
        finally:
            self._held[holder] -= 1
            if self._held[holder] <= 0:
                del self._held[holder]

    def response(self, wanted: Wanted, holder: str) -> StreamingResponse:
        """The stream as a response; it holds no session. Raises PageError when `holder` has enough of them open."""
        if self._held[holder] >= MOST_STREAMS:
            raise PageError("too_fast")
        headers = {"X-Accel-Buffering": "no"}  # a proxy must not hold lines back
        return StreamingResponse(self._counted(wanted, holder), media_type="text/event-stream", headers=headers)
