"""Finds when something happened: named days, weeks, months, dates; the lunar calendar is left to a person."""
from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from actions.language.data import one_of, words

Span = tuple[date, date, float]  # first day, last day, confidence


@dataclass(frozen=True)
class DateHeard:
    """A day, or the days between which it lies: `first` == `last` when it is one day."""

    first: date
    last: date
    heard: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class _Words:
    named: dict[str, tuple[str, Any]]
    numerals: dict[str, int]
    ten: str
    half: str
    weekdays: dict[str, int]
    units: dict[str, str]
    pattern: re.Pattern[str]


@lru_cache(maxsize=1)
def _words() -> _Words:
    data = words("dates")
    named: dict[str, tuple[str, Any]] = {}
    for group in ("days", "spans", "weeks", "months", "years"):
        for entry in data[group]:
            for word in entry["say"]:
                named[str(word)] = (group, entry)
    numerals = {str(key): int(value) for key, value in data["numerals"].items()}
    ten, half = str(data["ten"]), str(data["half"])
    weekdays = {str(key): int(value) for key, value in data["weekday_names"].items()}
    units = {str(key): str(value) for key, value in data["units_ago"].items()}
    by_group = {group: one_of(word for word, (name, _) in named.items() if name == group)
                for group in ("days", "spans", "weeks", "months", "years")}
    small = rf"(?:\d{{1,2}}|[{''.join(numerals)}{ten}]{{1,3}})"
    year, month, day = str(data["year"]), str(data["month"]), one_of(data["day"])
    month_tail, more, not_day = str(data["month_tail"]), str(data["more"]), "".join(map(str, data["not_a_day"]))
    leads, names = one_of(data["weekday_leads"]), "[" + "".join(weekdays) + "]"
    pattern = re.compile(
        rf"(?P<iso>(?<!\d)(?:19|20)\d\d[-/.]\d{{1,2}}[-/.]\d{{1,2}}(?!\d))"
        rf"|(?P<full>(?:(?<!\d)(?P<fy>(?:19|20)\d\d|\d\d|[{''.join(numerals)}]{{4}}){year}|(?P<fyn>{by_group['years']}))(?P<fm>{small}){month}"
        rf"(?:{month_tail}|(?P<fd>{small}){day}?)?)"
        rf"|(?P<mmonth>{by_group['months']})(?:(?P<md>{small}){day})?"
        rf"|(?P<mday>(?<!\d)(?P<m>{small}){month}(?P<d>{small}){day}?)"
        rf"|(?P<span>{by_group['spans']})"
        rf"|(?P<day>{by_group['days']})"
        rf"|(?P<week>{by_group['weeks']})(?P<wd>{names})?"
        rf"|(?P<weekday>{leads}(?P<wn>{names}))"
        rf"|(?P<ago>(?<!\d)(?P<an>{small}|{half})(?P<au>{one_of(units)})(?P<ah>{half})?{more}?{one_of(data['ago'])})"
        rf"|(?P<year>{by_group['years']})"
        rf"|(?P<named_year>(?<!\d)(?P<ny>(?:19|20)\d\d|[{''.join(numerals)}]{{4}}){year})"
        rf"|(?P<dom>(?<![\d:.{month}])(?P<dn>\d{{1,2}}){str(data['day'][1])}(?![{not_day}]))"
    )
    return _Words(named, numerals, ten, half, weekdays, units, pattern)


def _small(text: str, known: _Words) -> int | None:
    """A number from 0 to 99 in digits or Chinese numerals."""
    if text.isascii():
        return int(text) if text.isdigit() else None
    if known.ten in text:
        tens, _, ones = text.partition(known.ten)
        if len(tens) > 1 or len(ones) > 1 or known.ten in ones:
            return None
        return (known.numerals.get(tens, 1) if tens else 1) * 10 + (known.numerals.get(ones, 0) if ones else 0)
    return known.numerals.get(text) if len(text) == 1 else None


def _year(text: str, known: _Words) -> int:
    """A year in digits or in numerals read one by one (二〇一五)."""
    return int("".join(str(known.numerals.get(character, character)) for character in text))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month(year: int, month: int) -> tuple[date, date] | None:
    if not 1 <= month <= 12 or not 1900 <= year <= 2200:
        return None
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def _months_back(today: date, months: int) -> tuple[int, int]:
    place = today.year * 12 + today.month - 1 - months
    return place // 12, place % 12 + 1


def _read_ago(found: re.Match[str], today: date, known: _Words) -> Span | None:
    half = known.half in (found["an"], found["ah"])
    count = 0 if found["an"] == known.half else _small(found["an"], known)
    if count is None:
        return None
    amount = count + (0.5 if half else 0)
    unit = known.units[found["au"]]
    length = {"day": 1.0, "week": 7.0, "month": 30.44, "year": 365.25}[unit]
    slack = {"day": 0, "week": 3, "month": 15, "year": 60 if half else 183}[unit]
    middle = round(amount * length)
    first, last = today - timedelta(days=middle + slack), today - timedelta(days=max(middle - slack, 1))
    return first, last, {"day": 0.9, "week": 0.7, "month": 0.6, "year": 0.5}[unit]


def _read_full(found: re.Match[str], today: date, known: _Words) -> Span | None:
    if found["fy"]:
        year = _year(found["fy"], known)
        year += 2000 if year < 100 else 0
    else:
        year = today.year - int(known.named[found["fyn"]][1]["years_ago"])
    month = _small(found["fm"], known)
    if month is None:
        return None
    if found["fd"]:
        day = _day(year, month, _small(found["fd"], known) or 0)
        return (day, day, 0.97) if day else None
    span = _month(year, month)
    return (*span, 0.7) if span else None


def _read_month_day(month: int | None, day: int | None, today: date) -> Span | None:
    """A date without a year is the latest such day that is not in the future."""
    if not month or not day:
        return None
    for year in (today.year, today.year - 1, today.year - 2, today.year - 3, today.year - 4):
        when = _day(year, month, day)
        if when and when <= today:
            return when, when, 0.9
    return None


def _one_day(when: date | None, confidence: float) -> Span | None:
    return (when, when, confidence) if when else None


def _read_iso(found: re.Match[str], today: date, known: _Words) -> Span | None:
    year, month, day = (int(part) for part in re.split(r"[-/.]", found["iso"]))
    return _one_day(_day(year, month, day), 0.98)


def _read_named_month(found: re.Match[str], today: date, known: _Words) -> Span | None:
    year, month = _months_back(today, int(known.named[found["mmonth"]][1]["months_ago"]))
    if found["md"]:
        return _one_day(_day(year, month, _small(found["md"], known) or 0), 0.95)
    span = _month(year, month)
    return (span[0], min(span[1], today), 0.7) if span else None


def _read_span(found: re.Match[str], today: date, known: _Words) -> Span | None:
    entry = known.named[found["span"]][1]
    first = today - timedelta(days=int(entry["from_days_ago"]))
    return first, today - timedelta(days=int(entry["to_days_ago"])), float(entry["confidence"])


def _read_named_day(found: re.Match[str], today: date, known: _Words) -> Span | None:
    entry = known.named[found["day"]][1]
    return _one_day(today - timedelta(days=int(entry["days_ago"])), float(entry["confidence"]))


def _read_week(found: re.Match[str], today: date, known: _Words) -> Span | None:
    monday = today - timedelta(days=today.weekday() + 7 * int(known.named[found["week"]][1]["weeks_ago"]))
    if found["wd"]:
        return _one_day(monday + timedelta(days=known.weekdays[found["wd"]]), 0.9)
    return monday, min(monday + timedelta(days=6), today), 0.7


def _read_weekday(found: re.Match[str], today: date, known: _Words) -> Span | None:
    return _one_day(today - timedelta(days=(today.weekday() - known.weekdays[found["wn"]]) % 7), 0.7)


def _read_year(found: re.Match[str], today: date, known: _Words) -> Span | None:
    year = today.year - int(known.named[found["year"]][1]["years_ago"])
    return date(year, 1, 1), min(date(year, 12, 31), today), 0.4


def _read_named_year(found: re.Match[str], today: date, known: _Words) -> Span | None:
    year = _year(found["ny"], known)
    return (date(year, 1, 1), min(date(year, 12, 31), today), 0.4) if 1900 <= year <= today.year else None


def _read_day_of_month(found: re.Match[str], today: date, known: _Words) -> Span | None:
    """The latest such day of the last three months."""
    for months in range(3):
        when = _day(*_months_back(today, months), int(found["dn"]))
        if when and when <= today:
            return when, when, 0.6
    return None


def _read_date(found: re.Match[str], today: date, known: _Words) -> Span | None:
    return _read_month_day(_small(found["m"], known), _small(found["d"], known), today)


READERS: dict[str, Callable[[re.Match[str], date, _Words], Span | None]] = {
    "iso": _read_iso, "full": _read_full, "mmonth": _read_named_month, "mday": _read_date, "span": _read_span,
    "day": _read_named_day, "week": _read_week, "weekday": _read_weekday, "ago": _read_ago, "year": _read_year,
    "named_year": _read_named_year, "dom": _read_day_of_month,
}


def find_dates(text: str, today: date) -> list[DateHeard]:
    """Every day or stretch of days named in a normalised text, seen from `today`. Never raises; linear."""
    known = _words()
    dates: list[DateHeard] = []
    for found in known.pattern.finditer(text):
        try:
            read = next(reader(found, today, known) for name, reader in READERS.items() if found[name])
        except (OverflowError, ValueError):  # a day before year 1
            continue
        if read and read[0] <= read[1]:
            dates.append(DateHeard(read[0], read[1], found.group(), found.start(), found.end(), read[2]))
    return dates
