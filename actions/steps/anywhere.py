"""What is heard at any moment, whatever is being asked: consent taken back, the wish to be phoned, news of a ticket."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from actions.steps import words
from actions.steps.ending import person_button
from actions.steps.filing import note_consent
from actions.steps.knowledge import Knowledge, knowledge
from actions.steps.listening import listen, names_place, note_phone, phone_of
from actions.steps.own_ticket import deals_with_ticket
from actions.steps.people import arranges_call_back
from actions.steps.topics_table import ADVICE
from actions.storage.tables import Ticket
from actions.tickets.commands import supplement_ticket
from actions.turn import Facts, Turn

# the open form goes on and has asked already
CONTINUE: list[dict[str, Any]] = [{"event": "slot", "name": "q_answer", "value": None}]
# ends an open form and leaves its slot empty for the next time
FINISH: list[dict[str, Any]] = [
    {"event": "slot", "name": "q_answer", "value": None},
    {"event": "slot", "name": "requested_slot", "value": None},
]


def heard_anywhere(turn: Turn) -> bool:
    """True when the message was dealt with here."""
    leave_closed_case(turn, knowledge())
    if turn.press is None and words.takes_consent_back(turn.text):
        _take_consent_back(turn)
        return True
    if arranges_call_back(turn, knowledge()) or deals_with_ticket(turn, knowledge()):
        return True
    if turn.press is not None:
        return False
    return _news_of_a_ticket(turn)


def _news_of_a_ticket(turn: Turn) -> bool:
    """After the ticket a new phone, place or fact belongs on it, whatever the words are taken for."""
    if turn.facts.filed is None or turn.facts.asking is not None or turn.danger == "now":
        return False
    know = knowledge()
    topic = know.topics.get(turn.intent)
    if topic is not None and topic.aim == ADVICE and not turn.unsure and turn.intent not in turn.facts.served:
        return False  # another kind of help is asked for: that is talked about, and added to the ticket then
    new_phone = note_phone(turn, know)
    if not listen(turn, know) and not new_phone and not names_place(turn, know):
        return False
    phone = phone_of(turn, know) if new_phone else None
    supplement_ticket(turn.session, know.keys, turn.facts.filed, turn.seq, turn.now, phone=phone)
    turn.say("ticket_exists", number=turn.facts.filed, buttons=[person_button()])
    turn.advanced = turn.done = True
    return True


def leave_closed_case(turn: Turn, know: Knowledge) -> None:
    """Once its ticket is over, what was told of that case is no longer about now: what comes next is a case of its own.

    Consent and phone are the person's and stay. Nothing is dropped while a question is open.
    """
    facts = turn.facts
    if facts.filed is None or facts.asking is not None or turn.danger == "now":
        return
    state = turn.session.execute(sa.select(Ticket.state).where(Ticket.number == facts.filed)).scalar()
    if state not in know.lifecycle.open_states:
        turn.facts = Facts(consent=facts.consent, phone=facts.phone, point=facts.point, call_back=facts.call_back,
                           doing=facts.doing, doubt=facts.doubt, doubted=facts.doubted)


def _take_consent_back(turn: Turn) -> None:
    # 个人信息保护法 15: taking it back is as easy as giving it; what was filed stays with the township, by law
    note_consent(turn, "withdrawn")
    turn.facts.consent = "declined"
    turn.facts.answers, turn.facts.places = {}, {}
    turn.facts.phone = turn.facts.event_text = turn.facts.asking = turn.facts.call_back = None
    turn.say("privacy_withdrawn", buttons=[person_button()])
    turn.advanced = turn.done = True
