"""A mistake in the word files of facts names file, line, what is wrong and how to mend it."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actions.language.facts import book
from actions.language.files import ConfigError, load_yaml

RIGHT = """facts:
  living_hard:
    choose: last
    guards: [past]
    say:
      - {value: true, confidence: 0.8, say: [过不下去]}
"""


@pytest.mark.parametrize(("wrong", "put", "line", "what"), [
    ("living_hard", "living_hart", 2, "unknown fact 'living_hart'"),
    ("choose: last", "choose: latest", 3, "unknown choose 'latest'"),
    ("guards: [past]", "guards: [passed]", 4, "unknown guards 'passed'"),
    ("value: true, ", "", 6, "key 'value' is missing"),
    ("[过不下去]", '["{nobody}过不下去"]', 6, "unknown group 'nobody'"),
    ("[过不下去]", '[""]', 6, "an empty pattern"),
])
def test_a_mistake_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: str, put: str, line: int,
                            what: str) -> None:
    file = tmp_path / "event.yaml"
    file.write_text(RIGHT.replace(wrong, put), "utf-8")

    def words(name: str) -> Any:
        return load_yaml(file)

    monkeypatch.setattr(book, "words", words)
    with pytest.raises(ConfigError) as caught:
        book._sayings("event", {})
    assert caught.value.line == line and what in caught.value.what and caught.value.mend
    assert caught.value.path.name == "event.yaml"


def test_the_right_file_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "event.yaml"
    file.write_text(RIGHT, "utf-8")
    monkeypatch.setattr(book, "words", lambda name: load_yaml(file))
    assert book._sayings("event", {})["living_hard"].choose == "last"
