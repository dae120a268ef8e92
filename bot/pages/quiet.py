"""Logging for those who answer people: a full disk must not take an answer away."""
from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any


def note(write: Callable[..., Any], event: str, **values: Any) -> None:
    """Writes one line with a logger's method; what goes wrong with it is lost, the answer is not."""
    with contextlib.suppress(Exception):  # there is nowhere left to tell it
        write(event, **values)
