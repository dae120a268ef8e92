"""Corrects what was noted: every phone, place and fact a sentence names is changed, the rest is kept."""

from __future__ import annotations

from actions.language.dialect import to_standard
from actions.language.facts import hear_facts
from actions.language.numerals import find_numbers
from actions.places.resolver import mentions_with_roles, resolve_answer
from actions.screening.answers import read_answer
from actions.screening.model import ONE_OF, SOME_OF
from actions.steps import words
from actions.steps.knowledge import Knowledge
from actions.steps.listening import SURE, note_household, note_phone, plain, remember, set_event_place, today
from actions.turn import Turn

PEOPLE = "household_people"


def correct(turn: Turn, know: Knowledge) -> list[str]:
    """The names of what was changed; empty when the words correct nothing that can be understood."""
    changed = ["phone"] if note_phone(turn, know) else []
    register = False  # "the register is not in A, it is in B": the second clause is about the register too
    for clause in words.clauses(turn.text):
        named = any(cue in clause for cue in words.listed("household_cues"))
        denied = named and any(word in clause for word in words.listed("wrong"))
        if named or register:
            if not denied and note_household(turn, know, words.after_correction(clause)):
                changed.append("household_place")
            register = denied
        else:
            changed += _event_place(turn, know, clause)
        changed += _people(turn, know, clause)
        changed += _denied(turn, know, clause)
    for name, heard in hear_facts(turn.text, today(turn)).items():
        sure = heard.confidence >= know.ruleset.interview.confirm_below
        if name in know.ruleset.facts and sure and name not in changed:
            known = turn.facts.answers.get(name, {}).get("value")
            if known != plain(heard.value):
                remember(turn, name, plain(heard.value), "corrected", heard.heard)
                changed.append(name)
    return list(dict.fromkeys(changed))


def _event_place(turn: Turn, know: Knowledge, clause: str) -> list[str]:
    roles = {mention.role for mention in mentions_with_roles(clause, know.gazetteer, today(turn))}
    if roles & {"household", "hospital"} and "event" not in roles:
        return []
    route = resolve_answer(words.after_correction(clause), "event", know.gazetteer, today(turn))
    if route.decision not in SURE or (route.decision == "out_of_area" and route.district is None):
        return []
    known = turn.facts.places.get("event", {})
    if (known.get("unit"), known.get("district")) == (route.unit, route.district):
        return []
    return ["event_place"] if set_event_place(turn, know, route, "event") else []


def _people(turn: Turn, know: Knowledge, clause: str) -> list[str]:
    """A number of people; the only number people correct without naming what it counts."""
    if not any(number.kind == "people" for number in find_numbers(clause)):
        return []
    answer = read_answer(know.ruleset, PEOPLE, to_standard(words.after_correction(clause)).text, today(turn))
    if answer is None or turn.facts.answers.get(PEOPLE, {}).get("value") == answer.value:
        return []
    remember(turn, PEOPLE, plain(answer.value), "corrected", clause[:80])
    return [PEOPLE]


def _denied(turn: Turn, know: Knowledge, clause: str) -> list[str]:
    """ "Not X" where X is what was noted: the answer, or one of several, falls away."""
    changed = []
    said = to_standard(clause).text
    for name, answer in list(turn.facts.answers.items()):
        fact = know.ruleset.facts.get(name)
        if fact is None or fact.type not in (ONE_OF, SOME_OF):
            continue
        values = answer["value"] if isinstance(answer["value"], list) else [answer["value"]]
        gone = [value for value in values if value in fact.options and _denies(said, fact.options[value])]
        if not gone:
            continue
        left = [value for value in values if value not in gone]
        if fact.type == SOME_OF:
            remember(turn, name, left, "corrected", clause[:80])
        else:
            turn.facts.answers.pop(name)
        changed.append(name)
    return changed


def _denies(said: str, option: object) -> bool:
    names = (getattr(option, "title", ""), *getattr(option, "says", ()))
    return any(denial + name in said for denial in words.listed("denials") for name in names if name)
