"""A long message cut into the pieces a person would say one after another (pure)."""

from __future__ import annotations

import re

ENDS = re.compile(r"[。！？!?；;…\n]+")
PAUSES = re.compile(r"[，,、：: ]+")
LEAST, MOST = 4, 60  # characters: less says nothing, more is cut at its pauses (voice input has no full stops)


def sentences(text: str) -> list[str]:
    """The sentences of a normalised text, none empty; a text without a readable piece is one sentence itself."""
    pieces = [piece for whole in ENDS.split(text) for piece in _short(whole.strip())]
    return [piece for piece in pieces if len(piece) >= LEAST] or [text]


def _short(sentence: str) -> list[str]:
    """A sentence without full stops in runs of clauses of at most MOST characters; a clause is never cut."""
    if len(sentence) <= MOST:
        return [sentence]
    runs, run = [], ""
    for clause in PAUSES.split(sentence):
        if run and len(run) + len(clause) > MOST:
            runs.append(run)
            run = ""
        run = f"{run}，{clause}" if run else clause
    return [*runs, run]
