"""The interview as Rasa sees it: takes the answer, hears what else was said, asks the next thing or files."""

from __future__ import annotations

from typing import Any

from actions.language.normalise import readable
from actions.steps import words
from actions.steps.answering import TAKERS, take_fact
from actions.steps.anywhere import CONTINUE, FINISH
from actions.steps.asking import ask_next, ask_safety, go_on, leads_to_ticket, topic_of
from actions.steps.channel_policy import follow_page
from actions.steps.digressing import speaks_of_something_else
from actions.steps.ending import person_button
from actions.steps.filing import file_ticket
from actions.steps.knowledge import Knowledge, knowledge
from actions.steps.listening import listen, phone_sent, point_told, situation, tell_location
from actions.steps.needs import note_needs, serve_first
from actions.steps.opening import note_others, take_opener
from actions.steps.step import Step
from actions.steps.topics_table import TICKET
from actions.tickets.commands import supplement_ticket
from actions.tickets.queries import latest_of_conversation
from actions.turn import FILES, Turn

KEPT = (*FILES, "location", "contact")
DOUBT = "danger_doubt"  # what the second reader of danger asks, before the interview begins
READ_WHOLE = 3_000  # a longer message is read by head and tail; all of it is stored


class TakeAnswer(Step):
    """Runs while the form is open, before it asks: the whole interview moves on here."""

    title = "validate_interview"
    looks_after_danger = True

    def do(self, turn: Turn) -> list[dict[str, Any]]:
        """Rasa may call this twice in a turn; the interview moves once."""
        if not turn.advanced:
            advance(turn, knowledge())
        return FINISH if turn.done else CONTINUE


class AskNext(Step):
    """Runs when the form asks; does the work only where the form was opened in this very turn."""

    title = "action_ask_interview_q_answer"
    looks_after_danger = True

    def do(self, turn: Turn) -> list[dict[str, Any]]:
        """Ends the form at once when nothing is left to ask."""
        if not turn.advanced:
            advance(turn, knowledge())
        return FINISH if turn.done else []


def advance(turn: Turn, know: Knowledge) -> None:
    """One move of the interview."""
    turn.advanced = True
    follow_page(turn)
    if any("masked" in message.secrets for message in turn.messages):
        turn.say("identity_not_needed")
    asking = turn.facts.asking
    if turn.danger == "now":
        _look_after_danger(turn, know)
        return
    if asking is None:
        _open(turn, know)
        return
    if _only_sent_something(turn, know, asking):
        return
    if speaks_of_something_else(turn, know, asking):
        return
    take = take_opener if asking in know.ruleset.interview.openers else TAKERS.get(asking, take_fact)
    if take(turn, know):
        turn.facts.misses = 0
        if not turn.done:
            listen(turn, know)
            note_others(turn, know)
            ask_next(turn, know)


def _only_sent_something(turn: Turn, know: Knowledge, asking: str) -> bool:
    """A photo, a voice, a place: it is said that it was kept. Without words of its own the question is asked again."""
    kind = turn.messages[-1].kind
    if kind not in KEPT or asking == "phone" and phone_sent(turn):
        return False
    if kind == "location":
        tell_location(turn)
    else:
        turn.say(f"{kind}_kept", buttons=[])
    if readable(turn.text):  # a caption is read as any other words
        return False
    listen(turn, know)
    if asking == "event_place" and point_told(turn):
        turn.facts.misses = 0
        ask_next(turn, know)
    else:
        go_on(turn, know)
    return True


def _look_after_danger(turn: Turn, know: Knowledge) -> None:
    """Somebody may die: whatever was asked waits; only safety and place, until the one is said or a person is there."""
    if words.wants_person(turn.text):
        turn.ask_for_person("danger")
    asked_already = turn.facts.asking == "safe_now"
    if asked_already and not turn.raises_danger and TAKERS["safe_now"](turn, know):
        turn.facts.misses = 0
        listen(turn, know)
        ask_next(turn, know)
        return
    if not asked_already or turn.raises_danger:
        where_before = turn.facts.places.get("event", {}).get("unit")
        listen(turn, know)
        if turn.facts.places.get("event", {}).get("unit") != where_before:
            file_ticket(turn, know, "none")
        ask_safety(turn)


def _open(turn: Turn, know: Knowledge) -> None:
    """The first move: hear the story, say one warm line, ask the first thing."""
    if turn.intent in know.topics:
        turn.facts.topic = turn.intent
    note_needs(turn, know)
    listen(turn, know)
    serve_first(turn, leads_to_ticket(turn, know))
    known = latest_of_conversation(turn.session, turn.conversation_id, know.lifecycle.open_states)
    if known is not None and known.read_back != "none":
        supplement_ticket(turn.session, know.keys, known.number, turn.seq, turn.now)
        if topic_of(turn, know).aim == TICKET or turn.intent not in know.topics:
            turn.say("ticket_exists", number=known.number, buttons=[person_button()])
            turn.done = True
            return
    turn.facts.asked = [DOUBT] * len(turn.facts.doubted)  # being asked about danger counts
    if turn.intent == "report_for_other":
        turn.say("reporter_opening", buttons=[])
    else:
        turn.say("opening_urgent" if situation(turn) == "urgent" else "opening_ordinary", buttons=[])
    if len(turn.text) > READ_WHOLE:
        turn.say("too_long_kept", buttons=[])
    says = topic_of(turn, know).says
    if says and not leads_to_ticket(turn, know):
        turn.say_text(says)
    ask_next(turn, know)
