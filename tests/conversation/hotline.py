"""The conversation room on a real database: 王婶 writes, the bot thinks, 小周 takes over, the courier delivers; and faults on order."""
from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from actions.access.commands import create_staff, note_at_desk
from actions.access.queries import as_viewer
from actions.access.rules import Role, Viewer
from actions.steps.knowledge import Knowledge
from actions.storage.engine import Database
from actions.storage.tables import (
    Contact,
    Conversation,
    Delivery,
    Draft,
    Message,
    Notice,
    Staff,
    Ticket,
    TicketEvent,
    Timer,
)
from actions.tickets.commands import Opened, Request, Responsible, Work, open_ticket, perform
from actions.tickets.rules import Lifecycle
from actions.turn import Turn
from bot.conversation import ownership
from bot.conversation.accept import Accepted, AcceptTools, Incoming, accept
from bot.conversation.danger import Gates
from bot.conversation.deliver import AppRefused, Outgoing, TryLater, deliver_one
from bot.conversation.post import post_one, run_timer
from bot.conversation.turn import TurnTools, Worked, work_one
from tests.cast import LONGXI, PASSWORD, STAFF, Hints

SUICIDE = "我不想活了，现在站在楼顶上"
FIRE_PAST = "昨晚家里着火了，人都出来了"
PATIENCE = 20  # seconds after which a handshake between threads is given up: the test fails, it does not wait for it


class Crash(BaseException):
    """The process is gone at this point. Not an Exception: nothing may catch it and go on."""


@dataclass
class Boundaries:
    """Counts what is sent to the database, statements and commits, and does something before the n-th."""

    at: int
    strike: Callable[[Any], None]
    thread: int = field(default_factory=threading.get_ident)
    seen: int = 0
    struck: bool = False
    fatal: bool = False

    def before(self, connection: Any) -> None:
        if threading.get_ident() != self.thread:
            return
        self.seen += 1
        if self.seen == self.at:
            self.struck = True
            self.strike(connection)


@contextmanager
def at_boundary(database: Database, at: int, strike: Callable[[Any], None]) -> Iterator[Boundaries]:
    """Calls `strike` before the n-th statement or commit of this thread inside the block (the first is 1).

    The block ends there; what is raised on the way out is kept from the test, `fatal` tells that something was.
    """
    boundaries = Boundaries(at, strike)

    def on_statement(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        boundaries.before(connection)

    sa.event.listen(database.engine, "before_cursor_execute", on_statement)
    sa.event.listen(database.engine, "commit", boundaries.before)
    try:
        yield boundaries
    except (Crash, DBAPIError):
        if not boundaries.struck:
            raise
        boundaries.fatal = True
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", on_statement)
        sa.event.remove(database.engine, "commit", boundaries.before)


def die(connection: Any) -> None:
    """A strike: the process ends here, and its connection with it."""
    connection.connection.dbapi_connection.close()
    raise Crash()


def losing_connection(database: Database) -> Callable[[Any], None]:
    """A strike: the server ends this connection, as a restart or the idle limit would."""
    def strike(connection: Any) -> None:
        other = database.engine.raw_connection()
        cursor = other.cursor()
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.dbapi_connection.get_backend_pid()])
        other.commit()
        other.close()
    return strike


class HeldTurn:
    """A turn in a thread of its own that has thought and now waits for the test before it goes on."""

    def __init__(self, hotline: Hotline, think: Callable[[Turn], None]) -> None:
        self._hotline, self._think = hotline, think
        self._news: queue.Queue[str] = queue.Queue()
        self._go = threading.Event()
        self._last: BaseException | None = None
        self.worked: Worked | None = None
        self.raised: BaseException | None = None
        self.turn: Turn | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.thinking = self._news.get(timeout=PATIENCE) == "thinking"
        if not self.thinking:
            self.thread.join(PATIENCE)
            self._complain()

    def _hold(self, turn: Turn) -> None:
        self._think(turn)
        turn.session.flush()
        self.turn = turn
        self._news.put("thinking")
        if not self._go.wait(PATIENCE * 3):
            raise Crash()
        if self._last is not None:
            raise self._last

    def _run(self) -> None:
        try:
            self.worked = work_one(self._hotline.tools, self._hold)
        except BaseException as error:
            self.raised = error
        finally:
            self._news.put("ended")

    def _complain(self) -> None:
        assert not self.thread.is_alive(), "the turn does not end"
        if self.raised is not None and not isinstance(self.raised, Crash):
            raise self.raised

    def end(self, with_: BaseException | None = None) -> Worked | None:
        """Lets the turn go on to its end; `with_` is raised inside it first."""
        self._last = with_
        self._go.set()
        self.thread.join(PATIENCE)
        self._complain()
        return self.worked


def answer(text: str = "好的", **more: Any) -> Callable[[Turn], None]:
    """A bot that says this."""
    return lambda turn: turn.say_text(text, **more)


@dataclass
class Hotline:
    """Everything the tests of this room do, each in one line."""

    database: Database
    knowledge: Knowledge
    gates: Gates
    roles: Mapping[str, Role]
    lifecycle: Lifecycle
    clock: Any
    wake: Hints = field(default_factory=Hints)
    staff: dict[str, Viewer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        know = self.knowledge
        self.ticket_work = Work(self.lifecycle, know.keys, know.gazetteer, self.roles, know.clockwork, know.book)
        self.accept_tools = AcceptTools(self.gates, self.knowledge)
        self.tools = TurnTools(self.database, self.knowledge.replies, self.knowledge.keys, self.wake, self.clock,
                               self.accept_tools)
        with self.database.begin() as session:
            for login in ("zhou", "wu", "zhang", "auditor"):
                name, role, unit = STAFF[login]
                create_staff(session, login=login, name=name, role=role, unit_id=unit, password=PASSWORD, now=self.clock(),
                             must_change_password=False)
            for row in session.execute(sa.select(Staff)).scalars():
                self.staff[row.login] = as_viewer(row, self.roles)

    def text(self, reply: str, **values: object) -> str:
        """A text residents read."""
        return self.knowledge.replies.text(reply, **values)

    @contextmanager
    def impatient(self) -> Iterator[Session]:
        """One transaction that may wait for no lock at all."""
        with self.database.begin() as session:
            session.execute(sa.text("SET LOCAL lock_timeout = 1"))
            yield session

    @contextmanager
    def transaction(self, patient: bool) -> Iterator[Session]:
        """One transaction; a patient one waits for locks as the system does."""
        with (self.database.begin() if patient else self.impatient()) as session:
            yield session

    # what people do

    def incoming(self, text: str, *, who: str = "王婶", id: str | None = None, channel: str = "web", **more: Any) -> Incoming:
        return Incoming(channel, who, id or uuid.uuid4().hex, text, **more)

    def write(self, text: str, **more: Any) -> Accepted:
        """A message comes in, and is committed."""
        with self.database.begin() as session:
            return accept(session, self.accept_tools, self.incoming(text, **more), self.clock())

    def work(self, think: Callable[[Turn], None] | str = "好的") -> Worked | None:
        """One turn."""
        return work_one(self.tools, answer(think) if isinstance(think, str) else think)

    def outcome(self, think: Callable[[Turn], None] | str = "好的") -> str | None:
        worked = self.work(think)
        return None if worked is None else worked.outcome

    def outcome_after(self, text: str, think: Callable[[Turn], None] | str = "好的") -> str | None:
        """王婶 writes, and the bot works one turn."""
        self.write(text)
        return self.outcome(think)

    def hold(self, think: Callable[[Turn], None] | str = "好的") -> HeldTurn:
        """A turn that hangs until told to end."""
        return HeldTurn(self, answer(think) if isinstance(think, str) else think)

    def take_over_in(self, session: Session, conversation: int, by: str) -> None:
        ownership.take_over(session, self.staff[by], conversation, self.knowledge.replies, self.knowledge.desk, self.clock())

    def take_over(self, conversation: int, by: str = "zhou", patient: bool = False) -> None:
        """Unless `patient`, these may wait for no lock: nobody else is to hold one."""
        with self.transaction(patient) as session:
            self.take_over_in(session, conversation, by)

    def beat(self, by: str = "zhou") -> None:
        """The operator's page is open."""
        with self.database.begin() as session:
            note_at_desk(session, self.staff[by], self.clock())

    def transfer(self, conversation: int, to: str, by: str = "zhou", why: str = "") -> None:
        with self.impatient() as session:
            ownership.transfer(session, self.staff[by], conversation, self.staff[to].staff_id, why, self.roles,
                               self.knowledge.replies, self.knowledge.desk, self.clock())

    def say(self, conversation: int, text: str, by: str = "zhou", id: str | None = None, patient: bool = False) -> bool:
        """True when it was new."""
        with self.transaction(patient) as session:
            return ownership.say(session, self.staff[by], conversation, text, id or uuid.uuid4().hex, self.clock()) is not None

    def release(self, conversation: int, by: str = "zhou", patient: bool = False) -> None:
        with self.transaction(patient) as session:
            ownership.release(session, self.staff[by], conversation, self.knowledge.replies, self.clock())

    def close(self, conversation: int, by: str = "zhou", patient: bool = False) -> None:
        with self.transaction(patient) as session:
            ownership.close(session, self.staff[by], conversation, self.knowledge.replies, self.clock())

    def request(self, **more: Any) -> Request:
        """A request for 龙溪街道."""
        values: dict[str, Any] = {
            "responsible": Responsible("unit", LONGXI, "龙溪街道", "两江新区"), "programme": "temporary_urgent", "due": None,
            "due_rule": None, "clockwork": self.knowledge.clockwork, "legal_basis": "consent", **more,
        }
        return Request(**values)

    def open_ticket(self, session: Session, conversation_id: int | None, contact_id: int | None, **more: Any) -> Opened:
        """A ticket as a step of the bot opens it."""
        request = self.request(conversation_id=conversation_id, contact_id=contact_id, **more)
        return open_ticket(session, self.knowledge.keys, request, self.clock())

    def opening(self, text: str = "工单开好了") -> Callable[[Turn], None]:
        """A bot that opens a ticket and says so."""
        def think(turn: Turn) -> None:
            self.open_ticket(turn.session, turn.conversation_id, turn.contact_id)
            turn.say_text(text)
        return think

    def accept_ticket(self, number: str) -> None:
        """张干事 takes the ticket on; the resident is to be told."""
        with self.database.begin() as session:
            version = session.execute(sa.select(Ticket.version).where(Ticket.number == number)).scalar_one()
            perform(session, self.ticket_work, self.staff["zhang"], number=number, command="accept", version=version, form={},
                    now=self.clock())

    def post(self) -> list[str]:
        """Deals with every open notice; what became of each."""
        done = []
        while (outcome := post_one(self.database, self.knowledge, self.clock())) is not None:
            done.append(outcome)
        return done

    def timers(self) -> list[str]:
        """Does everything that has come due."""
        done = []
        while (kind := run_timer(self.database, self.knowledge, self.clock(), work=self.ticket_work)) is not None:
            done.append(kind)
        return done

    def deliver(self, app: FakeApp, channel: str = "telegram") -> int:
        """Delivers all that can be delivered now; how many calls that took."""
        before = app.calls
        while deliver_one(self.database, {channel: app}, self.knowledge.keys, self.clock):
            pass
        return app.calls - before

    # what is in the database

    def rows(self, query: Any) -> list[Any]:
        with self.database.begin() as session:
            return list(session.execute(query).all())

    def scalars(self, query: Any) -> list[Any]:
        with self.database.begin() as session:
            return list(session.execute(query).scalars().all())

    def count(self, table: Any, *where: Any) -> int:
        with self.database.begin() as session:
            return int(session.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one())

    def conversation(self, conversation: int) -> Any:
        return self.scalars(sa.select(Conversation).where(Conversation.id == conversation))[0]

    def messages(self, conversation: int) -> list[Any]:
        return self.scalars(sa.select(Message).where(Message.conversation_id == conversation).order_by(Message.seq))

    def said(self, conversation: int) -> list[tuple[str, str]]:
        """(author, text), in order."""
        return [(message.author, message.text) for message in self.messages(conversation)]

    def marks(self, conversation: int) -> list[str]:
        """What became of each message of the resident."""
        return ["waiting" if m.waiting else "handed_over" if m.handed_over else "done"
                for m in self.messages(conversation) if m.author == "resident"]

    def secrets(self, message: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.knowledge.keys.open(message.secrets)) if message.secrets else {}
        return found

    def drafts(self, conversation: int) -> list[str]:
        return self.scalars(sa.select(Draft.text).where(Draft.conversation_id == conversation).order_by(Draft.id))

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row a message can touch, to compare before and after. Attempts are left out: they are the trace of a crash."""
        tables = (Contact, Conversation, Message, Delivery, Draft, Ticket, TicketEvent, Notice, Timer)
        return {table.__tablename__: [tuple(row) for row in self.rows(sa.select(table.__table__).order_by(table.id))]
                for table in tables}

    def until_somebody_waits(self) -> None:
        """Returns as soon as a transaction waits for a lock that another one holds."""
        waiting = sa.text("SELECT count(*) FROM pg_stat_activity"
                          " WHERE datname = current_database() AND wait_event_type = 'Lock'")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with self.database.begin() as session:
                if session.execute(waiting).scalar_one():
                    return
        raise AssertionError("nobody waits")

    def empty(self) -> None:
        """Takes away everything but the staff, for a test that begins many times."""
        with self.database.begin() as session:
            session.execute(sa.text("SET LOCAL session_replication_role = replica"))  # history that only grows, here too
            for table in ("attachment", "call_back_try", "call_back", "danger_call", "draft", "turn_attempt", "delivery", "notice", "screening_record", "route_record", "ticket_clock", "ticket_event",
                          "ticket", "message", "timer", "conversation", "contact"):
                session.execute(sa.text(f"DELETE FROM {table}"))


class FakeApp:
    """An app that keeps its own books. `plan` says what happens at the next calls; when it is empty all goes well."""

    def __init__(self, takes_ids: bool = False) -> None:
        self.takes_ids = takes_ids
        self.books: list[Outgoing] = []
        self.calls = 0
        self.plan: list[str] = []

    def send(self, outgoing: Outgoing) -> str | None:
        self.calls += 1
        what = self.plan.pop(0) if self.plan else "well"
        if what == "later":
            raise TryLater(30)
        if what == "not_taken":
            raise TryLater()
        if what == "refused":
            raise AppRefused("blocked")
        if what == "lost":
            raise TimeoutError()
        known = self.takes_ids and any(entry.message_id == outgoing.message_id for entry in self.books)
        if not known:
            self.books.append(outgoing)
        if what == "taken_then_silent":
            raise TimeoutError()
        if what == "taken_then_crash":
            raise Crash()
        return f"app-{outgoing.message_id}"

    @property
    def texts(self) -> list[str]:
        """What people saw."""
        return [entry.text for entry in self.books]


def together(*deeds: Callable[[], Any]) -> list[Any]:
    """Does all of this at the same moment, each in its own thread; what they gave, or raises what one raised."""
    line = threading.Barrier(len(deeds))
    results: list[Any] = [None] * len(deeds)

    def run(place: int) -> None:
        line.wait(PATIENCE)
        try:
            results[place] = deeds[place]()
        except BaseException as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=(place,), daemon=True) for place in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "waits for ever"
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
