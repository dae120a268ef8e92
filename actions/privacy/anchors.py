"""Anchors: which row of the audit log was the newest when, written down outside the database and marked with the key.

Whoever has only the database can set rows and mark back together to an earlier state of both; against the anchor of a
later day it shows. The file is written anew and renamed, so it is whole or as before.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

FILE = "audit_anchors.jsonl"


class AnchorsWrong(Exception):
    """A line of the file is not as it was written, or one before it was taken out; `line` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} of the anchors was not written by the hotline, or a line before it is gone")
        self.line = line


def read_anchors(path: Path, key: bytes) -> dict[int, bytes]:
    """Row → hash of every anchor; empty where there is no file. Raises AnchorsWrong."""
    return {row: hash_ for row, hash_, _ in _lines(path, key)}


def add_anchor(path: Path, key: bytes, row: int, hash_: bytes, now: datetime) -> None:
    """Writes down that this row was the newest; again for the same row does nothing. Raises AnchorsWrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        known = list(_lines(path, key))
        if known and known[-1][0] >= row:
            return
        at = now.astimezone(timezone.utc).isoformat()
        mark = _mark(key, known[-1][2] if known else "", at, row, hash_.hex())
        line = json.dumps({"at": at, "row": row, "hash": hash_.hex(), "mark": mark})
        before = path.read_text("ascii") if path.exists() else ""
        part = path.with_name(f"{path.name}.part")
        with part.open("w", encoding="ascii") as out:
            out.write(f"{before}{line}\n")
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.with_name(f"{path.name}.lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        yield


def _mark(key: bytes, previous: str, at: str, row: int, hash_: str) -> str:
    return hmac.digest(key, f"anchor {previous} {at} {row} {hash_}".encode(), "sha256").hex()


def _lines(path: Path, key: bytes) -> Iterator[tuple[int, bytes, str]]:
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        return
    except UnicodeDecodeError:
        raise AnchorsWrong(1) from None
    previous = ""
    for number, line in enumerate(text.splitlines(), 1):
        try:
            said = json.loads(line)
            at, row, hash_, mark = str(said["at"]), int(said["row"]), str(said["hash"]), str(said["mark"])
            right = hmac.compare_digest(_mark(key, previous, at, row, hash_), mark)
            found = row, bytes.fromhex(hash_), mark
        except (ValueError, KeyError, TypeError):
            right = False
        if not right:
            raise AnchorsWrong(number)
        previous = mark
        yield found
