"""The word list that teaches the tokenizer the names of the gazetteer."""
from __future__ import annotations

from actions.places.gazetteer import UNIT, Gazetteer


def jieba_words(gazetteer: Gazetteer) -> list[str]:
    """Names only, sorted, one per line, never with a frequency: a small one would make known words worse.

    Units, communities, landmarks and districts of the home city; places elsewhere are in the stock dictionary.
    """
    return sorted(
        name
        for name, word in gazetteer.words.items()
        if len(name) >= 2
        and any(
            sense.form not in ("ending",) and (sense.level >= UNIT or sense.district is not None)
            for sense in word.senses
        )
    )
