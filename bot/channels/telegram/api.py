"""The Bot API as blocking calls: python-telegram-bot's Bot in a thread with its own loop, connections kept open."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
import structlog
from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Update
from telegram.error import NetworkError, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from bot.channels.telegram.updates import ALLOWED
from bot.channels.telegram.words import Words

log = structlog.get_logger(__name__)

OFFICIAL = "https://api.telegram.org"
CONNECT_SECONDS = 5.0
REFUSED_BEFORE = {429, 500, 502, 503}  # the server says that it did not do it; 504 says that it does not know
T = TypeVar("T")


class NotTaken(NetworkError):
    """The request did not reach the app, or the app said that it did nothing with it."""


class TooLarge(Exception):
    """A file is larger than the app lets a bot fetch."""


def seconds_of(error: RetryAfter) -> float:
    """How long the app wants to be left alone."""
    wait = error.retry_after
    return float(wait) if isinstance(wait, (int, float)) else wait.total_seconds()


class _Request(HTTPXRequest):
    """Tells what certainly was not delivered (NotTaken) from what perhaps was (any other NetworkError)."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        try:
            code, payload = await super().do_request(*args, **kwargs)
        except TelegramError as error:
            if isinstance(error.__cause__, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
                raise NotTaken(type(error.__cause__).__name__) from None
            raise
        if code in REFUSED_BEFORE and b'"retry_after"' not in payload:
            raise NotTaken(str(code))
        return code, payload


class Api:
    """One bot. Every method blocks and raises telegram.error.TelegramError; `close` ends all of them."""

    def __init__(self, token: str, words: Words, url: str | None = None) -> None:
        base = (url or OFFICIAL).rstrip("/")
        self._words = words
        self._refused = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="telegram", daemon=True)
        self._thread.start()
        seconds = float(words.send_seconds)
        self._bot = Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=_Request(
                connect_timeout=CONNECT_SECONDS, read_timeout=seconds, write_timeout=seconds, pool_timeout=seconds
            ),
            get_updates_request=_Request(connection_pool_size=2, connect_timeout=CONNECT_SECONDS, read_timeout=seconds),
        )

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        done = asyncio.run_coroutine_threadsafe(call, self._loop).result()
        if self._refused:
            self._refused = False
            log.info("telegram_token_works_again")
        return done

    def note_refused(self) -> None:
        """The token is refused: one line, however many calls meet it."""
        if not self._refused:
            self._refused = True
            log.error("telegram_token_revoked", mend="set TELEGRAM_TOKEN to a valid token and restart the courier")

    def who(self) -> str:
        """The bot's user name. Raises InvalidToken for a revoked token."""
        return str(self._run(self._bot.get_me()).username)

    def updates(self, offset: int | None, seconds: int) -> tuple[Update, ...]:
        """News from `offset` on, waited for at most `seconds`; asking with an offset confirms everything before it."""
        try:
            return self._run(self._bot.get_updates(offset=offset, timeout=seconds, allowed_updates=ALLOWED))
        except TelegramError:
            raise
        except Exception as error:  # one update of a form that the library cannot read would stop all the others
            log.error("telegram_update_unreadable", error=type(error).__name__)
            return self._readable(offset)

    def _readable(self, offset: int | None) -> tuple[Update, ...]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raw: Any = self._run(self._bot.do_api_request("getUpdates", {"offset": offset, "timeout": 0}))
        found = []
        for data in raw:
            try:
                update = Update.de_json(data, self._bot)
            except Exception:
                update = Update(int(data["update_id"]))  # nothing we know: it is passed over
            found.append(update)
        return tuple(found)

    def send(self, chat: str, text: str, buttons: list[list[Any]] | None = None) -> str:
        """Sends one message of at most the app's length; returns its id."""
        markup = InlineKeyboardMarkup(buttons) if buttons else None
        # a preview would be fetched by the app's servers
        message = self._run(
            self._bot.send_message(
                chat, text, reply_markup=markup, link_preview_options=LinkPreviewOptions(is_disabled=True)
            )
        )
        return str(message.message_id)

    def do_later(self, calls: list[tuple[str, dict[str, Any]]]) -> None:
        """Calls in this order that nobody waits for and whose failure loses nothing; one log line for each failure."""
        if calls:
            asyncio.run_coroutine_threadsafe(self._quietly(calls), self._loop)

    async def _quietly(self, calls: list[tuple[str, dict[str, Any]]]) -> None:
        for method, values in calls:
            try:
                await getattr(self._bot, method)(**values)
            except TelegramError as error:
                log.info("telegram_call_failed", method=method, error=type(error).__name__)

    def set_webhook(self, url: str, secret: str) -> None:
        """News come to this address from now on, one at a time: that keeps their order."""
        self._run(self._bot.set_webhook(url, secret_token=secret, allowed_updates=ALLOWED, max_connections=1))

    def delete_webhook(self) -> None:
        """News are asked for from now on; none is dropped."""
        self._run(self._bot.delete_webhook(drop_pending_updates=False))

    def file(self, file_id: str) -> bytes:
        """What a resident attached. Raises TooLarge."""
        found = self._run(self._bot.get_file(file_id))
        if (found.file_size or 0) > self._words.attachment_limit:
            raise TooLarge(str(found.file_size))
        return bytes(self._run(found.download_as_bytearray()))

    def close(self) -> None:
        """Ends every call and the thread."""

        async def end() -> None:
            mine = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in mine:
                task.cancel()
            await asyncio.gather(*mine, return_exceptions=True)
            await asyncio.gather(*(request.shutdown() for request in self._bot._request), return_exceptions=True)

        if not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(end(), self._loop).result(timeout=5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5)
            self._loop.close()
