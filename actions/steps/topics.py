"""What is answered outside the interview: greetings, a person, general questions, progress, complaints, not ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actions.language.normalise import readable
from actions.policy.commands import note_unanswered
from actions.policy.doors import door_for
from actions.steps import words
from actions.steps.ending import person_button
from actions.steps.knowledge import knowledge
from actions.steps.listening import listen, tell_location, today, urgency
from actions.steps.needs import CLOSED, guesses, title_button
from actions.steps.own_ticket import tell_progress
from actions.steps.people import call_person, tell_who_comes
from actions.steps.step import Step
from actions.turn import Turn

INTERVIEW = [{"event": "followup", "name": "interview"}]
MISSES = 2
NONE = "something_else"


def tells_of_hardship(turn: Turn) -> bool:
    """Whether the words tell of an emergency although the model read something else in them."""
    listen(turn, knowledge())
    kind = turn.facts.answers.get("event_kind", {}).get("value")
    return turn.danger != "none" or urgency(turn) != "none" or (isinstance(kind, str) and kind != "none")


def answer_question(turn: Turn, text: str) -> None:
    """A general question: the reviewed answer with source and date, or an honest "I have no basis for that"."""
    answer, known = knowledge().answers.answer(turn.intent, text, today(turn))
    if not known and turn.facts.filed is not None:  # "when will it be done": about their own ticket
        tell_progress(turn, knowledge())
        return
    if not known:
        note_unanswered(turn.session, knowledge().keys, turn.intent, text, turn.now)
    turn.say_text(answer, buttons=[] if known else [person_button()])


def pass_complaint(turn: Turn) -> None:
    """A complaint goes to a person at once."""
    turn.ask_for_person(turn.intent)
    turn.say("complain")


def pass_report(turn: Turn) -> None:
    """Abuse and fraud go to a person at once (社会救助法 68, 未成年人保护法 11)."""
    turn.ask_for_person(turn.intent)
    turn.say(turn.intent if turn.intent in turn.replies_book else "report_fraud")


def bring_person(turn: Turn) -> None:
    """The resident asked for a person."""
    call_person(turn, knowledge(), "asked")


class Greet(Step):
    title = "action_greet"

    def do(self, turn: Turn) -> list[dict[str, Any]] | None:
        """Says hello, says that it is a machine, asks what happened."""
        if turn.facts.filed is not None and not turn.waiting_for_person:
            tell_progress(turn, knowledge())
        elif turn.waiting_for_person:
            tell_who_comes(turn, knowledge(), "person_waiting")
        else:
            turn.say("greet")
        return None


class Goodbye(Step):
    title = "action_goodbye"

    def do(self, turn: Turn) -> None:
        """A kind word at the end."""
        turn.say("goodbye")


class Thanks(Step):
    title = "action_thanks"

    def do(self, turn: Turn) -> None:
        """A kind word."""
        turn.say("thanks")


class RequestHuman(Step):
    title = "action_request_human"

    def do(self, turn: Turn) -> None:
        """A person is always within reach."""
        bring_person(turn)


class Stop(Step):
    title = "action_stop"

    def do(self, turn: Turn) -> None:
        """Stops kindly."""
        turn.say("stopped")


class AnswerPolicy(Step):
    title = "action_answer_policy"

    def do(self, turn: Turn) -> None:
        """A general question."""
        answer_question(turn, turn.text)


class CheckProgress(Step):
    title = "action_check_progress"

    def do(self, turn: Turn) -> None:
        """Progress of the tickets of this very contact (DESIGN 2 point 12)."""
        tell_progress(turn, knowledge())


class Complain(Step):
    title = "action_complain"

    def do(self, turn: Turn) -> None:
        """A complaint."""
        pass_complaint(turn)


class Report(Step):
    title = "action_report"

    def do(self, turn: Turn) -> None:
        """Abuse and fraud."""
        pass_report(turn)


class Suggest(Step):
    title = "action_suggest"

    def do(self, turn: Turn) -> None:
        """A suggestion is kept; the transcript is where staff read it."""
        turn.say("suggest")


class OutOfScope(Step):
    title = "action_out_of_scope"

    def do(self, turn: Turn) -> list[dict[str, Any]] | None:
        """Not ours: says so with the right door, unless an emergency is told in the same breath."""
        if tells_of_hardship(turn):
            return INTERVIEW
        if not words.has_han(turn.text):
            turn.say("only_chinese", buttons=[person_button()])
            return None
        turn.facts.misses += 1
        if turn.facts.misses >= MISSES:  # the second one in a row: perhaps it was us who did not understand
            turn.facts.misses = 0
            turn.say("not_understood")
        else:
            door = door_for(knowledge().doors, turn.text)
            if door is None:
                turn.say("out_of_scope", buttons=[person_button()])
            else:
                turn.say("out_of_scope_door", office=door.office, how=door.how, buttons=[person_button()])
        return None


class NotNow(Step):
    title = "action_not_now"

    def do(self, turn: Turn) -> list[dict[str, Any]] | None:
        """A yes, a place, a button without a question before it."""
        press = turn.press
        if press is not None:
            return _pressed(turn, press)
        if tells_of_hardship(turn):
            return INTERVIEW
        if not readable(turn.text):
            _unreadable(turn)
        else:
            turn.say("not_now", buttons=[person_button()])
        return None


class NotUnderstood(Step):
    title = "action_not_understood"

    def do(self, turn: Turn) -> list[dict[str, Any]] | None:
        """Buttons first; the second time in a row a person."""
        if words.wants_person(turn.text):
            bring_person(turn)
            return None
        if not readable(turn.text):
            _unreadable(turn)
            return None
        if not words.has_han(turn.text):
            turn.say("only_chinese", buttons=[person_button()])
            return None
        if tells_of_hardship(turn):
            return INTERVIEW
        turn.facts.misses += 1
        if turn.facts.misses >= MISSES:
            turn.facts.misses = 0
            turn.ask_for_person("not_understood")
            turn.say("not_understood_twice", buttons=[])
            return None
        meant = guesses(turn)
        turn.facts.unclear = knowledge().keys.seal(turn.text).decode()
        if meant:
            none_of_them = {"title": words.text("guess_none"), "value": NONE}
            turn.say("meant", buttons=[*map(title_button, meant), none_of_them, person_button()])
        else:
            turn.say("not_understood")
        return None


def _unreadable(turn: Turn) -> None:
    kinds = {message.kind for message in turn.messages}
    if kinds & {"photo", "voice", "document", "contact"}:
        turn.say("attachment_kept")
    elif "location" in kinds:
        tell_location(turn)
    else:
        turn.say("unreadable", buttons=[person_button()])


# what a button outside the interview does; a topic opens the interview
PRESSED: dict[str, Callable[[Turn], None]] = {
    "request_human": bring_person,
    "check_progress": lambda turn: tell_progress(turn, knowledge()),
    "ask_policy_standard": lambda turn: answer_question(turn, _unclear(turn)),
    "ask_documents": lambda turn: answer_question(turn, _unclear(turn)),
    "ask_where_to_apply": lambda turn: answer_question(turn, _unclear(turn)),
    "complain_delay": pass_complaint,
    "complain_unfair": pass_complaint,
    "report_abuse": pass_report,
    "report_fraud": pass_report,
    "give_suggestion": lambda turn: turn.say("suggest"),
    NONE: lambda turn: turn.say("say_again", buttons=[person_button()]),
    CLOSED: lambda turn: turn.say("needs_left_none"),
}


def _unclear(turn: Turn) -> str:
    """The message the button explains; the button's own words when there is none."""
    unclear = turn.facts.unclear
    return knowledge().keys.open(unclear.encode()) if unclear is not None else turn.text


def _pressed(turn: Turn, press: dict[str, Any]) -> list[dict[str, Any]] | None:
    value = press.get("value")
    if not isinstance(value, str):
        turn.say("not_now", buttons=[person_button()])
        return None
    turn.facts.misses = 0
    if value in knowledge().topics:
        turn.intent = value
        return INTERVIEW
    if value in PRESSED:
        turn.intent = value
        PRESSED[value](turn)
    else:
        turn.say("not_now", buttons=[person_button()])
    return None
