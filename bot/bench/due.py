"""bench due: every deadline of 2021–2026 against the notices of the State Council, beside what others compute."""

from __future__ import annotations

import time as stopwatch
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from actions.due.calendar import load_calendar
from actions.due.clock import SHANGHAI, due
from actions.due.rules import load_rules
from actions.language.files import load_yaml
from bot.bench.figures import quantile
from bot.bench.report import Report, target
from bot.settings import PROJECT, Settings

NOTICES = PROJECT / "tests" / "due" / "notices"
SPANS = (5, 10, 20, 25)
RECEIVED = time(10)
WEEKDAYS, MINUS_HOLIDAYS = "weekdays only", "weekdays minus holidays"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Notices:
    """Days off and weekend days worked, as the yearly notices name them; `last` is the last day they speak of."""

    off: frozenset[date]
    worked: frozenset[date]
    first: date
    last: date

    def days(self) -> Iterator[date]:
        """Every day of the published years."""
        day = self.first
        while day <= self.last:
            yield day
            day += timedelta(days=1)

    def works(self, day: date) -> bool:
        """Whether offices are open on that day."""
        return day in self.worked or (day.weekday() < 5 and day not in self.off)


def read_notices(folder: Path = NOTICES) -> Notices:
    """The notices written down by hand, `<year>.yaml`: they know nothing of the day tables of config/calendar."""
    off: set[date] = set()
    worked: set[date] = set()
    years = sorted(int(path.stem) for path in folder.glob("*.yaml"))
    for year in years:
        for festival in load_yaml(folder / f"{year}.yaml")["festivals"]:
            first, last = (date.fromisoformat(str(day)) for day in festival["off"])
            off |= {first + timedelta(days=n) for n in range((last - first).days + 1)}
            worked |= {date.fromisoformat(str(day)) for day in festival["worked"]}
    return Notices(frozenset(off), frozenset(worked), date(years[0], 1, 1), date(years[-1], 12, 31))


class Ruler:
    """The n-th day after another one on a list of days: another way to count than the one it is to check."""

    def __init__(self, days: list[date]) -> None:
        self._days = days

    def after(self, day: date, count: int) -> date | None:
        """The `count`-th listed day after `day`; None beyond the list."""
        place = bisect_right(self._days, day) + count - 1
        return self._days[place] if place < len(self._days) else None


def bench_due(settings: Settings, tell: Tell) -> Report:
    """Every start day of the published years, every span."""
    notices = read_notices()
    calendar, rules = load_calendar(settings.config / "calendar"), load_rules(settings.config / "service_levels")
    days = list(notices.days())
    truth = Ruler([day for day in days if notices.works(day)])
    beyond = [notices.last + timedelta(days=n) for n in range(1, 366)]  # a rival does not know where its years end
    rivals = {
        WEEKDAYS: Ruler([day for day in days + beyond if day.weekday() < 5]),
        MINUS_HOLIDAYS: Ruler([day for day in days + beyond if day.weekday() < 5 and day not in notices.off]),
    }
    report = Report.begin("due", len(days) * len(SPANS))
    times, provisional, later = [], 0, 0
    right_of = {name: dict.fromkeys(SPANS, 0) for name in ("ours", *rivals)}
    known = dict.fromkeys(SPANS, 0)
    for span in SPANS:
        tell(f"{span} working days")
        rule = rules.find(f"working_days:{span}")
        for day in days:
            start, begin = datetime.combine(day, RECEIVED, SHANGHAI), stopwatch.thread_time()
            found = due(rule, start, calendar)
            times.append((stopwatch.thread_time() - begin) * 1e6)
            expected = truth.after(day, span)
            if expected is None:
                later, provisional = later + 1, provisional + found.provisional
                continue
            known[span] += 1
            right_of["ours"][span] += found.due.date() == expected and not found.provisional
            for name, ruler in rivals.items():
                right_of[name][span] += ruler.after(day, span) == expected
    shares = {name: {f"right_{span}": right[span] / known[span] for span in SPANS}
              for name, right in right_of.items()}
    report.ours = {**shares["ours"], "provisional_marked": provisional / later if later else None,
                   "ends_known": sum(known.values()), "ends_later": later, "deadline_us_p50": quantile(times, 0.5),
                   "deadline_us_p95": quantile(times, 0.95)}
    for name in rivals:
        report.rivals[name] = dict(shares[name])
    report.targets = [
        *(target(f"{span} working days: right", shares["ours"][f"right_{span}"], ">=", 1) for span in SPANS),
        target("later than the last notice: marked provisional", report.ours["provisional_marked"], ">=", 1),
    ]
    report.notes = [
        "Expected: the notices written down by hand in tests/due/notices, counted by place in a list; the day tables "
        "of config/calendar, which our deadlines come from, are not asked.",
        "Starts on every day from the first published year to the last; spans that end after the last notice must be "
        "marked provisional, and no rival is held against them.",
        "Weekdays only is what Chatwoot counts, weekdays minus holidays what Zammad, Frappe Helpdesk, LibreDesk and "
        "FixMyStreet count (notes on hotlines, read in their code).",
    ]
    return report
