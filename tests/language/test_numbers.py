"""Numbers, sums and days as people say them."""
from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions.language.dates import find_dates
from actions.language.money import find_money
from actions.language.numerals import find_numbers

TODAY = date(2026, 9, 18)  # a Friday


def bands(text: str) -> list[tuple[int | None, int | None, str]]:
    return [(None if n.low is None else int(n.low), None if n.high is None else int(n.high), n.kind)
            for n in find_numbers(text)]


@pytest.mark.parametrize(("text", "low", "high", "kind"), [
    ("三百二十块", 320, 320, "money"), ("一万二", 12000, 12000, "plain"), ("两千五", 2500, 2500, "plain"),
    ("一千零五十", 1050, 1050, "plain"), ("两万零三百", 20300, 20300, "plain"), ("1.5万", 15000, 15000, "plain"),
    ("12,000元", 12000, 12000, "money"), ("3千5", 3500, 3500, "plain"), ("3k", 3000, 3000, "plain"),
    ("二〇二四", 2024, 2024, "plain"), ("十", 10, 10, "plain"), ("一亿", 100_000_000, 100_000_000, "plain"),
    ("两三千", 2000, 3000, "plain"), ("三五百", 300, 500, "plain"), ("十七八岁", 17, 18, "age"),
    ("一百二三十", 120, 130, "plain"), ("三四十", 30, 40, "plain"), ("几百块", 200, 900, "money"),
    ("十几个人", 11, 19, "people"), ("几十万", 200_000, 900_000, "plain"),
    ("2000-3000元", 2000, 3000, "money"), ("两千到三千", 2000, 3000, "plain"), ("两到三千", 2000, 3000, "plain"),
    ("一万多", 10000, 20000, "plain"), ("3万多", 30000, 40000, "plain"), ("一百多万", 1_000_000, 2_000_000, "plain"),
    ("一百二十多", 120, 130, "plain"), ("3500多", 3500, 3600, "plain"), ("两三千多", 2000, 4000, "plain"),
    ("至少500块", 500, None, "money"), ("上万块", 10000, None, "money"), ("千把块", 800, 1200, "money"), ("万把块", 8000, 12000, "money"),
    ("不到一千", None, 1000, "plain"), ("不超过800元", None, 800, "money"),
    ("63岁", 63, 63, "age"), ("五口人", 5, 5, "people"), ("三口之家", 3, 3, "people"), ("二级", 2, 2, "grade"),
    ("两个月", 2, 2, "months"),
])
def test_numbers(text: str, low: int | None, high: int | None, kind: str) -> None:
    assert bands(text) == [(low, high, kind)]


@pytest.mark.parametrize("text", ["一下", "一直一起", "万一", "十分感谢", "老百姓", "两江新区", "九龙坡", "五保", "星期三"])
def test_words_that_only_look_like_numbers(text: str) -> None:
    assert find_numbers(text) == []


def test_several_numbers_keep_their_places() -> None:
    text = "我63岁,一家五口,每月1200元"
    assert [(n.heard, text[n.start:n.end] == n.heard) for n in find_numbers(text)] == [
        ("63岁", True), ("五口", True), ("1200元", True)]


@given(st.integers(1, 99_999_999))
def test_every_written_number_is_read_back(number: int) -> None:
    assert find_numbers(f"{number}元")[0].value == Decimal(number)
    assert find_numbers(chinese(number))[0].value == Decimal(number)


def chinese(number: int) -> str:
    """An independent spelling of whole numbers below 10^8, every unit said, 零 where places are skipped."""
    digits = "零一二三四五六七八九"

    def section(value: int) -> str:
        spoken, gap = "", False
        for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
            digit = value // unit % 10
            if digit:
                spoken += ("零" if gap and spoken else "") + digits[digit] + name
                gap = False
            else:
                gap = True
        return spoken

    high, low = divmod(number, 10_000)
    if not high:
        return section(low)
    zero = "零" if low and (low < 1000 or high % 10 == 0) else ""
    return section(high) + "万" + zero + (section(low) if low else "")


@pytest.mark.parametrize(("text", "low", "high", "period"), [
    ("一天一万多", 10000, 20000, "day"), ("工资一个月三千多", 3000, 4000, "month"),
    ("每月2000块左右", 2000, 2000, "month"), ("一年两万", 20000, 20000, "year"), ("月薪4500", 4500, 4500, "month"),
    ("3000元/月", 3000, 3000, "month"), ("500块一天", 500, 500, "day"), ("花了十几万", 110_000, 190_000, "once"),
    ("医院要交5万", 50000, 50000, "once"), ("每人每月770元", 770, 770, "month"),
])
def test_money(text: str, low: int, high: int | None, period: str) -> None:
    (money,) = find_money(text)
    assert (money.low, money.high, money.period) == (low, high, period)


@pytest.mark.parametrize("text", ["我有3个娃", "63岁", "二级残疾", "住5栋1单元301"])
def test_what_is_not_money(text: str) -> None:
    assert find_money(text) == []


@pytest.mark.parametrize(("text", "first", "last"), [
    ("昨晚", "2026-09-17", "2026-09-17"), ("前天", "2026-09-16", "2026-09-16"), ("今天早上", "2026-09-18", "2026-09-18"),
    ("大前天", "2026-09-15", "2026-09-15"), ("三天前", "2026-09-15", "2026-09-15"),
    ("上个月", "2026-08-01", "2026-08-31"), ("上个月5号", "2026-08-05", "2026-08-05"),
    ("3月5号", "2026-03-05", "2026-03-05"), ("三月五号", "2026-03-05", "2026-03-05"),
    ("9月20日", "2025-09-20", "2025-09-20"), ("2月29号", "2024-02-29", "2024-02-29"),
    ("2025年3月", "2025-03-01", "2025-03-31"), ("去年3月5号", "2025-03-05", "2025-03-05"),
    ("2026-09-01", "2026-09-01", "2026-09-01"), ("2026年9月1日", "2026-09-01", "2026-09-01"),
    ("上周三", "2026-09-09", "2026-09-09"), ("上周", "2026-09-07", "2026-09-13"), ("周三", "2026-09-16", "2026-09-16"),
    ("10号", "2026-09-10", "2026-09-10"), ("20号", "2026-08-20", "2026-08-20"), ("去年", "2025-01-01", "2025-12-31"),
])
def test_dates(text: str, first: str, last: str) -> None:
    (day,) = find_dates(f"我家{text}出事", TODAY)
    assert (day.first.isoformat(), day.last.isoformat(), day.heard) == (first, last, text)


@pytest.mark.parametrize("text", ["10号楼", "13月5号", "2月30号", "腊月二十八", "五楼", "110号"])
def test_what_is_no_date(text: str) -> None:
    assert find_dates(text, TODAY) == []


@given(st.text(max_size=200) | st.text(alphabet="零一二两三十百千万亿几半多到-~.,0123456789年月日号天前上个周块", max_size=60),
       st.dates())
@example("9" * 400 + "万" * 400, date.min)
@example("二十年前去年2月29号", date.min)
def test_no_text_breaks_them(text: str, today: date) -> None:
    for number in find_numbers(text):
        assert text[number.start:number.end] == number.heard and number.heard
        assert number.low is None or number.high is None or number.low <= number.high
    for money in find_money(text):
        assert text[money.start:money.end] == money.heard
    for day in find_dates(text, today):
        assert day.first <= day.last and 0 < day.confidence < 1


@pytest.mark.timeout(60)  # a runaway expression takes minutes; how fast it is, the bench tells
@pytest.mark.parametrize("piece", ["一万", "1", "9月", "两三千到", "昨天3月5号一万多块", "1,", "几"])
def test_ten_thousand_characters_take_no_time(piece: str) -> None:
    text = piece * (10_000 // len(piece))
    find_numbers(text)
    find_dates(text, TODAY)
