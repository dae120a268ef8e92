"""Deliverers: some threads that deliver, so that one app's silence delays one conversation. One courier at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import structlog
from sqlalchemy.exc import DBAPIError

from actions.storage.only_one import OnlyOne
from bot.conversation.deliver import Sender, deliver_one, recover
from bot.processes.parts import Parts

log = structlog.get_logger(__name__)

THREADS = 4
MEND_SECONDS = 15.0  # another courier may have died over what it was sending when we took the lock


class Deliverers:
    """`look` is called again and again by the courier: it takes the lock, mends what a crash left, and wakes them."""

    def __init__(self, parts: Parts, senders: Mapping[str, Sender], threads: int = THREADS) -> None:
        self._parts, self._senders, self._threads = parts, senders, threads
        self._lock = OnlyOne(parts.database.engine, "deliver")
        self._changed = threading.Condition()
        self._mine = self._stopped = False
        self._busy = self._rounds = 0
        self._mended = 0.0

    def start(self) -> None:
        """Begins; without senders there is nothing to do."""
        for number in range(self._threads if self._senders else 0):
            threading.Thread(target=self._work, name=f"deliverer-{number}", daemon=True).start()

    def look(self) -> None:
        """Something may be due."""
        if not self._senders:
            return
        held = self._held()
        with self._changed:
            if held and not self._mine:
                if self._busy:  # the lock was lost while something was on its way: its end is waited for
                    return
                recover(self._parts.database, self._senders, self._parts.now())
                self._mended = time.monotonic()
            elif held and time.monotonic() - self._mended > MEND_SECONDS:
                recover(self._parts.database, self._senders, self._parts.now(), idle=False)
                self._mended = time.monotonic()
            self._mine = held
            self._rounds += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Ends; what is on its way comes to its end while the process lives."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._busy, timeout=5)
        self._lock.give_up()

    def _held(self) -> bool:
        try:
            return self._lock.held()
        except DBAPIError:
            with self._changed:
                self._mine = False
            raise

    def _work(self) -> None:
        seen = -1
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or (self._mine and self._rounds != seen))  # noqa: B023
                if self._stopped:
                    return
                seen = self._rounds
                self._busy += 1
            try:
                while self._mine and not self._stopped and self._deliver():
                    pass
            except DBAPIError as error:
                log.warning("database_unreachable", error=type(error.orig).__name__ if error.orig else "?")
            except Exception as error:  # one message's fault must not end the delivering of all the others
                log.error("deliverer_failed", error=type(error).__name__)
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

    def _deliver(self) -> bool:
        return deliver_one(self._parts.database, self._senders, self._parts.keys, self._parts.now)
