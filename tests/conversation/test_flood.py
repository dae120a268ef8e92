"""A flood of danger words: nobody is dropped, each gets the safety text and the alarm, and it opens no ticket each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Conversation, DangerCall, Message, Ticket, TicketEvent
from bot.conversation.transcript import alarms, desk_rows, same_source
from tests.conversation.hotline import SUICIDE, Hotline

HALL = "203.0.113.7"
PLACED = "我家着火了，在龙溪街道，人还困在里面"


@pytest.fixture(autouse=True)
def three_make_a_flood(hotline: Hotline) -> None:
    """Three tickets from one network are enough here; config has more, for whole towns share a carrier's gateway."""
    hotline.knowledge = replace(hotline.knowledge, desk=replace(hotline.knowledge.desk, source_tickets=3))
    hotline.accept_tools = replace(hotline.accept_tools, knowledge=hotline.knowledge)
    hotline.tools = replace(hotline.tools, accepting=hotline.accept_tools)


def test_a_carrier_stands_for_many(knowledge: Any) -> None:
    assert knowledge.desk.source_tickets >= 20


def cries(hotline: Hotline, number: int, text: str = SUICIDE, source: str | None = HALL) -> list[int]:
    """Conversations of that many people, all from one network."""
    return [hotline.write(text, who=f"{text}{source}{place}", source=source).conversation_id for place in range(number)]


def tickets(hotline: Hotline) -> list[Any]:
    return hotline.scalars(sa.select(Ticket).order_by(Ticket.id))


def heard(hotline: Hotline, conversations: list[int]) -> None:
    """Every one of them has its safety text, its place in front of the queue, and its alarm."""
    for conversation in conversations:
        row = hotline.conversation(conversation)
        assert (row.danger, row.waiting_reason) == ("now", "danger")
        assert [author for author, _ in hotline.said(conversation)][:2] == ["resident", "system"]
    with hotline.database.begin() as session:
        alarmed = {row[0] for row in alarms(session, hotline.staff["zhou"])}
    assert alarmed >= set(conversations)


def test_one_contact_has_one_ticket_however_often_and_wherever_they_cry(hotline: Hotline) -> None:
    first = hotline.write(SUICIDE).conversation_id
    hotline.write(SUICIDE)
    hotline.take_over(first)
    hotline.close(first)
    hotline.clock.advance(hours=23)
    second = hotline.write(SUICIDE).conversation_id
    assert second != first and len(tickets(hotline)) == 1
    heard(hotline, [second])
    [event] = hotline.scalars(sa.select(TicketEvent).where(TicketEvent.kind == "danger_again"))
    assert event.data["conversation"] == second


def test_another_day_is_another_emergency(hotline: Hotline) -> None:
    first = hotline.write(SUICIDE).conversation_id
    hotline.take_over(first)
    hotline.close(first)
    hotline.clock.advance(hours=24)
    hotline.write(SUICIDE)
    assert len(tickets(hotline)) == 2


def test_flood_without_place_opens_three_tickets_and_drops_nobody(hotline: Hotline) -> None:
    found = cries(hotline, 8)
    assert len(tickets(hotline)) == 3
    heard(hotline, found)


def test_flood_with_one_place_belongs_to_one_ticket_after_the_first(hotline: Hotline) -> None:
    found = cries(hotline, 8, PLACED)
    assert len(tickets(hotline)) == 3
    heard(hotline, found)
    assert hotline.count(TicketEvent, TicketEvent.kind == "danger_again") == 5


def test_another_township_in_a_flood_has_its_ticket(hotline: Hotline) -> None:
    cries(hotline, 4)
    hotline.write(PLACED, who="王婶", source=HALL)
    last = tickets(hotline)[-1]
    assert len(tickets(hotline)) == 4 and last.unit_name == "龙溪街道"


def test_who_says_the_place_later_gets_a_ticket(hotline: Hotline) -> None:
    from actions.steps.filing import file_ticket
    from actions.steps.listening import listen

    found = cries(hotline, 5)
    assert hotline.count(Ticket, Ticket.conversation_id == found[-1]) == 0
    hotline.write("我在龙溪街道", who=f"{SUICIDE}{HALL}4")

    def think(turn: Any) -> None:
        if turn.conversation_id == found[-1]:
            listen(turn, hotline.knowledge)
            file_ticket(turn, hotline.knowledge, "none")
        turn.say_text("您现在安全吗")

    while hotline.work(think):
        pass
    assert hotline.count(Ticket, Ticket.conversation_id == found[-1]) == 1


def test_others_are_no_part_of_it(hotline: Hotline) -> None:
    cries(hotline, 3)
    cries(hotline, 3, source="198.51.100.1")
    cries(hotline, 3, source=None)  # an app that names no network
    hotline.clock.advance(minutes=31)
    cries(hotline, 1, "煤气漏了，我妈叫不醒")
    assert len(tickets(hotline)) == 10


def test_group_is_shown_to_staff_without_the_address(hotline: Hotline) -> None:
    found = cries(hotline, 3)
    alone = cries(hotline, 1, source="198.51.100.1")[0]
    window = hotline.knowledge.desk.source_window
    with hotline.database.begin() as session:
        assert same_source(session, hotline.staff["zhou"], found[0], window) == found[1:]
        assert same_source(session, hotline.staff["zhou"], alone, window) == []
        assert same_source(session, hotline.staff["zhang"], found[0], window) == []
        crowds = {row.id: row.same_source for row in desk_rows(
            session, hotline.staff["zhou"], hotline.knowledge.intake, hotline.clock(), "waiting", window)}
    assert crowds == {**dict.fromkeys(found, 2), alone: 0}
    stored = str(hotline.rows(sa.select(DangerCall.__table__)) + hotline.rows(sa.select(Message.__table__)))
    assert HALL not in stored


def test_crash_of_the_ticket_still_tells_the_safety_text(hotline: Hotline, monkeypatch: Any) -> None:
    monkeypatch.setattr("bot.conversation.accept.danger_ticket_of_group", lambda *more: 1 / 0)
    found = cries(hotline, 5, PLACED)
    heard(hotline, found)
    assert hotline.count(Conversation) == 5
