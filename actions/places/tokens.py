"""A name or a cue word at its place in a message."""
from __future__ import annotations

from actions.places.gazetteer import FAR, Sense


class Token:
    """A name or cue found in the normalised text. `far`: the name when the country's table knows it too, else ''."""

    __slots__ = ("start", "end", "clause", "group", "senses", "level", "far")

    def __init__(self, start: int, end: int, clause: int, group: str, senses: tuple[Sense, ...],
                 far: str = "") -> None:
        self.start, self.end, self.clause, self.group, self.senses = start, end, clause, group, senses
        if len(senses) > 1:
            self.level = min([sense.level for sense in senses])
        else:
            self.level = senses[0].level if senses else 0
        self.far = far

    @property
    def only_far(self) -> bool:
        """Whether nothing but the country's table knows the name."""
        return bool(self.senses) and self.senses[0].form == FAR
