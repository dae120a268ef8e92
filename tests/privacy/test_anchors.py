"""Anchors outside the database: a log set back together with its mark shows, and so does a hand laid on the anchors."""
from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from actions.privacy.anchors import AnchorsWrong, add_anchor, read_anchors
from actions.privacy.rules import ANCHORS, CHANGED, NOTED
from actions.privacy.verifying import last_verified, verify_and_note
from actions.storage.engine import Database
from actions.storage.tables import Audit
from tests.privacy.test_audit import KEY, NOW, note, run


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "home" / "audit_anchors.jsonl"


def verify(database: Database, book: Path, days: int = 0) -> tuple[str | None, int | None, int]:
    found = verify_and_note(database, book, actor="system", now=NOW + timedelta(days=days))
    return found.broken and found.broken.what, found.broken and found.broken.row, found.anchors


def test_each_verification_anchors_the_newest_row_and_says_so_in_the_log(database: Database, book: Path) -> None:
    note(database, 3)
    assert verify(database, book) == (None, None, 0)
    assert list(read_anchors(book, KEY)) == [3]
    assert verify(database, book, 1) == (None, None, 1)  # its own row is the fourth
    assert list(read_anchors(book, KEY)) == [3, 4]
    with database.begin() as session:
        at, data = last_verified(session) or (None, None)
    assert at == NOW + timedelta(days=1)
    assert data == {"ok": True, "rows": 4, "last": 4, "anchors": 1, "broken": None}


def test_rows_and_mark_set_back_together_to_an_earlier_day(database: Database, book: Path) -> None:
    """Without the anchor this is not to be seen: both were true once."""
    note(database, 3)
    with database.begin() as session:
        old = session.execute(sa.text("SELECT audit_id, hash, mark FROM audit_head")).one()
    note(database, 4)
    assert verify(database, book)[0] is None
    run(database, "DELETE FROM audit WHERE id > 3")
    run(database, "UPDATE audit_head SET audit_id = :id, hash = :hash, mark = :mark", id=old[0], hash=bytes(old[1]), mark=bytes(old[2]))
    assert verify(database, book, 1) == (NOTED, 7, 0)
    with database.begin() as session:
        assert session.execute(sa.select(Audit.data).order_by(Audit.id.desc()).limit(1)).scalar_one()["ok"] is False
    assert list(read_anchors(book, KEY)) == [7]  # what is broken gets no anchor
    assert verify(database, book.with_name("other.jsonl"), 1)[0] is None  # so much the anchors are worth


def test_a_log_written_anew_with_the_key(database: Database, book: Path) -> None:
    note(database, 3)
    verify(database, book)
    run(database, "TRUNCATE audit RESTART IDENTITY")
    run(database, "DELETE FROM audit_head")
    note(database, 9, actor="staff:7")
    assert verify(database, book) == (NOTED, 3, 0)


def test_what_the_chain_shows_itself_is_said_first(database: Database, book: Path) -> None:
    note(database, 5)
    verify(database, book)
    run(database, "UPDATE audit SET actor = 'x' WHERE id = 2")
    assert verify(database, book)[:2] == (CHANGED, 2)


@pytest.mark.parametrize("hand", [
    lambda lines: [lines[0].replace('"row": 3', '"row": 2'), *lines[1:]],
    lambda lines: [lines[1], lines[0], lines[2]],
    lambda lines: [lines[0], lines[2]],
    lambda lines: lines[1:],
    lambda lines: [*lines, lines[-1]],
    lambda lines: [*lines, '{"at": "2026", "row": 9, "hash": "00", "mark": "00"}'],
    lambda lines: [*lines, "rubbish"], lambda lines: [*lines, "[]"], lambda lines: [*lines, "\u9519"],
])
def test_a_hand_laid_on_the_anchors(database: Database, book: Path, hand: Any) -> None:
    note(database, 3)
    for day in range(3):
        verify(database, book, day)
    book.write_text("\n".join(hand(book.read_text("utf-8").splitlines())) + "\n", "utf-8")
    before = book.read_bytes()
    assert verify(database, book, 4)[0] == ANCHORS
    assert book.read_bytes() == before
    with pytest.raises(AnchorsWrong):
        add_anchor(book, KEY, 99, b"x", NOW)


def test_anchors_of_another_key_are_not_believed(book: Path) -> None:
    add_anchor(book, KEY, 3, b"x", datetime(2026, 1, 1, tzinfo=timezone.utc))
    with pytest.raises(AnchorsWrong):
        read_anchors(book, b"y" * 32)
    assert read_anchors(book.with_name("none"), KEY) == {}


def test_the_last_anchors_cut_off_are_not_seen(database: Database, book: Path) -> None:
    """What docs/audit.md says remains open: then the file must be kept elsewhere too, or a line of it noted."""
    note(database, 3)
    for day in range(2):
        verify(database, book, day)
    book.write_text(book.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    assert verify(database, book, 3)[0] is None
