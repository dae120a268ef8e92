"""News of the ticket: once, in the right conversation, not over a person, and nothing unasked where it could harm."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from actions.storage.tables import Contact, Delivery, Notice, Ticket, Timer
from bot.conversation.post import held_notices, run_timer
from tests.conversation.hotline import FakeApp, Hotline, at_boundary, die, together


def accepted(hotline: Hotline, **more: Any) -> tuple[int, str]:
    """王婶 got a ticket, 张干事 has taken it on. (conversation, what she is to be told)."""
    conversation = hotline.write("没饭吃", channel="telegram").conversation_id

    def think(turn: Any) -> None:
        hotline.open_ticket(turn.session, turn.conversation_id, turn.contact_id, **more)
    hotline.work(think)
    [number] = hotline.scalars(sa.select(Ticket.number))
    hotline.accept_ticket(number)
    return conversation, hotline.text("ticket_accepted", number=number, unit_name="龙溪街道")


def resident_notice(hotline: Hotline) -> Any:
    [notice] = hotline.scalars(sa.select(Notice).where(Notice.recipient == "resident"))
    return notice


def held(hotline: Hotline, conversation: int) -> list[str]:
    with hotline.database.begin() as session:
        return [notice.kind for notice in held_notices(session, conversation)]


def test_becomes_a_message_of_the_house_with_its_delivery(hotline: Hotline) -> None:
    conversation, text = accepted(hotline)
    assert hotline.post() == ["posted", "posted"]  # the unit's own notice needs no message
    message = hotline.messages(conversation)[-1]
    assert (message.author, message.text, message.seq) == ("system", text, 2)
    assert (resident_notice(hotline).state, resident_notice(hotline).message_id) == ("posted", message.id)
    app = FakeApp()
    hotline.deliver(app)
    assert app.texts == [text]
    assert hotline.post() == []


def test_once_though_two_couriers_post(hotline: Hotline) -> None:
    conversation, text = accepted(hotline)
    together(hotline.post, hotline.post, hotline.post)
    assert [said for _, said in hotline.said(conversation)].count(text) == 1


def test_same_news_of_one_event_cannot_be_written_twice(hotline: Hotline) -> None:
    accepted(hotline)
    notice = resident_notice(hotline)
    with pytest.raises(IntegrityError), hotline.database.begin() as session:
        session.add(Notice(event_id=notice.event_id, recipient="resident", kind=notice.kind, parameters={}, state="waiting",
                           created_at=hotline.clock()))


def test_crash_at_any_statement_leaves_it_open_and_it_is_said_once(hotline: Hotline) -> None:
    conversation, text = accepted(hotline)
    for at in range(1, 60):
        with at_boundary(hotline.database, at, die) as boundaries:
            hotline.post()
        if not boundaries.struck:
            break
    assert at > 8
    assert [said for _, said in hotline.said(conversation)].count(text) == 1
    assert hotline.count(Delivery) == 1 and resident_notice(hotline).state == "posted"


class TestWithAPerson:
    def test_waits_in_the_composer(self, hotline: Hotline) -> None:
        conversation, text = accepted(hotline)
        hotline.take_over(conversation)
        before = hotline.said(conversation)
        assert hotline.post() == ["posted", "held"]
        assert hotline.said(conversation) == before and held(hotline, conversation) == ["ticket_accepted"]
        hotline.clock.advance(minutes=29, seconds=59)
        assert hotline.post() == []

    def test_goes_out_after_half_an_hour(self, hotline: Hotline) -> None:
        conversation, text = accepted(hotline)
        hotline.take_over(conversation)
        hotline.post()
        hotline.clock.advance(minutes=30)
        assert hotline.post() == ["posted"]
        assert hotline.said(conversation)[-1] == ("system", text) and held(hotline, conversation) == []

    @pytest.mark.parametrize("deed", ["release", "close", "lease"])
    def test_goes_out_at_once_when_the_person_goes(self, hotline: Hotline, deed: str) -> None:
        conversation, text = accepted(hotline)
        hotline.take_over(conversation)
        hotline.post()
        if deed == "lease":
            hotline.clock.advance(minutes=3)
            assert hotline.timers() == ["lease"]
        else:
            getattr(hotline, deed)(conversation)
        assert hotline.post() == ["posted"]
        assert hotline.said(conversation)[-1] == ("system", text)
        assert hotline.post() == []

    def test_stays_while_a_colleague_goes_on(self, hotline: Hotline) -> None:
        conversation, _ = accepted(hotline)
        hotline.take_over(conversation)
        hotline.post()
        hotline.beat("wu")
        hotline.transfer(conversation, "wu")
        assert hotline.post() == [] and held(hotline, conversation) == ["ticket_accepted"]

    def test_composer_shows_news_of_a_ticket_from_an_earlier_conversation(self, hotline: Hotline) -> None:
        earlier, text = accepted(hotline)
        hotline.take_over(earlier)
        hotline.close(earlier)
        conversation = hotline.write("又没饭吃了", channel="telegram").conversation_id
        hotline.take_over(conversation)
        assert hotline.post() == ["posted", "held"]
        assert held(hotline, conversation) == ["ticket_accepted"]
        assert held(hotline, hotline.write("没饭吃", who="李叔").conversation_id) == []


class TestWhere:
    def test_in_the_open_conversation_not_the_one_it_came_by(self, hotline: Hotline) -> None:
        earlier, text = accepted(hotline)
        hotline.take_over(earlier)
        hotline.close(earlier)
        conversation = hotline.write("又没饭吃了", channel="telegram").conversation_id
        hotline.post()
        assert hotline.said(conversation)[-1] == ("system", text)

    def test_in_the_last_one_when_all_are_closed(self, hotline: Hotline) -> None:
        conversation, text = accepted(hotline)
        hotline.take_over(conversation)
        hotline.close(conversation)
        hotline.post()
        assert hotline.said(conversation)[-1] == ("system", text)
        assert hotline.conversation(conversation).mode == "closed"


class TestSilent:
    def test_discreet_ticket(self, hotline: Hotline) -> None:
        conversation, _ = accepted(hotline, discreet=True)
        before = hotline.said(conversation)
        assert resident_notice(hotline).state == "silent"
        assert hotline.post() == ["posted"]
        assert hotline.said(conversation) == before

    def test_ticket_that_became_discreet_before_the_post_came(self, hotline: Hotline) -> None:
        conversation, _ = accepted(hotline)
        with hotline.database.begin() as session:
            session.execute(sa.update(Ticket).values(discreet=True))
        before = hotline.said(conversation)
        assert hotline.post() == ["posted", "silent"]
        assert hotline.said(conversation) == before and resident_notice(hotline).state == "silent"

    def test_while_held_too(self, hotline: Hotline) -> None:
        conversation, _ = accepted(hotline)
        hotline.take_over(conversation)
        hotline.post()
        with hotline.database.begin() as session:
            session.execute(sa.update(Ticket).values(discreet=True))
        hotline.clock.advance(minutes=31)
        before = hotline.said(conversation)
        assert hotline.post() == ["silent"] and hotline.said(conversation) == before

    def test_device_that_was_left(self, hotline: Hotline) -> None:
        conversation, _ = accepted(hotline)
        with hotline.database.begin() as session:
            session.execute(sa.update(Contact).values(forgotten_at=hotline.clock()))
        before = hotline.said(conversation)
        assert hotline.post() == ["posted", "silent"] and hotline.said(conversation) == before


def test_a_row_that_cannot_be_posted_holds_up_no_other(hotline: Hotline) -> None:
    accepted(hotline)
    notice = resident_notice(hotline)
    with hotline.database.begin() as session:
        session.execute(sa.update(Notice).where(Notice.id == notice.id).values(kind="no_such_reply"))
    assert hotline.post() == ["posted", "silent"]


def test_a_timer_that_fails_is_tried_again_later_and_holds_up_no_other(hotline: Hotline) -> None:
    now = hotline.clock()
    with hotline.database.begin() as session:
        session.add(Timer(kind="danger_unanswered", ref="no conversation", due_at=now))
        session.add(Timer(kind="unknown_kind", ref="1", due_at=now))
    assert sorted(run_timer(hotline.database, hotline.knowledge, now) or "" for _ in range(2)) == [
        "danger_unanswered", "unknown_kind"]
    assert run_timer(hotline.database, hotline.knowledge, now) is None
    assert len(hotline.scalars(sa.select(Timer.id))) == 2
