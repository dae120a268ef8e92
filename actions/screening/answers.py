"""What a resident's words mean as an answer to one question: buttons, yes and no, numbers, persons, sums, days."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from actions.language.dates import find_dates
from actions.language.money import find_money
from actions.language.normalise import normalise
from actions.language.numerals import Number, find_numbers
from actions.screening.ask import choices
from actions.screening.model import DATE, DECLINED, MONEY, ONE_OF, SOME_OF, UNSURE, YES_NO, Fact, RuleSet
from actions.screening.values import Answer, BadAnswer, check_value, the_fact

PUNCTUATION = " \n,.!?;:~。，！？；、：…"
CLAUSE = re.compile(r"[^,。!;?\n]+[,。!;?\n]*")
ALSO_HEARD = 0.9  # confidence of a fact named while another one was asked
NEAR = 3  # characters before a word in which a negation still means it
MONTHS_A_YEAR = 12
PEOPLE = "people"  # the word list that counts everybody, the speaker too


def check_answer(ruleset: RuleSet, name: str, value: Any) -> Any:
    """The value as it is kept, if it fits the fact. Raises UnknownFact (nearest name) or BadAnswer (what it takes)."""
    fact = the_fact(ruleset, name)
    return value if value in (UNSURE, DECLINED) and isinstance(value, str) else check_value(fact, value)[1]


def read_answer(ruleset: RuleSet, fact: str, text: str, as_of: date | None = None) -> Answer | None:
    """The answer `text` gives to the question about `fact`; None when it is none (a question back, small talk).

    `as_of` is needed for days told from today (昨晚). Raises UnknownFact for a fact that is not in the bank.
    """
    bank = the_fact(ruleset, fact)
    said = normalise(text).text
    for choice in choices(ruleset, bank):
        if said.strip(PUNCTUATION) in (choice.title, choice.id):
            return Answer(fact, choice.value, how="button", text=text)
    said = _told(ruleset, said)
    if not said:
        return None
    value = _read(ruleset, bank, said, as_of)
    if value is None:
        return None
    try:
        return Answer(fact, check_answer(ruleset, fact, value), text=text)
    except BadAnswer:
        return None  # a number out of range is not this answer


def read_answers(ruleset: RuleSet, fact: str, text: str, as_of: date | None = None) -> list[Answer]:
    """`read_answer` first, then what was said on the way about the facts this question also hears."""
    answer = read_answer(ruleset, fact, text, as_of)
    found = [] if answer is None else [answer]
    said = _told(ruleset, normalise(text).text)
    for name in the_fact(ruleset, fact).also_hears:
        bank = ruleset.facts[name]
        value: Any = None
        if bank.counts:
            value = _persons_named(ruleset, bank.counts, said)
        elif bank.type == YES_NO:
            value = _own_yes_no(ruleset, bank, said)
        if value is not None:
            found.append(
                Answer(name, check_answer(ruleset, name, value), how="heard", confidence=ALSO_HEARD, text=text)
            )
    return found


def read_opener(ruleset: RuleSet, opener: str, text: str) -> list[str] | None:
    """The facts named in an answer to a grouped opener; [] for none of them, None when it is no answer (or unsure).

    KeyError for an unknown opener.
    """
    entry = ruleset.interview.openers[opener]
    said = _told(ruleset, normalise(text).text)
    negations = ruleset.wording["answers"]["negations"]
    titles = _longest(said, {title: fact for fact, title in entry.titles.items()})
    named = [fact for start, _, fact in titles if not _negated(said, start, negations)]
    named += [fact for fact in entry.titles if _own_yes_no(ruleset, ruleset.facts[fact], said) is True]
    if named:
        return [fact for fact in entry.titles if fact in named]
    bare = _bare(ruleset, said).strip(PUNCTUATION)
    return [] if any(bare.startswith(word) for word in (entry.none, *entry.none_says)) else None


def others_named(ruleset: RuleSet, text: str) -> list[Answer]:
    """Children and elders somebody says they live with, told on the way: at least that many, heard."""
    said = _told(ruleset, normalise(text).text)
    if not any(word in said for word in ruleset.wording["counting"]["people"]["with"]):
        return []
    found = []
    for fact in ruleset.facts.values():
        if fact.counts and fact.counts != PEOPLE:
            value = _persons_named(ruleset, fact.counts, said)
            if value is not None and value != "0":
                kept = check_answer(ruleset, fact.id, value)
                found.append(Answer(fact.id, kept, how="heard", confidence=ALSO_HEARD, text=text))
    return found


def _read(ruleset: RuleSet, fact: Fact, said: str, as_of: date | None) -> Any:
    words = ruleset.wording["answers"]
    if any(word in said for word in words["declined"]):
        return DECLINED
    unsure = any(word in said for word in words["unsure"])
    if unsure and (fact.type == YES_NO or _bare(ruleset, said).startswith(words["unsure"])) and not find_numbers(said):
        return UNSURE
    value: Any
    if fact.type == YES_NO:
        value = _yes_no(ruleset, fact, said)
    elif fact.type in (ONE_OF, SOME_OF):
        value = _options(ruleset, fact, said)
    elif fact.type == DATE:
        value = _date(said, as_of)
    elif fact.type == MONEY:
        value = _money(fact, said)
    elif fact.counts == PEOPLE:
        value = _people(ruleset, said)
    elif fact.counts:
        value = _persons_named(ruleset, fact.counts, said)
        value = _only_number(said) if value is None else value
    else:
        value = _only_number(said)
    return UNSURE if value is None and unsure else value


def _told(ruleset: RuleSet, said: str) -> str:
    """Without the clauses that ask something back: 没人帮, 怎么办? leaves 没人帮."""
    questions = ruleset.wording["answers"]["questions"]
    clauses = [clause for clause in CLAUSE.findall(said) if not any(word in clause for word in questions)]
    return "".join(clauses).strip(PUNCTUATION)


# --- yes and no ---


def _yes_no(ruleset: RuleSet, fact: Fact, said: str) -> bool | None:
    own = _own_yes_no(ruleset, fact, said)
    if own is not None:
        return own
    words = ruleset.wording["answers"]
    bare = _bare(ruleset, said)
    matches = _longest(bare, {word: key for key in ("yes", "no") for word in words[key]})
    if not matches:
        return None
    start, end, key = matches[0]
    stops = PUNCTUATION + "".join(words["endings"])
    if end - start == 1 or len(said) > int(words["short"]):
        # 有 or 要 somewhere in a sentence is no answer; a sentence that begins with it and stops there is
        return key == "yes" if start == 0 and (end == len(bare) or bare[end] in stops) else None
    return key == "yes"


def _own_yes_no(ruleset: RuleSet, fact: Fact, said: str) -> bool | None:
    """By the words of the fact itself; the first one said counts (没有人能帮 is no, though it holds 能帮)."""
    negations = ruleset.wording["answers"]["negations"]
    words = {word: answer for answer in ("yes", "no") for word in fact.says.get(answer, ())}
    denied: bool | None = None
    for start, _, meaning in _longest(said, words):
        if not _negated(said, start, negations):
            return meaning == "yes"
        if meaning == "yes":
            denied = False  # 没有车 denies, unless something is affirmed after it
    return denied


def _bare(ruleset: RuleSet, said: str) -> str:
    """Without the sounds and words people begin with."""
    starters = sorted(ruleset.wording["answers"]["starters"], key=len, reverse=True)
    while True:
        rest = next((said[len(word) :] for word in starters if said.startswith(word) and len(said) > len(word)), None)
        if rest is None:
            return said
        said = rest.lstrip(PUNCTUATION)


# --- options ---


def _options(ruleset: RuleSet, fact: Fact, said: str) -> Any:
    table: dict[str, list[str]] = {}
    for option in fact.options.values():
        for word in (option.title, option.reads, *option.says):
            table.setdefault(word, []).append(option.id)
    negations = fact.negations or ruleset.wording["answers"]["negations"]
    heard: list[str] = []
    for start, _, word in _longest(said, {word: word for word in table}):
        if not _negated(said, start, negations):
            heard += [name for name in table[word] if name not in heard]
    if fact.type == SOME_OF:
        if heard:
            return [name for name in fact.options if name in heard]
        return [] if fact.nothing and any(word in said for word in (fact.nothing.title, *fact.nothing.says)) else None
    return heard[0] if heard else None  # the first thing said is the main one


def _negated(said: str, start: int, negations: tuple[str, ...]) -> bool:
    """Whether a negation stands right before, or one character before (不是个火灾)."""
    before = said[max(0, start - NEAR) : start]
    return before.endswith(negations) or before[:-1].endswith(negations)


def _longest(said: str, table: Mapping[str, str]) -> list[tuple[int, int, str]]:
    """Where the words stand, in order, without those inside or across a longer one: (start, end, meaning)."""
    taken: list[tuple[int, int, str]] = []
    for word in sorted(table, key=len, reverse=True):
        start = said.find(word) if word else -1
        while start >= 0:
            end = start + len(word)
            if all(end <= other or start >= stop for other, stop, _ in taken):
                taken.append((start, end, table[word]))
            start = said.find(word, start + 1)
    return sorted(taken)


# --- numbers ---


def _value(low: Decimal | None, high: Decimal | None) -> Any:
    """A point, or a band with open ends."""
    if low is not None and low == high:
        return str(low)
    return {"from": None if low is None else str(low), "to": None if high is None else str(high)}


def _only_number(said: str) -> Any:
    numbers = find_numbers(said)
    return _value(numbers[0].low, numbers[0].high) if len(numbers) == 1 else None


def _money(fact: Fact, said: str) -> Any:
    sums = find_money(said)
    if sums:
        low, high, period = sums[0].low, sums[0].high, sums[0].period
    else:
        numbers = [number for number in find_numbers(said) if number.kind in ("plain", "money")]
        if len(numbers) != 1:
            return "0" if any(word in said for word in fact.zero) else None
        low, high, period = numbers[0].low, numbers[0].high, ""
    if period == "day":
        return None  # how many days are worked is not known: ask for the month
    if fact.period == "month" and period == "year":
        low, high = (None if end is None else _cents(end / MONTHS_A_YEAR) for end in (low, high))
    elif fact.period == "year" and period == "month":
        low, high = (None if end is None else end * MONTHS_A_YEAR for end in (low, high))
    return _value(low, high)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _date(said: str, as_of: date | None) -> Any:
    heard = find_dates(said, as_of) if as_of is not None else []
    if not heard:
        return None
    first, last = heard[0].first.isoformat(), heard[0].last.isoformat()
    return first if first == last else {"from": first, "to": last}


# --- persons ---


def _people(ruleset: RuleSet, said: str) -> Any:
    """How many persons: 三口人, 就我一个, 两口子和一个娃儿, 我和两个娃儿 (the speaker counts too)."""
    words = ruleset.wording["counting"]["people"]
    numbers = find_numbers(said)
    kin = list(_kin(ruleset, "people", said, numbers))
    alone = any(word in said for word in words["alone"])
    if alone:
        return str(1 + sum(count for _, _, count in kin))
    whole = [number for number in numbers if number.kind == "people"]
    if not whole and len(numbers) == 1 and not kin and numbers[0].kind in ("plain", "count"):
        whole = numbers  # just "3", or 我们三个
    pair = any(word in said for word in words["pair"])
    if whole:
        low, high, end = whole[0].low, whole[0].high, whole[0].end
        added = sum(
            count for start, _, count in kin if start >= end and (pair or _after_plus(said, start, end, words["plus"]))
        )
        return _value(None if low is None else low + added, None if high is None else high + added)
    couples = [word for word in words["couples"] if word in said]
    total = sum(count for _, _, count in kin) + 2 * len(couples)
    if pair:
        return str(2 + total)
    if not total:
        return None
    return str(total + (1 if any(word in said for word in words["speaker"]) else 0))


def _after_plus(said: str, start: int, end: int, plus: Iterable[str]) -> bool:
    return any(word in said[end:start] for word in plus)


def _kin(ruleset: RuleSet, group: str, said: str, numbers: list[Number]) -> Iterator[tuple[int, bool, int]]:
    """Each person word with how many there are: (place, whether a number was said, count). Denied ones are left out."""
    words = ruleset.wording["counting"]
    couples = words[group].get("couples", ())
    negations = ruleset.wording["answers"]["negations"]
    table = {word: "kin" for word in words[group]["kin"]} | {word: "couple" for word in couples}
    once: set[str] = set()
    for start, end, meaning in _longest(said, table):
        if meaning == "couple" or _negated(said, start, negations):
            continue
        number = next(
            (
                each
                for each in numbers
                if each.end == start and each.value is not None and each.kind in ("count", "plain", "people")
            ),
            None,
        )
        if number is not None and number.value is not None:
            yield start, True, int(number.value)
        elif said[start:end] not in once:  # 娃儿, 娃儿生病了: one child
            yield start, False, 1
        once.add(said[start:end])


def _persons_named(ruleset: RuleSet, group: str, said: str) -> Any:
    """How many of one kind were named: two, at least one when no number was said, none when it was denied."""
    words = ruleset.wording["counting"][group]
    if any(word in said for word in words.get("none", ())):
        return "0"
    kin = list(_kin(ruleset, group, said, find_numbers(said)))
    couples = sum(2 for word in words.get("couples", ()) if word in said)
    if not kin and not couples:
        return None
    total = couples + sum(count for _, _, count in kin)
    exact = couples > 0 or all(numbered for _, numbered, _ in kin)
    return str(total) if exact else {"from": str(total), "to": None}
