"""The Telegram side of a courier: one Api for asking and sending, the asking in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from actions.storage.engine import Database
from bot.channels.links import LinkMaker
from bot.channels.telegram.api import Api
from bot.channels.telegram.files import Fetcher
from bot.channels.telegram.inbox import Inbox
from bot.channels.telegram.poller import Announcer, Poller
from bot.channels.telegram.sender import TelegramSender
from bot.channels.telegram.webhook import secrets_of, webhook_url
from bot.channels.telegram.words import load_words
from bot.conversation.accept import AcceptTools
from bot.conversation.wake import Wake
from bot.settings import Settings

log = structlog.get_logger(__name__)


class TelegramChannel:
    """`webhook`: (address, secret) where the app pushes; None: it is asked."""

    def __init__(
        self, token: str, inbox: Inbox, links: LinkMaker, url: str | None = None, webhook: tuple[str, str] | None = None
    ) -> None:
        self._api = Api(token, inbox.words, url)
        self._poller = Poller(self._api, inbox) if webhook is None else Announcer(self._api, inbox, *webhook)
        self.sender = TelegramSender(self._api, inbox.words, links)
        self._fetcher = Fetcher(self._api, inbox)
        self._stop = threading.Event()
        self._files = threading.Thread(target=self._fetcher.run, args=(self._stop,), name="telegram-files", daemon=True)
        self._thread = threading.Thread(
            target=self._poller.run, args=(self._stop,), name="telegram-poller", daemon=True
        )

    def start(self) -> None:
        """Begins to ask for news."""
        self._thread.start()
        self._files.start()

    def stop(self) -> None:
        """Ends asking, at once: what was not confirmed comes again."""
        self._stop.set()
        self._api.close()
        self._thread.join(timeout=5)
        self._files.join(timeout=5)


def open_inbox(
    settings: Settings, database: Database, tools: AcceptTools, wake: Wake, now: Callable[[], datetime]
) -> Inbox:
    """What taking in needs, for courier and web. Raises ConfigError."""
    return Inbox(database, tools, wake, now, load_words(settings.config / "channels"))


def open_telegram(
    settings: Settings, database: Database, tools: AcceptTools, wake: Wake, now: Callable[[], datetime]
) -> TelegramChannel | None:
    """The channel as the settings want it; None, and one log line, when it is off. Raises ConfigError."""
    token = settings.telegram_token
    if token is None:
        log.info("telegram_off", mend="set TELEGRAM_TOKEN to turn it on")
        return None
    if not settings.secure_cookies:
        log.warning("telegram_page_address", mend="set YOUMEN_PUBLIC_URL to the https address people reach us at")
    inbox = open_inbox(settings, database, tools, wake, now)
    keys = tools.knowledge.keys
    webhook = (
        (webhook_url(settings.address, keys, token), secrets_of(keys, token)[1])
        if settings.telegram_updates == "webhook"
        else None
    )
    links = LinkMaker(database, keys, settings.address, now)
    return TelegramChannel(token, inbox, links, settings.telegram_api_url, webhook)
