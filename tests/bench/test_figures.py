"""Numbers of measurements: worked out by hand."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.bench.figures import best, calibration_error, macro_f1, quantile, ratio, rounded


def test_quantiles_lie_between_neighbours() -> None:
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert quantile([1.0, 2.0, 3.0], 0.5) == 2.0
    # 0.95 × 10 = 9.5: halfway between the tenth and the eleventh
    assert quantile([float(n) for n in range(11)], 0.95) == 9.5
    assert quantile([7.0], 0.95) == 7.0
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_quantile_is_never_lower(values: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert min(values) <= quantile(values, low) <= quantile(values, high) * (1 + 1e-12) + 1e-12
    assert quantile(values, high) <= max(values) * (1 + 1e-12) + 1e-12


def test_the_best_is_small_or_large() -> None:
    assert best([3.0, 1.0, 2.0], smaller=True) == 1.0
    assert best([3.0, 1.0, 2.0], smaller=False) == 3.0


def test_a_ratio_is_ours_by_theirs_or_nothing() -> None:
    assert ratio(3, 12.0) == 0.25
    assert ratio(3, 0) is None
    assert ratio(None, 2) is None and ratio(2, None) is None and ratio("on", "on") is None


def test_rounding_keeps_significant_digits_and_whole_numbers() -> None:
    assert rounded({"a": 1234.567, "b": {"c": 0.00123456}, "n": 123456, "t": "on", "y": True, "z": None}) == {
        "a": 1235.0, "b": {"c": 0.001235}, "n": 123456, "t": "on", "y": True, "z": None}
    assert rounded(0.0) == 0.0


def test_macro_f1_by_hand() -> None:
    # a: right 2, hit 1, said 1 → 2/3; b: right 2, hit 2, said 3 → 4/5; c stands once only and is left out
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("b", "b"), ("c", "x")]
    assert macro_f1(pairs, 2) == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert macro_f1(pairs, 1) == pytest.approx((2 / 3 + 4 / 5 + 0) / 3)
    assert macro_f1(pairs, 9) is None


def test_calibration_error_by_hand() -> None:
    # 0.8 twice, one right: |1.6 - 1| = 0.6; 0.3 twice, none right: 0.6; together 1.2 of 4
    assert calibration_error([(0.8, True), (0.8, False), (0.3, False), (0.3, False)]) == pytest.approx(0.3)
    assert calibration_error([(1.0, True)]) == 0.0
    assert calibration_error([]) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_calibration_error_is_a_share(said: list[tuple[float, bool]]) -> None:
    error = calibration_error(said)
    assert error is not None and -1e-9 <= error <= 1 + 1e-9
