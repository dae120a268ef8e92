"""Identity numbers and bank cards never reach storage; phones and order numbers are left alone."""
from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions.language.mask import (
    CHECK_DIGITS,
    WEIGHTS,
    find_phone,
    find_phones,
    is_card_number,
    is_identity_number,
    mask_identity,
    mask_name,
    mask_phone,
)

# Published sample numbers: the identity number of GB 11643, test cards of the card networks.
IDENTITY, VISA = "11010519491231002X", "4111111111111111"


def luhn(body: str) -> str:
    return next(body + digit for digit in "0123456789" if is_card_number(body + digit))


def identity(body: str) -> str:
    return body + CHECK_DIGITS[sum(w * int(d) for w, d in zip(WEIGHTS, body, strict=True)) % 11]


CARD = luhn("621700001234567890")


@pytest.mark.parametrize(("text", "masked", "found"), [
    (f"我的身份证{IDENTITY}谢谢", "我的身份证110***********002X谢谢", ("identity",)),
    ("身份证 110105 19491231 002x", "身份证 110***********002X", ("identity",)),
    ("110105-1949-1231-002X", "110***********002X", ("identity",)),
    ("１１０１０５１９４９１２３１００２Ｘ", "110***********002X", ("identity",)),
    ("幺幺零幺零五一九四九幺二三一零零二X", "110***********002X", ("identity",)),
    ("老证号 500112490101123", "老证号 500********1123", ("identity",)),
    (f"卡 {VISA}", "卡 ************1111", ("card",)),
    ("4111 1111 1111 1111", "************1111", ("card",)),
    (f"{IDENTITY} {VISA}", "110***********002X ************1111", ("identity", "card")),
    (f"电话13812345678 {IDENTITY}", "电话13812345678 110***********002X", ("identity",)),
    (f"{IDENTITY}13812345678", "110***********002X13812345678", ("identity",)),
    ("身份证号码是 500112199001011111", "身份证号码是 500***********1111", ("identity",)),
    ("银行卡号 6217000012345678901", "银行卡号 ***************8901", ("card",)),
])
def test_what_nobody_asked_for_is_hidden(text: str, masked: str, found: tuple[str, ...]) -> None:
    result = mask_identity(text)
    assert (result.text, result.found) == (masked, found)


@pytest.mark.parametrize("text", [
    "订单号110105194912310021", "案号202312345678901234", "我电话13812345678", "座机023-67812345",
    "花了120000块", "2026年9月18日", "快递单号 773123456789012", "3个人 2间房 1000元", "", "12345",
    "单号110105194913310029",
])
def test_other_numbers_stay(text: str) -> None:
    assert mask_identity(text).text == text and mask_identity(text).found == ()


def test_a_masked_text_is_masked_no_further() -> None:
    once = mask_identity(f"证{IDENTITY}卡{CARD}")
    assert once.found == ("identity", "card")
    assert mask_identity(once.text) == type(once)(once.text, ())


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2026, 1, 1)),
       st.integers(0, 999), st.sampled_from(["11", "50", "51", "44", "65"]), st.sampled_from(["", " ", "-"]))
def test_every_identity_number_is_found_however_it_is_spaced(born: date, order: int, province: str, gap: str) -> None:
    number = identity(f"{province}0112{born:%Y%m%d}{order:03d}")
    assert is_identity_number(number)
    text = f"我叫李四,{number[:6]}{gap}{number[6:14]}{gap}{number[14:]},求助"
    masked = mask_identity(text)
    assert masked.found == ("identity",) and number[6:14] not in masked.text
    wrong = number[:16] + str((int(number[16]) + 1) % 10) + number[17]
    assert not is_identity_number(wrong)


@given(st.text(max_size=200) | st.text(alphabet="0123456789 -xX一二", max_size=200))
@example("1" * 500)
@example("\ud800" + IDENTITY)
def test_no_text_breaks_the_mask(text: str) -> None:
    masked = mask_identity(text)
    assert bool(masked.found) == (masked.text != text)
    find_phones(text)


@pytest.mark.timeout(60)  # a runaway expression takes minutes; how fast it is, the bench tells
@pytest.mark.parametrize("piece", ["1 ", "1", "11010519491231002X ", "138-", "五零零"])
def test_ten_thousand_characters_take_no_time(piece: str) -> None:
    text = piece * (10_000 // len(piece))
    mask_identity(text)
    find_phones(text)


@pytest.mark.parametrize(("text", "number"), [
    ("我电话13812345678", "13812345678"), ("138 1234 5678", "13812345678"), ("138-1234-5678", "13812345678"),
    ("+86 13812345678", "13812345678"), ("１３８１２３４５６７８", "13812345678"), ("023-67812345", "02367812345"),
    ("打0086 138 1234 5678", "13812345678"), ("我没有电话", None), ("1381234567", None), ("138123456789", None),
    ("12812345678", None), (IDENTITY, None), ("一共花了13812元", None),
])
def test_phones_are_found(text: str, number: str | None) -> None:
    assert find_phone(text) == number


def test_phones_know_where_they_stood() -> None:
    text = "打138 1234 5678或者02367812345"
    assert [text[phone.start:phone.end] for phone in find_phones(text)] == ["138 1234 5678", "02367812345"]


def test_heads_and_tails() -> None:
    assert mask_phone("13812345678") == "138****5678"
    assert mask_phone("023-67812345") == "023****2345"
    assert mask_phone("12345") == "*****"
    assert (mask_name("张三丰"), mask_name("欧阳锋"), mask_name("欧阳"), mask_name("")) == ("张*", "欧阳*", "欧*", "")
