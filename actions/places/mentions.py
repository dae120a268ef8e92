"""Finds the places in a message and the role each one plays: scan, guard, chain into paths, read the cues."""
from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from operator import add
from typing import NamedTuple

from actions.language.normalise import Normal, normalise
from actions.places.country import outer
from actions.places.gazetteer import CITY, FAR, PLACE, TIER_COMMUNITY, TIER_UNIT, UNIT, Gazetteer, Sense, Word
from actions.places.sounds import add_sounds
from actions.places.tokens import Token

ROLES = ("event", "household", "residence", "hospital", "other")
LOCATING = ("register", "home", "residence", "present", "in", "origin_before", "belong", "both", "past", "negation")
LEADS = (
    "register", "home", "residence", "present", "past", "origin_before", "work", "hospital", "event", "illness",
)
# How far (in characters) a word may stand from the name it speaks for.
NEAR, REACH = 4, 3
NO, DOUBTFUL, CERTAIN = 0, 1, 2
# Nobody tells more names than this: a longer message is a list or an attack. How far from them words still matter.
MOST_NAMES, REMOTE, SKIPPED = 60, 200, 800
SWALLOWED = ("block", "neutral")  # words that only keep others from being found in them


@dataclass
class Path:
    """Names that stand together, from coarse to fine, with the role read from the words around them."""

    tokens: list[Token]
    role: str = "other"
    # Finer than the role: why it may or may not be taken as the place of the event.
    use: str = "plain"

    @property
    def start(self) -> int:
        """Where its first name begins."""
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end

    @property
    def clause(self) -> int:
        return self.tokens[-1].clause


@dataclass
class Reading:
    """Everything found in one message."""

    normal: Normal
    text: str
    paths: list[Path]
    cues: list[Token]
    said_groups: list[str]
    kept: list[Token]

    def said(self, group: str) -> bool:
        return group in self.said_groups


class Scan(NamedTuple):
    """A message taken apart once, by the tables of `version`; it may be read several times, for different questions."""

    original: str
    version: str
    normal: Normal
    text: str
    tokens: list[Token]
    breaks: list[int]
    said: list[str]
    readings: dict[bool, Reading]  # as an answer to "which township", and not


def read(text: str, gazetteer: Gazetteer, answer: bool = False) -> Reading:
    """The places of a message with their roles.

    `answer`: the message answers "which township", so that a bare short name counts.
    Never raises; O(length).
    """
    return read_scan(scan(text, gazetteer), gazetteer, answer)


def read_scan(found: Scan, gazetteer: Gazetteer, answer: bool = False) -> Reading:
    """As `read`, of a message already taken apart."""
    reading = found.readings.get(answer)
    if reading is None:
        reading = _reading(found, _guard(found.text, found.tokens, gazetteer, answer), gazetteer)
        found.readings[answer] = reading
    return reading


def read_sounds(found: Scan, first: Reading, gazetteer: Gazetteer, answer: bool = False) -> Reading | None:
    """A second reading with same-sounding and one-character-off names (to be confirmed); None when there are none."""
    kept = add_sounds(found.text, first.kept, found.breaks, gazetteer, answer)
    return None if kept is None else _reading(found, kept, gazetteer)


def _reading(found: Scan, kept: list[Token], gazetteer: Gazetteer) -> Reading:
    cues = [token for token in kept if not token.senses]
    paths = _chain(found.text, [token for token in kept if token.senses], gazetteer)
    _roles(found.text, paths, cues, gazetteer)
    return Reading(found.normal, found.text, paths, cues, found.said, kept)


def scan(text: str, gazetteer: Gazetteer) -> Scan:
    """One pass, longest match first; blocks and neutral words swallow what they cover.

    Of more names than anybody tells (MOST_NAMES) the first and the last are kept; of the words that tell a role only
    those that share a clause with a name.
    """
    normal = normalise(text)
    written = normal.text
    if gazetteer.traditional.search(written):
        written = written.translate(gazetteer.variants)
    hits, breaks = _hits(written, gazetteer)
    said = [hit.group for hit in hits]
    if len(hits) > MOST_NAMES:
        hits = _near_names(hits)
    return Scan(text, gazetteer.version, normal, written, hits, breaks, said, {})


def fit_scan(found: Scan | None, text: str, gazetteer: Gazetteer) -> Scan:
    """The scan of `text`: `found` where it is one of the same words by the same tables, else a new one."""
    if found is None or found.version != gazetteer.version:
        return scan(text, gazetteer)
    if found.original == text:
        return found
    normal = normalise(text)
    if normal.text != found.normal.text:
        return scan(text, gazetteer)
    readings = {answer: replace(reading, normal=normal) for answer, reading in found.readings.items()}
    return found._replace(original=text, normal=normal, readings=readings)


def _near_names(hits: list[Token]) -> list[Token]:
    """The first and the last names of very many hits, and the words of their clauses that stand not too far away."""
    names = outer([hit for hit in hits if hit.senses], MOST_NAMES)
    if not names:
        return []
    clauses, chosen = {hit.clause for hit in names}, {hit.start for hit in names}
    low, high = names[0].start - REMOTE, names[-1].start + REMOTE
    return [
        hit for hit in hits
        if hit.start in chosen or not hit.senses and hit.clause in clauses and low <= hit.start <= high
    ]


def _hits(text: str, gazetteer: Gazetteer) -> tuple[list[Token], list[int]]:
    """Every name and cue from left to right, and where a new clause begins."""
    found: list[Token] = []
    breaks: list[int] = []
    far = gazetteer.country.spots(text)
    at = list(map(gazetteer.pairs.get, map(add, text, text[1:] + " ")))  # lengths of the words that may begin there
    place = _walk(text, 0, MOST_NAMES // 2, at, far, found, breaks, gazetteer)
    if place < len(text):
        later = _near_end(text, at, far, gazetteer)
        if later is not None:  # a list of names: go on near its end, where a name may begin
            place = max(place, later)
            breaks.append(place)
        _walk(text, place, len(text), at, far, found, breaks, gazetteer)
    return found, breaks


_Lengths = Sequence[tuple[int, ...] | None]


def _walk(text: str, place: int, most: int, at: _Lengths, far: Mapping[int, int], found: list[Token],
          breaks: list[int], gazetteer: Gazetteer) -> int:
    """Adds what stands from `place` on to `found` and `breaks`; ends behind `most` names and tells where."""
    words, names, singles = gazetteer.words, gazetteer.country.names, gazetteer.singles
    clause, size = len(breaks), len(text)
    while place < size and most:
        sizes, end = at[place], far.get(place, 0)
        if sizes is None and not end and text[place] not in singles:
            place += 1
            continue
        hit, done = None, place + 1
        for length in sizes or ():
            hit = words.get(text[place : place + length])
            if hit is not None:
                done = place + length
                if done <= size and (not hit.bound or _bound(text, place, done, hit, found, far, gazetteer)):
                    break
                hit = None
        if hit is None:
            done = place + 1
            hit = words.get(text[place])
        if end > (done if hit else place) and not _cue_before_name(text, place, end, hit, gazetteer):
            found.append(Token(place, end, clause, "", (_far_sense(text[place:end], gazetteer),), text[place:end]))
            done, most = end, most - 1
        elif hit is None or hit.group == "boundary":
            if hit is not None or text[place] in gazetteer.boundaries:
                clause += 1
                breaks.append(place)
        elif hit.senses:
            name, most = text[place:done], most - 1
            found.append(Token(place, done, clause, "", hit.senses, name if name in names else ""))
        elif hit.group not in SWALLOWED:
            found.append(Token(place, done, clause, hit.group, ()))
        place = done
    return place


def _bound(text: str, start: int, end: int, hit: Word, found: list[Token], far: Mapping[int, int],
           gazetteer: Gazetteer) -> bool:
    """Whether a county's short name stands directly behind its own city or province, or before one of its townships.

    Else "between X and Y" would lose its "and" to a county far away.
    """
    if end in far:
        below = {county.name for county in gazetteer.country.counties_of(text[end : far[end]])}
        if any(sense.name in below for sense in hit.senses):
            return True
    if not found or found[-1].end != start:
        return False
    above = {sense.name for sense in found[-1].senses if sense.level <= CITY}
    return any(sense.city in above or sense.province in above for sense in hit.senses)


def _near_end(text: str, at: _Lengths, far: Mapping[int, int], gazetteer: Gazetteer) -> int | None:
    """Where to go on reading in a message of very many names: behind a mark, else behind an unknown character.

    None: there are not so many places where one may begin.
    """
    singles = gazetteer.singles
    backwards = (i for i in range(len(text) - 1, -1, -1) if at[i] is not None or text[i] in singles or i in far)
    places = list(islice(backwards, SKIPPED + 1))
    if len(places) <= SKIPPED:
        return None
    last = places[SKIPPED // 2 - 1 :: -1]
    return next((i for i in last if text[i] in gazetteer.boundaries), last[0])


def _cue_before_name(text: str, start: int, end: int, hit: Word | None, gazetteer: Gazetteer) -> bool:
    """Whether what looks like a name far away is a cue ("in", "to") and a name behind it."""
    if hit is None or not hit.group:
        return False
    rest = text[start + 1 : end]
    return rest in gazetteer.country.names or rest in gazetteer.words


_FAR_TOWN = Sense(UNIT, FAR, TIER_UNIT, guard="far")
_FAR_BOUND = Sense(UNIT, FAR, TIER_UNIT, guard="parent")
_FAR_VILLAGE = Sense(PLACE, FAR, TIER_COMMUNITY, guard="parent")


def _far_sense(name: str, gazetteer: Gazetteer) -> Sense:
    """What a name of the country's table may be before its parent is known: a town, or a village behind its parent."""
    if name.endswith(gazetteer.lists["town_endings"]) and len(name) > 2:
        return _FAR_TOWN
    return _FAR_BOUND if gazetteer.country.counties_of(name) else _FAR_VILLAGE


def _guard(text: str, tokens: list[Token], gazetteer: Gazetteer, answer: bool) -> list[Token]:
    """Drops names that are everyday words here: short names need company, names of people and things are none."""
    kept: list[Token] = []
    for index, token in enumerate(tokens):
        if not token.senses:
            kept.append(token)
            continue
        if token.level != PLACE and not any([sense.guard for sense in token.senses]):
            kept.append(token)  # nothing around it could make it less
            continue
        before = kept[-1] if kept else None
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        weights = [_counts(text, token, s, before, after, gazetteer, answer) for s in token.senses]
        inside = token.level == PLACE and not _edge(text, token, before)
        if not inside and min(weights) == CERTAIN:
            kept.append(token)
        elif any(weights):
            senses = tuple([
                s._replace(confirm=True) if inside or weight == DOUBTFUL else s
                for s, weight in zip(token.senses, weights, strict=True) if weight
            ])
            kept.append(Token(token.start, token.end, token.clause, "", senses, token.far))
    return kept


def _edge(text: str, token: Token, before: Token | None) -> bool:
    """Whether a name begins here: after another word we know, or after a character that is no letter."""
    return token.start == 0 or bool(before and before.end == token.start) or not text[token.start - 1].isalpha()


def _counts(text: str, token: Token, sense: Sense, before: Token | None, after: Token | None,
            gazetteer: Gazetteer, answer: bool) -> int:
    """Whether a name counts with what stands around it: 0 (no), DOUBTFUL (read it back) or CERTAIN."""
    if not sense.guard:
        return CERTAIN
    gap = text[before.end : token.start] if before else ""
    near = not gap or gap in gazetteer.lists["links"]
    parent = bool(before and before.senses and near and before.level < sense.level)
    if sense.guard == "parent":
        return CERTAIN * parent
    if sense.guard == "edge":
        return CERTAIN * _edge(text, token, before)
    if sense.guard == "between":
        # a county's short name is an everyday word: only behind its city, or before one of its townships
        below = after is not None and after.start == token.end and any(
            county.name == sense.name for county in gazetteer.country.counties_of(after.far))
        return CERTAIN * (parent or below)
    if sense.guard == "far":
        over = not text.startswith(gazetteer.lists["not_after_towns"], token.end)
        return CERTAIN * (over and (parent or _edge(text, token, before)))
    if before and before.group == "naming" and len(gap) <= 1:
        return NO
    rest = text[token.end : token.end + 8]
    located = bool(before and before.group in LOCATING and before.clause == token.clause and len(gap) <= 1)
    if sense.guard == "stem":
        return CERTAIN * _stem_counts(token, rest, parent or answer, located, gazetteer)
    if rest.startswith(gazetteer.lists["tails"]):
        return CERTAIN
    if rest.startswith(gazetteer.lists["institutions"]):
        return DOUBTFUL
    if rest.startswith(gazetteer.lists["objects"]):
        return NO
    return CERTAIN if answer or parent or located else _company(token, sense, after, rest, gazetteer)


def _stem_counts(token: Token, rest: str, placed: bool, located: bool, gazetteer: Gazetteer) -> bool:
    """A community's name without its ending: two characters only behind a parent and before an end."""
    if rest.startswith(gazetteer.lists["objects"]):
        return False
    if token.end - token.start == 2:
        return placed and _ends_here(rest, gazetteer)
    return placed or located


def _company(token: Token, sense: Sense, after: Token | None, rest: str, gazetteer: Gazetteer) -> int:
    """Whether what follows a short name shows that it is a place: a finer name, an event, an address."""
    if after and after.clause == token.clause:
        distance = after.start - token.end
        if after.senses:
            return CERTAIN * (distance == 0 and after.level > sense.level)
        if after.group in ("event", "illness", "register", "residence", "hospital") and distance <= NEAR:
            return CERTAIN
    # An address ends with its clause.
    end = next((i for i, character in enumerate(rest) if character in gazetteer.boundaries), len(rest))
    address = any(word in rest[:end] for word in gazetteer.lists["address"])
    return DOUBTFUL if sense.level == UNIT and address else NO


def _ends_here(rest: str, gazetteer: Gazetteer) -> bool:
    """Whether a name of two characters is over: else it is the beginning of a longer, unknown one."""
    if not rest or rest[0].isdigit() or rest[0] in gazetteer.boundaries or rest[0].isspace():
        return True
    return rest.startswith(gazetteer.lists["address"]) or rest.startswith(gazetteer.lists["links"])


def _chain(text: str, names: list[Token], gazetteer: Gazetteer) -> list[Path]:
    """Joins neighbouring names, coarse to fine, into paths."""
    links, commas = gazetteer.lists["links"], gazetteer.lists["commas"]
    paths: list[Path] = []
    for token in names:
        if paths:
            last = paths[-1].tokens[-1]
            gap = text[last.end : token.start]
            finer = token.level > last.level or (token.level == last.level == PLACE)
            if finer and (not gap or gap in links or (gap in commas and _official(token))):
                paths[-1].tokens.append(token)
                continue
            # The rest of an address may hide between unit and community: "town … road 12 … community" is one place.
            if token.level == PLACE and last.level >= UNIT and token.clause == last.clause and len(gap) <= 12 \
                    and not _speaks(gap):
                paths[-1].tokens.append(token)
                continue
        paths.append(Path([token]))
    return paths


def _official(token: Token) -> bool:
    return any(sense.form == "official" for sense in token.senses)


def _speaks(gap: str) -> bool:
    """Whether the characters between two names are more than the rest of an address."""
    return not gap.isalnum()


def _roles(text: str, paths: list[Path], cues: list[Token], gazetteer: Gazetteer) -> None:
    """Reads the role of every path from the nearest words of its clause."""
    starts = [cue.start for cue in cues]
    left = 0  # the first cue behind the path before
    for path, later in zip_longest(paths, paths[1:]):
        first, last = path.tokens[0], path.tokens[-1]
        here, there = bisect_left(starts, first.start), bisect_left(starts, last.end)
        next_one = bisect_left(starts, later.start) if later else len(starts)
        before = [c for c in cues[left:here] if c.clause == first.clause] if left < here else []
        after = [c for c in cues[there:next_one] if c.clause == last.clause] if there < next_one else []
        has_next = later is not None and later.tokens[0].clause == last.clause
        path.role, path.use = _role(text, path, before[::-1], after, has_next, gazetteer)
        left = there


def _negated(path: Path, before: list[Token]) -> bool:
    """A negation directly before the place, or before the chain of words that leads to it ("not living in …")."""
    edge = path.start
    for cue in before:
        if edge - cue.end > 1:
            return False
        if cue.group == "negation":
            return True
        edge = cue.start
    return False


def _role(text: str, path: Path, before: list[Token], after: list[Token], has_next: bool,
          gazetteer: Gazetteer) -> tuple[str, str]:
    """The role and its use. `before` is nearest first; words behind a place count up to the next place."""
    if not before and not after:
        return _stay(path, [], [], "") or ("other", "plain")
    groups = [cue.group for cue in before]
    if "negation" in groups and _negated(path, before):
        return "other", "negated"
    if has_next:
        # "rent in A registered in B": a word that leads to the next place speaks for that one.
        after = [c for c in after if not (c.group in ("register", "home") and c.start - path.end > REACH)]
    behind = [cue.group for cue in after]
    if after and _owns_register(text, path, after, has_next, gazetteer):
        return "household", "household"
    lead = next((g for g in groups if g in LEADS), "")
    if lead in ("register", "home") and "both" in groups and ("residence" in groups or "present" in groups):
        return "residence", "residence"
    if lead == "register":
        return "household", "household"
    if "event" in behind and lead != "past":
        return "event", "event"
    if lead == "home":
        return "household", "household"
    if lead == "past" or (lead == "residence" and "past" in groups):
        return "other", "past"
    return _stay(path, groups, behind, lead) or _origin(text, path, groups, after, lead, gazetteer)


def _owns_register(text: str, path: Path, after: list[Token], has_next: bool, gazetteer: Gazetteer) -> bool:
    """Whether the place carries the registration behind it ("A's registration", but not "A registered in B")."""
    if after[0].group != "register" or after[0].start - path.end > REACH:
        return False
    gap = text[path.end : after[0].start]
    return not has_next or any(link in gap for link in gazetteer.lists["links"] if link.strip())


def _stay(path: Path, groups: list[str], behind: list[str], lead: str) -> tuple[str, str] | None:
    """Hospital, place of the event or residence; None when no word says so."""
    if lead == "hospital" or "hospital" in behind or _is_hospital(path.tokens[-1]):
        return "hospital", "hospital"
    if lead in ("present", "event", "illness"):
        return "event", "event"
    if lead == "residence" or "residence" in behind:
        return "residence", "residence"
    if "illness" in behind:
        return "event", "event"
    return None


def _is_hospital(token: Token) -> bool:
    for sense in token.senses:
        if sense.kind:
            return sense.kind == "hospital"
    return False


def _origin(text: str, path: Path, groups: list[str], after: list[Token], lead: str,
            gazetteer: Gazetteer) -> tuple[str, str]:
    """Where someone comes from, belongs or works; else where someone is, or a bare name."""
    if "belong" in groups[:1]:
        native = text.startswith(gazetteer.lists["natives"], path.end)
        return "other", "origin" if native else "belong"
    came = bool(after) and after[0].group == "origin_after" and after[0].start - path.end <= REACH
    if came or lead == "origin_before":
        return "other", "origin"
    if lead == "work" or any(cue.group == "work" for cue in after):
        return "other", "work"
    if "in" in groups[:1]:
        return "event", "event"
    return "other", "plain"
