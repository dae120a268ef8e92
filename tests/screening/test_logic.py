"""Kleene tables and bands, written out by hand."""
from __future__ import annotations

from decimal import Decimal

import pytest

from actions.screening.logic import (
    INFINITE,
    all_of,
    any_of,
    at_least,
    at_most,
    equals,
    less_than,
    more_than,
    negate,
    scaled,
)

T, F, U = True, False, None
AND = {(T, T): T, (T, U): U, (T, F): F, (U, T): U, (U, U): U, (U, F): F, (F, T): F, (F, U): F, (F, F): F}
OR = {(T, T): T, (T, U): T, (T, F): T, (U, T): T, (U, U): U, (U, F): U, (F, T): T, (F, U): U, (F, F): F}


@pytest.mark.parametrize("pair", AND)
def test_and_or(pair: tuple[bool | None, bool | None]) -> None:
    assert all_of(pair) is AND[pair]
    assert any_of(pair) is OR[pair]


def test_not_and_empty_groups() -> None:
    assert [negate(value) for value in (T, U, F)] == [F, U, T]
    assert all_of([]) is True and any_of([]) is False
    assert all_of([U]) is None and any_of([U]) is None


@pytest.mark.parametrize(("left", "right", "less", "most"), [
    ((1, 1), (2, 2), T, T), ((2, 2), (2, 2), F, T), ((3, 3), (2, 2), F, F),
    ((1, 2), (2, 2), U, T), ((1, 3), (2, 2), U, U), ((2, 3), (2, 2), F, U), ((3, INFINITE), (2, 2), F, F),
    ((0, INFINITE), (2, 2), U, U), ((5, 5), (4, 6), U, U), ((3, 3), (4, 6), T, T), ((6, 6), (4, 6), F, U),
])
def test_bands_decide_only_if_every_value_agrees(left, right, less, most) -> None:  # type: ignore[no-untyped-def]
    assert less_than(left, right) is less
    assert at_least(left, right) is negate(less)
    assert at_most(left, right) is most
    assert more_than(left, right) is negate(most)


def test_equal_and_scaled() -> None:
    assert equals((2, 2), (2, 2)) is True and equals((1, 3), (2, 2)) is None and equals((1, 1), (2, 3)) is False
    assert scaled((770, 870), (3, 3)) == (2310, 2610)
    assert scaled((0, 5), (1, INFINITE)) == (0, INFINITE)
    assert scaled((0, 0), (Decimal(1), INFINITE)) == (0, 0)
