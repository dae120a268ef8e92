"""Wake-ups and hints over Redis, always after a commit. Losing Redis costs a second, never a message."""
from __future__ import annotations

import time

import redis
import structlog

log = structlog.get_logger(__name__)

TURN, OUT = "youmen:turn", "youmen:out"
HINTS = "youmen:hints"
RETRY_SECONDS = 5.0


class Wake:
    """Tells other processes that there is something to do. `url` None: nobody is told, the sweeps find it."""

    def __init__(self, url: str | None) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=1) if url else None
        self._quiet_until = 0.0

    def _failed(self, error: redis.RedisError) -> None:
        if time.monotonic() >= self._quiet_until:
            log.warning("redis_unreachable", error=type(error).__name__)
        self._quiet_until = time.monotonic() + RETRY_SECONDS

    def _usable(self) -> bool:
        return self._client is not None and time.monotonic() >= self._quiet_until

    def ring(self, bell: str) -> None:
        """Wakes one waiter of this bell (TURN: a worker, OUT: the courier)."""
        if not self._usable():
            return
        try:
            pipe = self._client.pipeline()  # type: ignore[union-attr]
            pipe.lpush(bell, b"1")
            pipe.ltrim(bell, 0, 63)
            pipe.execute()
        except redis.RedisError as error:
            self._failed(error)

    def wait(self, bell: str, seconds: float) -> bool:
        """Waits for the bell at most `seconds`; False when only the time passed. Without Redis it just sleeps."""
        if not self._usable():
            time.sleep(min(seconds, 0.25))
            return False
        try:
            return self._client.brpop([bell], timeout=max(seconds, 0.1)) is not None  # type: ignore[union-attr]
        except redis.RedisError as error:
            self._failed(error)
            return False

    def hint(self, *panes: str) -> None:
        """Tells live pages which panes to read afresh: "queue", "conversation:7", "ticket:YM…", "unit:u-longxi"."""
        if not self._usable():
            return
        try:
            for pane in panes:
                self._client.publish(HINTS, pane)  # type: ignore[union-attr]
        except redis.RedisError as error:
            self._failed(error)
