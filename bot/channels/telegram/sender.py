"""Sends to Telegram for bot.conversation.deliver. The app takes no ids of ours: what perhaps arrived is not resent."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from telegram import InlineKeyboardButton
from telegram.error import BadRequest, ChatMigrated, EndPointNotFound, Forbidden, InvalidToken, RetryAfter

from bot.channels.telegram.api import Api, NotTaken, seconds_of
from bot.channels.telegram.split import split
from bot.channels.telegram.words import Words
from bot.conversation.deliver import AppRefused, Outgoing, TryLater

SLOWLY = 60.0  # seconds between tries while the token is refused
REMEMBERED = 1_000


class TelegramSender:
    """One bot's outgoing side. `seconds` is a clock that only goes forward."""

    takes_ids = False

    def __init__(self, api: Api, words: Words, seconds: Callable[[], float] = time.monotonic) -> None:
        self._api, self._words, self._seconds = api, words, seconds
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
        parts = split(outgoing.text, self._words.text_limit)
        app_id = None
        # parts that are out are not sent again when the rest had to wait
        for place in range(self._parts_sent.get(outgoing.message_id, 0), len(parts)):
            app_id = self._api.send(outgoing.address, parts[place],
                                    self._keyboard(outgoing) if place == len(parts) - 1 else None)
            self._parts_sent[outgoing.message_id] = place + 1
        self._parts_sent.pop(outgoing.message_id, None)
        while len(self._parts_sent) > REMEMBERED:
            self._parts_sent.pop(next(iter(self._parts_sent)))
        return app_id

    def _keyboard(self, outgoing: Outgoing) -> list[list[Any]]:
        return [[InlineKeyboardButton(title, callback_data=button_id)] for button_id, title in outgoing.buttons]
