"""Takes the answer to what was asked: each question has its own taker; what is not understood is asked once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actions.language.dialect import to_standard
from actions.language.facts import hear_facts
from actions.places.resolver import ASK_DISTRICT, Route, resolve_answer
from actions.screening.answers import read_answer, read_answers
from actions.screening.model import SOME_OF, YES_NO
from actions.steps import words
from actions.steps.asking import ask, ask_read_back, ask_safety, asked, heard_unsurely, settled
from actions.steps.channel_policy import ITEM, take_own_page
from actions.steps.correcting import correct
from actions.steps.ending import advice, advise_without_consent, end, finish_with_ticket, person_button
from actions.steps.filing import file_ticket, note_consent
from actions.steps.knowledge import Knowledge
from actions.steps.listening import (
    SURE,
    listen,
    note_phone,
    plain,
    remember,
    said_place,
    set_event_place,
    set_event_unit,
    situation,
    today,
    urgency,
)
from actions.tickets.queries import latest_of_conversation
from actions.turn import Turn

MISSES = 2
PLACE_TRIES = 2
CHILD = 14  # years; 个人信息保护法 31
CERTAIN = 0.55  # from this confidence on an intent counts as an answer or a wish of its own


def value_pressed(turn: Turn, name: str) -> tuple[bool, Any]:
    press = turn.press
    return (True, press["value"]) if press is not None and press.get("asks") == name else (False, None)


def missed(turn: Turn, know: Knowledge, name: str) -> bool:
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
    pressed, value = value_pressed(turn, name)
    if pressed:
        _keep(turn, name, value, "pressed")
        return True
    if _take_threshold(turn, know, name) or _confirms(turn, know, name):
        return True
    answers = read_answers(know.ruleset, name, to_standard(turn.text).text, today(turn))
    for answer in answers:
        if answer.fact == name and answer.value == "unsure":
            _keep(turn, name, "unsure", "said")
        elif answer.fact == name or answer.fact not in turn.facts.answers:
            remember(
                turn,
                answer.fact,
                _with_heard(turn, know, answer.fact, plain(answer.value)),
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
        _keep(turn, name, "unsure", "said")
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
    return missed(turn, know, name)


def _confirms(turn: Turn, know: Knowledge, name: str) -> bool:
    """ "Yes, right": what was half understood before holds."""
    unsure = heard_unsurely(turn, know, name)
    if unsure is None or know.ruleset.facts[name].type == YES_NO or words.yes_no(turn.text) is not True:
        return False
    remember(turn, name, unsure["value"], "said", unsure["heard"])
    return True


def _keep(turn: Turn, name: str, value: Any, how: str) -> None:
    """Notes an answer; being unsure about a threshold does not take back the band that was said before."""
    known = turn.facts.answers.get(name, {}).get("value")
    if value != "unsure" or not isinstance(known, dict):
        remember(turn, name, value, how, turn.text[:80])


def _take_threshold(turn: Turn, know: Knowledge, name: str) -> bool:
    """A plain yes or no to "is it above X": the band it stands for."""
    yes, no = turn.facts.offered.get("yes"), turn.facts.offered.get("no")
    if not isinstance(yes, dict) or not isinstance(no, dict):
        return False
    if read_answer(know.ruleset, name, to_standard(turn.text).text, today(turn)) is not None:
        return False  # a number after all
    agreed = _yes_no(turn, name)
    if agreed is None:
        return False
    remember(turn, name, yes if agreed else no, "said", turn.text[:80])
    return True


def _with_heard(turn: Turn, know: Knowledge, name: str, value: Any) -> Any:
    """Several needs in one answer add up: what the question's own words found and what was heard openly."""
    heard = hear_facts(turn.text, today(turn)).get(name)
    if know.ruleset.facts[name].type != SOME_OF or heard is None or not isinstance(value, list):
        return value
    return list(dict.fromkeys([*value, *plain(heard.value)]))


def _yes_no(turn: Turn, name: str) -> bool | None:
    """True, False or None (not clear) from a button, plain words or the intent."""
    pressed, value = value_pressed(turn, name)
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
    if _is_child(turn):
        # 个人信息保护法 31: a child under fourteen does not decide alone; a person looks after it, nothing waits
        turn.facts.consent = "emergency"
        turn.ask_for_person("child")
        return True
    told = listen(turn, know)
    turn.facts.misses += 0 if told else 1
    if urgency(turn) != "none":
        return _take_consent(turn, know)
    if turn.facts.misses >= MISSES:
        # neither yes nor no: advice now, and the question stays open
        note_consent(turn, "unsure")
        turn.say("privacy_undecided", asks="consent", advice=advice(turn, know))
        return False
    ask(turn, know, "consent", "question_again")
    return False


def _is_child(turn: Turn) -> bool:
    age = turn.facts.answers.get("age", {}).get("value")
    alone = any(gate.startswith("child") for gate in turn.facts.gates)
    for_whom = turn.facts.answers.get("for_whom", {}).get("value", "self")
    return alone or (isinstance(age, int) and age < CHILD and for_whom == "self")


def _take_place(turn: Turn, know: Knowledge) -> bool:
    pressed, value = value_pressed(turn, "event_place")
    if pressed and isinstance(value, dict):
        if value.get("unit") in know.gazetteer.units:
            set_event_unit(turn, know, value["unit"])
            return True
        turn.facts.places.pop("event", None)
        return _place_missed(turn, know)
    route = _answered_place(turn, know)
    if route.decision in SURE:
        return set_event_place(turn, know, route, "event")
    if route.candidates:
        set_event_place(turn, know, route, "event")
        turn.facts.misses += 1
        if turn.facts.misses < PLACE_TRIES:
            ask(turn, know, "event_place")
            return False
    listen(turn, know)
    return _place_missed(turn, know)


def _answered_place(turn: Turn, know: Knowledge) -> Route:
    """The place an answer names; the answer to "in which district" is read with the township's name said before."""
    route = said_place(turn, know, "event")
    before = turn.facts.places.get("event") or {}
    if before.get("question") != ASK_DISTRICT or route.unit is not None:
        return route
    town = know.keys.open(before["text"].encode())
    both = resolve_answer(turn.text.strip() + town, "event", know.gazetteer, today(turn))
    return both if both.decision in SURE else route


def _place_missed(turn: Turn, know: Knowledge) -> bool:
    turn.facts.misses += 1
    going = know.lifecycle.open_states
    if urgency(turn) != "none" and latest_of_conversation(turn.session, turn.conversation_id, going) is None:
        file_ticket(turn, know, "none")  # the district's desk sees it now; a place said later moves it
    if turn.facts.misses >= PLACE_TRIES:
        route = said_place(turn, know, "event")
        set_event_place(turn, know, route, "event")
        turn.facts.places["event"].update(decision="unknown", unit=None, unit_name=None)
        turn.say("place_unknown", buttons=[])
        return True
    ask(turn, know, "event_place", "question_again")
    return False


def _take_phone(turn: Turn, know: Knowledge) -> bool:
    if note_phone(turn, know):
        return True
    no = _yes_no(turn, "phone") is False or turn.press is not None or turn.intent in ("unsure", "decline", "deny")
    if not no and turn.facts.misses == 0 and _room_to_repeat(turn, know):
        changed = correct(turn, know) if words.says_wrong(turn.text) else listen(turn, know)
        turn.facts.misses = 1
        if changed:
            turn.say("corrected" if words.says_wrong(turn.text) else "noted", buttons=[])
        short = any(character.isdigit() for character in turn.text) and not changed
        ask(turn, know, "phone", "phone_short" if short else "question_goes_on")
        return False
    turn.say("phone_skipped", buttons=[])
    return True


def _take_read_back(turn: Turn, know: Knowledge) -> bool:
    pressed, value = value_pressed(turn, "read_back")
    if (pressed and value is True) or words.nothing_wrong(turn.text):
        finish_with_ticket(turn, know, "confirmed")
        return True
    if pressed and value is False:
        turn.facts.misses = 0
        turn.say("what_is_wrong", asks="read_back", buttons=[])
        return False
    if words.refuses(turn.text):
        turn.say("not_filed", buttons=[person_button()])
        end(turn)
        return True
    if correct(turn, know):
        turn.facts.misses = 0
        turn.say("corrected", buttons=[])
        if know.ruleset.facts["event_kind"].id not in turn.facts.answers:
            ask(turn, know, "event_kind")
        else:
            ask_read_back(turn, know)
        return False
    agreed = _yes_no(turn, "read_back")
    if agreed is True:
        finish_with_ticket(turn, know, "confirmed")
        return True
    if turn.intent == "unsure" and not words.says_wrong(turn.text):
        finish_with_ticket(turn, know, "unconfirmed")
        return True
    if turn.facts.misses == 0:
        turn.facts.misses = 1
        turn.facts.asked.append("read_back")
        if agreed is False:
            turn.say("what_is_wrong", asks="read_back", buttons=[])
        else:
            turn.say(
                "correction_not_understood" if words.says_wrong(turn.text) else "read_back_again", asks="read_back"
            )
        return False
    # filing never waits: the officer sees that it was not confirmed, and the resident is told so
    turn.say("filed_unconfirmed", buttons=[])
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
    pressed, value = value_pressed(turn, "safe_now")
    route = said_place(turn, know, "event")
    if route.decision in SURE:
        set_event_place(turn, know, route, "event")
        file_ticket(turn, know, "none")  # the township sees it now; the rest is asked when there is time
    if (pressed and value is True) or words.says_safe(turn.text):
        remember(turn, "safe_now", True, "said", turn.text[:80])
        turn.danger_over = True
        return True
    turn.facts.asked.append("safe_now")
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


TAKERS: dict[str, Callable[[Turn, Knowledge], bool]] = {
    ITEM: take_own_page,
    "consent": _take_consent,
    "event_place": _take_place,
    "phone": _take_phone,
    "read_back": _take_read_back,
    "open_ticket": _take_open_ticket,
    "safe_now": _take_safety,
}
