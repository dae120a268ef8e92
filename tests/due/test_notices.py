"""The day tables are the notices of the State Council, one golden file per notice; and every deadline follows them."""
from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
import pytest

from actions.due.calendar import load_calendar
from actions.language.files import load_yaml
from bot.bench.due import NOTICES, Ruler, bench_due, read_notices
from bot.settings import load_settings

CALENDAR, TRUTH = load_calendar(), read_notices()
YEARS = sorted(int(path.stem) for path in NOTICES.glob("*.yaml"))


def test_every_published_year_has_its_golden_file() -> None:
    assert tuple(YEARS) == CALENDAR.years


@pytest.mark.parametrize("year", YEARS)
def test_each_day_is_what_the_notice_says(year: int) -> None:
    for day in (day for day in TRUTH.days() if day.year == year):
        found = CALENDAR.day(day)
        expected = "makeup" if day in TRUTH.worked else "holiday" if day in TRUTH.off else "work" if day.weekday() < 5 else "rest"
        assert found.kind == expected, day
        assert CALENDAR.is_working_day(day) is (expected in ("work", "makeup"))


@pytest.mark.parametrize("year", YEARS)
def test_each_festival_has_its_name_and_its_notice(year: int) -> None:
    notice = load_yaml(NOTICES / f"{year}.yaml")
    for festival in notice["festivals"]:
        first, last = (date.fromisoformat(str(day)) for day in festival["off"])
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        for day in [*days, *(date.fromisoformat(str(day)) for day in festival["worked"])]:
            found = CALENDAR.day(day)
            assert found.name in festival["names"] and found.source_document == notice["document"], day


def test_a_second_opinion_agrees_on_every_day() -> None:
    """The library knows the same notices; where it and the hand-written files differed, one of them would be wrong."""
    assert [day for day in TRUTH.days() if chinese_calendar.is_workday(day) is not TRUTH.works(day)] == []


def test_the_counting_of_the_measurement_is_right_by_hand() -> None:
    ruler = Ruler([day for day in TRUTH.days() if TRUTH.works(day)])
    assert ruler.after(date(2026, 9, 18), 10) == date(2026, 10, 9)  # over the Sunday worked and National Day
    assert ruler.after(date(2026, 2, 13), 5) == date(2026, 2, 27)
    assert ruler.after(date(2026, 12, 24), 5) == date(2026, 12, 31) and ruler.after(date(2026, 12, 24), 6) is None


def test_every_deadline_of_six_years_is_right_and_every_later_one_provisional() -> None:
    report = bench_due(load_settings({}), lambda text: None)
    assert report.n == 4 * 2191 and report.ours["ends_known"] + report.ours["ends_later"] == report.n
    assert [report.ours[f"right_{span}"] for span in (5, 10, 20, 25)] == [1, 1, 1, 1]
    assert report.ours["provisional_marked"] == 1 and all(one.met for one in report.targets)
    for rival in report.rivals.values():
        assert rival["right_25"] < rival["right_10"] < rival["right_5"] < 0.9
