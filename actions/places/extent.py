"""Which house numbers of a road, and which days, a line of the tables speaks of."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import date

PARITIES = ("", "odd", "even")


@dataclass(frozen=True)
class Extent:
    """The house numbers and the days for which a line of a place holds; None = open."""

    number_from: int | None
    number_to: int | None
    parity: str
    valid_from: date | None
    valid_to: date | None

    def holds(self, day: date) -> bool:
        """Whether the line holds on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)

    def numbered(self) -> bool:
        """Whether it speaks of some house numbers only."""
        return self.number_from is not None or self.number_to is not None or bool(self.parity)

    def has(self, number: int) -> bool:
        """Whether a house number lies in it."""
        low, high = self.number_from or 0, self.number_to or number
        return low <= number <= high and self.parity in ("", "odd" if number % 2 else "even")
