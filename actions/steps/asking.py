"""What is asked next, and how: one thing at a time, the read-back last."""

from __future__ import annotations

from typing import Any

from actions.places.resolver import ASK_DISTRICT
from actions.screening.ask import Question, next_question, question_for
from actions.screening.explain import card
from actions.screening.read_back import read_back
from actions.steps import words
from actions.steps.channel_policy import ask_elsewhere, hidden_here
from actions.steps.ending import finish_with_advice, finish_with_ticket
from actions.steps.filing import full_district, responsible, screen
from actions.steps.knowledge import Knowledge
from actions.steps.listening import SURE, situation, urgency
from actions.steps.topics_table import TICKET, Topic
from actions.turn import Turn

# no emergency was told: nothing happened, a large expense, or an answer that is none
NOT_SUDDEN = ("none", "medical_cost", "education_cost", "rehabilitation_cost", "unsure", "declined")


def topic_of(turn: Turn, know: Knowledge) -> Topic:
    """What the talk is about; an emergency told openly makes it a ticket whatever the words asked for."""
    topics = know.topics
    return topics[turn.facts.topic or "ask_temporary_assistance"]


def leads_to_ticket(turn: Turn, know: Knowledge) -> bool:
    """Whether this interview ends in a ticket without asking for it; once there is one, what else is named does not."""
    if turn.facts.filed is not None:
        return False
    kind = turn.facts.answers.get("event_kind", {}).get("value")
    told = isinstance(kind, str) and kind not in NOT_SUDDEN
    return topic_of(turn, know).aim == TICKET or told or urgency(turn) != "none"


def settled(turn: Turn, know: Knowledge) -> set[str]:
    done = set()
    if turn.facts.consent in ("given", "emergency"):
        done.add("consent")
    if turn.facts.places.get("event", {}).get("decision") in (*SURE, "unknown"):
        done.add("event_place")
    if turn.facts.phone is not None:
        done.add("phone")
    return done


def asked(turn: Turn) -> set[str]:
    """What was asked, a repeated question counted each time: the budget is about messages that ask."""
    names = turn.facts.asked
    return {name if name not in names[:place] else f"{name}#{place}" for place, name in enumerate(names)}


def wanted(turn: Turn, know: Knowledge) -> frozenset[str]:
    """The programmes the resident asked for by name: worth asking about whatever the situation."""
    intents = [*turn.facts.served, turn.facts.topic or ""]
    return frozenset(
        name for intent in intents if intent in know.topics for name in know.topics[intent].programmes
    )


def ask_next(turn: Turn, know: Knowledge) -> None:
    """Asks what the plan of the situation wants next; files or advises when it wants nothing more."""
    screening = screen(turn, know)
    counted = asked(turn)
    known = settled(turn, know)
    if not leads_to_ticket(turn, know):
        known |= {"event_place", "phone", "read_back"}
    plan = situation(turn) if leads_to_ticket(turn, know) else "advice"
    question = next_question(know.ruleset, screening, turn.facts.answers, counted, plan, known, wanted(turn, know))
    if question is None:
        (finish_with_ticket if leads_to_ticket(turn, know) else finish_with_advice)(turn, know)
    elif question.fact == "read_back":
        ask_read_back(turn, know)
    else:
        ask(turn, know, question.fact, question=question)


def ask(
    turn: Turn,
    know: Knowledge,
    name: str,
    frame: str | None = None,
    question: Question | None = None,
    *,
    counted: bool = True,
) -> None:
    """Asks for one fact or item, in a frame such as "I did not understand" if one is named.

    `question`: how it is to be asked where that is more than the plain question (a band, one threshold).
    Not `counted`: said once more only because the resident spoke of something else; the budget is not touched.
    """
    elsewhere = ask_elsewhere(turn, know, name)
    if elsewhere:
        if elsewhere == "skip":
            ask_next(turn, know)
        return
    facts = turn.facts
    question = question or question_for(know.ruleset, name)
    if counted:
        facts.asked.append(question.asked_as)
    facts.asking = name
    facts.offered = {choice.id: choice.value for choice in question.options if isinstance(choice.value, dict)}
    facts.questions.append(
        {"fact": name, "asked_as": question.asked_as, "chosen": question.chosen, "seq": turn.seq}
        | {"programmes": list(question.programmes), "why": question.why}
    )
    if name == "consent":
        turn.say("privacy_notice" if frame is None else "privacy_again", asks=name)
        return
    if name == "event_place":
        _ask_place(turn, know, frame)
        return
    if name == "safe_now" and turn.danger == "now":
        facts.asked.remove(name)
        ask_safety(turn)
        return
    buttons = [{"title": choice.title, "value": choice.value} for choice in question.options]
    if name == "phone":
        buttons = [{"title": words.text("no_phone"), "value": False}]
    unsure = heard_unsurely(turn, know, name)
    if frame is None and unsure is not None and question.asked_as == name:
        # what was half understood is confirmed, never asked as if nothing had been said
        text = turn.replies_book.text("question_heard", heard=unsure["heard"], question=question.text)
        buttons = [{"title": words.text("heard_right"), "value": unsure["value"]}, *buttons]
    else:
        text = question.text if frame is None else turn.replies_book.text(frame, question=question.text)
    turn.say_text(text, asks=name, buttons=buttons)


def heard_unsurely(turn: Turn, know: Knowledge, name: str) -> dict[str, Any] | None:
    """What was heard of a fact on the way, if too unsurely to be used; None otherwise."""
    known = turn.facts.answers.get(name)
    if known is None or known["how"] != "heard" or not known["heard"]:
        return None
    return known if known["confidence"] < know.ruleset.interview.confirm_below else None


def ask_safety(turn: Turn) -> None:
    turn.facts.asking = "safe_now"
    turn.facts.asked.append("safe_now")
    turn.say(
        "danger_ask_safe",
        asks="safe_now",
        buttons=[{"title": turn.replies_book.text("danger_safe_title"), "value": True}],
    )


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
    if place.get("question") == ASK_DISTRICT:
        turn.say(ASK_DISTRICT, asks="event_place", buttons=[], town=know.keys.open(place["text"].encode()))
        return
    household = turn.facts.places.get("household")
    if household is not None:
        turn.say(
            "place.ask_event", asks="event_place", buttons=[], household=know.keys.open(household["text"].encode())
        )
    else:
        turn.say("place.ask_unit", asks="event_place", buttons=[])


def ask_read_back(turn: Turn, know: Knowledge) -> None:
    """What may fit and why, then everything read back; one yes files it."""
    if "read_back" not in turn.facts.asked and not hidden_here(turn, know) & turn.facts.answers.keys():
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
    hidden = hidden_here(turn, know)
    sure = {
        name: answer
        for name, answer in turn.facts.answers.items()
        if answer["confidence"] >= know.ruleset.interview.confirm_below and name not in hidden
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


def again(turn: Turn, know: Knowledge, asking: str) -> None:
    if asking == "read_back":
        ask_read_back(turn, know)
    elif asking == "open_ticket":
        finish_with_advice(turn, know)
    else:
        ask(turn, know, asking, "question_goes_on", counted=False)


def go_on(turn: Turn, know: Knowledge) -> None:
    """Asks the open question again after something else was dealt with; not counted, nobody failed to answer it."""
    if turn.facts.asking is not None:
        asked = list(turn.facts.asked)
        again(turn, know, turn.facts.asking)
        turn.facts.asked = asked
