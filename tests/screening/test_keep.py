"""The last good set of rules: kept whole, used when the files are wrong, replaced when they are right again."""
from __future__ import annotations

from pathlib import Path

import pytest

from actions.language.files import ConfigError
from actions.screening.keep import load_or_last_good


def test_a_broken_rule_file_leaves_the_last_good_set_in_force(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    good, wrong = load_or_last_good(folder, kept)
    assert wrong is None
    path = folder / "programmes/orphan.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("father_state", "fater_state"), encoding="utf-8")
    still, wrong = load_or_last_good(folder, kept)
    assert still.version == good.version and len(still.programmes) == 28
    assert wrong is not None and "orphan.yaml" in wrong and "father_state" in wrong     # where, and how to mend it
    path.write_text(text + "# mended\n", encoding="utf-8")
    mended, wrong = load_or_last_good(folder, kept)
    assert wrong is None and mended.version != good.version
    path.write_text("id: [", encoding="utf-8")
    assert load_or_last_good(folder, kept)[0].version == mended.version
    assert len([entry for entry in kept.iterdir() if not entry.is_symlink()]) == 1


def test_without_a_good_set_the_mistake_is_told(folder: Path, tmp_path: Path) -> None:
    (folder / "interview.yaml").write_text("x: [", encoding="utf-8")
    with pytest.raises(ConfigError, match="interview.yaml"):
        load_or_last_good(folder, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
