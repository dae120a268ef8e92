"""The sentences of the second reader of danger: format, enough of each, none twice, none of another intent or a test."""
from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest
from ruamel.yaml import YAML

from actions.language.normalise import readable
from tests.house.files import ROOT
from tests.house.test_nlu_data import NUMBERS, alike, examples, plain

FOLDER = ROOT / "nlu_data" / "danger"
CASES = ROOT / "tests" / "conversation"
LEVELS = ("now", "past", "none")
LEAST_ALIKE = 8  # characters: shorter sentences are everybody's


class Line(NamedTuple):
    """One sentence and where it stands."""

    kind: str
    level: str
    text: str


@lru_cache(None)
def lines() -> tuple[Line, ...]:
    """Every sentence of nlu_data/danger."""
    found = []
    for path in sorted(FOLDER.glob("*.yml")):
        data = YAML(typ="safe").load(path.read_text("utf-8"))
        found += [Line(path.stem, level, text) for level in LEVELS for text in data.get(level) or ()]
    return tuple(found)


def cases() -> dict[str, list[str]]:
    """The sentences of the tests, by file."""
    found: dict[str, list[str]] = {}
    for name in ("danger_positive", "danger_negative", "danger_heldout"):
        data = YAML(typ="safe").load((CASES / f"{name}.yaml").read_text("utf-8"))
        groups = [data] if isinstance(data, list) else list(data.values())
        groups = [g for one in groups for g in (one.values() if isinstance(one, dict) else [one])]
        found[name] = [str(text) for group in groups for text in group]
    return found


def test_files_hold_what_they_say() -> None:
    for path in FOLDER.glob("*.yml"):
        data = YAML(typ="safe").load(path.read_text("utf-8"))
        allowed = {"meanings"} if path.stem == "meanings" else {"kind", *LEVELS}
        assert set(data) <= allowed, path.name
        assert path.stem in ("meanings", "none") or {"now", "past"} <= set(data), path.name
        assert data.get("kind", path.stem) == path.stem


def test_every_sentence_is_a_readable_text() -> None:
    assert [one for one in lines() if not isinstance(one.text, str) or not readable(one.text)] == []
    assert [one for one in lines() if one.text != one.text.strip() or "\n" in one.text] == []


def test_there_are_enough_of_each() -> None:
    levels, kinds = Counter(one.level for one in lines()), Counter(one.kind for one in lines() if one.level == "now")
    assert levels["now"] >= 350 and levels["past"] >= 150 and levels["none"] >= 600, levels
    assert {kind: many for kind, many in kinds.items() if many < 45} == {}


def test_no_sentence_stands_twice() -> None:
    places = defaultdict(list)
    for one in lines():
        places[plain(one.text) or one.text].append(one)
    assert [same for same in places.values() if len(same) > 1] == []


def test_no_sentence_of_another_intent() -> None:
    others = {plain(example.text): example.where for example in examples()}
    assert {one.text: others[plain(one.text)] for one in lines() if plain(one.text) in others} == {}


def test_no_level_teaches_the_words_of_another() -> None:
    own = [one for one in lines() if len(plain(one.text)) >= LEAST_ALIKE]
    pairs = alike([plain(one.text) for one in own])
    assert [(own[a], own[b]) for a, b in pairs if own[a].level != own[b].level] == []


@pytest.mark.parametrize("name", ["danger_positive", "danger_negative", "danger_heldout"])
def test_nothing_is_copied_from_the_tests(name: str) -> None:
    tested = [plain(text) for text in cases()[name]]
    assert {one.text for one in lines() if plain(one.text) in set(tested)} == set()
    tested = [text for text in tested if len(text) >= LEAST_ALIKE]
    own = [one for one in lines() if len(plain(one.text)) >= LEAST_ALIKE]
    pairs = alike([plain(one.text) for one in own] + tested, 0.6)
    assert [(own[a].text, tested[b - len(own)]) for a, b in pairs if a < len(own) <= b] == []


@pytest.mark.parametrize("kind", sorted(NUMBERS))
def test_no_number_of_a_person(kind: str) -> None:
    assert [one for one in lines() if NUMBERS[kind].search(one.text)] == []


@pytest.mark.measure
def test_nothing_is_copied_from_the_measure() -> None:
    path = Path(os.environ.get("YOUMEN_SHARED") or "/nonexistent") / "data" / "utterances_dev.jsonl"
    if not path.exists():
        pytest.skip("the measuring data are not here (YOUMEN_SHARED)")
    measured = [plain(json.loads(line)["text"]) for line in path.read_text("utf-8").splitlines() if line.strip()]
    measured = [text for text in measured if len(text) >= LEAST_ALIKE]
    own = [*(one.text for one in lines()), *cases()["danger_heldout"]]
    own = [plain(text) for text in own if len(plain(text)) >= LEAST_ALIKE]
    assert [own[a] for a, b in alike(own + measured) if a < len(own) <= b] == []
