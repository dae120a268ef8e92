"""Words of one meaning: what a message speaks of, whatever words it happens to use. Data in nlu_data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from actions.language.files import load_yaml, require_keys
from actions.language.patterns import compile_patterns

Meanings = Mapping[str, re.Pattern[str]]


def load_meanings(path: Path) -> Meanings:
    """Meaning → what says it. Raises ConfigError with file, line, what and how to mend it."""
    data = load_yaml(path)
    require_keys(path, data, ["meanings"], ["version"])
    return {str(name): compile_patterns(path, words, {}) for name, words in data["meanings"].items()}


def weigh_meanings(patterns: Sequence[re.Pattern[str]], texts: Sequence[str]) -> csr_matrix:
    """text × meaning: how much each text speaks of each; the logarithm of the count, rows of length one."""
    counts = np.zeros((len(texts), len(patterns)), dtype=np.float32)
    for row, text in enumerate(texts):
        for column, words in enumerate(patterns):
            counts[row, column] = np.log1p(sum(1 for _ in words.finditer(text)))
    lengths = np.linalg.norm(counts, axis=1, keepdims=True)
    return csr_matrix(counts / np.maximum(lengths, 1e-6))
