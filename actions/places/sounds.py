"""Names that only sound like a served unit or miss one character: found second, always to be confirmed."""
from __future__ import annotations

from bisect import bisect_right

from actions.places.country import outer
from actions.places.gazetteer import DISTRICT, TIER_SOUND, UNIT, Gazetteer, Sense
from actions.places.tokens import Token


def add_sounds(text: str, kept: list[Token], breaks: list[int], gazetteer: Gazetteer,
               answer: bool) -> list[Token] | None:
    """The tokens with the sounding names among them, in order; what lies under such a name is dropped. None: no name.

    A sounding name counts before a unit ending, behind a parent of the area, or as a whole answer: everyday words
    sound like places too.
    """
    finder = _Finder(text, kept, breaks, gazetteer)
    finder.before_endings()
    finder.behind_parents()
    if answer and not any(token.senses for token in kept):
        finder.whole_answer()
    if not finder.found:
        return None
    spans = {position for token in finder.found for position in range(token.start, token.end)}
    rest = [t for t in kept if (t.senses and not t.only_far) or not any(p in spans for p in range(t.start, t.end))]
    return sorted(rest + finder.found, key=lambda token: token.start)


MOST_ENDINGS = 60  # of more, the first and the last are listened to


class _Finder:
    def __init__(self, text: str, kept: list[Token], breaks: list[int], gazetteer: Gazetteer) -> None:
        self.text, self.kept, self.breaks, self.gazetteer = text, kept, breaks, gazetteer
        self.found: list[Token] = []
        self.covered = bytearray(len(text) + 1)
        for token in kept:
            # a name that only the country knows may be one of ours misheard
            if token.senses and not token.only_far:
                self.covered[token.start : token.end] = b"\1" * (token.end - token.start)

    def before_endings(self) -> None:
        for ending in self.gazetteer.lists["unit_endings"]:  # the longest first
            for position in outer(_all(self.text, ending), MOST_ENDINGS):
                end = position + len(ending)
                if not self.offer(position - 3, position, end, loose=True):
                    self.offer(position - 2, position, end)

    def behind_parents(self) -> None:
        for token in self.kept:
            if not any([s.level == DISTRICT and s.district in self.gazetteer.family for s in token.senses]):
                continue
            if not self.offer(token.end, token.end + 3, token.end + 3):
                self.offer(token.end, token.end + 2, token.end + 2)

    def whole_answer(self) -> None:
        bare = self.text.strip("".join(self.gazetteer.boundaries) + "".join(self.gazetteer.lists["fillers"]))
        if 2 <= len(bare) <= 3:
            start = self.text.find(bare)
            self.offer(start, start + len(bare), start + len(bare))

    def offer(self, start: int, stem_end: int, end: int, loose: bool = False) -> bool:
        """Takes the characters as a unit's name if they sound like one, nothing covers them and no thing follows."""
        if start < 0 or end > len(self.text) or any(self.covered[start:end]):
            return False
        if end == stem_end and self.text.startswith(self.gazetteer.lists["objects"], end):
            return False
        units = _sounding(self.text[start:stem_end], self.gazetteer, loose)
        if not units:
            return False
        senses = tuple(
            Sense(UNIT, "sound", TIER_SOUND, (unit,), name=self.gazetteer.units[unit].name, city=self.gazetteer.city,
                  province=self.gazetteer.province)
            for unit in units
        )
        self.found.append(Token(start, end, bisect_right(self.breaks, start), "", senses))
        self.covered[start:end] = b"\1" * (end - start)
        return True


def _all(text: str, ending: str) -> list[int]:
    """Where an ending stands with room for a name before it."""
    found = []
    position = text.find(ending, 2)
    while position != -1:
        found.append(position)
        position = text.find(ending, position + 1)
    return found


def _sounding(stem: str, gazetteer: Gazetteer, loose: bool) -> tuple[str, ...]:
    """The served units whose short name sounds like `stem`; `loose` also allows one other character in three."""
    key = tuple(gazetteer.sounds.get(character, character) for character in stem)
    exact = gazetteer.stems_by_sound.get(key, ())
    if exact or not loose or len(stem) < 3:
        return exact
    misheard = ((gap, key[:gap] + key[gap + 1 :]) for gap in range(len(key)))
    close = {unit for rest in misheard for unit in gazetteer.near_sounds.get(rest, ())}
    return tuple(close) if len(close) == 1 else ()
