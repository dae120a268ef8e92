"""Ticket numbers and query codes: read aloud and typed back without doubt. Pure."""

from __future__ import annotations

import secrets
from datetime import date

# no 0/O/Q, 1/I/L, 2/Z, 5/S, B, U/V: read aloud and typed back without doubt; 23 of them, a prime
LETTERS = "346789ACDEFGHJKMNPRTWXY"
CODE_LENGTH = 6


def check_character(body: str) -> str:
    """Catches every single wrong letter and every swap of neighbours: weights 1, 2, 3 … modulo 23, which is prime."""
    return LETTERS[sum(weight * LETTERS.index(letter) for weight, letter in enumerate(body, 1)) % len(LETTERS)]


TICKET, SUBTICKET = "YM", "XB"  # what the number of each begins with


def new_number(day: date, kind: str = TICKET) -> str:
    """A number that says its day and nothing else: YM261121-7K3FQ-4. Not sequential, not guessable alone."""
    body = "".join(secrets.choice(LETTERS) for _ in range(5))
    return f"{kind}{day:%y%m%d}-{body}-{check_character(body)}"


def tidy_number(typed: str, kind: str = TICKET) -> str | None:
    """The number as stored, from how a person typed it; None when its check character is wrong."""
    plain = "".join(letter for letter in typed.upper() if letter.isascii() and letter.isalnum())
    if len(plain) != 14 or not plain.startswith(kind) or not plain[2:8].isdigit():
        return None
    body, check = plain[8:13], plain[13]
    if any(letter not in LETTERS for letter in body + check) or check_character(body) != check:
        return None
    return f"{plain[:8]}-{body}-{check}"


def new_query_code() -> str:
    """Six unambiguous characters; only its hash is stored."""
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
