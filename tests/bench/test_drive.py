"""Reading the chat's page from outside: when a turn is over."""
from __future__ import annotations

import ipaddress

from bot.bench.drive import answered, home_of

BOT = '<li class="line bot" id="m12" data-id="12" data-seq="4">\n<div class="said">?</div></li>'
SAFETY = '<li class="line system urgent" id="m11" data-id="11" data-seq="2">\n</li>'
MINE = '<li class="line resident" id="m10" data-id="10" data-seq="1">\n</li>'


def mark(state: str) -> str:
    return f'<li class="mark" data-last="12" data-state="{state}" data-known="1" hidden></li>'


def test_a_turn_is_over_when_the_bot_has_spoken_after_the_message() -> None:
    assert answered(MINE + SAFETY + BOT + mark("idle"), 1) == (True, 12)


def test_the_safety_line_alone_is_no_answer() -> None:
    assert answered(MINE + SAFETY + mark("thinking"), 1) == (False, 11)
    assert answered(MINE + SAFETY + mark("idle"), 1) == (False, 11)


def test_an_earlier_line_of_the_bot_is_no_answer() -> None:
    assert answered(BOT + mark("idle"), 4) == (False, 12)


def test_while_it_thinks_it_is_not_over() -> None:
    assert answered(BOT + mark("thinking"), 1) == (False, 12)


def test_an_empty_page() -> None:
    assert answered("", 1) == (False, 0)


def test_every_resident_writes_from_an_address_of_their_own() -> None:
    homes = [home_of(number) for number in range(1, 70_000, 7)]
    assert len(set(homes)) == len(homes)
    assert all(ipaddress.ip_address(home).is_loopback for home in homes)
    assert home_of(1) == "127.1.0.1" and home_of(65536 + 256 + 2) == "127.2.1.2"
