"""The keeper: a thread beside the courier. It ends sessions that are over, and verifies the audit log once a day."""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from actions.access.commands import SYSTEM, end_old_sessions
from actions.privacy.anchors import FILE
from actions.privacy.verifying import last_verified, verify_and_note
from bot.processes.parts import Parts

log = structlog.get_logger(__name__)

EVERY_SECONDS = 60.0
VERIFY_EVERY = timedelta(days=1)


def keep_round(parts: Parts) -> None:
    """Once through everything that is due. Several couriers may do it at once: what is done is done."""
    with parts.database.begin() as session:
        end_old_sessions(session, parts.now())
        last = last_verified(session)
    if last is not None and parts.now() - last[0] < VERIFY_EVERY:
        return
    found = verify_and_note(parts.database, parts.settings.home / FILE, actor=SYSTEM, now=parts.now())
    if found.broken is not None:
        log.error("audit_broken", row=found.broken.row, what=found.broken.what)


class Keeper:
    """`start` and `stop` it with the courier. It is a daemon: no verification holds up the end of the process."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._stopped = parts, threading.Event()

    def start(self) -> None:
        """Begins with a round at once."""
        threading.Thread(target=self._work, name="keeper", daemon=True).start()

    def stop(self) -> None:
        """No round begins any more."""
        self._stopped.set()

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                keep_round(self._parts)
            except DBAPIError as error:
                log.warning("database_unreachable", error=type(error.orig).__name__ if error.orig else "?")
            except Exception as error:  # keeping must not end because one round failed
                log.error("keeper_failed", error=type(error).__name__)
            self._stopped.wait(EVERY_SECONDS)
