"""Talk: one conversation on a private hotline, step by step, told as it happens."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from actions.access.commands import create_staff, new_password, note_at_desk
from actions.access.queries import as_viewer
from actions.access.rules import Viewer
from actions.due.clock import SHANGHAI
from actions.storage.tables import Conversation, Message, RouteRecord, ScreeningRecord, Staff, Ticket
from bot.commands.records import write
from bot.conversation import ownership
from bot.conversation.accept import AcceptTools, Incoming, accept
from bot.conversation.outbox import full_text
from bot.processes.private import Hotline

OPERATOR = "chat-operator"


class Talk:
    """A resident's side of a conversation, and the operator's when a script wants one."""

    def __init__(self, hotline: Hotline, channel: str, as_json: bool) -> None:
        self._hotline, self._channel, self._json = hotline, channel, as_json
        self._address = secrets.token_urlsafe(24)
        self._tools = AcceptTools(hotline.parts.gates, hotline.parts.knowledge)
        self._shown = 0
        self._conversations: list[int] = []
        self._operator: Viewer | None = None
        self.asks: str | None = None
        self.asked = 0
        self.buttons: list[dict[str, Any]] = []
        self.ticket_numbers: list[str] = []
        self.handed_off = False
        self.resident_messages = 0

    # what happens

    def resident(self, text: str) -> None:
        """The resident writes; everything that follows is worked and shown."""
        self._accept(Incoming(self._channel, self._address, secrets.token_hex(8), text))

    def press(self, number: int) -> None:
        """The resident presses the n-th button of the last message (1-based)."""
        if not 1 <= number <= len(self.buttons):
            self.resident(str(number))
            return
        button = self.buttons[number - 1]
        self._accept(
            Incoming(self._channel, self._address, secrets.token_hex(8), button["title"], button_id=button["id"])
        )

    def attachment(self, kind: str, extra: dict[str, Any]) -> None:
        """The resident sends a location or a photo."""
        self._accept(Incoming(self._channel, self._address, secrets.token_hex(8), "", kind=kind, extra={kind: extra}))

    def wait(self, span: timedelta) -> None:
        """Time passes; an operator of this script sits at the desk meanwhile, unless told to be away."""
        self._hotline.clock.wait(span)
        if self._operator is not None:
            with self._hotline.parts.database.begin() as session:
                note_at_desk(session, self._operator, self._hotline.clock())
        self._show()

    def take_over(self) -> None:
        """An operator takes the conversation over."""
        with self._hotline.parts.database.begin() as session:
            ownership.take_over(
                session,
                self._as_operator(session),
                self._conversations[-1],
                self._hotline.parts.knowledge.replies,
                self._hotline.parts.knowledge.desk,
                self._hotline.clock(),
            )
        self._show()

    def away(self) -> None:
        """The operator leaves the desk without a word."""
        self._operator = None

    def operator(self, text: str) -> None:
        """The operator writes."""
        with self._hotline.parts.database.begin() as session:
            ownership.say(
                session,
                self._as_operator(session),
                self._conversations[-1],
                text,
                secrets.token_hex(8),
                self._hotline.clock(),
            )
        self._show()

    def release(self) -> None:
        """The operator gives the conversation back."""
        with self._hotline.parts.database.begin() as session:
            ownership.release(
                session,
                self._as_operator(session),
                self._conversations[-1],
                self._hotline.parts.knowledge.replies,
                self._hotline.clock(),
            )
        self._show()

    def end(self) -> None:
        """Prints the tickets once more as they are now, and the end of the story."""
        with self._hotline.parts.database.begin() as session:
            for number in self.ticket_numbers:
                self._tell_ticket(session, number)
            conversation = (
                session.execute(sa.select(Conversation).where(Conversation.id == self._conversations[-1])).scalar_one()
                if self._conversations
                else None
            )
            unanswered = session.execute(
                sa.select(sa.func.count())
                .select_from(Message)
                .where(Message.conversation_id.in_(self._conversations), Message.author == "resident", Message.waiting)
            ).scalar()
        self._tell(
            {
                "type": "end",
                "mode": conversation.mode if conversation else "bot",
                "waiting": bool(conversation and conversation.waiting_since),
                "asked": self.asked,
                "tickets": self.ticket_numbers,
                "unanswered": unanswered,
            }
        )

    # how it is told

    def _as_operator(self, session: Any) -> Viewer:
        if self._operator is None:
            staff = session.execute(
                sa.select(Staff).where(Staff.login == OPERATOR)
            ).scalar_one_or_none() or create_staff(
                session,
                login=OPERATOR,
                name=OPERATOR,
                role="operator",
                unit_id=None,
                password=new_password(),
                now=self._hotline.clock(),
            )
            self._operator = as_viewer(staff, self._hotline.parts.roles)
        return self._operator

    def _accept(self, incoming: Incoming) -> None:
        with self._hotline.parts.database.begin() as session:
            accepted = accept(session, self._tools, incoming, self._hotline.clock())
        if accepted.conversation_id not in self._conversations:
            self._conversations.append(accepted.conversation_id)
        self.resident_messages += 1
        self._show()

    def _show(self) -> None:
        self._hotline.settle()
        with self._hotline.parts.database.begin() as session:
            rows = (
                session.execute(
                    sa.select(Message)
                    .where(
                        Message.conversation_id.in_(self._conversations),
                        Message.id > self._shown,
                        Message.kind != "note",
                    )
                    .order_by(Message.id)
                )
                .scalars()
                .all()
            )
            for message in rows:
                self._shown = message.id
                self._tell_message(message)
            self._tell_handoff(session)
            for number in session.execute(
                sa.select(Ticket.number).where(Ticket.conversation_id.in_(self._conversations)).order_by(Ticket.id)
            ).scalars():
                if number not in self.ticket_numbers:
                    self.ticket_numbers.append(number)
                    self._tell_ticket(session, number)

    def _tell_message(self, message: Message) -> None:
        if message.author == "resident":
            self.asks, self.buttons = None, []
        elif message.author == "bot":
            if message.asks:
                self.asks, self.asked = message.asks, self.asked + 1
            self.buttons = list(message.buttons or []) or self.buttons
        self._tell(
            {
                "type": "message",
                "seq": message.seq,
                "author": message.author,
                "text": full_text(message, self._hotline.parts.keys),
                "buttons": [{"id": b["id"], "title": b["title"]} for b in message.buttons or ()],
                "asks": message.asks,
                "answers": message.answers,
            }
        )
        for hit in message.danger or ():
            self._tell({"type": "danger", "seq": message.seq, "gate": hit["gate"], "level": hit["level"]})

    def _tell_handoff(self, session: Any) -> None:
        conversation = session.execute(
            sa.select(Conversation).where(Conversation.id == self._conversations[-1])
        ).scalar_one()
        if conversation.waiting_since is not None and not self.handed_off:
            self.handed_off = True
            self._tell({"type": "handoff", "seq": conversation.last_seq, "reason": conversation.waiting_reason})
        elif conversation.waiting_since is None:
            self.handed_off = False

    def _tell_ticket(self, session: Any, number: str) -> None:
        keys = self._hotline.parts.keys
        ticket = session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()
        screening = session.execute(
            sa.select(ScreeningRecord.outcome).where(ScreeningRecord.ticket_id == ticket.id)
        ).scalar()
        route = session.execute(sa.select(RouteRecord.outcome).where(RouteRecord.ticket_id == ticket.id)).scalar()
        household = keys.open_or_none(ticket.household_place)
        event = keys.open_or_none(ticket.event_place)
        self._tell(
            {
                "type": "ticket",
                "number": ticket.number,
                "unit": ticket.unit_id,
                "unit_name": ticket.unit_name,
                "district": ticket.district,
                "state": ticket.state,
                "due": ticket.due_at.astimezone(SHANGHAI).isoformat(),
                "aid_first": ticket.aid_first,
                "event_place": {"text": event, "unit_name": ticket.unit_name} if event else None,
                "household_place": {"text": household, "unit_name": ticket.household_unit_name} if household else None,
                "facts": {name: answer["value"] for name, answer in ticket.facts.items()},
                "screening": screening,
                "route": route,
            }
        )

    def _tell(self, record: dict[str, Any]) -> None:
        if self._json:
            write(record)
        elif record["type"] == "message":
            print(f"[{record['author']}] {record['text']}")
            for place, button in enumerate(record["buttons"], 1):
                print(f"    {place}. {button['title']}")
        elif record["type"] == "ticket":
            print(
                f"-- ticket {record['number']} → {record['unit_name'] or record['district']} "
                f"({record['state']}, due {record['due']})"
            )
        else:
            print("-- " + ", ".join(f"{key} {value}" for key, value in record.items() if key != "type" or value))
