"""The interview: takes the answer to what was asked, hears what else was said, asks the next thing or files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actions.language.dialect import to_standard
from actions.places.resolver import resolve_answer
from actions.policy.answers import Answers
from actions.screening.answers import read_answer, read_answers
from actions.screening.ask import next_question, question_for
from actions.screening.explain import card, sentence
from actions.screening.model import SOME_OF, YES_NO
from actions.screening.read_back import read_back
from actions.steps import words
from actions.steps.anywhere import FINISH
from actions.steps.filing import file_ticket, full_district, note_consent, responsible, screen
from actions.steps.knowledge import Knowledge, knowledge
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
from actions.steps.step import Step
from actions.steps.topics_table import TICKET, Topic
from actions.tickets.commands import supplement_ticket
from actions.tickets.queries import latest_of_conversation
from actions.turn import Turn

MISSES = 2
PLACE_TRIES = 2
CONTINUE = [{"event": "slot", "name": "q_answer", "value": None}]
READ_WHOLE = 3_000  # a longer message is read by head and tail; all of it is stored
QUESTIONS = ("ask_policy_standard", "ask_documents", "ask_where_to_apply")
CERTAIN = 0.55


class TakeAnswer(Step):
    """Runs while the form is open, before it asks: the whole interview moves on here."""

    title = "validate_interview"

    def do(self, turn: Turn) -> list[dict[str, Any]]:
        """Rasa may call this twice in a turn; the interview moves once."""
        if not turn.advanced:
            advance(turn, knowledge())
        return FINISH if turn.done else CONTINUE


class AskNext(Step):
    """Runs when the form asks; does the work only where the form was opened in this very turn."""

    title = "action_ask_interview_q_answer"

    def do(self, turn: Turn) -> list[dict[str, Any]]:
        """Ends the form at once when nothing is left to ask."""
        if not turn.advanced:
            advance(turn, knowledge())
        return FINISH if turn.done else []


def advance(turn: Turn, know: Knowledge) -> None:
    """One move of the interview."""
    turn.advanced = True
    if any("masked" in message.secrets for message in turn.messages):
        turn.say("identity_not_needed")
    asking = turn.facts.asking
    if asking is None:
        _open(turn, know)
        return
    if _speaks_of_something_else(turn, know, asking):
        return
    take = TAKERS.get(asking, _take_fact)
    if take(turn, know):
        turn.facts.misses = 0
        if not turn.done:
            listen(turn, know)
            ask_next(turn, know)


def topic_of(turn: Turn, know: Knowledge) -> Topic:
    """What the talk is about; an emergency told openly makes it a ticket whatever the words asked for."""
    topics = know.topics
    return topics[turn.facts.topic or "ask_temporary_assistance"]


def leads_to_ticket(turn: Turn, know: Knowledge) -> bool:
    """Whether this interview ends in a ticket without asking for it."""
    kind = turn.facts.answers.get("event_kind", {}).get("value")
    told = isinstance(kind, str) and kind not in ("none", "medical_cost", "education_cost", "rehabilitation_cost")
    return topic_of(turn, know).aim == TICKET or told or urgency(turn) != "none"


def _open(turn: Turn, know: Knowledge) -> None:
    """The first move: hear the story, say one warm line, ask the first thing."""
    if turn.intent in know.topics:
        turn.facts.topic = turn.intent
        turn.facts.needs = list(dict.fromkeys([*turn.facts.needs, turn.intent]))
    listen(turn, know)
    known = latest_of_conversation(turn.session, turn.conversation_id)
    if known is not None and known.read_back != "none":
        supplement_ticket(turn.session, known.number, turn.seq, turn.now)
        turn.say("ticket_exists", number=known.number, buttons=[_person_button()])
        turn.done = True
        return
    turn.facts.asked = []
    if turn.danger == "now":
        _ask_safety(turn)
        return
    if turn.intent == "report_for_other":
        turn.say("reporter_opening", buttons=[])
    else:
        turn.say("opening_urgent" if situation(turn) == "urgent" else "opening_ordinary", buttons=[])
    if len(turn.text) > READ_WHOLE:
        turn.say("too_long_kept", buttons=[])
    says = topic_of(turn, know).says
    if says:
        turn.say_text(says)
    ask_next(turn, know)


def _ask_safety(turn: Turn) -> None:
    turn.facts.asking = "safe_now"
    turn.facts.asked.append("safe_now")
    turn.say(
        "danger_ask_safe",
        asks="safe_now",
        buttons=[{"title": turn.replies_book.text("danger_safe_title"), "value": True}],
    )


# --- what is asked next ---------------------------------------------------------------------------------------------


def _settled(turn: Turn, know: Knowledge) -> set[str]:
    done = set()
    if turn.facts.consent in ("given", "emergency"):
        done.add("consent")
    if turn.facts.places.get("event", {}).get("decision") in (*SURE, "unknown"):
        done.add("event_place")
    if turn.facts.phone is not None:
        done.add("phone")
    return done


def _asked(turn: Turn) -> set[str]:
    """What was asked, a repeated question counted each time: the budget is about messages that ask."""
    names = turn.facts.asked
    return {name if name not in names[:place] else f"{name}#{place}" for place, name in enumerate(names)}


def ask_next(turn: Turn, know: Knowledge) -> None:
    """Asks what the plan of the situation wants next; files or advises when it wants nothing more."""
    screening = screen(turn, know)
    asked = _asked(turn)
    settled = _settled(turn, know)
    if not leads_to_ticket(turn, know):
        settled |= {"event_place", "phone", "read_back"}
    plan = situation(turn) if leads_to_ticket(turn, know) else "advice"
    question = next_question(know.ruleset, screening, turn.facts.answers, asked, plan, settled)
    if question is None:
        (_finish_with_ticket if leads_to_ticket(turn, know) else _finish_with_advice)(turn, know)
    elif question.fact == "read_back":
        _ask_read_back(turn, know)
    else:
        ask(turn, know, question.fact)


def ask(turn: Turn, know: Knowledge, name: str, frame: str | None = None) -> None:
    """Asks for one fact or item, in a frame such as "I did not understand" if one is named."""
    facts = turn.facts
    facts.asked.append(name)
    facts.asking = name
    if name == "consent":
        turn.say("privacy_notice" if frame is None else "privacy_again", asks=name)
        return
    if name == "event_place":
        _ask_place(turn, know, frame)
        return
    if name == "safe_now" and turn.danger == "now":
        facts.asked.remove(name)
        _ask_safety(turn)
        return
    question = question_for(know.ruleset, name)
    buttons = [{"title": choice.title, "value": choice.value} for choice in question.options]
    if name == "phone":
        buttons = [{"title": words.text("no_phone"), "value": False}]
    text = question.text if frame is None else turn.replies_book.text(frame, question=question.text)
    turn.say_text(text, asks=name, buttons=buttons)


def _ask_place(turn: Turn, know: Knowledge, frame: str | None) -> None:
    place = turn.facts.places.get("event") or {}
    candidates = place.get("candidates") or []
    if candidates:
        buttons = [{"title": c["unit_name"], "value": {"unit": c["unit"]}} for c in candidates[:3]]
        none_of_them = {"title": turn.replies_book.text("place_none_title"), "value": {"unit": None}}
        turn.say("place.choose", asks="event_place", buttons=[*buttons, none_of_them])
        return
    if frame is not None and turn.facts.misses > 0:
        turn.say("place.ask_near", asks="event_place", buttons=[])
        return
    household = turn.facts.places.get("household")
    if household is not None:
        turn.say(
            "place.ask_event", asks="event_place", buttons=[], household=know.keys.open(household["text"].encode())
        )
    else:
        turn.say("place.ask_unit", asks="event_place", buttons=[])


def _ask_read_back(turn: Turn, know: Knowledge) -> None:
    """What may fit and why, then everything read back; one yes files it."""
    if "read_back" not in turn.facts.asked:
        lines = list(
            dict.fromkeys(  # a reason two programmes share is said once
                line
                for block in card(know.ruleset, screen(turn, know))
                for line in (words.text("may_fit_title", label=block.label, title=block.title), *block.because)
            )
        )
        if lines:
            turn.say("may_fit", lines="\n".join(lines), buttons=[])
    turn.facts.asking = "read_back"
    turn.facts.asked.append("read_back")
    turn.say(
        "read_back",
        asks="read_back",
        lines="\n".join(words.text("line", line=x) for x in read_back_lines(turn, know)),
        who=_who_line(turn, know),
    )


def read_back_lines(turn: Turn, know: Knowledge) -> list[str]:
    """Facts, places and phone in short lines."""
    sure = {
        name: answer
        for name, answer in turn.facts.answers.items()
        if answer["confidence"] >= know.ruleset.interview.confirm_below
    }
    book, lines = turn.replies_book, list(read_back(know.ruleset, sure))
    place = turn.facts.places.get("event")
    if place is not None and place["decision"] in SURE:
        name = place["unit_name"] or place["district"] or ""
        words_of_it = know.keys.open(place["text"].encode())
        lines.append(
            book.text(
                "read_back_event",
                place=words_of_it
                if name in words_of_it or not name
                else words.text("place_and_unit", place=words_of_it, unit_name=name),
            )
        )
    else:
        lines.append(book.text("read_back_event_unknown"))
    if "household" in turn.facts.places:
        household = turn.facts.places["household"]
        lines.append(book.text("read_back_household", place=know.keys.open(household["text"].encode())))
    if turn.facts.phone is not None:
        lines.append(book.text("read_back_phone", phone=words.masked_phone(know.keys.open(turn.facts.phone.encode()))))
    else:
        lines.append(book.text("read_back_no_phone"))
    return lines


def _who_line(turn: Turn, know: Knowledge) -> str:
    who = responsible(turn, know)
    if who.desk == "unit":
        return turn.replies_book.text("read_back_to_unit", unit_name=who.unit_name, district=who.district)
    if who.desk == "outside":
        return turn.replies_book.text("read_back_to_outside", district=full_district(turn, know))
    return turn.replies_book.text("read_back_to_district")


# --- the end --------------------------------------------------------------------------------------------------------


def _finish_with_ticket(turn: Turn, know: Knowledge, read: str = "none") -> None:
    if turn.facts.consent != "given" and urgency(turn) == "none":
        _advise_without_consent(turn, know)
        return
    file_ticket(turn, know, read)
    _end(turn)


def _finish_with_advice(turn: Turn, know: Knowledge) -> None:
    turn.facts.asking = "open_ticket"
    turn.facts.asked.append("open_ticket")
    turn.say("result_only", asks="open_ticket", advice=_advice(turn, know))


def _advice(turn: Turn, know: Knowledge) -> str:
    blocks = card(know.ruleset, screen(turn, know))
    lines = [sentence(know.ruleset, screen(turn, know))]
    lines += [line for block in blocks for line in block.because]
    return "\n".join(dict.fromkeys(lines))


def _advise_without_consent(turn: Turn, know: Knowledge) -> None:
    """No consent: advice, numbers and a person all the same; nothing of the case is kept (个人信息保护法 15, 16)."""
    who = responsible(turn, know)
    where = who.unit_name or who.district if who.desk != "district" else None
    turn.say("privacy_declined", buttons=[])
    turn.say(
        "privacy_advice",
        advice=_advice(turn, know),
        buttons=[_person_button()],
        where=where or turn.replies_book.text("privacy_advice_where_unknown"),
    )
    turn.facts.answers, turn.facts.places = {}, {}
    turn.facts.phone = turn.facts.event_text = None
    _end(turn)


def _person_button() -> dict[str, Any]:
    return {"title": words.text("person"), "value": "request_human"}


def _end(turn: Turn) -> None:
    turn.facts.asking = None
    turn.done = True


# --- answers --------------------------------------------------------------------------------------------------------


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
    done = _asked(turn) | _settled(turn, know)
    return len(turn.facts.asked) + 1 + sum(item not in done for item in plan.must) <= plan.budget


def _take_fact(turn: Turn, know: Knowledge, name: str | None = None) -> bool:
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
        _advise_without_consent(turn, know)
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
        _advise_without_consent(turn, know)
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
    if not pressed and _correct(turn, know):
        turn.say("corrected", buttons=[])
        _ask_read_back(turn, know)
        return False
    agreed = True if pressed else _yes_no(turn, "read_back")
    if agreed is True:
        _finish_with_ticket(turn, know, "confirmed")
        return True
    if agreed is False and turn.facts.misses == 0:
        turn.facts.misses = 1
        turn.say(
            "what_is_wrong" if turn.intent != "correct" else "correction_not_understood", asks="read_back", buttons=[]
        )
        return False
    # neither yes nor a correction we understand: filing never waits; the officer sees that it was not confirmed
    _finish_with_ticket(turn, know, "unconfirmed")
    return True


def _take_open_ticket(turn: Turn, know: Knowledge) -> bool:
    if _yes_no(turn, "open_ticket") is True:
        turn.facts.topic = "ask_temporary_assistance"
        return True
    turn.say("result_only_no", buttons=[_person_button()])
    _end(turn)
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
        _ask_safety(turn)
    return False


TAKERS: dict[str, Callable[[Turn, Knowledge], bool]] = {
    "consent": _take_consent,
    "event_place": _take_place,
    "phone": _take_phone,
    "read_back": _take_read_back,
    "open_ticket": _take_open_ticket,
    "safe_now": _take_safety,
}


# --- corrections and digressions ------------------------------------------------------------------------------------


def _correct(turn: Turn, know: Knowledge) -> bool:
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


def _speaks_of_something_else(turn: Turn, know: Knowledge, asking: str) -> bool:
    """A person is wanted, a question is asked, a pause: answered here; the interview waits or goes on."""
    press = turn.press
    if press is not None:
        return _other_button(turn, know, asking, press)
    if words.wants_person(turn.text) or (turn.intent == "request_human" and turn.confidence >= CERTAIN):
        turn.ask_for_person("asked")
        turn.say("person_coming", buttons=[])
        return True
    if turn.confidence < CERTAIN or turn.unsure:
        return False
    if turn.intent == "ask_why":
        turn.say_text(
            question_for(know.ruleset, asking).why
            if asking in know.ruleset.facts or asking in know.ruleset.interview.items
            else ""
        )
        _again(turn, know, asking)
        return True
    if turn.intent in QUESTIONS and not _answers_it(turn, know, asking):
        _answer_question(turn, know.answers, today(turn))
        _again(turn, know, asking)
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
        turn.say("interview_stopped", buttons=[_person_button()])
        _end(turn)
        return True
    return False


def _again(turn: Turn, know: Knowledge, asking: str) -> None:
    if asking == "read_back":
        _ask_read_back(turn, know)
    elif asking == "open_ticket":
        _finish_with_advice(turn, know)
    else:
        ask(turn, know, asking, "question_goes_on")


def _previous(turn: Turn, asking: str) -> str:
    asked = [name for name in turn.facts.asked if name not in ("consent", "read_back", "open_ticket")]
    before = asked[: asked.index(asking)] if asking in asked else asked
    return before[-1] if before else asking


def _answers_it(turn: Turn, know: Knowledge, asking: str) -> bool:
    if asking in TAKERS:
        return False
    return read_answer(know.ruleset, asking, to_standard(turn.text).text, today(turn)) is not None


def _answer_question(turn: Turn, answers: Answers, day: Any) -> None:
    text, known = answers.answer(turn.intent, turn.text, day)
    turn.say_text(text, buttons=[] if known else [_person_button()])


def _other_button(turn: Turn, know: Knowledge, asking: str, press: dict[str, Any]) -> bool:
    """A button of an earlier message: it corrects that answer; the talk goes on where it was."""
    if press.get("value") == "request_human":
        turn.ask_for_person("asked")
        turn.say("person_coming", buttons=[])
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
    _again(turn, know, asking)
    return True
