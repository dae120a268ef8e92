"""A long message cut into the pieces a person would say one after another (pure)."""

from __future__ import annotations

import re

ENDS = re.compile(r"[。！？!?；;…\n]+")
PAUSES = re.compile(r"[，,、：: ]+")
LEAST, MOST = 4, 60  # characters: less says nothing, more is cut at its pauses (voice input has no full stops)

Span = tuple[int, int]


def sentences(text: str) -> list[str]:
    """The sentences of a normalised text, none empty; a text without a readable piece is one sentence itself."""
    return [text[start:end] for start, end in spans(text)]


def spans(text: str) -> list[Span]:
    """Where the sentences of a text begin and end, in order, none within another."""
    pieces = [piece for whole in _between(ENDS, text, (0, len(text))) for piece in _short(text, whole)]
    return [piece for piece in pieces if piece[1] - piece[0] >= LEAST] or [(0, len(text))]


def _between(marks: re.Pattern[str], text: str, inside: Span) -> list[Span]:
    """What lies between the marks, without the blanks around it."""
    found, start = [], inside[0]
    for mark in marks.finditer(text, *inside):
        found.append((start, mark.start()))
        start = mark.end()
    found.append((start, inside[1]))
    return [span for span in (_bare(text, one) for one in found) if span[0] < span[1]]


def _bare(text: str, span: Span) -> Span:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _short(text: str, sentence: Span) -> list[Span]:
    """A sentence without full stops in runs of clauses of at most MOST characters; a clause is never cut."""
    if sentence[1] - sentence[0] <= MOST:
        return [sentence]
    runs: list[Span] = []
    for start, end in _between(PAUSES, text, sentence):
        if runs and end - runs[-1][0] <= MOST:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs
