"""How many live together, how old somebody is, which grade a card says."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from actions.language.facts.book import Book
from actions.language.facts.message import Find, Message
from actions.language.facts.persons import person_before
from actions.language.facts.sayings import SELF
from actions.language.numerals import Number
from actions.language.patterns import SENTENCE_ENDS

MOST_PEOPLE, MOST_COUNTED, GRADES = 30, 12, 4
LONGEST_WORD = 6
AGE_OF = 5  # characters: 五岁的娃儿
LESS_OWNER = 0.1
FULL_STOP = SENTENCE_ENDS[0]
COUNTING = ("count", "people", "plain")


def people(book: Book, message: Message) -> Find | None:
    """How many live together: a number of people near a word for the household, or one who lives alone."""
    settings = book.numbers["household_people"]
    for number in message.numbers:
        if number.kind != "people" or number.value is None or not 2 <= number.value <= MOST_PEOPLE:
            continue  # one person near a word for the household may be the only one who earns
        unit = book.near["household_people", "units"].search(message.text, number.start, number.end)
        if unit or book.near["household_people", "near"].search(message.text, max(0, number.start - 6), number.end + 3):
            return Find(int(number.value), number.start, number.end, float(settings["confidence"]))
    for words, count in (("pairs", 2), ("alone", 1)):
        said = book.near["household_people", words].search(message.text + FULL_STOP)
        if said:
            end = min(said.end(), len(message.text))
            return Find(count, said.start(), end, float(settings["alone_confidence"]))
    return None


def minors(book: Book, message: Message) -> Find | None:
    """How many children the household has: a number directly before a word for children."""
    return _counted(book, message, "household_minors", lambda start, end: _young(book, message, start, end))


def over_sixty(book: Book, message: Message) -> Find | None:
    """How many old people the household has."""
    return _counted(book, message, "household_over_60", lambda start, end: False) or _aged(book, message)


def _young(book: Book, message: Message, start: int, end: int) -> bool:
    """Whether the sentence around says school, milk or an age of a child."""
    opening, closing = message.sentence(start)
    opening, closing = max(opening, start - book.before), min(max(closing, end), end + book.after)
    if book.near["household_minors", "young"].search(message.text, opening, closing):
        return True
    grown_up = int(book.numbers["whom"]["grown_up"])
    return any(number.kind == "age" and number.high is not None and number.high < grown_up
               for number in message.numbers_between(opening, closing))


def _aged(book: Book, message: Message) -> Find | None:
    """Old people by their age: father and mother are both over seventy; there is a mother of eighty."""
    settings = book.numbers["household_over_60"]
    for number in message.numbers:
        if number.kind != "age" or number.low is None or number.low < int(settings["oldest"]):
            continue
        opening, closing = message.clause(number.start)
        opening, closing = max(opening, number.start - book.before), min(closing, number.end + AGE_OF + 3)
        pair = book.near["household_over_60", "pairs"].search(message.text, opening, number.start)
        if pair:
            return Find(2, pair.start(), number.end, float(settings["confidence"]))
        one = book.near["household_over_60", "one"].search(message.text, opening, number.start)
        elder = book.near["household_over_60", "elders"].search(message.text, number.end, max(closing, number.end))
        never = book.near["household_over_60", "never"].search(message.text, opening, number.start)
        if one and elder and not never:
            return Find(1, one.start(), elder.end(), float(settings["confidence"]))
    return None


def _counted(book: Book, message: Message, fact: str, likely: Callable[[int, int], bool]) -> Find | None:
    """A number directly before what it counts; `likely` decides about the words that only perhaps count."""
    settings, text = book.numbers[fact], message.text
    counts = [(number.start, number.end, int(number.value)) for number in message.numbers
              if number.kind in COUNTING and number.value is not None and 1 <= number.value <= MOST_COUNTED]
    taken = {start for start, _, _ in counts}
    counts += [(found.start(), found.end(), 1) for found in book.near[fact, "one"].finditer(text)
               if found.start() not in taken]
    counts.sort()
    for place, (start, end, count) in enumerate(counts):
        opening, closing = message.clause(start)
        reach = end + int(settings["between"])
        if place + 1 < len(counts):
            reach = min(reach, counts[place + 1][0])  # 一个人带两个娃: the nearer number counts them
        found = _what(book, fact, text, end, min(max(closing, end), reach + LONGEST_WORD), likely)
        if found is None or found[0] > reach:
            continue
        opening, closing = max(opening, start - book.before), min(closing, found[1] + book.after)
        if not book.near[fact, "never"].search(text, opening, closing):
            return Find(count, start, found[1], float(settings["confidence"]))
    return None


def _what(book: Book, fact: str, text: str, begin: int, end: int,
          likely: Callable[[int, int], bool]) -> tuple[int, int] | None:
    sure = book.near[fact, "counted"].search(text, begin, end)
    if sure:
        return sure.span()
    perhaps = book.near.get((fact, "perhaps"))
    found = perhaps.search(text, begin, end) if perhaps else None
    return found.span() if found and likely(*found.span()) else None


def grade(book: Book, message: Message) -> Find | None:
    """The grade of a disability, 1 to 4."""
    settings = book.numbers["disability_grade"]
    for number in message.numbers:
        if number.kind != "grade" or number.value is None or not 1 <= number.value <= GRADES:
            continue
        if book.near["disability_grade", "near"].search(message.text, max(0, number.start - 8), number.end + 6):
            return Find(int(number.value), number.start, number.end, float(settings["confidence"]))
    return None


@dataclass(frozen=True)
class _Age:
    years: int
    start: int
    end: int
    owner: Find | None
    among: bool  # one of several children: the small one is three


def age(book: Book, message: Message, whom: str | None) -> tuple[Find | None, Find | None]:
    """The age of who needs help, and, where that was not said, the person whose age is the only one told."""
    settings = book.numbers["age"]
    ages = [one for number in message.numbers if (one := _age(book, message, number)) is not None]
    own = [one for one in ages if one.owner is not None and one.owner.value == (whom or SELF) and not one.among]
    if own:
        told = own[0]
        return Find(told.years, told.start, told.end, float(settings["confidence"])), _owner(book, told)
    if len(ages) != 1 or (whom is not None and ages[0].owner is not None) or ages[0].among:
        return None, None
    told = ages[0]
    if told.owner is not None and told.owner.start > told.start:
        return None, None  # a three-year-old child: of whom nothing more is known
    sure = told.owner is not None
    confidence = float(settings["confidence" if sure else "unclear_confidence"])
    return Find(told.years, told.start, told.end, confidence), _owner(book, told)


def _owner(book: Book, told: _Age) -> Find | None:
    """Who needs help, by whose age is told first."""
    if told.owner is None or told.owner.start > told.start:
        return None
    name = "self_confidence" if told.owner.value == SELF else "person_confidence"
    confidence = float(book.numbers["whom"][name]) - LESS_OWNER
    return Find(told.owner.value, told.owner.start, told.owner.end, round(confidence, 2))


def _age(book: Book, message: Message, number: Number) -> _Age | None:
    settings, text = book.numbers["age"], message.text
    if number.value is None or number.value != int(number.value) or not 0 <= number.value <= int(settings["largest"]):
        return None
    before = person_before(book, message, number.start, int(settings["reach"]))
    if number.kind != "age" and not _bare_age(book, message, number, before):
        return None
    opening = message.clause(number.start)[0]
    among = bool(book.near["age", "elder"].search(text, opening, number.start))
    owner = before
    if text.startswith(str(settings["of"]), number.end):
        after = book.persons.search(text, number.end, number.end + AGE_OF)
        owner = Find(book.person(after.group()), after.start(), after.end(), 1.0) if after else before
    return _Age(int(number.value), number.start, number.end, owner, among)


def _bare_age(book: Book, message: Message, number: Number, before: Find | None) -> bool:
    """A number without a unit is an age right after 今年 or a person, when the clause ends behind it."""
    text, settings = message.text, book.numbers["age"]
    if number.kind != "plain" or (number.value or 0) < int(settings["least_bare"]):
        return False
    if number.end < len(text) and not any(text.startswith(end, number.end) for end in settings["ends"]):
        return False
    led = any(text.endswith(word, 0, number.start) for word in settings["near"])
    return led or (before is not None and before.end == number.start)
