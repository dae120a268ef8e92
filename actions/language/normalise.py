"""Brings a message into one written form and remembers where every character came from."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

SPACE, BREAK = " ", "\n"
# printable ASCII, Han and the two marks NFKC leaves alone; else one character
_RUNS = re.compile("[!-~\u4e00-\u9fff\u3001\u3002]+|.", re.DOTALL)
_FULL_WIDTH, _HALF_WIDTH = re.compile("[\uff01-\uff5e]"), {0xFF01 + n: 0x21 + n for n in range(94)}
_PLAIN = re.compile("[!-~\u4e00-\u9fff\u3001\u3002]*").fullmatch
_STAYS = re.compile("[!-~\u4e00-\u9fff\u3001\u3002]").match


class Normal(NamedTuple):
    """The normalised text; `offsets[i]` is the place of its i-th character in the original.

    `ends` is given only where a character stands for several of the original: where those end.
    """

    text: str
    offsets: Sequence[int]
    ends: tuple[int, ...] = ()

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span of the original that the half-open span of `text` was made from."""
        _, offsets, ends = self
        if not offsets or start >= len(offsets):
            last = self._end(len(offsets) - 1) if offsets else 0
            return last, last
        first = offsets[max(start, 0)]
        if end <= start:
            return first, first
        last = min(end, len(offsets)) - 1
        return first, ends[last] if ends else offsets[last] + 1

    def _end(self, place: int) -> int:
        return self.ends[place] if self.ends else self.offsets[place] + 1


@lru_cache(maxsize=4096)
def _form(character: str) -> str:
    """What one character becomes: '' (dropped), a space, a line break, or its NFKC form."""
    if character in "\n\r\v\f\x85\u2028\u2029":
        return BREAK
    # Cc control, Cf invisible marks (zero width, direction), Cs halves that UTF-8 cannot carry
    if character != "\t" and unicodedata.category(character) in ("Cc", "Cf", "Cs"):
        return ""
    if character.isspace():
        return SPACE
    return "".join(
        part if not part.isspace() else SPACE
        for part in unicodedata.normalize("NFKC", character)
        if unicodedata.category(part) not in ("Cc", "Cf", "Cs")
    )


def normalise(text: str) -> Normal:
    """NFKC character by character (full-width digits and punctuation become ASCII), without control characters.

    A run of white space becomes one space, or one line break where the run held one; the ends are trimmed.
    Never raises; running it twice changes nothing more.
    """
    characters: list[str] = []
    offsets: list[int] = []
    position = -1
    if _FULL_WIDTH.search(text):
        text = text.translate(_HALF_WIDTH)
    if _PLAIN(text):
        return Normal(text, range(len(text)))
    # runs of characters that stay as they are come whole: a long message costs a tenth
    for run in _RUNS.findall(text):
        position += 1
        if _STAYS(run):
            characters.append(run)
            offsets.extend(range(position, position + len(run)))
            position += len(run) - 1
            continue
        for part in _form(run):
            if part in (SPACE, BREAK):
                if not characters:
                    continue
                if characters[-1] in (SPACE, BREAK):
                    if part == BREAK:
                        characters[-1] = BREAK
                    continue
            characters.append(part)
            offsets.append(position)
    if characters and characters[-1] in (SPACE, BREAK):
        characters.pop()
        offsets.pop()
    return Normal("".join(characters), tuple(offsets))


def readable(text: str) -> bool:
    """Whether anything was said: a letter of any script, a Han character or a digit. Emoji and marks are not."""
    return any(unicodedata.category(character)[0] in "LN" for character in text)
