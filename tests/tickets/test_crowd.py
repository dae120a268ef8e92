"""Fifty people, the courier and the resident at two tickets at once, each with another deed: nobody waits in a circle."""
from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.commands import create_staff
from actions.access.queries import as_viewer, resident_viewer
from actions.access.rules import Refused, Viewer
from actions.intake.joins import OtherPerson, join_by_staff, join_proven, joins_of, unjoin
from actions.privacy.commands import record_audit
from actions.privacy.keys import Keys
from actions.privacy.queries import verify_audit
from actions.storage.engine import Database, open_engine
from actions.storage.tables import Audit, Conversation, Staff, Ticket, TicketClock, TicketEvent, Timer
from actions.tickets.commands import (
    FieldsWrong,
    NotAllowed,
    StalePage,
    Work,
    hand_back,
    keep_up,
    perform,
    perform_own,
    supplement_ticket,
)
from actions.tickets.rules import WrongState
from actions.turn import Turn
from bot.conversation.post import post_one, run_timer
from bot.conversation.turn import TurnTools, work_one
from tests.cast import LONGXI, Stage
from tests.live import until
from tests.tickets.deeds import FORMS, put, signed_of

PATIENCE = 60
CLEAR = (Refused, StalePage, WrongState, NotAllowed, FieldsWrong, OtherPerson)
ROUNDS = 3


@pytest.fixture
def crowded(database_url: str, keys: Keys) -> Iterator[Database]:
    """The same database with a connection for each of them."""
    crowded = Database(open_engine(database_url, pool_size=56), keys.audit_key)
    yield crowded
    crowded.dispose()


def hire(stage: Stage, count: int, role: str, unit: str | None, prefix: str) -> list[Viewer]:
    with stage.parts.database.begin() as session:
        return [as_viewer(create_staff(session, login=f"{prefix}{n}", name=f"{prefix}{n}", role=role, unit_id=unit, password="x",
                                       now=stage.clock()), stage.parts.roles) for n in range(count)]


def at_once(deeds: list[Callable[[], Any]]) -> Counter[str]:
    """Every deed at the same moment. What became of each: done, or the name of the refusal; anything else is raised."""
    start = threading.Barrier(len(deeds))

    def does(deed: Callable[[], Any]) -> str:
        start.wait(PATIENCE)
        try:
            deed()
        except CLEAR as refused:
            return type(refused).__name__
        return "done"

    with ThreadPoolExecutor(len(deeds)) as pool:
        return Counter(one.result(PATIENCE) for one in [pool.submit(does, deed) for deed in deeds])


class TestMerging:
    def test_two_reports_merged_into_each_other_end_one_and_keep_one(self, stage: Stage, crowded: Database) -> None:
        people = hire(stage, 50, "head", LONGXI, "h")
        for _ in range(ROUNDS):
            one, other = put(stage, [{"state": "accepted"}] * 2)

            def merges(viewer: Viewer, number: str, into: str) -> None:
                with crowded.begin() as session:
                    perform(session, stage.parts.work, viewer, number=number, command="merge", version=1, form={"into": into},
                            now=stage.clock())

            said = at_once([partial(merges, viewer, *((one, other) if n % 2 else (other, one)))
                            for n, viewer in enumerate(people)])
            assert said["done"] == 1, said
            with crowded.begin() as session:
                states = session.execute(sa.select(Ticket.state).where(Ticket.number.in_([one, other]))).scalars().all()
            assert sorted(states) == ["accepted", "closed"]
        with crowded.begin() as session:
            assert verify_audit(session).broken is None


@dataclass
class Hands:
    """What people do from a page of version 1, each in a transaction of their own."""

    crowded: Database
    work: Work
    resident: Viewer
    operators: list[Viewer]
    conversation: Conversation
    ids: dict[str, int]
    now: datetime

    def does(self, viewer: Viewer, number: str, command: str, **form: str) -> None:
        with self.crowded.begin() as session:
            perform(session, self.work, viewer, number=number, command=command, version=1, form={**FORMS[command], **form}, now=self.now)

    def own(self, number: str, command: str) -> None:
        with self.crowded.begin() as session:
            perform_own(session, self.work, self.resident, number=number, command=command, now=self.now, form=FORMS[command])

    def joins(self, number: str) -> None:
        with self.crowded.begin() as session:
            join_by_staff(session, self.operators[0], self.work.keys, number=number, conversation_id=self.conversation.id,
                          reason="核过", now=self.now)

    def parts(self, number: str) -> None:
        with self.crowded.begin() as session:
            ticket = session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()
            for row in joins_of(session, ticket):
                unjoin(session, self.operators[1], number=number, join=row.id, now=self.now)

    def proves(self, number: str) -> None:
        with self.crowded.begin() as session:
            join_proven(session, contact_id=self.conversation.contact_id, ticket_id=self.ids[number], now=self.now)


class TestMixed:
    """王婶, her township, the district and the courier, all at once, at two tickets that neighbours told of as well."""

    OVER = frozenset({"approved", "refused", "withdrawn", "returned_for_rework", "merged", "extension_asked"})

    @pytest.mark.parametrize("round_", range(ROUNDS))
    def test_everything_at_once(self, stage: Stage, crowded: Database, round_: int) -> None:
        browser = stage.browser()
        browser.write("家里着火了")
        with stage.parts.database.begin() as session:
            conversation = session.execute(sa.select(Conversation)).scalars().one()
        work, now, contact = stage.parts.work, stage.clock(), int(conversation.contact_id)
        one, other = put(stage, [{"state": "approving", "signed": signed_of("approve"), "aid": True, "contact_id": contact}] * 2)
        with stage.parts.database.begin() as session:
            keep_up(session, work, now)  # their clocks
            ids = dict(session.execute(sa.select(Ticket.number, Ticket.id).where(Ticket.number.in_([one, other]))).all())
        stage.clock.advance(days=20)  # every reminder of every clock is due
        now = stage.clock()
        heads, zhou = hire(stage, 6, "head", LONGXI, "h"), hire(stage, 3, "operator", None, "o")
        leaver, resident = hire(stage, 1, "officer", LONGXI, "x")[0], resident_viewer(work.roles, contact_id=contact)

        hands = Hands(crowded, work, resident, zhou, conversation, ids, now)
        does, own = hands.does, hands.own

        def leaves() -> None:
            with crowded.begin() as session:
                session.execute(sa.update(Staff).where(Staff.id == leaver.staff_id).values(active=False))
                hand_back(session, work, leaver.staff_id, now)

        def reminds() -> None:
            for _ in range(4):
                run_timer(crowded, stage.parts.knowledge, now, work=work)

        def posts() -> None:
            post_one(crowded, stage.parts.knowledge, now)

        def keeps() -> None:
            with crowded.begin() as session:
                keep_up(session, work_of_tomorrow, now)

        work_of_tomorrow = replace(work, clockwork=replace(work.clockwork, digest=f"another {round_}"))
        deeds: list[Callable[[], Any]] = []
        for place, number in enumerate((one, other)):
            into = {"into": other if number == one else one}
            deeds += [partial(does, head, number, "approve") for head in heads[:2]]
            deeds += [partial(does, heads[2], number, "refuse"), partial(does, heads[3], number, "return_for_rework"),
                      partial(does, heads[4], number, "merge", **into), partial(does, heads[5], number, "confirm_aid"),
                      partial(does, heads[4], number, "merge", **into), partial(does, leaver, number, "ask_extension"),
                      partial(does, heads[place], number, "declare_tie"), partial(own, number, "withdraw"),
                      partial(own, number, "urge"), partial(own, number, "urge"), partial(own, number, "supplement"),
                      partial(hands.joins, number), partial(hands.parts, number), partial(hands.proves, number), partial(does, leaver, number, "addend")]
        deeds += [reminds, reminds, reminds, posts, posts, keeps, keeps, leaves]
        random.Random(round_).shuffle(deeds)
        said = at_once(deeds)
        assert sum(said.values()) == len(deeds)

        with crowded.begin() as session:
            assert verify_audit(session).broken is None
            for number in (one, other):
                self.is_sound(session, work, number, now)

    def is_sound(self, session: Any, work: Work, number: str, now: Any) -> None:
        ticket = session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()
        events = session.execute(sa.select(TicketEvent).where(TicketEvent.ticket_id == ticket.id, TicketEvent.at == now)
                                 .order_by(TicketEvent.id)).scalars().all()
        kinds = Counter(event.kind for event in events)
        assert sum(kinds[kind] for kind in self.OVER - {"withdrawn", "merged"}) <= 1, kinds  # all from one page
        assert kinds["urged"] <= 1 and kinds["withdrawn"] + kinds["merged"] <= 1
        versions = [event.version for event in events if event.version is not None]
        assert versions == list(range(2, 2 + len(versions))) and ticket.version == versions[-1]
        open_ = ticket.state in work.lifecycle.open_states
        assert (ticket.closed_at is None) == open_ and ticket.unit_id == LONGXI
        running = session.execute(sa.select(TicketClock).where(
            TicketClock.ticket_id == ticket.id, TicketClock.stopped_at.is_(None))).scalars().all()
        assert len({row.clock for row in running}) == len(running) and (open_ or not running)
        timers = set(session.execute(sa.select(Timer.ref).where(Timer.kind == "clock")).scalars())
        ended = session.execute(sa.select(TicketClock.id).where(
            TicketClock.ticket_id == ticket.id, TicketClock.stopped_at.is_not(None))).scalars().all()
        assert not timers & {str(id_) for id_ in ended}
        joined = joins_of(session, ticket)
        assert (ticket.person_id is not None) == bool(joined)


class TestTheAuditChain:
    def test_a_turn_that_urges_and_an_operator_who_takes_over_do_not_wait_for_each_other(self, stage: Stage) -> None:
        """The turn writes its conversation last; whoever takes over holds the conversation and writes the audit log last."""
        browser = stage.browser()
        browser.write("家里着火了")
        stage.work()
        with stage.parts.database.begin() as session:
            conversation = session.execute(sa.select(Conversation)).scalars().one()
        number = stage.ticket(contact_id=conversation.contact_id, conversation_id=conversation.id).number
        zhou, taken = stage.sign_in("zhou"), list[int]()
        operator = Thread(target=lambda: taken.append(zhou.do(f"/desk/conversations/{conversation.id}/take_over").status_code))

        def urges(turn: Turn) -> None:
            perform_own(turn.session, stage.parts.work, resident_viewer(stage.parts.roles, contact_id=conversation.contact_id),
                        number=number, command="urge", now=stage.clock())
            operator.start()
            until(lambda: bool(taken) or waiting(stage) > 0)
            turn.say_text("已经催了")

        browser.write("催一下")
        tools = TurnTools(stage.parts.database, stage.parts.replies, stage.parts.keys, stage.wake, stage.clock, stage.parts.accept_tools)
        worked = work_one(tools, urges)
        operator.join(PATIENCE)
        assert taken == [303]
        assert worked is not None and worked.outcome == "overtaken"
        with stage.parts.database.begin() as session:
            assert session.execute(sa.select(TicketEvent.id).where(TicketEvent.kind == "urged")).all() == []
            assert session.execute(sa.select(Audit.id).where(Audit.action == "ticket_urged")).all() == []
            assert verify_audit(session).broken is None

    def test_what_is_noted_in_a_part_that_was_given_up_is_not_written(self, stage: Stage) -> None:
        with stage.parts.database.begin() as session:
            note = partial(record_audit, session, actor="system", object_="x:1", now=stage.clock())
            note(action="first")
            with pytest.raises(LookupError), session.begin_nested():
                note(action="lost")
                with session.begin_nested():
                    note(action="lost as well")
                raise LookupError
            with session.begin_nested():
                note(action="second")
        with pytest.raises(LookupError), stage.parts.database.begin() as session:
            record_audit(session, actor="system", action="lost", object_="x:1", now=stage.clock())
            raise LookupError
        with stage.parts.database.begin() as session:
            assert session.execute(sa.select(Audit.action).where(Audit.object == "x:1").order_by(Audit.id)).scalars().all() == [
                "first", "second"]
            assert verify_audit(session).broken is None


def waiting(stage: Stage) -> int:
    """How many wait for a lock."""
    with stage.parts.database.begin() as session:
        return int(session.execute(sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).scalar_one())


@pytest.mark.parametrize("deed", ["join", "supplement"])
def test_what_was_read_before_the_lock_is_read_again_behind_it(stage: Stage, deed: str) -> None:
    """The page of progress, and a turn, know the ticket before they lock it; meanwhile an officer goes on."""
    stage.browser().write("家里着火了")
    number, work = stage.ticket().number, stage.parts.work
    [zhang] = hire(stage, 1, "officer", LONGXI, "z")
    with stage.parts.database.begin() as session:
        known = session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()
        contact = session.execute(sa.select(Conversation.contact_id)).scalar_one()
        with stage.parts.database.begin() as other:
            perform(other, work, zhang, number=number, command="accept", version=1, form={}, now=stage.clock())
        if deed == "join":
            assert join_proven(session, contact_id=contact, ticket_id=known.id, now=stage.clock())
        else:
            supplement_ticket(session, work.keys, number, 1, stage.clock(), phone="13912345678")
    with stage.parts.database.begin() as session:
        ticket = session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()
        versions = session.execute(sa.select(TicketEvent.version).where(TicketEvent.ticket_id == ticket.id).order_by(TicketEvent.id)).scalars().all()
        assert (ticket.state, ticket.version, versions) == ("accepted", 3, [1, 2, 3])
