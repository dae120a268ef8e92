"""Fetches what residents attached, one file at a time, in a thread of its own: a slow file delays no message."""

from __future__ import annotations

import threading

import structlog
from sqlalchemy.exc import DBAPIError
from telegram.error import BadRequest

from actions.storage.only_one import OnlyOne
from bot.channels.telegram import api
from bot.channels.telegram.inbox import Inbox
from bot.channels.telegram.words import CHANNEL
from bot.conversation.attachments import Gone, TooLarge, fetch_one

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 2.0


class Fetcher:
    """The loop. `round` is one file."""

    def __init__(self, app: api.Api, inbox: Inbox) -> None:
        self._api, self._inbox = app, inbox
        self._lock = OnlyOne(inbox.database.engine, "files")

    def run(self, stop: threading.Event) -> None:
        """Works until told to stop."""
        while not stop.is_set():
            try:
                if self._lock.held() and self.round():
                    continue
            except DBAPIError as error:
                log.warning("database_unreachable", error=type(error.orig).__name__ if error.orig else "?")
            except Exception as error:  # whatever it is, it must not end the loop
                log.error("attachment_loop_failed", error=type(error).__name__)
            stop.wait(SWEEP_SECONDS)
        self._lock.give_up()

    def round(self) -> bool:
        """Fetches one; False when none is due."""
        fetched = fetch_one(self._inbox.database, self._inbox.keys, CHANNEL, self._fetch, self._inbox.now)
        if fetched:
            self._inbox.wake.hint("queue")
        return fetched

    def _fetch(self, file_id: str) -> bytes:
        try:
            return self._api.file(file_id)
        except api.TooLarge:
            raise TooLarge() from None
        except BadRequest as error:
            raise (TooLarge() if "too big" in error.message.lower() else Gone()) from None
