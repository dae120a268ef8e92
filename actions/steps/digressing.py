"""What is said instead of an answer: a person is wanted, a question asked, a pause, a step back, an old button."""

from __future__ import annotations

from typing import Any

from actions.language.dialect import to_standard
from actions.policy.commands import note_unanswered
from actions.screening.answers import read_answer
from actions.screening.ask import question_for
from actions.screening.model import SOME_OF, YES_NO
from actions.steps import words
from actions.steps.answering import CERTAIN
from actions.steps.asking import again, ask
from actions.steps.correcting import correct
from actions.steps.ending import end, person_button
from actions.steps.knowledge import Knowledge
from actions.steps.listening import remember, today
from actions.steps.people import call_person
from actions.turn import Turn

QUESTIONS = ("ask_policy_standard", "ask_documents", "ask_where_to_apply")


def speaks_of_something_else(turn: Turn, know: Knowledge, asking: str) -> bool:
    """A person is wanted, a question is asked, a pause: answered here; the interview waits or goes on."""
    press = turn.press
    if press is not None:
        return _other_button(turn, know, asking, press)
    if words.wants_person(turn.text) or _seems_to_want_person(turn, know, asking):
        call_person(turn, know, "asked")
        return True
    if _corrects_something_else(turn, know, asking):
        return True
    if turn.confidence < CERTAIN or turn.unsure:
        return False
    if turn.intent == "ask_why" and _has_reason(know, asking):
        turn.say_text(question_for(know.ruleset, asking).why)
        again(turn, know, asking)
        return True
    if turn.intent in QUESTIONS and not _answers_it(turn, know, asking):
        _answer_question(turn, know)
        again(turn, know, asking)
        return True
    if turn.intent == "go_back":
        back = _previous(turn, asking)
        turn.facts.answers.pop(back, None)
        ask(turn, know, back, "question_back")
        return True
    if turn.intent == "wait":
        turn.say("answer_wait", buttons=[])
        return True
    if turn.intent == "stop" and asking != "read_back":
        turn.say("interview_stopped", buttons=[person_button()])
        end(turn)
        return True
    return False


def _corrects_something_else(turn: Turn, know: Knowledge, asking: str) -> bool:
    """What was told before is put right in the middle of another question, which then still stands."""
    if asking in ("consent", "read_back") or not words.takes_back(turn.text):
        return False
    changed = correct(turn, know)
    if not changed or asking in changed:
        return False
    turn.say("corrected", buttons=[])
    again(turn, know, asking)
    return True


def _has_reason(know: Knowledge, asking: str) -> bool:
    interview = know.ruleset.interview
    return asking in know.ruleset.facts or asking in interview.items or asking in interview.openers


def _previous(turn: Turn, asking: str) -> str:
    names = dict.fromkeys(name.partition(":")[0] for name in turn.facts.asked)  # without the step of a narrowing
    asked = [name for name in names if name not in ("consent", "read_back", "open_ticket")]
    before = asked[: asked.index(asking)] if asking in asked else asked
    return before[-1] if before else asking


def _seems_to_want_person(turn: Turn, know: Knowledge, asking: str) -> bool:
    """As the model reads it: but three persons at home are an answer to how many, not a wish for a person."""
    if turn.intent != "request_human" or turn.confidence < CERTAIN:
        return False
    fact = know.ruleset.facts.get(asking)
    return fact is None or fact.type == YES_NO or not _answers_it(turn, know, asking)


def _answers_it(turn: Turn, know: Knowledge, asking: str) -> bool:
    if asking not in know.ruleset.facts:
        return False
    return read_answer(know.ruleset, asking, to_standard(turn.text).text, today(turn)) is not None


def _answer_question(turn: Turn, know: Knowledge) -> None:
    text, known = know.answers.answer(turn.intent, turn.text, today(turn))
    if not known:
        note_unanswered(turn.session, know.keys, turn.intent, turn.text, turn.now)
    turn.say_text(text, buttons=[] if known else [person_button()])


def _other_button(turn: Turn, know: Knowledge, asking: str, press: dict[str, Any]) -> bool:
    """A button of an earlier message: it corrects that answer; the talk goes on where it was."""
    if press.get("value") == "request_human":
        call_person(turn, know, "asked")
        return True
    name = press.get("asks")
    if name == asking:
        return False
    if name in know.ruleset.facts:
        fact = know.ruleset.facts[name]
        value = press["value"]
        remember(
            turn, name, value if fact.type != SOME_OF or isinstance(value, list) else [value], "pressed", turn.text
        )
        turn.say("corrected", buttons=[])
    again(turn, know, asking)
    return True
