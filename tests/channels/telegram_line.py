"""The hotline's side of Telegram in a test: a poller and a sender over real HTTP, started anew at will."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from actions.storage.tables import Delivery, Message
from bot.channels.links import LinkMaker
from bot.channels.telegram.api import Api
from bot.channels.telegram.inbox import Inbox
from bot.channels.telegram.poller import Poller
from bot.channels.telegram.sender import TelegramSender
from bot.channels.telegram.words import load_words
from bot.conversation.deliver import deliver_one
from tests.cast import Stage
from tests.channels.bot_api import TOKEN, BotApi
from tests.conftest import CONFIG

WANG, LI = 7001, 7002
ADDRESS = "https://help.example"


@dataclass
class Line:
    """The hotline's side of Telegram: a poller and a sender, started anew at will."""

    stage: Stage
    server: BotApi

    def __post_init__(self) -> None:
        # a dropped answer is seen at once; one that never comes is waited for this long
        self.words = replace(load_words(CONFIG / "channels"), send_seconds=1)
        parts = self.stage.parts
        self.inbox = Inbox(parts.database, parts.accept_tools, self.stage.wake, self.stage.clock, self.words)
        self.start()

    def start(self) -> None:
        self.api = Api(TOKEN, self.words, self.server.url)
        self.poller = Poller(self.api, self.inbox)
        links = LinkMaker(self.stage.parts.database, self.stage.parts.keys, ADDRESS, self.stage.clock)
        self.sender = TelegramSender(self.api, self.words, links, lambda: self.stage.clock().timestamp())

    def crash(self) -> None:
        """The process is gone, and with it everything it remembered; its connection breaks."""
        self.poller.stop()
        self.api.close()
        self.start()

    def poll(self) -> float:
        """Asks once without waiting for news."""
        return self.poller.round(seconds=0)

    def deliver(self) -> int:
        """Delivers all that is due; returns how often it was tried."""
        tries = 0
        while deliver_one(
            self.stage.parts.database, {"telegram": self.sender}, self.stage.parts.keys, self.stage.clock
        ):
            tries += 1
        return tries

    def rows(self, *what: Any) -> list[Any]:
        with self.stage.parts.database.begin() as session:
            return [tuple(row) for row in session.execute(sa.select(*what).order_by(what[0]))]

    def secrets(self) -> list[dict[str, Any]]:
        """What is kept encrypted beside the messages."""
        return [
            json.loads(self.stage.parts.keys.open(sealed)) if sealed else {}
            for _, sealed in self.rows(Message.id, Message.secrets)
        ]

    def say(self, chat: int, text: str, **more: Any) -> None:
        """A resident has written and the bot answers with this."""
        self.server.write(chat, "你好")
        self.poll()
        self.stage.work(text, **more)

    def states(self) -> list[tuple[str, str | None]]:
        return [row[1:] for row in self.rows(Delivery.id, Delivery.state, Delivery.error)]
