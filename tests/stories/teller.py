"""Teller: one resident's conversation on the real engine and database, told step by step."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from actions.storage.tables import Conversation, Message, Ticket
from bot.conversation.accept import Accepted, AcceptTools, Incoming, accept
from bot.processes.parts import Parts
from bot.processes.private import Hotline


@dataclass
class Teller:
    """王婶 at her phone. `say` and `press` return the lines the hotline answered with."""

    hotline: Hotline
    channel: str = "web"
    address: str = field(default_factory=lambda: uuid.uuid4().hex)
    seen: int = 0
    contact_id: int = 0
    lines: list[Message] = field(default_factory=list)

    @property
    def parts(self) -> Parts:
        return self.hotline.parts

    def say(self, text: str) -> list[Message]:
        """Writes and lets the hotline work until nothing is left to do."""
        self.accept(text)
        return self.settle()

    def accept(self, text: str, button_id: str | None = None, external_id: str | None = None) -> Accepted:
        """Only hands the message in."""
        with self.parts.database.begin() as session:
            accepted = accept(
                session,
                AcceptTools(self.parts.gates, self.parts.knowledge),
                Incoming(self.channel, self.address, external_id or uuid.uuid4().hex, text, button_id=button_id),
                self.parts.now(),
            )
        self.contact_id = accepted.contact_id
        return accepted

    def press(self, title: str) -> list[Message]:
        """Presses the newest button with this title."""
        button = next(b for line in reversed(self.lines) for b in line.buttons or () if b["title"] == title)
        self.accept(title, button_id=button["id"])
        return self.settle()

    def settle(self) -> list[Message]:
        """Lets the hotline work; the new lines that are not the resident's."""
        self.hotline.settle()
        with self.parts.database.begin() as session:
            rows = (
                session.execute(
                    sa.select(Message)
                    .where(Message.contact_id == self.contact_id, Message.id > self.seen)
                    .order_by(Message.id)
                )
                .scalars()
                .all()
            )
        self.seen = rows[-1].id if rows else self.seen
        new = [row for row in rows if row.author != "resident"]
        self.lines += new
        return new

    @property
    def asks(self) -> list[str]:
        """What was asked so far, one entry for every message that asks."""
        return [line.asks for line in self.lines if line.asks]

    @property
    def said(self) -> str:
        """Everything the hotline said."""
        return "\n".join(line.text for line in self.lines)

    def tickets(self) -> list[Ticket]:
        """The tickets of this conversation."""
        with self.parts.database.begin() as session:
            return list(
                session.execute(
                    sa.select(Ticket).where(Ticket.contact_id == self.contact_id).order_by(Ticket.id)
                ).scalars()
            )

    def conversation(self) -> Conversation:
        """The conversation's row."""
        with self.parts.database.begin() as session:
            return session.execute(
                sa.select(Conversation)
                .where(Conversation.contact_id == self.contact_id)
                .order_by(Conversation.id.desc())
                .limit(1)
            ).scalar_one()

    def rows(self, query: Any) -> list[Any]:
        """Rows of any query."""
        with self.parts.database.begin() as session:
            return list(session.execute(query).scalars())
