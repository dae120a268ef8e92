"""The clocks of tickets: started, stopped, paused, extended by the commands of the lifecycle; the courier reminds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.access.rules import HEAD
from actions.due.clock import SHANGHAI
from actions.due.clockwork import Clockwork, Stop
from actions.due.plan import Reminder
from actions.due.reminders import working_day
from actions.due.rules import DueError
from actions.storage.tables import Staff, Ticket, TicketClock, Timer
from actions.tickets.commands.doing import Doing, NotAllowed, NothingToDo, effect, guard, standing
from actions.tickets.commands.telling import last_event, notify, write_event
from actions.tickets.rules import ALL

TIMER = "clock"
_TIMERS = insert(Timer.__table__)
_SET_TIMERS = _TIMERS.on_conflict_do_update(index_elements=[Timer.kind, Timer.ref],
                                            set_={"due_at": _TIMERS.excluded.due_at})
SAID = {"before": "clock_before", "at": "clock_at", "after": "clock_after"}  # what a reminder says
DISTRICT = "district"  # the name under which notices reach it
BUSY_AGAIN = timedelta(seconds=10)  # somebody is at the ticket: a reminder can wait, a person cannot


def case_of(ticket: Any) -> dict[str, str]:
    """What clocks.yaml may ask of a ticket, or of a request for one."""
    return {"programme": ticket.programme, "urgency": ticket.urgency, "aid_first": str(bool(ticket.aid_first)).lower(),
            "desk": ticket.desk, "source": ticket.source, "event_kind": ticket.event_kind or ""}


def running(session: Session, ticket: Ticket) -> dict[str, TicketClock]:
    """The running clocks of a ticket by name."""
    rows = session.execute(
        sa.select(TicketClock).where(TicketClock.ticket_id == ticket.id, TicketClock.stopped_at.is_(None))
        .order_by(TicketClock.id)
    ).scalars()
    return {row.clock: row for row in rows}


def stops_of(row: TicketClock, now: datetime) -> list[Stop]:
    """The pauses of a clock; one that goes on is taken to end at `now`."""
    ended = [Stop(one["reason"], datetime.fromisoformat(one["from"]), datetime.fromisoformat(one["to"]))
             for one in row.pauses]
    return ended if row.paused_at is None else [*ended, Stop(row.paused_for, row.paused_at, max(now, row.paused_at))]


def _compute(clockwork: Clockwork, row: TicketClock, now: datetime) -> None:
    """Computes the deadline anew from what it rests on."""
    row.basis = clockwork.digest
    try:
        found = clockwork.due(row.rule, row.unit_id, row.started_at, stops_of(row, now), row.extended_to)
    except DueError:
        return  # its rule has gone: the deadline it was given stands
    row.due_at, row.provisional = found.due, found.provisional


def _said(row: TicketClock) -> dict[str, Any]:
    return {"clock": row.clock, "rule": row.rule, "due": row.due_at.isoformat(), "provisional": row.provisional}


def _rungs(clockwork: Clockwork, row: TicketClock) -> list[tuple[datetime, Reminder]]:
    if clockwork.titled(row.clock) is None:
        return []
    try:
        return clockwork.ladder(row.clock, row.rule, row.unit_id, row.started_at, row.due_at)
    except DueError:
        return []


def _next(clockwork: Clockwork, row: TicketClock) -> datetime | None:
    """When the next reminder that nobody has had is due; none while the clock stands still or is stopped."""
    if row.stopped_at is not None or row.paused_at is not None:
        return None
    return min((moment for moment, reminder in _rungs(clockwork, row) if reminder.id not in row.told), default=None)


def _set_timers(session: Session, clockwork: Clockwork, rows: Sequence[TicketClock]) -> None:
    """One timer a clock: its next reminder. The courier takes a ticket only if it is free: nobody waits in a circle."""
    moments = {str(row.id): _next(clockwork, row) for row in rows}
    none = [ref for ref, moment in moments.items() if moment is None]
    some = [{"kind": TIMER, "ref": ref, "due_at": moment} for ref, moment in moments.items() if moment is not None]
    if none:
        session.execute(sa.delete(Timer).where(Timer.kind == TIMER, Timer.ref.in_(none)))
    if some:
        session.execute(_SET_TIMERS, some)


def _lead(clockwork: Clockwork, ticket: Ticket, rows: Iterable[TicketClock]) -> None:
    """The ticket shows the earliest deadline of the clocks that lead; when none runs, the last one stays."""
    first = _first(clockwork, rows)
    if first is None:
        ticket.due_state = "stopped"
        return
    ticket.due_at, ticket.due_rule, ticket.due_provisional = first.due_at, first.rule, first.provisional
    ticket.due_state = "runs" if first.paused_at is None else "paused"


def _first(clockwork: Clockwork, rows: Iterable[TicketClock]) -> TicketClock | None:
    leading = [row for row in rows if (clock := clockwork.titled(row.clock)) is not None and clock.leads]
    return min(leading, key=lambda row: (row.due_at, row.id), default=None)


def start(session: Session, clockwork: Clockwork, ticket: Ticket, names: Iterable[str],
          at: datetime) -> list[TicketClock]:
    """Starts these clocks of a locked ticket at `at`, as far as it has them; none of them runs. Then `settle`."""
    case, begun = case_of(ticket), []
    for name in names:
        rule = clockwork.choose(name, case, ticket.unit_id, at)
        if rule is None:
            continue
        found = clockwork.due(rule, ticket.unit_id, at)
        row = TicketClock(
            ticket_id=ticket.id, clock=name, rule=rule, unit_id=ticket.unit_id, started_at=at, due_at=found.due,
            provisional=found.provisional, basis=clockwork.digest, pauses=[], told=[])
        begun.append(row)
    session.add_all(begun)
    session.flush()
    return begun


def stop(session: Session, rows: Iterable[TicketClock], now: datetime) -> None:
    """Stops these clocks; one that stood still ends its pause with it."""
    stopped = list(rows)
    for row in stopped:
        _end_pause(row, now)
        row.stopped_at = now
    if stopped:
        session.flush()  # before one of the same kind begins: only one may run
        refs = [str(row.id) for row in stopped]
        session.execute(sa.delete(Timer).where(Timer.kind == TIMER, Timer.ref.in_(refs)))


def _end_pause(row: TicketClock, now: datetime) -> None:
    if row.paused_at is not None:
        ended = {"reason": row.paused_for, "from": row.paused_at.isoformat(), "to": max(now, row.paused_at).isoformat()}
        row.pauses = [*row.pauses, ended]
        row.paused_at = row.paused_for = None


def _pause(clockwork: Clockwork, rows: Iterable[TicketClock], reason: str, now: datetime) -> None:
    for row in rows:
        if row.paused_at is None and clockwork.stopped_by(row.rule, row.unit_id, row.started_at, reason):
            row.paused_at, row.paused_for = now, reason


def _resume(rows: Iterable[TicketClock], reason: str, now: datetime) -> None:
    for row in rows:
        if row.paused_for == reason:
            _end_pause(row, now)


def settle(session: Session, clockwork: Clockwork, ticket: Ticket, now: datetime) -> None:
    """Brings every running clock into line with its ticket: rule and unit chosen anew, the deadline from the same
    start, the timer, and what the ticket shows. Changes nothing where nothing changed. The ticket is locked."""
    rows, case = running(session, ticket), case_of(ticket)
    for row in rows.values():
        clock = clockwork.titled(row.clock)
        if clock is not None and clock.rule(case) is None:
            stop(session, [row], now)  # the case has changed: such a ticket has no such clock
            continue
        if clock is not None and clockwork.choose(row.clock, case, ticket.unit_id, row.started_at) is not None:
            row.rule, row.unit_id = clock.rule(case), ticket.unit_id  # without a figure it keeps what it had
        _compute(clockwork, row, now)
        kept = {reminder.id for moment, reminder in _rungs(clockwork, row) if moment <= now}
        row.told = [name for name in row.told if name in kept]  # a later deadline is told of again
    still = [row for row in rows.values() if row.stopped_at is None]
    _set_timers(session, clockwork, still)
    _lead(clockwork, ticket, still)


def begin(session: Session, clockwork: Clockwork, ticket: Ticket, now: datetime) -> None:
    """The clocks that begin with a ticket, from its opening; again when more is known of it, and for one without any.

    Of one on which work has begun only those that lead: it was signed for and dispatched when nobody counted.
    """
    had = set(session.execute(sa.select(TicketClock.clock).where(TicketClock.ticket_id == ticket.id)).scalars())
    fresh = clockwork.plan.opening(ticket.state)
    names = [clock.id for clock in clockwork.plan.clocks.values()
             if clock.id not in had and (clock.id in fresh or not fresh and clock.leads and clock.opens)]
    start(session, clockwork, ticket, names, ticket.created_at)
    settle(session, clockwork, ticket, now)


def change_desk(session: Session, clockwork: Clockwork, ticket: Ticket, now: datetime) -> dict[str, Any]:
    """What runs for one desk begins anew for the desk the locked ticket has come to; everything else goes on from where
    it began. Gives what the event keeps of it."""
    rows = [row for row in running(session, ticket).values()
            if (clock := clockwork.titled(row.clock)) is not None and clock.each_desk]
    stop(session, rows, now)
    begun = start(session, clockwork, ticket, [row.clock for row in rows], now)
    settle(session, clockwork, ticket, now)
    return _moves(rows, begun, now)


def open_with(session: Session, clockwork: Clockwork, ticket: Ticket) -> None:
    """The clocks of a ticket that was written just now, and has none."""
    rows = start(session, clockwork, ticket, clockwork.plan.opening(ticket.state), ticket.created_at)
    moments = [(row, _next(clockwork, row)) for row in rows]
    session.add_all(Timer(kind=TIMER, ref=str(row.id), due_at=moment) for row, moment in moments if moment is not None)
    _lead(clockwork, ticket, rows)


def know_any(doing: Doing) -> None:
    """A ticket opened when nobody counted gets its clocks before anything is asked of them."""
    ticket = doing.ticket
    has = sa.select(TicketClock.id).where(TicketClock.ticket_id == ticket.id).limit(1)
    if doing.work.lifecycle.states[ticket.state].open and doing.session.execute(has).first() is None:
        begin(doing.session, doing.work.clockwork, ticket, doing.now)


def _runs(rows: Mapping[str, TicketClock], name: str) -> bool:
    return name in rows and rows[name].stopped_at is None


def apply(doing: Doing) -> None:
    """What the command does to the clocks of its ticket: `stop`, `resume`, `start`, `pause` of its `clocks:`, in this
    order, so that a clock both stopped and started begins anew; `after` puts off what began. The event keeps what
    began and what stopped in time."""
    session, ticket, now = doing.session, doing.ticket, doing.now
    clockwork, deed = doing.work.clockwork, doing.command.clocks
    rows = running(session, ticket)
    names: Collection[str] = rows if deed.stop == (ALL,) else deed.stop
    stopped = [row for name, row in rows.items() if name in names]
    stop(session, stopped, now)
    if deed.resume is not None:
        _resume(rows.values(), deed.resume, now)
    begun = start(session, clockwork, ticket, [name for name in deed.start if not _runs(rows, name)], now)
    if deed.after is not None:  # it can be ended only when that day is over: in time on the next one that is worked
        for row in begun:
            row.extended_to = working_day(doing.values[deed.after], 1, clockwork.calendar)
    if deed.pause is not None:
        _pause(clockwork, [row for row in [*rows.values(), *begun] if row.stopped_at is None], deed.pause, now)
    settle(session, clockwork, ticket, now)
    doing.data.update(_moves(stopped, begun, now))


def _moves(stopped: Sequence[TicketClock], begun: Sequence[TicketClock], now: datetime) -> dict[str, Any]:
    """Which clocks stopped, in time or not, and which began, as an event keeps it."""
    ended = [{**_said(row), "kept": now <= row.due_at} for row in stopped]
    moves = {"stopped": ended, "started": [_said(row) for row in begun]}
    return {name: rows for name, rows in moves.items() if rows}


def leading(session: Session, clockwork: Clockwork, ticket: Ticket) -> TicketClock | None:
    """The running clock that the ticket shows."""
    return _first(clockwork, running(session, ticket).values())


@standing
def paperwork_done(doing: Doing) -> None:
    """Aid that was given first is followed by its paper (社会救助法 50) before the ticket is closed."""
    if "paperwork" in running(doing.session, doing.ticket):
        raise NotAllowed("paperwork_done")


# --- more time ---------------------------------------------------------------------------------------------------


def _asked(doing: Doing) -> Any:
    last = last_event(doing.session, doing.ticket, "extension_asked", "extension_decided", "reopened")
    return last if last is not None and last.kind == "extension_asked" else None


def _due_now(doing: Doing, row: TicketClock) -> datetime:
    """The deadline as it stands: while a clock stands still, it has moved on since the row was written."""
    try:
        stops = stops_of(row, doing.now)
        found = doing.work.clockwork.due(row.rule, row.unit_id, row.started_at, stops, row.extended_to)
    except DueError:
        moment: datetime = row.due_at
        return moment
    return found.due


@standing
def before_due(doing: Doing) -> None:
    """More time is asked for before the time is over, for a clock that can have more: hours on the wall cannot."""
    row = leading(doing.session, doing.work.clockwork, doing.ticket)
    if row is None:
        raise NothingToDo("nothing_to_extend")
    if doing.now > _due_now(doing, row):
        raise NotAllowed("before_due")


@guard
def later_than_due(doing: Doing) -> None:
    """The day asked for gives more time than there is."""
    row = leading(doing.session, doing.work.clockwork, doing.ticket)
    due = _due_now(doing, row).astimezone(SHANGHAI).date() if row is not None else None
    if due is not None and doing.values["until"] <= due:
        raise NotAllowed("later_than_due", due=due.isoformat())


@standing
def no_extension_waits(doing: Doing) -> None:
    """One request at a time."""
    if _asked(doing) is not None:
        raise NotAllowed("no_extension_waits")


@standing
def extension_waits(doing: Doing) -> None:
    """There is a request to decide."""
    if _asked(doing) is None:
        raise NothingToDo("extension_waits")


@standing
def not_who_asked(doing: Doing) -> None:
    """Another person decides."""
    asked = _asked(doing)
    if asked is not None and asked.actor == doing.viewer.actor:
        raise NotAllowed("not_who_asked")


@effect
def ask_for_time(doing: Doing) -> None:
    """Keeps for which clock more time was asked: another one may lead when somebody decides."""
    row = leading(doing.session, doing.work.clockwork, doing.ticket)
    if row is not None:
        doing.data["clock"] = row.clock


def _wanted(doing: Doing) -> tuple[TicketClock | None, date]:
    """The clock more time was asked for, if it still runs, and until which day."""
    asked = _asked(doing)
    until = date.fromisoformat(asked.data["fields"]["until"]["value"])
    name, rows = asked.data.get("clock"), running(doing.session, doing.ticket)
    # before clocks were named with the request it was the one that led
    return (rows.get(name) if name is not None else _first(doing.work.clockwork, rows.values())), until


@guard
def extension_helps(doing: Doing) -> None:
    """Only time that is still to come can be granted, to a clock that still runs."""
    if not doing.values["granted"]:
        return
    row, until = _wanted(doing)
    if row is None:
        raise NotAllowed("extension_over")
    if until < doing.today:
        raise NotAllowed("extension_day_past", until=until.isoformat())


@effect
def extend(doing: Doing) -> None:
    """A granted extension moves the deadline it was asked for to the end of that day, never nearer; the resident is
    told the day that holds from now on."""
    if not doing.values["granted"]:
        return
    row, until = _wanted(doing)
    assert row is not None, "the guard has looked"
    before, row.extended_to = row.due_at, until
    _compute(doing.work.clockwork, row, doing.now)
    doing.data["due"] = {"clock": row.clock, "from": before.isoformat(), "to": row.due_at.isoformat()}
    doing.said = {"until": row.due_at.astimezone(SHANGHAI).date().isoformat()}


# --- reminders ---------------------------------------------------------------------------------------------------


def recipient(ticket: Ticket, rank: str) -> str:
    """Whom a rank means for this ticket: the district's own desk where no unit answers for it."""
    if ticket.unit_id is None or rank == "district":
        return DISTRICT
    return f"{'head' if rank == 'head' else 'unit'}:{ticket.unit_id}"


def _reader(session: Session, ticket: Ticket, rank: str) -> str:
    """As recipient; the district where nobody of that rank can sign in at the unit: somebody has to read it."""
    name = recipient(ticket, rank)
    there = sa.select(Staff.id).where(Staff.active, Staff.unit_id == ticket.unit_id)
    if rank == "head":
        there = there.where(Staff.role == HEAD)
    return name if name == DISTRICT or session.execute(there.limit(1)).first() is not None else DISTRICT


def remind(session: Session, clockwork: Clockwork, clock_id: int, now: datetime) -> datetime | None:
    """Writes the reminders of a clock that have come due: one event and its notices each. Returns when the next one is.

    None when there is none, or the clock no longer runs. A ticket somebody is at is left for a moment.
    """
    known = session.execute(sa.select(TicketClock.ticket_id).where(TicketClock.id == clock_id)).scalar_one_or_none()
    ticket = session.execute(
        sa.select(Ticket).where(Ticket.id == known).with_for_update(key_share=True, skip_locked=True)
    ).scalar_one_or_none()
    if ticket is None:
        return None if known is None else now + BUSY_AGAIN
    row = session.execute(sa.select(TicketClock).where(TicketClock.id == clock_id)).scalar_one()
    if row.stopped_at is not None or row.paused_at is not None:
        return None
    for moment, reminder in _rungs(clockwork, row):
        if moment > now or reminder.id in row.told:
            continue
        row.told = [*row.told, reminder.id]
        to = sorted({_reader(session, ticket, rank) for rank in reminder.to})
        event = write_event(session, ticket, "reminded", "system", now,
                            {**_said(row), "reminder": reminder.id, "when": reminder.when, "to": to}, versioned=False)
        for one in to:
            notify(session, event, one, SAID[reminder.when], now, number=ticket.number,
                   clock=clockwork.plan.clocks[row.clock].title, due=f"{row.due_at.astimezone(SHANGHAI):%m-%d %H:%M}")
    return _next(clockwork, row)
