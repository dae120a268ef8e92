"""What a message tells beyond the question asked: facts stated openly, places with their roles."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from actions.due.clock import SHANGHAI
from actions.language.facts import hear_facts
from actions.places.located import resolve_point
from actions.places.mentions import Scan, fit_scan
from actions.places.point import read_point
from actions.places.record import POINT, WORDS, outcome_of
from actions.places.resolver import ASK_DISTRICT, Route, mentions_of, resolve_answer, resolve_scan
from actions.steps.knowledge import Knowledge
from actions.tickets.commands import supplement_ticket
from actions.tickets.queries import latest_of_conversation
from actions.turn import Turn

SURE = ("route", "confirm", "out_of_area")
URGENT_EVENTS = ("fire", "drowning", "violence", "theft_stranded")


def today(turn: Turn) -> date:
    """The day of the turn where the resident is."""
    return turn.now.astimezone(SHANGHAI).date()


def listen(turn: Turn, know: Knowledge) -> list[str]:
    """Takes in what is stated openly; returns the names of facts and places that are new or changed."""
    changed = _hear_facts(turn, know)
    if _hear_places(turn, know):
        changed.append("event_place")
    if turn.facts.phone is None and note_phone(turn, know):
        changed.append("phone")
    gates = [gate for message in turn.messages for gate, _ in message.danger]
    turn.facts.gates = list(dict.fromkeys([*turn.facts.gates, *gates]))
    return changed


def phone_sent(turn: Turn) -> bool:
    """Whether a phone number is in this message, typed or sent as a contact."""
    return any(message.secrets.get("phones") for message in turn.messages)


def note_phone(turn: Turn, know: Knowledge) -> bool:
    """Notes the phone of this message, which accept has masked in the text and kept encrypted."""
    phones = [phone for message in turn.messages for phone in message.secrets.get("phones", [])]
    if phones:
        turn.facts.phone = know.keys.seal(phones[-1]).decode()
    return bool(phones)


def note_point(turn: Turn, know: Knowledge) -> None:
    """Keeps the last point sent, with its datum, for the ticket; one that is there already gets it at once."""
    points = [point for message in turn.messages if (point := read_point(message.secrets.get("location"))) is not None]
    if not points:
        return
    plain_point = json.dumps(points[-1].as_json())
    turn.facts.point = know.keys.seal(plain_point).decode()
    ticket = latest_of_conversation(turn.session, turn.conversation_id, know.lifecycle.open_states)
    if ticket is not None:
        supplement_ticket(turn.session, know.keys, ticket.number, turn.seq, turn.now, point=plain_point)
        return  # whoever works it sees the point; it moves no ticket
    route = resolve_point(points[-1], know.gazetteer, today(turn))
    if route is not None and not _event_known(turn):
        set_event_place(turn, know, route, by=POINT)


def point_told(turn: Turn) -> bool:
    """Whether the point sent in this very turn told one township, which is read back at the end."""
    event = turn.facts.places.get("event") or {}
    return event.get("by") == POINT and event.get("seq") == turn.seq and event.get("unit") is not None


def tell_location(turn: Turn) -> None:
    """Says that a location has come, and which township it told."""
    if point_told(turn):
        turn.say("location_read", unit_name=turn.facts.places["event"]["unit_name"], buttons=[])
    else:
        turn.say("location_kept", buttons=[])


def _event_known(turn: Turn) -> bool:
    return turn.facts.places.get("event", {}).get("decision") in SURE


def phone_of(turn: Turn, know: Knowledge) -> str | None:
    """The phone noted, plain."""
    return know.keys.open(turn.facts.phone.encode()) if turn.facts.phone is not None else None


def scanned(turn: Turn, know: Knowledge) -> Scan:
    """This turn's words taken apart: once for the whole turn, mostly by the model's reader of places already."""
    found: Scan = fit_scan(turn.scan, turn.text, know.gazetteer)
    turn.scan = found
    return found


def said_place(turn: Turn, know: Knowledge, asked: str | None = None) -> Route:
    """The place this turn's words name; `asked`: the role of the place that was asked for."""
    return resolve_scan(scanned(turn, know), know.gazetteer, today(turn), asked)


def names_place(turn: Turn, know: Knowledge) -> bool:
    """Whether the message names a place at all."""
    return bool(mentions_of(scanned(turn, know), know.gazetteer, today(turn)))


def note_household(turn: Turn, know: Knowledge, text: str) -> bool:
    """Notes where the register is."""
    route = resolve_answer(text, "household", know.gazetteer, today(turn))
    if route.decision not in SURE:
        return False
    turn.facts.places["household"] = {
        "text": know.keys.seal(route.unit_name or " ".join(span.text for span in route.spans)).decode(),
        "unit": route.unit,
        "unit_name": route.unit_name,
        "seq": turn.seq,
    }
    return True


def _hear_facts(turn: Turn, know: Knowledge) -> list[str]:
    changed = []
    for name, heard in hear_facts(turn.text, today(turn)).items():
        if name not in know.ruleset.facts:
            continue
        known = turn.facts.answers.get(name)
        if known is not None and not _yields(name, known, heard.confidence):
            continue
        value = heard.value
        if known is not None and isinstance(value, (list, tuple)) and isinstance(known["value"], list):
            value = list(dict.fromkeys([*known["value"], *value]))  # needs add up
        remember(turn, name, plain(value), "heard", heard.heard, heard.confidence)
        changed.append(name)
    return changed


def note_age(turn: Turn, know: Knowledge) -> None:
    """Notes an age said where nothing else is listened to."""
    heard = hear_facts(turn.text, today(turn)).get("age")
    if heard is not None and "age" in know.ruleset.facts and "age" not in turn.facts.answers:
        remember(turn, "age", plain(heard.value), "heard", heard.heard, heard.confidence)


def _yields(name: str, known: dict[str, Any], confidence: float) -> bool:
    """Whether what is known may be changed by what was heard on the way; needs always add up."""
    return known["how"] == "heard" and (name == "need_tonight" or known["confidence"] <= confidence)


def plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    if isinstance(value, (tuple, set, frozenset)):
        return list(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (str, int, bool, list, dict)) or value is None:
        return value
    return str(value)


def remember(turn: Turn, name: str, value: Any, how: str, heard: str = "", confidence: float = 1.0) -> None:
    """Notes one fact with where it comes from."""
    turn.facts.answers[name] = {
        "value": value,
        "how": how,
        "heard": heard,
        "confidence": confidence,
        "seq": turn.seq,
        "at": turn.now.isoformat(),
    }


def _hear_places(turn: Turn, know: Knowledge) -> bool:
    route = said_place(turn, know)
    for mention in mentions_of(scanned(turn, know), know.gazetteer, today(turn)):
        if mention.role in ("household", "residence", "hospital") and mention.role not in turn.facts.places:
            turn.facts.places[mention.role] = {
                "text": know.keys.seal(mention.text).decode(),
                "unit": mention.unit,
                "unit_name": mention.unit_name,
                "seq": turn.seq,
            }
    # only a province or a city far away is more often where somebody comes from than where it happened
    somewhere = route.decision in SURE and (route.decision != "out_of_area" or route.district is not None)
    unsettled = route.question == ASK_DISTRICT and "event" not in turn.facts.places
    known = _event_known(turn) and turn.facts.places["event"].get("by") != POINT  # words beat the place of a phone
    if not known and (somewhere or route.candidates or unsettled):
        return set_event_place(turn, know, route)
    return False


def event_words(route: Route) -> str:
    """The resident's words for the place of the emergency; empty when no place was named."""
    words = [span.text for span in route.spans if span.role == "event"]
    if not words and len(route.spans) == 1:
        words = [route.spans[0].text]
    return " ".join(words) or route.unit_name or ""


def set_event_place(turn: Turn, know: Knowledge, route: Route, asked: str | None = None, by: str = WORDS) -> bool:
    """Notes where it happened; True when this names a place. `asked`, `by`: for the replay, see `outcome_of`."""
    turn.facts.places["event"] = {
        "text": know.keys.seal(event_words(route)).decode(),
        **outcome_of(route, asked, by),
        "seq": turn.seq,
    }
    turn.facts.event_text = know.keys.seal(route.text).decode()
    return route.decision in SURE


def set_event_unit(turn: Turn, know: Knowledge, unit_id: str) -> None:
    """Notes a township chosen by a button."""
    route = resolve_answer(know.gazetteer.units[unit_id].name, "event", know.gazetteer, today(turn))
    before = turn.facts.places.get("event")
    set_event_place(turn, know, route, "event")
    if before is not None and before.get("by") != POINT:  # the resident's own words stay
        turn.facts.places["event"]["text"] = before["text"]


def urgency(turn: Turn) -> str:
    """none, urgent (nothing to eat, no bed, medicine or heating tonight) or life_danger (DESIGN 2 point 2)."""
    if turn.danger == "now":
        return "life_danger"
    needs = turn.facts.answers.get("need_tonight", {}).get("value")
    if isinstance(needs, list) and needs:
        return "urgent"
    return "none"


def situation(turn: Turn) -> str:
    """Which interview: urgent when help is needed today, else ordinary."""
    kind = turn.facts.answers.get("event_kind", {}).get("value")
    if urgency(turn) != "none" or turn.danger != "none" or kind in URGENT_EVENTS:
        return "urgent"
    return "ordinary"
