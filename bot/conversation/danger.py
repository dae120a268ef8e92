"""Hears danger in a message before anything else is done with it: word gates from config/danger, no model."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.language.normalise import normalise
from actions.language.patterns import compile_patterns, read_groups, sentence_start

FOLDER = Path(__file__).resolve().parents[2] / "config" / "danger"
COMMON, SECOND_READER = "common.yaml", "second_reader.yaml"
Level = Literal["now", "past"]
Band = Literal["raise", "ask", "none"]

BLANK = "□"
TIMES = ("recent", "distant")


@dataclass(frozen=True)
class Hit:
    """One danger heard: `gate` such as fire_now, the id of the safety text, and the words that said it."""

    gate: str
    level: Level
    reply: str
    heard: str


@dataclass(frozen=True)
class _Cues:
    """Words around a find that say when it was, or that it did not happen."""

    recent: re.Pattern[str]
    distant: re.Pattern[str]
    present: re.Pattern[str]
    going_on: re.Pattern[str]
    negated: re.Pattern[str]
    imagined: re.Pattern[str]
    told: re.Pattern[str]
    particles: str
    fold: dict[int, str]


@dataclass(frozen=True)
class _Kind:
    """One kind of danger as its file describes it."""

    id: str
    order: int
    now_reply: str
    past_reply: str
    lookalikes: re.Pattern[str]
    happening: re.Pattern[str]
    milder: re.Pattern[str]
    ended: re.Pattern[str]
    going_on: re.Pattern[str]
    times: tuple[str, ...]
    reach: int
    imagined_counts: bool


def _regex(path: Path, data: Any, key: str, ending: str = "") -> re.Pattern[str]:
    try:
        return re.compile("(?:" + "|".join(str(entry) for entry in data[key]) + ")" + ending)
    except re.error as error:
        raise ConfigError(path, line_of(data, key), f"{key}: {error}", "correct the expression") from None


def _load_common(path: Path) -> _Cues:
    data = load_yaml(path)
    require_keys(path, data, ["recent", "distant", "present", "going_on", "negated", "imagined", "told",
                              "particles", "fold"])
    for old, new in data["fold"].items():
        if len(old) != 1 or len(new) != 1:
            raise ConfigError(path, line_of(data["fold"], old), "fold maps one character to one", "split it")
    return _Cues(
        recent=_regex(path, data, "recent"), distant=_regex(path, data, "distant"),
        present=_regex(path, data, "present"), going_on=_regex(path, data, "going_on"),
        negated=_regex(path, data, "negated", "$"), imagined=_regex(path, data, "imagined"),
        told=_regex(path, data, "told"), particles=str(data["particles"]), fold=str.maketrans(dict(data["fold"])),
    )


def _load_kind(path: Path) -> _Kind:
    data = load_yaml(path)
    require_keys(path, data, ["kind", "title", "order", "replies", "now"],
                 ["groups", "lookalikes", "past", "ended", "going_on", "times", "reach", "imagined_counts"])
    if data["kind"] != path.stem:
        raise ConfigError(path, line_of(data, "kind"), f"kind {data['kind']!r} is not the file's name",
                          "make the two equal")
    require_keys(path, data["replies"], ["now", "past"])
    times = tuple(str(entry) for entry in data.get("times", TIMES))
    for entry in times:
        if entry not in TIMES:
            raise ConfigError(path, line_of(data, "times"), f"unknown time {entry!r}", nearest(entry, TIMES))
    groups = read_groups(path, data.get("groups"))

    def words(key: str) -> re.Pattern[str]:
        return compile_patterns(path, data.get(key), groups)

    return _Kind(
        id=str(data["kind"]), order=int(data["order"]),
        now_reply=str(data["replies"]["now"]), past_reply=str(data["replies"]["past"]),
        lookalikes=words("lookalikes"), happening=words("now"), milder=words("past"), ended=words("ended"),
        going_on=words("going_on"), times=times, reach=int(data.get("reach", 30)),
        imagined_counts=data.get("imagined_counts") is True,
    )


def _last(pattern: re.Pattern[str], text: str) -> int:
    """Where the last find of a pattern ends, or -1."""
    return max((found.end() for found in pattern.finditer(text)), default=-1)


def plain_form(text: str, fold: Mapping[int, str] | None = None) -> str:
    """One form, lower case, characters folded; l e t t e r e d writing is closed up."""
    plain = normalise(text).text.lower().translate(fold or {})
    spaces = plain.count(" ")
    if spaces >= 3 and spaces * 2.5 >= len(plain) - spaces:
        plain = plain.replace(" ", "")
    return plain


@dataclass(frozen=True)
class Bands:
    """From which chance on what the second reader heard counts. The default never does."""

    raise_from: float = 2.0
    ask_from: float = 2.0
    least_characters: int = 0
    letter_from: int = 10**9

    def of(self, text: str, now: float, over: bool = False) -> Band:
        """`raise` like a gate, `ask` whether somebody is in danger, or `none`; `now` is a chance from 0 to 1.

        One band more is taken where a gate has heard this very danger as past (`over`: the safety line stands there),
        and in a letter: of its many sentences one sounds like danger by chance, and who writes it can be asked.
        """
        if len(text.strip()) < self.least_characters:
            return "none"
        if over or len(text) >= self.letter_from:
            return "ask" if now >= self.raise_from else "none"
        return "raise" if now >= self.raise_from else "ask" if now >= self.ask_from else "none"


def _load_bands(path: Path) -> Bands:
    data = load_yaml(path)
    require_keys(path, data, ["raise_from", "ask_from", "least_characters", "letter_from"])
    bands = Bands(float(data["raise_from"]), float(data["ask_from"]), int(data["least_characters"]),
                  int(data["letter_from"]))
    if not 0 < bands.ask_from <= bands.raise_from < 1:
        raise ConfigError(path, line_of(data, "ask_from"), "not 0 < ask_from <= raise_from < 1",
                          "put them in order")
    return bands


class Gates:
    """Every kind of danger, ready to check a message. Pure: same text, same answer."""

    def __init__(self, kinds: Iterable[_Kind], cues: _Cues, bands: Bands = Bands()) -> None:
        self.bands = bands
        self._kinds = tuple(sorted(kinds, key=lambda kind: kind.order))
        self._cues = cues
        self.kinds = tuple(kind.id for kind in self._kinds)
        self.replies = frozenset(reply for kind in self._kinds for reply in (kind.now_reply, kind.past_reply))

    def hit(self, kind: str, level: Level, heard: str) -> Hit:
        """Danger of a kind that something else than these words has heard. Raises KeyError for an unknown kind."""
        own = {one.id: one for one in self._kinds}[kind]
        return Hit(f"{kind}_{level}", level, own.now_reply if level == "now" else own.past_reply, heard)

    def _level(self, kind: _Kind, text: str, start: int, end: int, mild: bool) -> Level | None:
        """What the words around a find make of it; None when it did not happen."""
        cues = self._cues
        before = text[start - min(start, 30):start]
        before = before[sentence_start(before, len(before)):]
        after = text[end:end + 30]
        if cues.negated.search(before[-7:]):
            return None
        if not kind.imagined_counts and cues.imagined.search(before[-10:]):
            return None
        if cues.told.search(before[-8:]) or cues.told.match(after[:6]):
            return None
        around = text[max(0, start - 14):end + 14]
        if cues.going_on.search(around) or kind.going_on.search(around):
            return "now"
        if mild:
            return "past"
        if kind.ended.search(text[max(0, start - 40):start]) or kind.ended.search(text[end:end + 40]):
            return "past"
        near = before[-kind.reach:]
        then = max(_last(getattr(cues, name), near) for name in kind.times)
        if then > _last(cues.present, near):
            return "past"
        if then < 0 and any(getattr(cues, name).match(after.lstrip(cues.particles)) for name in kind.times):
            return "past"
        return "now"

    def _hear(self, kind: _Kind, text: str) -> Hit | None:
        readable = kind.lookalikes.sub(lambda found: BLANK * len(found.group()), text)
        best: Hit | None = None
        for pattern, mild in ((kind.happening, False), (kind.milder, True)):
            for found in pattern.finditer(readable):
                level = self._level(kind, readable, found.start(), found.end(), mild)
                if level == "now":
                    return Hit(f"{kind.id}_now", "now", kind.now_reply, found.group())
                if level == "past" and best is None:
                    best = Hit(f"{kind.id}_past", "past", kind.past_reply, found.group())
        return best

    def check(self, text: str) -> tuple[Hit, ...]:
        """The dangers a message speaks of, what is happening now first, then in the order of the files.

        Never raises. Linear in the length of the text. Source of the kinds: notes/policy.md 3.3.
        """
        plain = plain_form(text, self._cues.fold)
        hits = [hit for kind in self._kinds if (hit := self._hear(kind, plain))]
        return tuple(sorted(hits, key=lambda hit: hit.level != "now"))


def highest(hits: Iterable[Hit]) -> Hit | None:
    """The hit to answer first: one that is happening now, else the first, else None."""
    ordered = sorted(hits, key=lambda hit: hit.level != "now")
    return ordered[0] if ordered else None


def load_gates(folder: Path = FOLDER) -> Gates:
    """Reads common.yaml and one file per kind. Raises ConfigError with file, line, what and how to mend."""
    paths = sorted(path for path in folder.glob("*.yaml") if path.name not in (COMMON, SECOND_READER))
    if not paths:
        raise ConfigError(folder, None, "no kind of danger is described here", "restore config/danger")
    bands = _load_bands(folder / SECOND_READER) if (folder / SECOND_READER).exists() else Bands()
    return Gates([_load_kind(path) for path in paths], _load_common(folder / COMMON), bands)
