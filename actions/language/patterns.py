"""The small pattern language of the word files: plain words, {groups} of words, and gaps."""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, nearest

# ".." lets up to 6 and "...." up to 14 characters of the same sentence stand between two words.
GAPS = {"....": r"[^。!?;\n]{0,14}", "..": r"[^。!?;\n]{0,6}"}
SENTENCE_ENDS = "。!?;\n"
PARTS = re.compile(r"(\{\w+\}|\.{4}|\.{2})")
NEVER = re.compile(r"(?!)")


def _expressions(path: Path, line: int | None, pattern: str,
                 groups: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """What one pattern becomes: first character → expressions for what follows it."""
    heads: list[str] = []
    tail = ""
    for part in PARTS.split(pattern):
        if not part:
            continue
        if part in GAPS:
            if not heads:
                raise ConfigError(path, line, f"pattern {pattern!r} begins with a gap", "begin it with a word")
            tail += GAPS[part]
            continue
        if part.startswith("{"):
            if part[1:-1] not in groups:
                raise ConfigError(path, line, f"unknown group {part[1:-1]!r}", nearest(part[1:-1], groups))
            words = sorted(groups[part[1:-1]], key=lambda word: (-len(word), word))
        else:
            words = [part]
        if heads:
            tail += re.escape(words[0]) if len(words) == 1 else "(?:" + "|".join(map(re.escape, words)) + ")"
        else:
            heads = words
    by_first: dict[str, list[str]] = defaultdict(list)
    for head in heads:
        by_first[head[0]].append(re.escape(head[1:]))
    return {first: [(rests[0] if len(rests) == 1 else "(?:" + "|".join(rests) + ")") + tail]
            for first, rests in by_first.items()}


def compile_patterns(path: Path, patterns: Any, groups: Mapping[str, Sequence[str]]) -> re.Pattern[str]:
    """One expression that finds any of the patterns. Sorted by first character, so that long texts stay fast.

    Raises ConfigError with the line for an empty pattern, a leading gap or an unknown group.
    """
    by_first: dict[str, dict[str, None]] = defaultdict(dict)
    for place, pattern in enumerate(patterns or ()):
        text = str(pattern).strip().lower()
        if not text:
            raise ConfigError(path, line_of(patterns, place), "an empty pattern", "remove the line")
        for first, expressions in _expressions(path, line_of(patterns, place), text, groups).items():
            by_first[first].update(dict.fromkeys(expressions))
    if not by_first:
        return NEVER
    branches = [re.escape(first) + "(?:" + "|".join(expressions) + ")" for first, expressions in by_first.items()]
    return re.compile("|".join(branches))


def read_groups(path: Path, data: Any) -> dict[str, list[str]]:
    """The word groups of a file. Raises ConfigError for an empty group or word."""
    groups: dict[str, list[str]] = {}
    for name, entries in (data or {}).items():
        groups[str(name)] = [str(entry).lower() for entry in entries or ()]
        if not groups[str(name)] or not all(groups[str(name)]):
            raise ConfigError(path, line_of(data, name), f"group {name!r} is empty or holds an empty word", "add words")
    return groups


def sentence_start(text: str, position: int) -> int:
    """Where the sentence that holds `position` begins."""
    return max(text.rfind(mark, 0, position) for mark in SENTENCE_ENDS) + 1
