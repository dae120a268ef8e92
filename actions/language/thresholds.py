"""From which confidence on something is answered, offered for confirmation, or asked again (config/language)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

from actions.language.data import FOLDER, words
from actions.language.files import ConfigError, line_of, require_keys


@dataclass(frozen=True)
class Thresholds:
    """Shares of 1. `offer_from <= confirm_from <= answer_from`."""

    answer_from: float
    confirm_from: float
    offer_from: float
    need_from: float


@cache
def thresholds() -> Thresholds:
    """The thresholds. Raises ConfigError for a missing or unknown key, a value outside 0-1 or a wrong order."""
    path, data = FOLDER / "understanding.yaml", words("understanding")
    names = [field.name for field in fields(Thresholds)]
    require_keys(path, data, names, [])
    for name in names:
        if not isinstance(data[name], (int, float)) or not 0 <= data[name] <= 1:
            raise ConfigError(path, line_of(data, name), f"{name}: {data[name]!r} is no share", "write 0.00 to 1.00")
    found = Thresholds(**{name: float(data[name]) for name in names})
    if not found.offer_from <= found.confirm_from <= found.answer_from:
        raise ConfigError(path, line_of(data, "answer_from"), "the thresholds are out of order",
                          "offer_from <= confirm_from <= answer_from")
    return found
