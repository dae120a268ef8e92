"""Counts wrong tries for logins that do not exist, so that being locked tells nobody which logins do.

In Redis, for all web processes; while there is none, in the memory of this one.
"""
from __future__ import annotations

import time
from collections import OrderedDict
from datetime import datetime, timezone
from threading import Lock

import redis

from actions.access.commands import LOCKED, TRIES, SignInRefused
from actions.privacy.keys import Keys
from bot.conversation.wake import RETRY_SECONDS

KEPT_SECONDS = 30 * 24 * 3600
REMEMBERED = 10_000
# one step, so that tries at the same moment are counted one after the other
_COUNT = """
local locked = redis.call('GET', KEYS[2])
if locked and tonumber(locked) > tonumber(ARGV[1]) then return locked end
local tries = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
if tries >= tonumber(ARGV[4]) then
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
  return -1
end
return false
"""


class Strangers:
    """Locks unknown logins as known ones are locked: after the same number of tries, for the same time."""

    def __init__(self, redis_url: str | None, keys: Keys) -> None:
        self._client = redis.Redis.from_url(
            redis_url, socket_timeout=1, socket_connect_timeout=1) if redis_url else None
        self._keys, self._quiet_until = keys, 0.0
        self._memory: OrderedDict[str, tuple[int, int]] = OrderedDict()  # key: (tries, locked until)
        self._lock = Lock()

    def _redis(self) -> redis.Redis | None:
        return None if time.monotonic() < self._quiet_until else self._client

    def mark(self, login: str) -> str:
        """What stands for a login nobody has: the same for the same one, and nothing leads back."""
        return self._keys.fingerprint("stranger", login).hex()[:16]

    def _name(self, login: str) -> str:
        return f"youmen:stranger:{self._keys.fingerprint('stranger', login).hex()}"

    def check(self, login: str, now: datetime) -> None:
        """Raises SignInRefused while this login is locked."""
        name, client, until = self._name(login), self._redis(), 0
        if client is not None:
            try:
                until = int(client.get(f"{name}:until") or 0)
            except redis.RedisError:
                self._quiet_until = time.monotonic() + RETRY_SECONDS
        with self._lock:
            until = max(until, self._memory.get(name, (0, 0))[1])
        _refuse_until(until, now)

    def count(self, login: str, now: datetime) -> bool:
        """Counts a wrong try; True when it locks. Raises SignInRefused when others have locked this login meanwhile."""
        name, client = self._name(login), self._redis()
        at, until = _micro(now), _micro(now + LOCKED)
        if client is not None:
            try:
                found = int(client.eval(_COUNT, 2, name, f"{name}:until", at, until, KEPT_SECONDS, TRIES) or 0)
                _refuse_until(found, now)
                return found < 0
            except redis.RedisError:
                self._quiet_until = time.monotonic() + RETRY_SECONDS
        with self._lock:
            tries, locked = self._memory.pop(name, (0, 0))
            locks = locked <= at and tries + 1 >= TRIES
            if locked <= at:
                tries, locked = (0, until) if locks else (tries + 1, 0)
                found = 0
            else:
                found = locked
            self._memory[name] = (tries, locked)
            if len(self._memory) > REMEMBERED:
                self._memory.popitem(last=False)
        _refuse_until(found, now)
        return locks


def _micro(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _refuse_until(until: int, now: datetime) -> None:
    if until > _micro(now):
        raise SignInRefused(datetime.fromtimestamp(until / 1_000_000, timezone.utc))
