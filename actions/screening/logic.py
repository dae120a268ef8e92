"""Strong Kleene logic and comparison of bands: unknown (None) stays unknown until every possibility agrees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

Truth = bool | None
Number = int | Decimal
Interval = tuple[Number, Number]  # closed; lowest and highest possible value, a point has both equal

INFINITE = Decimal("Infinity")


def all_of(truths: Iterable[Truth]) -> Truth:
    """False if one is false, else unknown if one is unknown, else true (also for none at all)."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """True if one is true, else unknown if one is unknown, else false (also for none at all)."""
    result: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth is None:
            result = None
    return result


def negate(truth: Truth) -> Truth:
    return None if truth is None else not truth


def less_than(left: Interval, right: Interval) -> Truth:
    """left < right, decided only if every value of both bands agrees."""
    if left[1] < right[0]:
        return True
    return False if left[0] >= right[1] else None


def at_most(left: Interval, right: Interval) -> Truth:
    if left[1] <= right[0]:
        return True
    return False if left[0] > right[1] else None


def more_than(left: Interval, right: Interval) -> Truth:
    return negate(at_most(left, right))


def at_least(left: Interval, right: Interval) -> Truth:
    return negate(less_than(left, right))


def equals(left: Interval, right: Interval) -> Truth:
    if left[0] == left[1] == right[0] == right[1]:
        return True
    return False if left[1] < right[0] or right[1] < left[0] else None


COMPARISONS: dict[str, Callable[[Interval, Interval], Truth]] = {
    "less_than": less_than,
    "at_most": at_most,
    "more_than": more_than,
    "at_least": at_least,
    "equals": equals,
}


def scaled(band: Interval, factor: Interval) -> Interval:
    """The product of two bands of non-negative numbers (a threshold per head times the heads)."""
    return _product(band[0], factor[0]), _product(band[1], factor[1])


def _product(left: Number, right: Number) -> Number:
    return 0 if left == 0 or right == 0 else left * right  # 0 × infinity is 0 here, Decimal would raise
