"""Sends to Telegram for bot.conversation.deliver. The app takes no ids of ours: what perhaps arrived is not resent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import DBAPIError
from telegram import InlineKeyboardButton
from telegram.error import BadRequest, ChatMigrated, EndPointNotFound, Forbidden, InvalidToken, RetryAfter

from bot.channels.links import LinkMaker
from bot.channels.telegram.api import Api, NotTaken, seconds_of
from bot.channels.telegram.split import split
from bot.channels.telegram.words import CHANNEL, Words
from bot.conversation.deliver import AppRefused, Outgoing, TryLater

SLOWLY = 60.0  # seconds between tries while the token is refused
REMEMBERED = 1_000


class TelegramSender:
    """One bot's outgoing side. `links` makes addresses of our own page, `seconds` is a clock that only goes forward."""

    takes_ids = False

    def __init__(self, api: Api, words: Words, links: LinkMaker, seconds: Callable[[], float] = time.monotonic) -> None:
        self._api, self._words, self._links, self._seconds = api, words, links, seconds
        self._refused_until: float | None = None
        self._parts_sent: dict[int, int] = {}

    def send(self, outgoing: Outgoing) -> str | None:
        """Sends; a long text in parts. Raises AppRefused, TryLater; anything else: perhaps delivered."""
        if self._refused_until is not None and self._seconds() < self._refused_until:
            raise TryLater(SLOWLY)
        try:
            app_id = self._send_parts(outgoing)
        except (InvalidToken, EndPointNotFound):
            self._api.note_refused()
            self._refused_until = self._seconds() + SLOWLY
            raise TryLater(SLOWLY) from None
        except RetryAfter as wait:
            raise TryLater(seconds_of(wait)) from None
        except NotTaken:
            raise TryLater() from None
        except Forbidden:
            self._parts_sent.pop(outgoing.message_id, None)
            raise AppRefused("blocked") from None
        except (BadRequest, ChatMigrated) as error:
            self._parts_sent.pop(outgoing.message_id, None)
            raise AppRefused("chat_gone" if "chat not found" in error.message.lower() else "not_accepted") from None
        self._refused_until = None
        return app_id

    def _send_parts(self, outgoing: Outgoing) -> str | None:
        text, keyboard = self._shown(outgoing)
        parts = split(text, self._words.text_limit)
        app_id = None
        # parts that are out are not sent again when the rest had to wait
        for place in range(self._parts_sent.get(outgoing.message_id, 0), len(parts)):
            last = place == len(parts) - 1
            app_id = self._api.send(outgoing.address, parts[place], keyboard if last else None)
            self._parts_sent[outgoing.message_id] = place + 1
        self._parts_sent.pop(outgoing.message_id, None)
        while len(self._parts_sent) > REMEMBERED:
            self._parts_sent.pop(next(iter(self._parts_sent)))
        return app_id

    def _shown(self, outgoing: Outgoing) -> tuple[str, list[list[Any]]]:
        """(text, keyboard). A link is made at the moment of sending, so that it lives only in this message."""
        text, rows = outgoing.text, []
        for button_id, title in outgoing.buttons:
            if button_id != outgoing.page_button:
                rows.append([InlineKeyboardButton(title, callback_data=button_id)])
                continue
            try:
                url = self._links.make(outgoing.contact_id, CHANNEL, button_id)
            except DBAPIError:
                raise TryLater() from None
            if url.startswith("https://"):
                rows.append([InlineKeyboardButton(title, url=url)])
            else:  # the app takes no button with such an address
                text = f"{text}\n{url}"
        return text, rows
