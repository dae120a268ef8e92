"""Turns words of the Chongqing and Sichuan dialect into the standard language, to understand them, never to show."""
from __future__ import annotations

import os
import re
from functools import lru_cache

from actions.language.data import FOLDER, one_of, words
from actions.language.files import require_keys
from actions.language.normalise import Normal


@lru_cache(maxsize=1)
def _lexicon() -> tuple[re.Pattern[str], dict[str, str]]:
    data = words("dialect")
    require_keys(FOLDER / "dialect.yaml", data, ["words", "slips"])
    lexicon = {str(said): str(meant) for part in ("slips", "words") for said, meant in data[part].items()}
    return re.compile(one_of(lexicon)), lexicon


def to_standard(text: str) -> Normal:
    """The text with dialect words replaced; offsets lead back into the text that was given."""
    pattern, lexicon = _lexicon()
    pieces: list[str] = []
    offsets: list[int] = []
    ends: list[int] = []
    position = 0
    for found in pattern.finditer(text):
        meant = lexicon[found.group()]
        same = len(os.path.commonprefix([found.group(), meant]))
        begin = found.start() + same
        between = range(position, begin)
        pieces += [text[position:begin], meant[same:]]
        offsets += [*between, *[begin] * (len(meant) - same)]
        ends += [*(place + 1 for place in between), *[found.end()] * (len(meant) - same)]
        position = found.end()
    rest = range(position, len(text))
    pieces.append(text[position:])
    offsets += rest
    ends += (place + 1 for place in rest)
    return Normal("".join(pieces), tuple(offsets), tuple(ends))
