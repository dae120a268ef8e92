"""Finds identity numbers, bank cards and phones in free text and hides what nobody asked for."""
from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from actions.language.data import words

SEPARATORS = frozenset(" -_.\u00a0\u00b7\u2010\u2011\u2012\u2013\u2014\u2212\u3000\uff0d\t\u200b\u200c\u200d\ufeff")
LONGEST_GAP = 3
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS = "10X98765432"
OLDEST_YEAR = 1880
MOBILE = re.compile(r"(?:(?:00)?86)?(1[3-9]\d{9})")
LANDLINE = re.compile(r"(0(?:10|2\d|[3-9]\d\d))(\d{7,8})")


@dataclass(frozen=True)
class Masked:
    """`text` is safe to store; `found` names what was hidden, in order: "identity", "card"."""

    text: str
    found: tuple[str, ...]


@dataclass(frozen=True)
class Phone:
    """A phone number in a text: its digits (landline with area code) and where it stood."""

    number: str
    start: int
    end: int


@dataclass(frozen=True)
class _Group:
    """Digits that touch each other; an X may close an identity number."""

    digits: str
    start: int
    end: int


@lru_cache(maxsize=1)
def _spoken() -> dict[str, str]:
    return {str(key): str(value) for key, value in words("identity")["spoken_digits"].items()}


@lru_cache(maxsize=1)
def _provinces() -> frozenset[str]:
    return frozenset(str(code) for code in words("identity")["provinces"])


@lru_cache(maxsize=1)
def _beginnings() -> tuple[str, ...]:
    return tuple(str(start) for start in words("identity")["card_beginnings"])


def _digit(character: str, spoken: dict[str, str]) -> str:
    if "0" <= character <= "9":
        return character
    if character in spoken:
        return spoken[character]
    value = unicodedata.decimal(character, None)
    return "" if value is None else str(value)


def _runs(text: str, spoken: dict[str, str]) -> list[list[_Group]]:
    """Runs of digit groups that only separators part; a long gap, a line break or a word ends a run."""
    runs: list[list[_Group]] = []
    position, length, last_end = 0, len(text), -1
    while position < length:
        digit = _digit(text[position], spoken)
        if not digit:
            position += 1
            continue
        start, digits = position, []
        while position < length and (digit := _digit(text[position], spoken)):
            digits.append(digit)
            position += 1
        if len(digits) <= 17 and position < length and text[position] in "xX\uff38\uff58":
            digits.append("X")
            position += 1
        group = _Group("".join(digits), start, position)
        gap = text[last_end:start] if last_end >= 0 else ""
        near = last_end >= 0 and len(gap) <= LONGEST_GAP and all(character in SEPARATORS for character in gap)
        if near and not runs[-1][-1].digits.endswith("X"):
            runs[-1].append(group)
        else:
            runs.append([group])
        last_end = position
    return runs


def _born(year: str, month: str, day: str) -> bool:
    try:
        return OLDEST_YEAR <= date(int(year), int(month), int(day)).year < 2100
    except ValueError:
        return False


def tidy_identity(typed: str) -> str:
    """An identity number as people type it, without spaces, its check letter large."""
    return "".join(typed.split()).upper()


def is_identity_number(number: str) -> bool:
    """Whether this is a resident identity number: 18 places with check digit, or 15 of the first generation."""
    if not number.isascii() or not number[:-1].isdigit() or number[:2] not in _provinces():
        return False
    if len(number) == 15 and number.isdigit():
        return _born("19" + number[6:8], number[8:10], number[10:12])
    if len(number) != 18 or not _born(number[6:10], number[10:12], number[12:14]):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, number[:17], strict=True))
    return CHECK_DIGITS[total % 11] == number[17].upper()


def is_card_number(number: str) -> bool:
    """Whether this is a bank card number: 16-19 digits, a known beginning, the Luhn digit right."""
    if not (16 <= len(number) <= 19 and number.isascii() and number.isdigit() and number.startswith(_beginnings())):
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _labels(text: str, start: int) -> frozenset[str]:
    """What the words right before a number call it."""
    before = text[max(0, start - 12):start]
    labels = words("identity")["labels"]
    return frozenset(kind for kind in ("identity", "card") if any(str(label) in before for label in labels[kind]))


def _kind(number: str, labels: frozenset[str], groups: int) -> str | None:
    if len(number) == 18 and is_identity_number(number):
        return "identity"
    if len(number) == 15 and groups in (1, 3) and is_identity_number(number):
        return "identity"
    if is_card_number(number):
        return "card"
    if len(number) in (15, 17, 18, 19) and number[:2] in _provinces() and "identity" in labels:
        return "identity"
    if 16 <= len(number) <= 19 and number.isdigit() and "card" in labels:
        return "card"
    return None


def _mask(number: str, kind: str) -> str:
    if kind == "identity":
        return number[:3] + "*" * (len(number) - 7) + number[-4:]
    return "*" * (len(number) - 4) + number[-4:]


def _plausible(run: list[_Group], first: int, labels: frozenset[str]) -> bool:
    """Whether a number that begins at this group is worth a closer look: its first two digits, or a label."""
    start = run[first].digits if len(run[first].digits) > 1 or first + 1 == len(run) else (
        run[first].digits + run[first + 1].digits)
    return start[:2] in _provinces() or start.startswith(_beginnings()) or bool(labels)


def _sensitive(run: list[_Group], text: str) -> list[tuple[int, int, str, str]]:
    """(start, end, kind, number) of what must be hidden in one run of groups."""
    found: list[tuple[int, int, str, str]] = []
    first = 0
    while first < len(run):
        number, hit = "", None
        labels = _labels(text, run[first].start)
        plausible = _plausible(run, first, labels)
        for last in range(first, len(run) if plausible else first):
            number += run[last].digits
            if len(number) > 19:
                break
            if len(number) >= 15:
                kind = _kind(number, labels, last - first + 1)
                if kind:
                    hit = (last, kind, number)
                    if kind == "identity":
                        break
        if hit:
            found.append((run[first].start, run[hit[0]].end, hit[1], hit[2]))
            first = hit[0] + 1
            continue
        group = run[first]
        if len(group.digits) > 19:  # typed together with a phone or twice without a space
            for offset in range(0, len(group.digits) - 17):
                part = group.digits[offset:offset + 18]
                if (not found or found[-1][1] <= group.start + offset) and is_identity_number(part):
                    found.append((group.start + offset, group.start + offset + 18, "identity", part))
        first += 1
    return found


def mask_identity(text: str) -> Masked:
    """Replaces identity numbers (500***********1234) and bank cards (last four shown); phones stay.

    Finds digits parted by spaces or dashes, full-width digits and dictated ones. A long number that passes no
    check and bears no label stays: it may be an order or case number. Source: notes/policy.md 4, P5 and P15.
    """
    found: list[tuple[int, int, str, str]] = []
    for run in _runs(text, _spoken()):
        found.extend(_sensitive(run, text))
    if not found:
        return Masked(text, ())
    pieces, position = [], 0
    for start, end, kind, number in found:
        pieces += [text[position:start], _mask(number, kind)]
        position = end
    pieces.append(text[position:])
    return Masked("".join(pieces), tuple(kind for _, _, kind, _ in found))


def find_phones(text: str) -> tuple[Phone, ...]:
    """Every mobile (11 digits, +86 allowed) and landline with area code, also in groups with spaces or dashes."""
    phones: list[Phone] = []
    for run in _runs(text, {}):
        first = 0
        while first < len(run):
            number, step = "", 1
            for last in range(first, len(run)):
                number += run[last].digits
                if len(number) > 15:
                    break
                mobile, landline = MOBILE.fullmatch(number), LANDLINE.fullmatch(number)
                if mobile or landline:
                    digits = mobile.group(1) if mobile else number
                    phones.append(Phone(digits, run[first].start, run[last].end))
                    step = last - first + 1
                    break
            first += step
    return tuple(phones)


def find_phone(text: str) -> str | None:
    """The digits of the first phone number in the text, or None."""
    phones = find_phones(text)
    return phones[0].number if phones else None


def mask_phone(number: str) -> str:
    """138****5678; a number too short for head and tail shows nothing."""
    digits = "".join(_digit(character, {}) for character in number)
    if len(digits) < 8:
        return "*" * len(digits)
    return digits[:3] + "****" + digits[-4:]


def mask_name(name: str) -> str:
    """The family name and one star, however long the name."""
    name = name.strip()
    if not name:
        return ""
    doubles = {str(entry) for entry in words("identity")["double_surnames"]}
    return (name[:2] if name[:2] in doubles and len(name) > 2 else name[0]) + "*"
