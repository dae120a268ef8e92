"""How an interview ends: with a ticket, with advice, or without consent with advice and a way to a person."""

from __future__ import annotations

from typing import Any

from actions.screening.explain import card, sentence
from actions.steps import words
from actions.steps.filing import file_ticket, note_screening, responsible, screen
from actions.steps.knowledge import Knowledge
from actions.steps.listening import urgency
from actions.steps.needs import offer_rest
from actions.tickets.queries import latest_of_conversation
from actions.turn import Turn


def finish_with_ticket(turn: Turn, know: Knowledge, read: str = "none") -> None:
    if turn.facts.consent != "given" and urgency(turn) == "none":
        advise_without_consent(turn, know)
        return
    file_ticket(turn, know, read)
    end(turn)


def finish_with_advice(turn: Turn, know: Knowledge) -> None:
    """What may fit; whether to open a ticket is asked unless there is one, which then carries this as well."""
    if turn.facts.consent == "given" and "open_ticket" not in turn.facts.asked:
        note_screening(turn, screen(turn, know), None)
    if turn.facts.filed is not None:
        turn.say("result_added", advice=advice(turn, know), number=turn.facts.filed, buttons=[person_button()])
        end(turn)
        return
    turn.facts.asking = "open_ticket"
    turn.facts.asked.append("open_ticket")
    turn.say("result_only", asks="open_ticket", advice=advice(turn, know))


def advice(turn: Turn, know: Knowledge) -> str:
    blocks = card(know.ruleset, screen(turn, know))
    lines = [sentence(know.ruleset, screen(turn, know))]
    lines += [line for block in blocks for line in block.because]
    return "\n".join(dict.fromkeys(lines))


def advise_without_consent(turn: Turn, know: Knowledge) -> None:
    """No consent: advice, numbers and a person all the same; nothing of the case is kept (个人信息保护法 15, 16)."""
    who = responsible(turn, know)
    where = who.unit_name or who.district if who.desk != "district" else None
    begun = latest_of_conversation(turn.session, turn.conversation_id, know.lifecycle.open_states)
    if begun is None:
        turn.say("privacy_declined", buttons=[])
    else:  # what danger opened stays, and it is said so
        turn.say("privacy_declined_after_danger", number=begun.number, buttons=[])
    turn.say(
        "privacy_advice",
        advice=advice(turn, know),
        buttons=[person_button()],
        where=where or turn.replies_book.text("privacy_advice_where_unknown"),
    )
    turn.facts.answers, turn.facts.places = {}, {}
    turn.facts.phone = turn.facts.event_text = None
    end(turn)


def person_button() -> dict[str, Any]:
    return {"title": words.text("person"), "value": "request_human"}


def end(turn: Turn) -> None:
    """The interview is over; what else was named is offered now."""
    offer_rest(turn)
    turn.facts.asking = None
    turn.done = True
