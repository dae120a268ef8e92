"""What the linear readers see of a text: groups of characters, words and meanings, each with its place.

A text is taken apart once; the row of the whole and the rows of its sentences are then counted from the same finds.
scikit-learn's TfidfVectorizer gives the same figures (tests/dialogue/test_features.py) and takes five times as long for
a message: it reads a text again for every sentence, in Python, and checks itself at every call.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from actions.language.sentences import Span

BLANKS = re.compile(r"\s\s+")
LEAST = 2  # texts; what only one text holds teaches nothing about others


def flat(text: str) -> str:
    """Small letters, single blanks: the form in which characters are counted."""
    return BLANKS.sub(" ", text.lower())


@dataclass(frozen=True)
class Finds:
    """What a text holds of one kind: the column of each find, where it begins and where it ends."""

    columns: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Weights by row and column, ordered by row: row 0 is the whole text, then a row for each span."""

    rows: np.ndarray
    columns: np.ndarray
    weights: np.ndarray


def _counted(finds: Finds, spans: Sequence[Span], width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(row, column, how often), ordered by row and column."""
    keys = finds.columns
    if spans:
        begin = np.array([start for start, _ in spans])
        stop = np.array([end for _, end in spans])
        owner = np.searchsorted(begin, finds.starts, side="right") - 1
        inside = (owner >= 0) & (finds.ends <= stop[owner])
        keys = np.concatenate([keys, (owner[inside] + 1) * width + finds.columns[inside]])
    found, counts = np.unique(keys, return_counts=True)
    return found // width, found % width, counts


def _of_length_one(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> Rows:
    """Every row scaled to length one."""
    if not len(rows):
        return Rows(rows, columns, weights.astype(np.float32))
    lengths = np.sqrt(np.bincount(rows, weights * weights))
    return Rows(rows, columns, (weights / lengths[rows]).astype(np.float32))


def weigh(finds: Finds, spans: Sequence[Span], rarity: np.ndarray) -> Rows:
    """tf-idf: one more than the logarithm of the count, times how rare the column is; rows of length one."""
    rows, columns, counts = _counted(finds, spans, len(rarity))
    return _of_length_one(rows, columns, (1 + np.log(counts)) * rarity[columns])


def side_by_side(parts: Sequence[tuple[Rows, int]], many: int) -> csr_matrix:
    """Rows of several kinds, each with its number of columns, as one matrix with `many` rows."""
    offsets = np.cumsum([0, *(width for _, width in parts)])
    rows = np.concatenate([part.rows for part, _ in parts])
    columns = np.concatenate([part.columns + offset for (part, _), offset in zip(parts, offsets, strict=False)])
    weights = np.concatenate([part.weights for part, _ in parts])
    order = np.argsort(rows, kind="stable")
    starts = np.searchsorted(rows[order], np.arange(many + 1))
    return csr_matrix((weights[order], columns[order], starts), shape=(many, int(offsets[-1])))


def stacked(texts: Sequence[Rows]) -> Rows:
    """The whole of one text after the other, a row each."""
    rows = np.repeat(np.arange(len(texts)), [len(one.columns) for one in texts])
    none = Rows(*(np.zeros(0, dtype=np.int64),) * 2, np.zeros(0, dtype=np.float32))
    return Rows(rows, np.concatenate([one.columns for one in [*texts, none]]),
                np.concatenate([one.weights for one in [*texts, none]]))


def _rarity(texts: int, holding: np.ndarray) -> np.ndarray:
    return (np.log((1 + texts) / (1 + holding)) + 1).astype(np.float32)


class CharacterGroups:
    """Groups of 1 to `longest` neighbouring characters that at least two of the learned texts hold, by tf-idf.

    A group is one number: its characters' numbers as digits. At most 4 characters of 65,000 different ones fit.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._known = np.zeros(0, dtype=np.uint32)
        self._groups = np.zeros(0, dtype=np.int64)
        self.rarity = np.zeros(0, dtype=np.float32)

    def fit(self, texts: Sequence[str]) -> CharacterGroups:
        """Learns which groups there are and how rare each is."""
        self._known = np.unique(_characters("".join(map(flat, texts))))
        held = [np.unique(self._numbers(_characters(flat(text)))[0]) for text in texts]
        groups, holding = np.unique(np.concatenate(held) if held else self._groups, return_counts=True)
        self._groups, self.rarity = groups[holding >= LEAST], _rarity(len(texts), holding[holding >= LEAST])
        return self

    def _numbers(self, characters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(the number, start, end) of every group without an unknown character."""
        base = len(self._known) + 1
        digits = np.searchsorted(self._known, characters) + 1
        known = digits < base
        known[known] = self._known[digits[known] - 1] == characters[known]
        numbers, starts, ends = [], [], []
        group, one = digits.astype(np.int64), known
        for size in range(1, self._longest + 1):
            if size > 1:
                group, known = group[:-1] * base + digits[size - 1:], known[:-1] & one[size - 1:]
            if not len(group):
                break
            at = np.flatnonzero(known)
            numbers.append(group[at])
            starts.append(at)
            ends.append(at + size)
        if not numbers:
            return (np.zeros(0, dtype=np.int64),) * 3
        return np.concatenate(numbers), np.concatenate(starts), np.concatenate(ends)

    def find(self, text: str) -> Finds:
        """The known groups of a text that is flat."""
        numbers, starts, ends = self._numbers(_characters(text))
        if not len(self._groups):
            return Finds(*(np.zeros(0, dtype=np.int64),) * 3)
        place = np.minimum(np.searchsorted(self._groups, numbers), len(self._groups) - 1)
        hit = self._groups[place] == numbers
        return Finds(place[hit], starts[hit], ends[hit])

    def names(self) -> list[str]:
        """Each column's group."""
        base, found = len(self._known) + 1, []
        for number in self._groups.tolist():
            group = ""
            while number:
                number, digit = divmod(number, base)
                group = chr(self._known[digit - 1]) + group
            found.append(group)
        return found


def _characters(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


class Words:
    """Words that at least two of the learned texts hold, by tf-idf."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}
        self.rarity = np.zeros(0, dtype=np.float32)

    def fit(self, texts: Sequence[Sequence[str]]) -> Words:
        """Learns from texts cut into words."""
        holding = Counter(word for words in texts for word in set(words))
        kept = sorted(word for word, count in holding.items() if count >= LEAST and not word.isspace())
        self._columns = {word: column for column, word in enumerate(kept)}
        self.rarity = _rarity(len(texts), np.array([holding[word] for word in kept], dtype=np.float64))
        return self

    def find(self, words: Iterable[str]) -> Finds:
        """The known words of a text, given without a gap: their lengths say where each begins."""
        found, start = [], 0
        for word in words:
            column = self._columns.get(word)
            if column is not None:
                found.append((column, start, start + len(word)))
            start += len(word)
        return _finds(found)

    def names(self) -> list[str]:
        """Each column's word."""
        return list(self._columns)


def _finds(found: Sequence[tuple[int, int, int]]) -> Finds:
    columns = np.array(found, dtype=np.int64).reshape(-1, 3)
    return Finds(columns[:, 0], columns[:, 1], columns[:, 2])


def find_meanings(patterns: Iterable[re.Pattern[str]], text: str) -> Finds:
    """Where a text speaks of each meaning."""
    return _finds([(column, said.start(), said.end()) for column, words in enumerate(patterns)
                   for said in words.finditer(text)])


def weigh_meanings(finds: Finds, spans: Sequence[Span], many: int) -> Rows:
    """How much each row speaks of each meaning: the logarithm of the count, rows of length one."""
    rows, columns, counts = _counted(finds, spans, many)
    return _of_length_one(rows, columns, np.log1p(counts))


