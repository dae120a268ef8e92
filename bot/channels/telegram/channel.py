"""The Telegram side of a courier: one Api for asking and sending, the asking in a thread of its own."""
from __future__ import annotations

import threading

from bot.channels.telegram.api import Api
from bot.channels.telegram.inbox import Inbox
from bot.channels.telegram.poller import Announcer, Poller
from bot.channels.telegram.sender import TelegramSender


class TelegramChannel:
    """`webhook`: (address, secret) where the app pushes; None: it is asked."""

    def __init__(self, token: str, inbox: Inbox, url: str | None = None, webhook: tuple[str, str] | None = None) -> None:
        self._api = Api(token, inbox.words, url)
        self._poller = Poller(self._api, inbox) if webhook is None else Announcer(self._api, inbox, *webhook)
        self.sender = TelegramSender(self._api, inbox.words)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poller.run, args=(self._stop,), name="telegram-poller", daemon=True)

    def start(self) -> None:
        """Begins to ask for news."""
        self._thread.start()

    def stop(self) -> None:
        """Ends asking, at once: what was not confirmed comes again."""
        self._stop.set()
        self._api.close()
        self._thread.join(timeout=5)
