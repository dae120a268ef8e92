"""Cuts text into words: jieba with the gazetteer's names, in less memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import jieba

jieba.setLogLevel(logging.ERROR)


class _Words(jieba.Tokenizer):
    """jieba without its 150,000 beginnings of words that are no words: 18 MB of every process that reads.

    jieba keeps them to know when to stop looking for longer words; how long the longest word with the same first
    character is says it as well. It reads its dictionary itself, not the cache that jieba leaves in a folder where
    every user of the machine can write. The words found are the same (tests/dialogue/test_segmenter.py).
    """

    def read(self) -> None:
        """Reads jieba's dictionary."""
        with jieba.get_dict_file() as lines:
            for line in lines:
                word, frequency = line.decode("utf-8").split(" ")[:2]
                self.FREQ[word] = int(frequency)
        self.total = sum(self.FREQ.values())
        self.initialized = True
        self._longest: dict[str, int] = {}
        for word in self.FREQ:
            self._note(word)

    def _note(self, word: str) -> None:
        self._longest[word[0]] = max(self._longest.get(word[0], 1), len(word))

    def add_name(self, name: str) -> None:
        """Adds a word without a frequency: jieba takes one that keeps it whole."""
        self.add_word(name)
        for end in range(1, len(name)):
            if not self.FREQ[name[:end]]:
                del self.FREQ[name[:end]]
        self._note(name)

    def get_DAG(self, sentence: str) -> dict[int, list[int]]:
        """At every character: where words that begin there may end."""
        found = {}
        for start, character in enumerate(sentence):
            stop = min(start + self._longest.get(character, 1), len(sentence))
            ends = [end - 1 for end in range(start + 1, stop + 1) if self.FREQ.get(sentence[start:end])]
            found[start] = ends or [start]
        return found


class Segmenter:
    """A tokenizer apart from the process-wide one, so that models do not leak into each other.

    It reads the dictionary when the first text comes.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._words = _Words()
        self.names = list(names)

    def __call__(self, text: str) -> list[str]:
        """The words of a text in order, without a gap: together they are the text."""
        if not self._words.initialized:
            self._words.read()
            for name in self.names:
                self._words.add_name(name)
        return list(self._words.cut(text))
