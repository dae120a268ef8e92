"""Slows down whoever sends too fast. Counted in Redis; without it nobody is slowed."""
from __future__ import annotations

import ipaddress
import time
from collections.abc import Sequence

import redis
from fastapi import Request

from bot.conversation.wake import RETRY_SECONDS

Networks = Sequence["ipaddress.IPv4Network | ipaddress.IPv6Network"]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Raises ValueError. An IPv4 address in the clothes of an IPv6 is the IPv4 one."""
    address = ipaddress.ip_address(text.strip().partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def client_of(request: Request, trusted: Networks) -> str:
    """The address that asks: who connects, or, where that is a proxy we trust, whom it says it asks for.

    X-Forwarded-For is read from its end: each proxy adds whom it heard. Whatever stands before the first address that
    is no proxy of ours was written by that stranger and is not believed.
    """
    host = request.client.host if request.client is not None else ""
    chain = [entry for line in request.headers.getlist("x-forwarded-for") for entry in line.split(",")]
    while trusted:
        try:
            if not any(_address(host) in net for net in trusted) or not chain:
                break
            nearer = chain.pop().strip()
            _address(nearer)
        except ValueError:  # what the proxy says is no address: it is itself all that is sure
            break
        host = nearer
    return host


def network(request: Request, trusted: Networks = ()) -> str:
    """Where a request comes from, as far as one person can choose: the IPv4 address, or the first half of an IPv6."""
    host = client_of(request, trusted)
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
