"""Small words the interview listens for and writes with, from config/language/dialogue.yaml."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from actions.language.files import load_yaml
from actions.language.mask import mask_phone
from actions.language.normalise import normalise

FILE = Path(__file__).resolve().parents[2] / "config" / "language" / "dialogue.yaml"
SHORT = 12
LONG_WISH = 60  # a longer answer to "when" is a story, not a time


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    data: dict[str, Any] = load_yaml(FILE)
    return data


def listed(key: str) -> tuple[str, ...]:
    """A list of words."""
    return tuple(str(word) for word in _data()["lists"][key])


def text(key: str, **values: object) -> str:
    """A small frame or title, filled in."""
    return str(_data()["frames"][key]).format(**values)


def has_title(intent: str) -> bool:
    """Whether this intent can be offered as a button."""
    return f"intent_{intent}" in _data()["frames"]


def join(parts: Iterable[str]) -> str:
    """Things named one after another."""
    return text("list_mark").join(parts)


def _bare(said: str) -> str:
    return "".join(c for c in normalise(said).text if c.isalnum())


def yes_no(said: str) -> bool | None:
    """True or False for a plain yes or no in a short answer; None for anything else."""
    bare = _bare(said)
    if not bare or len(bare) > SHORT:
        return None
    if bare in listed("no") or any(bare.startswith(word) for word in listed("no_start")):
        return False
    if bare in listed("yes") or any(bare.startswith(word) for word in listed("yes_start")):
        return True
    return None


def wants_person(said: str) -> bool:
    """Whether a person is asked for in so many words."""
    bare = _bare(said)
    return len(bare) <= 2 * SHORT and any(word in bare for word in listed("person"))


def asks_call_back(said: str) -> bool:
    """Whether somebody wants to be phoned; not where somebody must not be."""
    bare = _bare(said)
    return (
        len(bare) <= 3 * SHORT
        and any(word in bare for word in listed("call_back"))
        and not any(word in bare for word in listed("no_call_back"))
    )


def takes_consent_back(said: str) -> bool:
    """Whether somebody no longer wants their case written down."""
    bare = _bare(said)
    return len(bare) <= 2 * SHORT and any(word in bare for word in listed("withdraw"))


def withdraws_ticket(said: str) -> bool:
    """Whether somebody no longer wants what they asked for; they are asked once more before anything is given up."""
    bare = _bare(said)
    return (
        len(bare) <= 2 * SHORT
        and any(word in bare for word in listed("withdraw_ticket"))
        and not any(word in bare for word in listed("withdraw_ticket_not"))
    )


def urges(said: str) -> bool:
    """Whether somebody is waiting for news in so many words."""
    bare = _bare(said)
    return len(bare) <= 3 * SHORT and any(word in bare for word in listed("urge"))


def complains(said: str) -> bool:
    """Whether somebody wants to complain in so many words."""
    return any(word in _bare(said) for word in listed("complains"))


def brings_material(said: str) -> bool:
    """Whether this speaks of papers, and does not ask about them."""
    return any(word in said for word in listed("material")) and not any(
        word in said for word in listed("asks_something"))


def brought_everything(said: str) -> bool:
    """Whether somebody says that all the papers are there now."""
    bare = _bare(said)
    return len(bare) <= 2 * SHORT and any(word in bare for word in listed("material_all")) and not any(
        word in said for word in listed("asks_something"))


def says_wrong(said: str) -> bool:
    """Whether something is said to be wrong, or a number is named: not the moment to file."""
    bare = _bare(said)
    return any(word in bare for word in listed("wrong")) or any(letter.isdigit() for letter in bare)


def takes_back(said: str) -> bool:
    """Whether somebody says in so many words that what they told before was wrong."""
    bare = _bare(said)
    return any(word in bare for word in listed("said_wrong"))


def nothing_wrong(said: str) -> bool:
    """Whether this answers "is anything wrong?" with no."""
    return _bare(said) in listed("nothing_wrong")


def says_safe(said: str) -> bool:
    """Whether somebody says that they are safe now. "Yes, yes" only means that the message was read."""
    bare = _bare(said)
    if any(word in bare for word in listed("not_safe")):
        return False
    return bare in listed("safe_yes") or any(word in bare for word in listed("safe"))


def clauses(said: str) -> list[str]:
    """The clauses of a text; at least the text itself."""
    plain = normalise(said).text
    for mark in listed("clause_marks"):
        plain = plain.replace(mark, "\n")
    return [clause.strip() for clause in plain.split("\n") if clause.strip()] or [plain]


def refuses(said: str) -> bool:
    """Whether somebody does not want a ticket at all."""
    bare = _bare(said)
    return bare in listed("give_up") or len(bare) <= 2 * SHORT and any(word in bare for word in listed("refuse"))


def after_correction(said: str) -> str:
    """What stands behind the words of correction: the part that is meant to hold."""
    plain = normalise(said).text
    for word in listed("correction"):
        _, found, rest = plain.partition(word)
        if found and rest.strip(" ,，。.!！"):
            plain = rest
    return plain


def masked_phone(number: str) -> str:
    """A phone as it may be shown."""
    return mask_phone(number)


def has_han(said: str) -> bool:
    """Whether there is a single Chinese character in it."""
    return any("\u3400" <= character <= "\u9fff" for character in said)
