"""The audit chain, pure: how one row binds the row before it, and where a chain of rows is broken."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any

OTHER = "the row noted earlier is another one: the log was exchanged as a whole"
GONE = "the row noted earlier is gone: the log was cut back, or an older backup was restored"
GAP, CHANGED, HEAD, CUT, NOTED, ANCHORS = "gap", "changed", "head", "cut", "noted", "anchors"


@dataclass(frozen=True)
class Link:
    """One audit row as it stands in the database."""

    id: int
    at: datetime
    actor: str
    action: str
    object: str
    data: Any
    previous: bytes | None
    hash: bytes


@dataclass(frozen=True)
class Head:
    """What the database says is the newest row. `mark` is None as long as no row was written with a key."""

    audit_id: int | None
    hash: bytes | None
    mark: bytes | None


@dataclass(frozen=True)
class Broken:
    """The first row that is not as it was written. `what`: gap, changed, head, cut, noted or anchors."""

    row: int | None
    what: str
    why: str


@dataclass(frozen=True)
class Verified:
    """What a walk along the whole chain found. `anchors`: how many rows noted elsewhere still stand."""

    rows: int
    last: int | None
    hash: bytes | None
    broken: Broken | None
    anchors: int = 0


def audit_hash(
    key: bytes | None, previous: bytes | None, at: datetime, actor: str, action: str, object_: str, data: Any
) -> bytes:
    """The hash of one row: over the row before it and everything the row says.

    With the key nobody who only has the database can write a row that fits. Without one: rows of versions before 0.3.
    """
    moment = at.astimezone(timezone.utc).isoformat()
    body = json.dumps([moment, actor, action, object_, data], ensure_ascii=False, sort_keys=True)
    said = (previous or b"") + body.encode()
    return hashlib.sha256(said).digest() if key is None else hmac.digest(key, said, "sha256")


def head_mark(key: bytes, audit_id: int, hash_: bytes) -> bytes:
    """What the newest row is marked with, so that cutting off the last rows shows."""
    return hmac.digest(key, b"head" + audit_id.to_bytes(8, "big") + hash_, "sha256")


def check_chain(
    key: bytes, links: Iterable[Link], head: Head, noted: Mapping[int, bytes] = MappingProxyType({})
) -> Verified:
    """Walks the rows in order and stops at the first that is broken.

    `noted`: row → hash as somebody wrote them down earlier, elsewhere; they must still stand. Rows without key count
    only before the first row with one.
    """
    rows, last, previous, keyed, found = 0, None, None, False, 0
    for link in links:
        why = _wrong(key, link, previous, keyed)
        if why is not None:
            return Verified(rows, last, previous, Broken(link.id, *why), found)
        keyed = keyed or not _plain(link)
        if noted.get(link.id, link.hash) != link.hash:
            return Verified(rows, last, previous, Broken(link.id, NOTED, OTHER), found)
        found += link.id in noted
        rows, last, previous = rows + 1, link.id, link.hash
    wrong = _head_wrong(key, head, last, previous, keyed)
    gone = [row for row in noted if row > (last or 0)]
    if wrong is None and gone:
        wrong = Broken(min(gone), NOTED, GONE)
    elif wrong is None and found < len(noted):
        wrong = Broken(min(noted), NOTED, OTHER)
    return Verified(rows, last, previous, wrong, found)


def _plain(link: Link) -> bool:
    return link.hash == audit_hash(None, link.previous, link.at, link.actor, link.action, link.object, link.data)


def _wrong(key: bytes, link: Link, previous: bytes | None, keyed: bool) -> tuple[str, str] | None:
    if link.previous != previous:
        return GAP, "it does not follow the row before it: a row was deleted, put in between or exchanged here"
    if link.hash == audit_hash(key, previous, link.at, link.actor, link.action, link.object, link.data):
        return None
    if not keyed and _plain(link):
        return None
    return CHANGED, "it does not say what was written: it was changed, or was not written by the hotline"


def _head_wrong(key: bytes, head: Head, last: int | None, hash_: bytes | None, keyed: bool) -> Broken | None:
    if head.audit_id is None or head.hash is None or head.mark is None:
        return Broken(last, HEAD, "the mark of the newest row is gone") if keyed else None
    if not hmac.compare_digest(head_mark(key, head.audit_id, head.hash), head.mark):
        return Broken(head.audit_id, HEAD, "the mark of the newest row was changed")
    if last is None or last < head.audit_id:
        return Broken(head.audit_id, CUT, "it was the newest row and is gone, perhaps with rows before it")
    if (last, hash_) != (head.audit_id, head.hash):
        return Broken(last, HEAD, "it was written past the mark of the newest row")
    return None
