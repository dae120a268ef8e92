"""bench tickets: opening and accepting a ticket, and the desk's list of 100,000 of them; PostgreSQL with fsync on."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.commands import create_staff
from actions.access.queries import as_viewer
from actions.access.rules import PERMISSIONS, Role, Viewer, load_roles
from actions.due.clockwork import load_clockwork
from actions.language.replies import Replies, load_replies
from actions.places.gazetteer import load_gazetteer
from actions.privacy.keys import Keys
from actions.screening.load import load_ruleset
from actions.storage.engine import Database, open_engine
from actions.storage.migrate import migrate
from actions.storage.tables import Contact, Ticket
from actions.tickets.approval.book import load_book
from actions.tickets.commands import Request, Work, load_table, open_ticket, perform, tell_contact
from actions.tickets.desks import unit_choices, unit_desk
from actions.tickets.numbers import new_number
from actions.tickets.queries import EVERY, Narrow, count_by_state, list_tickets
from bot.bench.figures import quantile
from bot.bench.report import Report, target
from bot.desk.workbench import PAGE
from bot.processes.private import temporary_home
from bot.processes.servers import start_postgres
from bot.settings import Settings

TICKETS = 100_000
SEED = 20261122
OPENED, WARM_UP, ROUNDS = 400, 40, 15
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=timezone.utc)
CLOSED_SHARE = 0.9  # of a hotline that has run for a year or two
CREATE_MS, LIST_MS = 8, 50
CHUNK = 5_000
Tell = Callable[[str], None]


@dataclass
class Bench:
    """A database with the tickets in it, and who looks at them."""

    database: Database
    work: Work
    contact: int
    officer: Viewer
    supervisor: Viewer
    indexes: dict[str, str] = field(default_factory=dict)


def bench_tickets(settings: Settings, tell: Tell) -> Report:
    """Measures on a private PostgreSQL of its own."""
    report = Report.begin("tickets", n=TICKETS)
    with temporary_home() as home:
        server = start_postgres(home)
        try:
            database = Database(open_engine(server.url, name="bench"), Keys(bytes(32)).audit_key)
            migrate(database.engine)
            bench = _prepare(settings, database)
            tell(f"filling {TICKETS} tickets")
            _fill(bench)
            report.ours = {"fsync": _fsync(database), **_commands(bench, tell), **_lists(bench, tell)}
            database.dispose()
        finally:
            server.stop()
    report.targets = [
        target("opening a ticket, median (ms)", report.ours["open_ms"], "<=", CREATE_MS),
        target(f"a page of the list of {TICKETS:,} with its counts, slowest filter, 95 % (ms)",
               max(value for name, value in report.ours.items() if name.startswith("list_")), "<=", LIST_MS),
    ]
    report.notes = _notes(bench)
    return report


def _prepare(settings: Settings, database: Database) -> Bench:
    roles, keys = load_roles(settings.config / "roles" / "roles.yaml"), Keys(bytes(32))
    replies: Replies = load_replies([settings.config / "replies", settings.config / "replies" / "area"])
    gazetteer = load_gazetteer(settings.config / "places")
    clockwork = load_clockwork(settings.config)
    book = load_book(settings.config, load_ruleset(settings.config / "screening"), gazetteer.units, PERMISSIONS)
    work = Work(load_table(settings.config, roles, replies, clockwork), keys, gazetteer, roles, clockwork, book)
    unit = next(iter(unit_choices(gazetteer, NOW.date())))
    with database.begin() as session:
        contact = Contact(channel="web", address_hash=b"bench", created_at=NOW, last_seen_at=NOW)
        session.add(contact)
        session.flush()
        return Bench(database, work, int(contact.id), _hire(session, roles, "officer", unit),
                     _hire(session, roles, "supervisor", None))


def _hire(session: Session, roles: Any, role: str, unit: str | None) -> Viewer:
    known: Role = roles[role]
    staff = create_staff(session, login=role, name=known.title, role=role, unit_id=unit, password=str(SEED), now=NOW)
    return as_viewer(staff, roles)


def _request(bench: Bench) -> Request:
    responsible = unit_desk(bench.work.gazetteer, str(bench.officer.unit_id), NOW.date())
    assert responsible is not None
    facts = {"event_kind": {"value": "fire", "how": "heard"}}
    return Request(responsible, "temporary_urgent", None, None, "consent", event_kind="fire", aid_first=True,
                   urgency="urgent", facts=facts, event_place="-", phone="-", contact_id=bench.contact,
                   clockwork=bench.work.clockwork)


def _open(session: Session, bench: Bench) -> Ticket:
    """A ticket as the interview files it: event, notices to the unit and to the resident, its clocks and timers."""
    opened = open_ticket(session, bench.work.keys, _request(bench), NOW)
    tell_contact(session, opened.ticket, opened.event, "ticket_filed_on_page", NOW, number=opened.ticket.number)
    return opened.ticket


def _fill(bench: Bench) -> None:
    """Tickets of two years over all units; most are closed, the open ones spread over all steps."""
    random, lifecycle = Random(SEED), bench.work.lifecycle
    states = list(lifecycle.states.values())
    closed, opened = [s.id for s in states if not s.open], [s.id for s in states if s.open]
    desks = [unit_desk(bench.work.gazetteer, unit, NOW.date())
             for unit in unit_choices(bench.work.gazetteer, NOW.date())]
    with bench.database.begin() as session:
        model = _open(session, bench)
        values = {column.key: getattr(model, column.key) for column in Ticket.__table__.columns if column.key != "id"}
    numbers: dict[str, None] = {}
    while len(numbers) < TICKETS:
        numbers[new_number((NOW - timedelta(days=random.randrange(730))).date())] = None
    rows = []
    for number in numbers:
        desk, is_closed = random.choice(desks), random.random() < CLOSED_SHARE
        assert desk is not None
        begun = NOW - timedelta(hours=random.randrange(24, 17_000) if is_closed else random.randrange(200))
        rows.append({
            **values, "number": number, "state": random.choice(closed if is_closed else opened), "desk": desk.desk,
            "unit_id": desk.unit_id, "unit_name": desk.unit_name, "district": desk.district, "created_at": begun,
            "closed_at": begun + timedelta(hours=70) if is_closed else None, "due_at": begun + timedelta(hours=72),
            "accepted_by": random.choice([bench.officer.staff_id, bench.supervisor.staff_id]),
            "urgency": random.choices(["none", "urgent", "life_danger"], [80, 17, 3])[0],
        })
    for start in range(0, TICKETS, CHUNK):
        with bench.database.begin() as session:
            session.execute(sa.insert(Ticket), rows[start:start + CHUNK])
    with bench.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))  # as the server does by itself while a hotline runs


def _fsync(database: Database) -> str:
    with database.begin() as session:
        return str(session.execute(sa.text("SHOW fsync")).scalar_one())


def _timed(deed: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    deed()
    return (time.perf_counter() - begun) * 1000


def _commands(bench: Bench, tell: Tell) -> dict[str, float]:
    """Opening and accepting, each in a transaction of its own, beside the others in the table."""
    tell("opening tickets")
    found: dict[str, list[float]] = {"open": [], "accept": []}
    opened: list[str] = []

    def opening() -> None:
        with bench.database.begin() as session:
            opened.append(_open(session, bench).number)

    def accepting(number: str) -> None:
        with bench.database.begin() as session:
            perform(session, bench.work, bench.officer, number=number, command="accept", version=1, form={}, now=NOW)

    for place in range(WARM_UP + OPENED):
        for name, spent in (("open", _timed(opening)), ("accept", _timed(lambda: accepting(opened[-1])))):
            if place >= WARM_UP:
                found[name].append(spent)
    return {f"{name}{part}_ms": quantile(spent, share)
            for name, spent in found.items() for part, share in (("", 0.5), ("_p95", 0.95))}


@contextmanager
def _statements(bench: Bench) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database meanwhile."""
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    sa.event.listen(bench.database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(bench.database.engine, "before_cursor_execute", note)


def _indexes_in(plan: Any) -> Iterator[str]:
    if isinstance(plan, list):
        for part in plan:
            yield from _indexes_in(part)
    elif isinstance(plan, dict):
        if "Index Name" in plan:
            yield str(plan["Index Name"])
        elif plan.get("Node Type") == "Seq Scan":
            yield f"all of {plan['Relation Name']}"
        for part in plan.values():
            yield from _indexes_in(part)


def _explained(bench: Bench, seen: list[tuple[str, Any]]) -> str:
    with bench.database.engine.connect() as connection:
        names = [name for statement, parameters in seen for name in _indexes_in(
            connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one())]
    return ", ".join(dict.fromkeys(names))


def _lists(bench: Bench, tell: Tell) -> dict[str, float]:
    """The queries of /desk/tickets: counts by state, and one page, for each filter a person can press."""
    lifecycle = bench.work.lifecycle
    waiting = sorted(lifecycle.commands["accept"].start)
    found: dict[str, float] = {}
    for who, viewer in (("officer", bench.officer), ("district", bench.supervisor)):
        filters: dict[str, tuple[list[str] | None, int, Narrow]] = {
            "waiting": (waiting, 0, EVERY), "verifying": (["verifying"], 0, EVERY), "closed": (["closed"], 0, EVERY),
            "all": (None, 0, EVERY), "all_page_100": (None, 99 * PAGE, EVERY),
            "late": (None, 0, Narrow(late=NOW)), "mine": (None, 0, Narrow(taken_by=viewer.staff_id)),
            "one_unit": (None, 0, Narrow(unit=bench.officer.unit_id))}
        for name, (states, offset, narrow) in filters.items():
            tell(f"list: {who}, {name}")

            only_open = states is not None and lifecycle.open_states.issuperset(states)

            def look(viewer: Viewer = viewer, states: list[str] | None = states, offset: int = offset,
                     only_open: bool = only_open, narrow: Narrow = narrow) -> None:
                with bench.database.begin() as session:
                    count_by_state(session, viewer, narrow)
                    list_tickets(session, viewer, states=states, only_open=only_open, narrow=narrow, limit=PAGE,
                                 offset=offset)

            with _statements(bench) as seen:
                look()
            bench.indexes[f"{who}, {name}"] = _explained(bench, seen)
            found[f"list_{who}_{name}_p95_ms"] = quantile([_timed(look) for _ in range(ROUNDS * 4)], 0.95)
    return found


def _notes(bench: Bench) -> list[str]:
    return [
        f"{TICKETS:,} tickets of two years over all units, {CLOSED_SHARE:.0%} closed (seed {SEED}); one connection, "
        "the server's own settings, fsync on, VACUUM ANALYZE after filling.",
        "Opening: ticket, event, notices to unit and resident, four clocks with their timers, one commit; accepting: "
        f"`perform` with event, notice, clocks and audit row, one commit. {OPENED} of each, after {WARM_UP}.",
        f"List: what /desk/tickets asks, counts by state and {PAGE} rows, also narrowed to what is late, what one has "
        "accepted, and one unit; an officer sees one unit, the district all.",
        "Indexes by page, as the server plans them: "
        + "; ".join(f"{page}: {names}" for page, names in bench.indexes.items()) + ".",
    ]
