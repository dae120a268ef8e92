"""Slows down whoever sends too fast. Counted in Redis; without it nobody is slowed."""
from __future__ import annotations

import ipaddress
import time

import redis
from fastapi import Request

from bot.conversation.wake import RETRY_SECONDS


def network(request: Request) -> str:
    """Where a request comes from, as far as one person can choose: the IPv4 address, or the first half of an IPv6."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        return str(address.ipv4_mapped)
    return str(address)


class Limit:
    """At most `most` in `seconds`, for each key."""

    def __init__(self, redis_url: str | None, name: str, most: int, seconds: int) -> None:
        self._client = redis.Redis.from_url(
            redis_url, socket_timeout=1, socket_connect_timeout=1) if redis_url else None
        self._name, self._most, self._seconds = name, most, seconds
        self._quiet_until = 0.0

    def allow(self, key: str) -> bool:
        """Counts one and says whether it is within the limit."""
        if self._client is None or time.monotonic() < self._quiet_until:
            return True
        name = f"youmen:limit:{self._name}:{key}"
        try:
            pipe = self._client.pipeline()
            pipe.set(name, 0, ex=self._seconds, nx=True)
            pipe.incr(name)
            return int(pipe.execute()[1]) <= self._most
        except redis.RedisError:
            self._quiet_until = time.monotonic() + RETRY_SECONDS
            return True
