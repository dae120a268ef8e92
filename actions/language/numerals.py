"""Finds numbers as people say them: digits, Chinese numerals, bands such as 2000-3000 and open ends."""
from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from actions.language.data import FOLDER, one_of, words
from actions.language.files import ConfigError, line_of

ABOUT = (Decimal("0.8"), Decimal("1.2"))  # how far "about" reaches
LONGEST = 24  # characters of one spoken number; longer runs are serial numbers, not amounts
KEYS = ("digits", "units", "letters", "several", "half", "half_of", "more", "about", "at_most", "at_least", "between",
        "kinds", "not_numbers")


@dataclass(frozen=True)
class Number:
    """A number heard: `value` if exact, else the band from `low` to `high` (None = open on that side).

    `kind` is plain, money, people, age, years, months, days, hours, grade, month, day_of_month, count or percent.
    `start` and `end` hold the number with its unit and its "about", in the text that was given.
    """

    value: Decimal | None
    low: Decimal | None
    high: Decimal | None
    start: int
    end: int
    heard: str
    kind: str


@dataclass(frozen=True)
class _Words:
    digits: dict[str, int]
    units: dict[str, int]
    letters: dict[str, int]
    several: str
    half: str
    between: frozenset[str]
    kinds: dict[str, str]
    kind: re.Pattern[str]
    limit: re.Pattern[str]
    big: frozenset[str]
    number: re.Pattern[str]
    lookalike: re.Pattern[str]
    about: str


@lru_cache(maxsize=1)
def _words() -> _Words:
    path, data = FOLDER / "numerals.yaml", words("numerals")
    for key in KEYS:
        if key not in data:
            raise ConfigError(path, line_of(data), f"key {key!r} is missing", f"add {key}: …")
    digits = {str(key): int(value) for key, value in data["digits"].items()}
    units = {str(key): int(value) for key, value in data["units"].items()}
    letters = {str(key): int(value) for key, value in data["letters"].items()}
    several, half = str(data["several"]), str(data["half"])
    kinds = {str(word): str(kind) for kind, entries in data["kinds"].items() for word in entries}
    spoken = "".join([*digits, *units, several])
    about, big = "".join(map(str, data["about"])), "".join(units)
    more = "".join(map(str, data["more"])) + about
    ends = "".join(letters)
    half_of = one_of(data["half_of"])
    # An Arabic number may be followed by units (3万, 1.5万, 3千5); a spoken one is a run of numeral characters.
    number = re.compile(
        rf"(?P<arabic>\d{{1,3}}(?:,\d{{3}})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?)(?P<scale>[{ends}](?![a-z])|[{big}]{{0,2}})"
        rf"(?P<tail>(?:(?<=[{big}])\d)?)(?P<more1>[{more}]?)(?P<late1>[{big}]?)"
        rf"|(?P<spoken>[{spoken}]+)(?P<more2>[{more}]?)(?P<late2>[{big}]?)"
        rf"|{half}(?={half_of})"
    )
    return _Words(
        digits, units, letters, several, half, frozenset(map(str, data["between"])), kinds,
        re.compile(one_of(kinds)),
        re.compile(f"(?:(?P<most>{one_of(data['at_most'])})|(?P<least>{one_of(data['at_least'])}))$"),
        frozenset([*units, *letters]), number,
        re.compile(rf"(?<![\d{spoken}])" + one_of(data["not_numbers"])), about,
    )


def _plain(text: str, known: _Words) -> Decimal | None:
    """The value of a spoken number without 'several': 三百二十, 一万二, 二〇二四. None when it is not one."""
    if all(character in known.digits for character in text):
        return Decimal("".join(str(known.digits[character]) for character in text))
    total = section = Decimal(0)
    digit: Decimal | None = None
    last_unit = 0
    for character in text:
        if character in known.digits:
            if digit is not None and digit != 0:
                return None  # two digits side by side inside a number with units
            digit = Decimal(known.digits[character])
            continue
        unit = known.units[character]
        if unit >= 10_000:
            section += digit or 0
            total = (total + section if section or total else Decimal(1)) * unit
            section = Decimal(0)
        else:
            section += (Decimal(1) if digit is None or digit == 0 else digit) * unit
        digit, last_unit = None, unit
    if digit is not None:
        spoken_short = last_unit >= 100 and len(text) > 1 and text[-2] in known.units
        section += digit * (last_unit // 10) if spoken_short else digit
    return total + section


def _band(text: str, known: _Words) -> tuple[Decimal, Decimal] | None:
    """Low and high of a spoken number: 两三千, 十七八, 几百, 十几; equal for an exact one. None when it is none."""
    if len(text) > LONGEST:
        return None
    if known.several in text:
        place = text.index(known.several)
        if text.count(known.several) > 1:
            return None
        after_ten = place > 0 and text[place - 1] in known.units
        lowest, highest = ("1" if after_ten else "2"), "9"
        by_value = {str(value): word for word, value in reversed(list(known.digits.items()))}
        low = _plain(text.replace(known.several, by_value[lowest]), known)
        high = _plain(text.replace(known.several, by_value[highest]), known)
        return None if low is None or high is None else (low, high)
    pairs = [place for place in range(len(text) - 1)
             if known.digits.get(text[place], 0) and known.digits.get(text[place + 1], 0)]
    digits_only = all(character in known.digits for character in text)
    if len(pairs) == 1 and (len(text) == 2 or not digits_only):
        place = pairs[0]
        first, second = known.digits[text[place]], known.digits[text[place + 1]]
        if first < second:
            low = _plain(text[:place + 1] + text[place + 2:], known)
            high = _plain(text[:place] + text[place + 1:], known)
            if low is not None and high is not None and low < high:
                return low, high
    value = _plain(text, known)
    return None if value is None else (value, value)


def _arabic(found: re.Match[str], known: _Words) -> tuple[Decimal, Decimal] | None:
    digits = found["arabic"].replace(",", "")
    if len(digits) > LONGEST:
        return None
    value, scale = Decimal(digits), 1
    for character in found["scale"] or "":
        scale *= known.units.get(character) or known.letters[character]
    value *= scale
    if found["tail"]:  # 3千5 is 3500
        value += Decimal(found["tail"]) * (scale // 10)
    return value, value


def _read(found: re.Match[str], known: _Words) -> tuple[Decimal, Decimal] | None:
    """Low and high, with what "a little more" and "about" add."""
    if found["arabic"]:
        band, more, late = _arabic(found, known), found["more1"], found["late1"]
    elif found["spoken"]:
        band, more, late = _band(found["spoken"], known), found["more2"], found["late2"]
    else:
        return Decimal("0.5"), Decimal("0.5")
    if band is None:
        return None
    scale = known.units[late] if late else 1
    low, high = band[0] * scale, band[1] * scale
    if more and more in known.about:
        return low * ABOUT[0], high * ABOUT[1]
    return low, high + (_last_place(high) if more else 0)


def _last_place(value: Decimal) -> Decimal:
    """The unit of the last digit that was said: 1000 of 3000, 10 of 120."""
    digits = value.normalize().as_tuple()
    return Decimal(1).scaleb(int(digits.exponent)) if value else Decimal(0)


def _kind(text: str, end: int, known: _Words) -> tuple[str, int]:
    found = known.kind.match(text, end)
    return (known.kinds[found.group()], found.end()) if found else ("plain", end)


def _tidy(value: Decimal) -> Decimal:
    whole = value.to_integral_value()
    return whole if whole == value else value.normalize()


def find_numbers(text: str) -> list[Number]:
    """Every number in a normalised text, in order. Never raises; linear in the length of the text.

    两三千 is the band 2000-3000, 一万多 is 10000-20000, 万把块 is 8000-12000, 不到一千 is open below up to 1000,
    几百 is 200-900, 2000到3000 is one band. An exact number has value == low == high.
    """
    known = _words()
    blanked = known.lookalike.sub(lambda found: " " * len(found.group()), text)
    numbers: list[Number] = []
    bare: list[tuple[int, int, bool]] = []  # where the digits stood, and whether a unit of ten or more was in them
    for found in known.number.finditer(blanked):
        read = _read(found, known)
        if read is None:
            continue
        low, high = _tidy(read[0]), _tidy(read[1])
        start, (kind, end) = found.start(), _kind(text, found.end(), known)
        scaled = not known.big.isdisjoint(found.group())
        joined = _joined(text, numbers, bare, start, low, kind, scaled, known)
        if joined:
            previous = numbers.pop()
            bare.pop()
            first = previous.low if joined == 1 else (previous.low or Decimal(0)) * joined
            numbers.append(Number(None, first, high, previous.start, end, text[previous.start:end], kind))
            bare.append((previous.start, found.end(), scaled))
            continue
        bottom: Decimal | None = low
        top: Decimal | None = high
        limit = known.limit.search(text[max(0, start - 3):start])
        if limit and limit["most"]:
            bottom, top, start = None, high, start - len(limit["most"])
        elif limit and (len(limit["least"]) > 1 or low >= 100):
            top, start = None, start - len(limit["least"])
        exact = bottom if bottom is not None and bottom == top else None
        numbers.append(Number(exact, bottom, top, start, end, text[start:end], kind))
        bare.append((found.start(), found.end(), scaled))
    return numbers


def _joined(text: str, numbers: list[Number], bare: list[tuple[int, int, bool]], start: int, low: Decimal,
            kind: str, scaled: bool, known: _Words) -> int:
    """Whether the number at `start` closes a band that the last one opened: 0 no, else what to multiply that by."""
    if not numbers or numbers[-1].value is None or kind in ("month", "day_of_month"):
        return 0
    last = numbers[-1]
    if text[last.end:start] not in known.between or last.kind not in ("plain", kind):
        return 0
    value = last.value or Decimal(0)
    if scaled and not bare[-1][2] and value < 10:  # 两到三千: both are thousands
        scale = max((unit for unit in known.units.values() if unit <= low), default=1)
        if 0 < value * scale < low:
            return scale
    return 1 if value < low else 0
