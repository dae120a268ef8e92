"""Keys: what is sealed opens again, with this key only."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.privacy.commands import check_keys
from actions.privacy.keys import Keys, KeyWrong, load_keys

KEYS = Keys(b"k" * 32)


@given(st.text(st.characters(blacklist_categories=("Cs",))))
def test_what_is_sealed_opens_again_and_shows_nothing(text: str) -> None:
    sealed = KEYS.seal(text)
    assert KEYS.open(sealed) == text
    assert len(text) < 4 or text.encode() not in sealed


def test_another_key_opens_nothing() -> None:
    with pytest.raises(KeyWrong):
        Keys(b"x" * 32).open(KEYS.seal("13800005678"))


def test_fingerprints_match_only_the_same_parts() -> None:
    assert KEYS.fingerprint("web", "a") == KEYS.fingerprint("web", "a")
    assert KEYS.fingerprint("web", "a") != KEYS.fingerprint("weba", "") != Keys(b"x" * 32).fingerprint("web", "a")


def test_the_key_file_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "home" / "field.key"
    first = load_keys(path, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_keys(path, None).open(first.seal("x")) == "x"


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "field.key").write_text("", encoding="ascii")
    with pytest.raises(KeyWrong, match="backup"):
        load_keys(tmp_path / "field.key", None)


def test_a_database_belongs_to_its_key(database: Any) -> None:
    with database.begin() as session:
        check_keys(session, KEYS)
        check_keys(session, KEYS)
    with pytest.raises(KeyWrong, match="does not belong"), database.begin() as session:
        check_keys(session, Keys(b"x" * 32))
