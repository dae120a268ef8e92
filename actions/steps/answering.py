"""Takes the answer to what was asked: each question has its own taker; what is not understood is asked once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actions.language.dialect import to_standard
from actions.places.resolver import resolve_answer
from actions.screening.answers import read_answers
from actions.screening.model import YES_NO
from actions.steps import words
from actions.steps.asking import ask, ask_read_back, ask_safety, asked, settled
from actions.steps.ending import advise_without_consent, end, finish_with_ticket, person_button
from actions.steps.filing import file_ticket, note_consent
from actions.steps.knowledge import Knowledge
from actions.steps.listening import (
    SURE,
    listen,
    plain,
    remember,
    set_event_place,
    set_event_unit,
    situation,
    today,
    urgency,
)
from actions.turn import Turn

MISSES = 2
PLACE_TRIES = 2
CERTAIN = 0.55  # from this confidence on an intent counts as an answer or a wish of its own


def _value_pressed(turn: Turn, name: str) -> tuple[bool, Any]:
    press = turn.press
    return (True, press["value"]) if press is not None and press.get("asks") == name else (False, None)


def _missed(turn: Turn, know: Knowledge, name: str) -> bool:
    """The answer was not understood: once more in other words, then it is left to a person. False: already answered."""
    turn.facts.misses += 1
    if turn.facts.misses >= MISSES or not _room_to_repeat(turn, know):
        if name in know.ruleset.facts:
            remember(turn, name, "unsure", "said", "", 1.0)
        turn.say("fact_skipped", buttons=[])
        return True
    ask(turn, know, name, "question_again")
    return False


def _room_to_repeat(turn: Turn, know: Knowledge) -> bool:
    """Whether the budget of the situation still lets a question be repeated and everything it must ask be asked."""
    plan = know.ruleset.interview.situations[situation(turn)]
    done = asked(turn) | settled(turn, know)
    return len(turn.facts.asked) + 1 + sum(item not in done for item in plan.must) <= plan.budget


def take_fact(turn: Turn, know: Knowledge, name: str | None = None) -> bool:
    name = name or turn.facts.asking or ""
    pressed, value = _value_pressed(turn, name)
    if pressed:
        remember(turn, name, value, "pressed", turn.text)
        return True
    answers = read_answers(know.ruleset, name, to_standard(turn.text).text, today(turn))
    for answer in answers:
        if answer.fact == name or answer.fact not in turn.facts.answers:
            remember(
                turn,
                answer.fact,
                plain(answer.value),
                "said" if answer.fact == name else "heard",
                turn.text[:80],
                answer.confidence,
            )
    if any(answer.fact == name for answer in answers):
        return True
    changed = listen(turn, know)
    if name in changed:
        return True
    if turn.intent == "unsure":
        remember(turn, name, "unsure", "said", turn.text[:80])
        return True
    if know.ruleset.facts[name].type == YES_NO and turn.confidence >= CERTAIN and turn.intent in ("affirm", "deny"):
        remember(turn, name, turn.intent == "affirm", "said", turn.text[:80], turn.confidence)
        return True
    if turn.intent == "decline":
        remember(turn, name, "declined", "said", turn.text[:80])
        return True
    if changed and turn.facts.misses == 0:  # something else was told: keep it and ask again without reproach
        turn.facts.misses = 1
        ask(turn, know, name, "question_goes_on")
        return False
    return _missed(turn, know, name)


def _yes_no(turn: Turn, name: str) -> bool | None:
    """True, False or None (not clear) from a button, plain words or the intent."""
    pressed, value = _value_pressed(turn, name)
    if pressed:
        return value in (True, "given") if value in (True, False, "given", "declined") else None
    said = words.yes_no(turn.text)
    if said is not None:
        return said
    return {"affirm": True, "deny": False, "decline": False}.get(turn.intent if turn.confidence >= CERTAIN else "")


def _take_consent(turn: Turn, know: Knowledge) -> bool:
    agreed = _yes_no(turn, "consent")
    if agreed is True:
        turn.facts.consent = "given"
        note_consent(turn, "given")
        return True
    if agreed is False:
        turn.facts.consent = "declined"
        note_consent(turn, "declined")
        advise_without_consent(turn, know)
        return True
    if urgency(turn) != "none":
        # no clear yes, but tonight somebody has no bed or food: 个人信息保护法 13(4) carries what is necessary
        turn.facts.consent = "emergency"
        note_consent(turn, "unsure")
        turn.say("privacy_emergency", buttons=[])
        return True
    turn.facts.misses += 1
    if turn.facts.misses >= MISSES:
        note_consent(turn, "unsure")
        advise_without_consent(turn, know)
        return True
    listen(turn, know)
    ask(turn, know, "consent", "question_again")
    return False


def _take_place(turn: Turn, know: Knowledge) -> bool:
    pressed, value = _value_pressed(turn, "event_place")
    if pressed and isinstance(value, dict):
        if value.get("unit") in know.gazetteer.units:
            set_event_unit(turn, know, value["unit"])
            return True
        turn.facts.places.pop("event", None)
        return _place_missed(turn, know)
    route = resolve_answer(turn.text, "event", know.gazetteer, today(turn))
    if route.decision in SURE:
        return set_event_place(turn, know, route)
    if route.candidates:
        set_event_place(turn, know, route)
        turn.facts.misses += 1
        if turn.facts.misses < PLACE_TRIES:
            ask(turn, know, "event_place")
            return False
    listen(turn, know)
    return _place_missed(turn, know)


def _place_missed(turn: Turn, know: Knowledge) -> bool:
    turn.facts.misses += 1
    if turn.facts.misses >= PLACE_TRIES:
        route = resolve_answer(turn.text, "event", know.gazetteer, today(turn))
        set_event_place(turn, know, route)
        turn.facts.places["event"]["decision"] = "unknown"
        turn.say("place_unknown", buttons=[])
        return True
    ask(turn, know, "event_place", "question_again")
    return False


def _take_phone(turn: Turn, know: Knowledge) -> bool:
    phones = [phone for message in turn.messages for phone in message.secrets.get("phones", [])]
    if phones:
        turn.facts.phone = know.keys.seal(phones[-1]).decode()
        return True
    if any(character.isdigit() for character in turn.text) and turn.press is None and turn.facts.misses == 0:
        return _missed(turn, know, "phone")
    turn.say("phone_skipped", buttons=[])
    return True


def _take_read_back(turn: Turn, know: Knowledge) -> bool:
    pressed, value = _value_pressed(turn, "read_back")
    if pressed and value is False:
        turn.facts.misses = 0
        turn.say("what_is_wrong", asks="read_back", buttons=[])
        return False
    if not pressed and correct(turn, know):
        turn.say("corrected", buttons=[])
        ask_read_back(turn, know)
        return False
    agreed = True if pressed else _yes_no(turn, "read_back")
    if agreed is True:
        finish_with_ticket(turn, know, "confirmed")
        return True
    if agreed is False and turn.facts.misses == 0:
        turn.facts.misses = 1
        turn.say(
            "what_is_wrong" if turn.intent != "correct" else "correction_not_understood", asks="read_back", buttons=[]
        )
        return False
    # neither yes nor a correction we understand: filing never waits; the officer sees that it was not confirmed
    finish_with_ticket(turn, know, "unconfirmed")
    return True


def _take_open_ticket(turn: Turn, know: Knowledge) -> bool:
    if _yes_no(turn, "open_ticket") is True:
        turn.facts.topic = "ask_temporary_assistance"
        return True
    turn.say("result_only_no", buttons=[person_button()])
    end(turn)
    return True


def _take_safety(turn: Turn, know: Knowledge) -> bool:
    """While somebody may be in danger: only whether they are safe, and where."""
    safe = _yes_no(turn, "safe_now")
    route = resolve_answer(turn.text, "event", know.gazetteer, today(turn))
    if route.decision in SURE:
        set_event_place(turn, know, route)
        file_ticket(turn, know, "none")  # the township sees it now; the rest is asked when there is time
    if safe is True or words.says_safe(turn.text):
        remember(turn, "safe_now", True, "said", turn.text[:80])
        turn.danger_over = True
        return True
    if "event" not in turn.facts.places:
        turn.facts.asking = "safe_now"
        turn.say(
            "danger_ask_where",
            asks="safe_now",
            buttons=[{"title": turn.replies_book.text("danger_safe_title"), "value": True}],
        )
    else:
        ask_safety(turn)
    return False


def correct(turn: Turn, know: Knowledge) -> bool:
    """Changes the fact a correction names: a place first, then facts; the rest is kept."""
    corrected = words.after_correction(turn.text)
    route = resolve_answer(corrected, "event", know.gazetteer, today(turn))
    if any(cue in turn.text for cue in words.listed("household_cues")):
        route = None  # the correction is about the household register, not about where it happened
    if route is not None and route.decision in SURE:
        return set_event_place(turn, know, route)
    before = dict(turn.facts.answers)
    for answer in turn.facts.answers.values():  # what was said before yields to a correction
        answer["how"] = "heard"
        answer["confidence"] = min(answer["confidence"], 0.5)
    changed = [name for name in listen(turn, know) if name != "event_place"]
    for name, answer in before.items():
        if name not in changed:
            turn.facts.answers[name] = answer
    for name in changed:
        turn.facts.answers[name]["how"] = "corrected"
        turn.facts.answers[name]["confidence"] = 1.0
    return bool(changed)


TAKERS: dict[str, Callable[[Turn, Knowledge], bool]] = {
    "consent": _take_consent,
    "event_place": _take_place,
    "phone": _take_phone,
    "read_back": _take_read_back,
    "open_ticket": _take_open_ticket,
    "safe_now": _take_safety,
}
