"""Words of one meaning: what a message speaks of, whatever words it happens to use. Data in nlu_data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from actions.language.files import load_yaml, require_keys
from actions.language.patterns import compile_patterns

Meanings = Mapping[str, re.Pattern[str]]


def load_meanings(path: Path) -> Meanings:
    """Meaning → what says it. Raises ConfigError with file, line, what and how to mend it."""
    data = load_yaml(path)
    require_keys(path, data, ["meanings"], ["version"])
    return {str(name): compile_patterns(path, words, {}) for name, words in data["meanings"].items()}
