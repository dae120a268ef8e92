"""The dated table of working days: what kind of day each day is, and which notice says so."""
from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from actions.language.files import ConfigError, load_yaml, nearest

FOLDER = Path(__file__).resolve().parents[2] / "config" / "calendar"
KINDS = ("work", "rest", "holiday", "makeup")
COLUMNS = ["date", "kind", "name", "source_document", "published_on"]
WORKED = ("work", "makeup")
WORDS = ("start", "start_now", "working_day", "makeup_day", "holiday", "rest_day", "calendar_day", "hour_day",
         "office_day", "office_closed", "paused", "extended", "not_paused", "provisional_work", "provisional_rest")


@dataclass(frozen=True)
class Day:
    """One day: `kind` is work, rest, holiday, makeup or provisional; `worked` says whether offices are open."""

    date: date
    kind: str
    name: str
    source_document: str
    worked: bool


class Calendar:
    """The published years, and Monday to Friday for the rest."""

    def __init__(self, days: Mapping[date, Day], words: Mapping[str, str]) -> None:
        self._days = dict(days)
        self.words = dict(words)
        self.years = tuple(sorted({day.year for day in self._days}))
        lines = "\n".join(f"{day.date} {day.worked}" for _, day in sorted(self._days.items()))
        self.digest = hashlib.sha256(lines.encode()).hexdigest()[:12]  # other days off, other deadlines

    @property
    def version(self) -> str:
        """Which years are known, for records that must be recomputed when a year is added."""
        return f"cn-{self.years[0]}-{self.years[-1]}" if self.years else "cn-none"

    def day(self, when: date) -> Day:
        """The day; of an unpublished year it is provisional and worked from Monday to Friday."""
        known = self._days.get(when)
        return known or Day(when, "provisional", "", "", when.weekday() < 5)

    def is_working_day(self, when: date) -> bool:
        """Whether offices are open on that day, as far as it is known."""
        return self.day(when).worked


def _read_year(path: Path) -> dict[date, Day]:
    days: dict[date, Day] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        if next(rows, None) != COLUMNS:
            raise ConfigError(path, 1, "the columns are not those of a day table", "begin with " + ",".join(COLUMNS))
        for line, row in enumerate(rows, start=2):
            try:
                when, (kind, name, document, published) = date.fromisoformat(row[0]), row[1:]
                date.fromisoformat(published)
            except (ValueError, IndexError):
                raise ConfigError(path, line, f"not a day: {','.join(row)!r}", "write " + ",".join(COLUMNS)) from None
            if kind not in KINDS:
                raise ConfigError(path, line, f"unknown kind {kind!r}", nearest(kind, KINDS))
            if when in days:
                raise ConfigError(path, line, f"{when} stands here twice", "keep one of the two lines")
            if str(when.year) != path.stem:
                raise ConfigError(path, line, f"{when} is not a day of {path.stem}", "move it to its year's file")
            days[when] = Day(when, kind, name, document, kind in WORKED)
    when = date(int(path.stem), 1, 1)
    while str(when.year) == path.stem:
        if when not in days:
            raise ConfigError(path, None, f"{when} is missing", "a year's table holds every day of the year")
        when += timedelta(days=1)
    return days


@lru_cache(maxsize=8)
def load_calendar(folder: Path = FOLDER) -> Calendar:
    """Every `<year>.csv` of the folder and the words of `words.yaml`. Raises ConfigError with file and line."""
    days: dict[date, Day] = {}
    for path in sorted(folder.glob("*.csv")):
        if not path.stem.isdigit():
            raise ConfigError(path, None, "the file is not named after a year", "name it like 2026.csv")
        days.update(_read_year(path))
    words_path = folder / "words.yaml"
    words = load_yaml(words_path)
    for word in WORDS:
        if word not in words:
            raise ConfigError(words_path, None, f"the wording {word!r} is missing", f"add {word}: …")
    return Calendar(days, {str(key): str(value) for key, value in words.items()})
