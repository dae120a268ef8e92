"""Takes the answer to a grouped opener, and hears who else lives there when somebody mentions them later."""

from __future__ import annotations

from actions.language.dialect import to_standard
from actions.screening.answers import others_named, read_opener
from actions.screening.model import UNSURE
from actions.screening.opening import opened
from actions.steps.answering import missed, value_pressed
from actions.steps.knowledge import Knowledge
from actions.steps.listening import listen, plain, remember
from actions.turn import Turn

PEOPLE = "household_people"


def take_opener(turn: Turn, know: Knowledge) -> bool:
    """What was named is so, the rest probably not; who does not know is asked about nothing of it."""
    name = turn.facts.asking or ""
    pressed, named = value_pressed(turn, name)
    if not pressed:
        named = read_opener(know.ruleset, name, to_standard(turn.text).text)
        listen(turn, know)
        if named is None and turn.intent in ("unsure", "decline"):
            named = UNSURE
        if named is None and turn.intent == "deny":
            named = []
    if named is None:
        return missed(turn, know, name)
    if isinstance(named, list):
        for answer in opened(know.ruleset, name, named, turn.facts.answers).values():
            remember(turn, answer.fact, answer.value, answer.how, turn.text[:80], answer.confidence)
    return True


def note_others(turn: Turn, know: Knowledge) -> None:
    """ "I live alone", later "the child and I": both are kept, so that the contradiction can be asked about."""
    people = turn.facts.answers.get(PEOPLE)
    if people is None or people["seq"] == turn.seq or people["how"] not in ("said", "pressed"):
        return
    for answer in others_named(know.ruleset, to_standard(turn.text).text):
        if answer.fact not in turn.facts.answers:
            remember(turn, answer.fact, plain(answer.value), answer.how, turn.text[:80], answer.confidence)
