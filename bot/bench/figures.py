"""Numbers out of measurements: quantiles, the best of repetitions, ratios, scores. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which `part` (0 to 1) of all lie, between neighbours in proportion. Raises ValueError on none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def best(values: Iterable[float], smaller: bool) -> float:
    """The best of repetitions: the smallest or the largest."""
    return min(values) if smaller else max(values)


def ratio(ours: object, theirs: object) -> float | None:
    """Ours divided by theirs; None where there is nothing to divide."""
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)) and theirs:
        return ours / theirs
    return None


def rounded(value: object, digits: int = 4) -> object:
    """Figures with that many significant digits, also within mappings; everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, (float, Mapping)):
        return value
    if isinstance(value, Mapping):
        return {name: rounded(part, digits) for name, part in value.items()}
    return float(f"{value:.{digits}g}")


def macro_f1(pairs: Sequence[tuple[str, str]], least: int) -> float | None:
    """Mean F1 over labels that are right at least `least` times; pairs are (right, said). None without any."""
    counts: dict[str, int] = {}
    for right, _ in pairs:
        counts[right] = counts.get(right, 0) + 1
    scores = []
    for label in (label for label, count in counts.items() if count >= least):
        hit = sum(right == said == label for right, said in pairs)
        told = sum(said == label for _, said in pairs)
        scores.append(2 * hit / (counts[label] + told))
    return sum(scores) / len(scores) if scores else None


def calibration_error(said: Sequence[tuple[float, bool]], bins: int = 10) -> float | None:
    """Expected calibration error: how far confidence and being right differ, in `bins` equal steps of confidence."""
    if not said:
        return None
    error = 0.0
    for step in range(bins):
        inside = [(sure, right) for sure, right in said if min(int(sure * bins), bins - 1) == step]
        if inside:
            error += abs(sum(sure for sure, _ in inside) - sum(right for _, right in inside))
    return error / len(said)
