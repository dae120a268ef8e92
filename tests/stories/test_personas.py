"""The further stories: each persona file is played as `youmen chat --persona` plays it, on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from actions.storage.tables import Message, Ticket
from bot.commands.chat import TURN_LIMIT, Persona, read_persona
from tests.stories.teller import Teller

pytestmark = pytest.mark.engine

PERSONAS = Path(__file__).parent / "personas"


def persona(name: str) -> Persona:
    return read_persona(str(PERSONAS / f"{name}.yaml"), "不清楚")


def play(teller: Teller, who: Persona) -> None:
    """Opens, then answers what is asked until the stop."""
    said = 0
    for line in who.opening:
        teller.say(line)
        said += 1
    while said < TURN_LIMIT:
        if who.stop == "ticket" and teller.tickets() or isinstance(who.stop, int) and said >= who.stop:
            return
        asked = next((line.asks for line in reversed(teller.lines) if line.asks), None)
        if asked is None:
            return
        teller.say(who.answers.get(asked, who.otherwise))
        said += 1


def the_ticket(teller: Teller) -> Ticket:
    [ticket] = teller.tickets()
    return ticket


def facts(ticket: Ticket) -> dict[str, object]:
    return {name: answer["value"] for name, answer in ticket.facts.items()}


def test_fire(teller: Teller) -> None:
    play(teller, persona("fire"))
    ticket = the_ticket(teller)
    assert ticket.unit_name == "龙溪街道" and ticket.aid_first and len(teller.asks) <= 6


def test_illness_that_eats_the_savings(teller: Teller) -> None:
    play(teller, persona("illness"))
    ticket = the_ticket(teller)
    assert ticket.unit_name == "双凤桥街道"
    assert ticket.urgency == "urgent" and ticket.aid_first
    assert facts(ticket)["event_kind"] in ("illness", "medical_cost")
    assert facts(ticket)["household_people"] == 4 and facts(ticket)["family_can_help"] is False
    assert len(teller.asks) <= 6


def test_traffic_accident_outside_the_area(teller: Teller) -> None:
    play(teller, persona("traffic_outside"))
    ticket = the_ticket(teller)
    assert (ticket.desk, ticket.district, ticket.unit_id) == ("outside", "武侯区", None)
    assert facts(ticket)["event_kind"] == "traffic"
    assert "成都市武侯区" in teller.said and "12345" in teller.said
    assert len(teller.asks) <= 6


def test_somebody_reports_a_neighbour(teller: Teller) -> None:
    play(teller, persona("neighbour"))
    ticket = the_ticket(teller)
    assert ticket.unit_name == "龙山街道"
    assert facts(ticket)["for_whom"] == "other"
    assert "food" in facts(ticket)["need_tonight"]  # type: ignore[operator]
    # bedridden and unfed for days: whether somebody is in danger may be asked first; it is no question of the interview
    assert len([name for name in teller.asks if name != "danger_doubt"]) <= 6


def test_only_asking_opens_nothing_and_asks_nothing(teller: Teller) -> None:
    play(teller, persona("only_asking"))
    assert teller.tickets() == [] and teller.asks == []
    assert "770" in teller.said and "身份证" in teller.said and "不看户口" in teller.said
    assert teller.conversation().waiting_since is None


def test_life_danger_at_night_with_the_engine_down(teller: Teller) -> None:
    who = persona("night_danger")
    teller.accept(who.opening[0])  # nobody thinks: the engine is down
    with teller.parts.database.begin() as session:
        rows = session.execute(sa.select(Message).where(Message.contact_id == teller.contact_id).order_by(Message.seq))
        lines = [(row.author, row.text) for row in rows.scalars()]
    assert lines[0][0] == "resident" and {author for author, _ in lines[1:]} == {"system"}
    assert any("120" in text for _, text in lines[1:])
    ticket = the_ticket(teller)
    assert (ticket.urgency, ticket.legal_basis, ticket.unit_name) == ("life_danger", "emergency", "仙桃街道")
    assert teller.conversation().waiting_reason == "danger"
    teller.settle()  # the engine is back: it asks for safety only
    assert teller.asks == ["safe_now"]
    teller.say(who.answers["safe_now"])
    assert teller.conversation().danger == "past"
    assert the_ticket(teller).number == ticket.number
