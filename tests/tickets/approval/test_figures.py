"""Limits and suggested amounts: which row holds, what it comes to, what is said when nobody knows, wrong files."""
from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.access.rules import PERMISSIONS
from actions.language.files import ConfigError
from actions.screening.load import load_ruleset
from actions.tickets.approval.amounts import load_amounts, suggest
from actions.tickets.approval.book import load_book
from actions.tickets.approval.limits import aid_limit_at, limit_at, load_limits
from actions.tickets.approval.rules import load_procedure
from tests.conftest import CONFIG

TODAY, REGION = date(2026, 11, 22), "500000"
UNITS = ("u-longxi", "u-longta")
TYPES = ("temporary_urgent", "temporary_expense", "aid_first")
RULES = load_ruleset()
FOLDER = CONFIG / "tickets"


def limits_of(tmp_path: Path, *rows: str) -> Any:
    path = tmp_path / "limits.yaml"
    path.write_text("limits:\n" + "".join(f"  - {{{row}}}\n" for row in rows) + "aid_first: []\n", "utf-8")
    return load_limits(path, RULES, UNITS, TYPES)


def yuan(limits: Any, unit: str = "u-longxi", type_: str = "temporary_urgent", on: date = TODAY) -> Any:
    return limit_at(limits, RULES, unit=unit, type_=type_, on=on, region=REGION)


SHIPPED = load_book(CONFIG, RULES, UNITS, PERMISSIONS)


class TestShipped:
    def test_nobody_has_confirmed_a_limit_so_a_township_decides_nothing_by_itself(self) -> None:
        limit = SHIPPED.limit("u-longxi", "temporary_urgent", TODAY)
        assert (limit.yuan, limit.confirmed, limit.cite) == (None, False, "law-44-2")
        assert not limit.covers(Decimal("0.01"))

    def test_aid_first_reaches_one_month_of_the_last_published_standard_and_says_so(self) -> None:
        limit = SHIPPED.aid_limit("u-longxi", "temporary_urgent", TODAY)
        assert (limit.yuan, limit.confirmed, limit.provisional, limit.cite) == (Decimal(770), True, True, "opinion-2026")
        assert limit.covers(Decimal("770")) and not limit.covers(Decimal("770.01"))
        before = SHIPPED.aid_limit("u-longxi", "temporary_urgent", date(2026, 6, 30))
        assert (before.yuan, before.provisional) == (Decimal(770), False)
        assert SHIPPED.aid_limit("u-longxi", "temporary_urgent", date(2026, 1, 28)).yuan is None

    def test_rules_of_other_places_are_named_and_never_used(self) -> None:
        assert {sample.place for sample in SHIPPED.limits.elsewhere} >= {"天津市", "湖北省", "山东省"}
        assert not SHIPPED.limit(None, "temporary_expense", TODAY).confirmed

    @pytest.mark.parametrize("register, lines, low, high", [
        ("chongqing_urban", ["subsistence_urban"], 2310, 2310),  # 770 x 3 persons x 1 month
        ("chongqing_rural", ["subsistence_rural"], 1890, 1890),  # 630 x 3
        ("elsewhere", ["subsistence_rural", "subsistence_urban"], 1890, 2310),
        ("unsure", ["subsistence_rural", "subsistence_urban"], 1890, 2310),
        (None, ["subsistence_rural", "subsistence_urban"], 1890, 2310),
    ])
    def test_an_amount_is_worked_out_from_the_dated_standard(self, register: str | None, lines: list[str], low: int,
                                                             high: int) -> None:
        facts = {"household_people": {"value": 3, "how": "heard"}, "household_register": {"value": register}}
        found = SHIPPED.suggestion("temporary_urgent", facts, TODAY)
        assert [line.use.id for line in found.lines] == lines
        assert (found.low, found.high, found.people_known) == (low, high, True)
        assert found.row is not None and found.row.status == "comparator" and found.row.place
        assert all(line.use.status == "pending" and line.use.cite == "cq-std-2025" for line in found.lines)

    @pytest.mark.parametrize("people, counted, known", [
        ({"value": {"from": 4, "to": None}}, (4, 4), True), ({"value": {"from": 2, "to": 3}}, (2, 3), True),
        ({"value": "unsure"}, (1, 1), False), ({}, (1, 1), False), (3, (3, 3), True), ({"value": 0}, (1, 1), False),
        ({"value": {"from": None, "to": None}}, (1, 1), False), ({"value": {"from": 5, "to": 2}}, (1, 1), False),
    ])
    def test_how_many_persons(self, people: Any, counted: tuple[int, int], known: bool) -> None:
        found = SHIPPED.suggestion("temporary_urgent", {"household_people": people}, TODAY)
        assert found.people_known is known and {line.people for line in found.lines} == {counted}

    def test_an_older_case_is_reckoned_with_the_standard_of_its_day(self) -> None:
        facts = {"household_register": {"value": "chongqing_urban"}}
        assert SHIPPED.suggestion("temporary_urgent", facts, date(2024, 10, 1)).high == 750
        unknown = SHIPPED.suggestion("temporary_urgent", facts, date(2020, 1, 1))  # nobody has found that figure
        assert unknown.lines == () and unknown.low is None

    def test_aid_first_is_reckoned_for_the_case_not_for_each_person(self) -> None:
        facts = {"household_people": {"value": 5}, "household_register": {"value": "chongqing_urban"}}
        found = SHIPPED.suggestion("aid_first", facts, TODAY)
        assert (found.low, found.high) == (0, 770) and found.row is not None and found.row.status == "confirmed"

    def test_what_no_row_speaks_about_has_no_suggestion(self) -> None:
        assert SHIPPED.suggestion("housing", {}, TODAY).row is None


class TestWhichRow:
    ALL = 'units: all, types: all, from: "2026-01-01", amount: "1000", status: confirmed, cite: law-44-2'
    TYPE = 'units: all, types: [temporary_expense], from: "2026-01-01", amount: "2000", status: confirmed, cite: law-44-2'
    UNIT = 'units: [u-longxi], types: all, from: "2026-01-01", amount: "3000", status: confirmed, cite: law-44-2'
    BOTH = ('units: [u-longxi], types: [temporary_expense], from: "2026-01-01", amount: "4000", status: confirmed, '
            'cite: law-44-2')

    @pytest.mark.parametrize("unit, type_, expected", [
        ("u-longta", "temporary_urgent", 1000), ("u-longta", "temporary_expense", 2000),
        ("u-longxi", "temporary_urgent", 3000), ("u-longxi", "temporary_expense", 4000)])
    def test_the_most_special_one_wherever_it_stands(self, tmp_path: Path, unit: str, type_: str, expected: int) -> None:
        for rows in ((self.ALL, self.TYPE, self.UNIT, self.BOTH), (self.BOTH, self.UNIT, self.TYPE, self.ALL)):
            assert yuan(limits_of(tmp_path, *rows), unit, type_).yuan == expected

    def test_of_the_day(self, tmp_path: Path) -> None:
        limits = limits_of(
            tmp_path,
            'units: all, types: all, from: "2026-01-01", to: "2026-06-30", amount: "1000", status: confirmed, cite: law-44-2',
            'units: all, types: all, from: "2026-07-01", amount: "500", status: confirmed, cite: law-44-2')
        days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
        assert [yuan(limits, on=day).yuan for day in days] == [None, 1000, 1000, 500]
        assert not yuan(limits, on=days[0]).confirmed

    def test_a_pending_amount_is_shown_and_gives_no_power(self, tmp_path: Path) -> None:
        limit = yuan(limits_of(tmp_path, 'units: all, types: all, from: "2026-01-01", amount: "3000", status: pending, '
                                         'cite: law-44-2'))
        assert limit.yuan == 3000 and not limit.confirmed and not limit.covers(Decimal(1))

    def test_tied_to_a_standard(self, tmp_path: Path) -> None:
        limits = limits_of(tmp_path, 'units: all, types: all, from: "2024-01-01", times: {of: subsistence_urban, count: 4}, '
                                     'status: confirmed, cite: law-44-2')
        assert yuan(limits).yuan == 3080 and yuan(limits).provisional
        assert yuan(limits, on=date(2025, 1, 1)).yuan == 3000 and not yuan(limits, on=date(2025, 1, 1)).provisional


amounts_of_money = st.decimals(0, 20000, places=2)


@given(amounts_of_money, amounts_of_money)
def test_what_covers_a_sum_covers_every_smaller_one(left: Decimal, right: Decimal) -> None:
    limit = SHIPPED.aid_limit("u-longxi", "temporary_urgent", TODAY)
    small, large = sorted((left, right))
    assert limit.covers(small) or not limit.covers(large)


@given(st.integers(1, 30), st.integers(1, 30), st.dates(date(2017, 4, 1), date(2027, 12, 31)))
def test_more_persons_never_mean_less(left: int, right: int, day: date) -> None:
    few, many = (SHIPPED.suggestion("temporary_urgent", {"household_people": {"value": people}}, day)
                 for people in sorted((left, right)))
    assert len(few.lines) == len(many.lines)
    for small, large in zip(few.lines, many.lines, strict=True):
        assert small.low <= small.high and small.high <= large.high
        assert small.low == small.standard * small.people[0] * small.months[0]


ODD = st.sampled_from([None, True, -1, 0, 2, 10**9, "", "三", "2", "unsure", [], {}, {"value": None}, {"value": {"from": 2}},
                       {"from": None, "to": 3}, {"value": {"to": "x"}}])


@given(ODD, ODD)
def test_odd_facts_never_break_the_page(people: Any, register: Any) -> None:
    found = SHIPPED.suggestion("temporary_urgent", {"household_people": people, "household_register": register}, TODAY)
    assert found.low is not None and found.low > 0


@pytest.mark.parametrize("name, old, new, said", [
    ("limits.yaml", "parameter: township_approval_limit", "parameter: township_limit", "did you mean township_approval_limit"),
    ("limits.yaml", "parameter: township_approval_limit", "amount: x, status: confirmed, cite: law-44-2", "no number"),
    ("limits.yaml", "parameter: township_approval_limit", "amount: null, status: confirmed, cite: law-44-2", "no figure"),
    ("limits.yaml", "parameter: township_approval_limit", 'amount: "1"', "no status"),
    ("limits.yaml", "parameter: township_approval_limit", 'amount: "1", status: perhaps, cite: law-44-2', "unknown status"),
    ("limits.yaml", "parameter: township_approval_limit", 'amount: "1", status: pending, cite: law-444', "unknown source"),
    ("limits.yaml", "parameter: township_approval_limit", "parameter: township_approval_limit, status: confirmed", "its own status"),
    ("limits.yaml", ", parameter: township_approval_limit", "", "given 0 times"),
    ("limits.yaml", "units: all, types: all, from: \"2014-05-01\"", "units: [u-nowhere], types: all, from: \"2014-05-01\"", "u-nowhere"),
    ("limits.yaml", "units: all, types: all, from: \"2014-05-01\"", "units: all, types: [temporary], from: \"2014-05-01\"", "unknown type"),
    ("limits.yaml", "from: \"2014-05-01\"", "from: \"2014-05-01\", to: \"2014-04-01\"", "ends before it begins"),
    ("limits.yaml", "count: 1}, status: confirmed", "count: -1}, status: confirmed", "out of range"),
    ("amounts.yaml", "months: {from: 1, to: 1}", "months: {from: 2, to: 1}", "run backwards"),
    ("amounts.yaml", "type: temporary_urgent", "type: temporary", "unknown type"),
    ("amounts.yaml", "subsistence_urban, chongqing_rural", "subsistence_town, chongqing_rural", "subsistence_urban"),
    ("amounts.yaml", "by: {chongqing_urban", "by: {chongqing_city", "chongqing_urban"),
    ("amounts.yaml", "status: confirmed, cite: opinion-2026", "status: confirmed", "cites no source"),
    ("amounts.yaml", "place: 深圳市龙华区, ", "", "names no place"),
    ("amounts.yaml", "per: case", "per: family", "way of reckoning"),
    ("amounts.yaml", "people: household_people", "people: household_peple", "household_people"),
    ("approval.yaml", "attendees_least: 2", "attendees_least: 1", "no meeting"),
    ("approval.yaml", "same_cause: guofa-2014-47-again", "same_cause: guofa-2014-47-agin", "guofa-2014-47-again"),
    ("approval.yaml", "appeal: [law-76]", "appeal: []", "way to contest"),
    ("approval.yaml", "types: [temporary_expense]", "types: [temporary_expence]", "temporary_expense"),
])
def test_a_wrong_file_says_where_and_how_to_mend_it(tmp_path: Path, name: str, old: str, new: str, said: str) -> None:
    path = Path(shutil.copy(FOLDER / name, tmp_path))
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    load = {"limits.yaml": lambda: load_limits(path, RULES, UNITS, TYPES), "amounts.yaml": lambda: load_amounts(path, RULES, TYPES),
            "approval.yaml": lambda: load_procedure(path, RULES, PERMISSIONS)}[name]
    with pytest.raises(ConfigError) as wrong:
        load()
    assert wrong.value.path == path and wrong.value.line and said in str(wrong.value)


def test_two_rows_for_one_day_are_told_apart_or_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="same unit, type and day"):
        limits_of(tmp_path, TestWhichRow.UNIT, TestWhichRow.UNIT.replace("[u-longxi]", "[u-longta, u-longxi]"))
    assert limits_of(tmp_path, TestWhichRow.UNIT, TestWhichRow.UNIT.replace("[u-longxi]", "[u-longta]"))
    assert aid_limit_at(limits_of(tmp_path, TestWhichRow.UNIT), RULES, unit=None, type_="x", on=TODAY, region=REGION).yuan is None


def test_suggest_needs_no_row(tmp_path: Path) -> None:
    amounts = load_amounts(FOLDER / "amounts.yaml", RULES, RULES.programmes)
    assert suggest(amounts, RULES, type_="temporary_urgent", facts={}, on=date(2014, 5, 1), region=REGION).lines == ()
