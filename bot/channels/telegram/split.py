"""Cuts a long text into messages at line ends, in order, nothing lost. Pure."""

from __future__ import annotations


def units(text: str) -> int:
    """The length as Telegram counts it: UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int) -> list[str]:
    """Parts of at most `limit` units; a line that is too long by itself is cut anywhere but never within a character.

    Joined with line ends the parts give the text again, except for blank lines at the cuts and lines cut themselves.
    """
    parts: list[str] = []
    part = ""
    for line in text.split("\n"):
        for piece in _pieces(line, limit):
            longer = f"{part}\n{piece}" if part else piece
            if units(longer) > limit:
                parts.append(part)
                part = piece
            else:
                part = longer
    parts.append(part)
    return [one for one in parts if one.strip()] or [text]


def _pieces(line: str, limit: int) -> list[str]:
    pieces, piece, length = [], "", 0
    for letter in line:
        size = 2 if ord(letter) > 0xFFFF else 1
        if length + size > limit:
            pieces.append(piece)
            piece, length = "", 0
        piece, length = piece + letter, length + size
    return [*pieces, piece]
