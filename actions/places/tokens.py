"""A name or a cue word at its place in a message."""
from __future__ import annotations

from actions.places.gazetteer import Sense


class Token:
    """A name or cue found in the normalised text."""

    __slots__ = ("start", "end", "clause", "group", "senses", "level")

    def __init__(self, start: int, end: int, clause: int, group: str, senses: tuple[Sense, ...]) -> None:
        self.start, self.end, self.clause, self.group, self.senses = start, end, clause, group, senses
        self.level = senses[0].level if len(senses) == 1 else min((s.level for s in senses), default=0)
