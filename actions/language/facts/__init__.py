"""Hears the facts of a case that a message states openly, with the words that said them and how sure that is."""
from __future__ import annotations

from datetime import date

from actions.language.facts.book import the_book
from actions.language.facts.counts import age, grade, minors, over_sixty, people
from actions.language.facts.event import event_day, the_event
from actions.language.facts.message import Find, Heard, Message
from actions.language.facts.money import sums_said
from actions.language.facts.parents import parents_said
from actions.language.facts.persons import for_whom
from actions.language.facts.sayings import chosen

__all__ = ["Heard", "hear_facts"]


def hear_facts(text: str, today: date) -> dict[str, Heard]:
    """The facts of DESIGN 4 that the message states: only what was said, never what follows from it.

    `today` is the day the message was written. Never raises; linear in the length of the message. What is listened for
    is in config/language/facts/: words in the files of topics, numbers in numbers.yaml, sums in money.yaml.
    """
    book, message = the_book(), Message(text, today)
    found: dict[str, Find | None] = {}
    event = the_event(book, message)
    found["event_kind"] = event
    found["event_date"] = event_day(book, message, event) if event is not None else None
    found["age"], found["for_whom"] = None, for_whom(book, message, event)
    whom = found["for_whom"]
    found["age"], owner = age(book, message, whom.value if whom else None)
    if whom is None and owner is not None:
        whom = found["for_whom"] = owner
    who = whom.value if whom else None
    for fact in book.sayings:
        if fact not in found:
            found[fact] = chosen(book, fact, message, who)
    found["household_people"] = people(book, message)
    found["household_minors"] = minors(book, message)
    found["household_over_60"] = over_sixty(book, message)
    found["disability_grade"] = grade(book, message)
    found |= sums_said(book, message, event.value if event else None)
    found |= parents_said(book, message, who, found["age"].value if found["age"] else None)
    return {fact: message.heard(find) for fact, find in found.items() if find is not None}
