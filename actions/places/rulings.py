"""What the desk has decided since the tables were written: settled disputes and approved aliases, laid over them."""
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from actions.places.extent import Extent
from actions.places.gazetteer import OVERRIDE, PLACE, TIER_COMMUNITY, TIER_PLACE, UNIT, Gazetteer, Sense, Word
from actions.places.mentions import read

ALIAS = "alias"
BETWEEN = "+"  # stands in a table version between the files' own and the last ruling


@dataclass(frozen=True)
class Ruling:
    """A name (for an override also numbers) that a person gave to a unit, with the days it holds."""

    id: int
    kind: str
    name: str
    unit: str
    number_from: int | None = None
    number_to: int | None = None
    parity: str = ""
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True)
class Spot:
    """A road or estate as it stands in an address, with the house number behind it."""

    name: str
    number: int | None


def with_rulings(gazetteer: Gazetteer, rulings: Iterable[Ruling], last: int) -> Gazetteer:
    """The gazetteer of the files with the rulings over it. `last`: the newest row read, for the table version.

    Rulings for units that are no longer served are left out; the files' own names stay beside an alias and give way to
    an override.
    """
    if not last:
        return gazetteer
    words, pairs = dict(gazetteer.words), dict(gazetteer.pairs)
    for ruling in rulings:
        if ruling.unit not in gazetteer.served:
            continue
        word = words.get(ruling.name)
        if word is not None and word.group:
            continue  # a name that has become a cue word is no name any more
        words[ruling.name] = Word((*(word.senses if word else ()), _sense(ruling, gazetteer)))
        pair, size = ruling.name[:2], len(ruling.name)
        pairs[pair] = tuple(sorted({*pairs.get(pair, ()), size}, reverse=True))
    return replace(gazetteer, words=words, pairs=pairs, version=f"{gazetteer.version}{BETWEEN}{last}")


def _sense(ruling: Ruling, gazetteer: Gazetteer) -> Sense:
    override = ruling.kind == OVERRIDE
    return Sense(
        PLACE, OVERRIDE if override else "place", TIER_COMMUNITY if override else TIER_PLACE, (ruling.unit,),
        name=ruling.name, city=gazetteer.city, province=gazetteer.province, kind=ruling.kind, confirm=True,
        extent=Extent(ruling.number_from, ruling.number_to, ruling.parity, ruling.valid_from, ruling.valid_to),
    )


def ruling_of(version: str) -> tuple[str, int]:
    """(version of the files, last ruling) of a table version."""
    files, _, last = version.partition(BETWEEN)
    return files, int(last or 0)


def spot_of(text: str, gazetteer: Gazetteer) -> Spot | None:
    """The road or estate of an address: what stands behind its last unit and ends like one. None when there is none.

    Pure; knows no list of names, only how they end (`spot_endings` of cues.yaml).
    """
    reading = read(text, gazetteer, answer=True)
    start = max(
        (token.end for path in reading.paths for token in path.tokens if token.level <= UNIT and not token.only_far),
        default=0,
    )
    endings = "|".join(map(re.escape, gazetteer.lists["spot_endings"]))
    spot = rf"([\u4e00-\u9fff]{{1,10}}?(?:{endings}))(?:(\d{{1,5}})|(?![\u4e00-\u9fff]))"
    found = re.search(spot, reading.text[start:])
    if found is None:
        return None
    name = found.group(1)
    for cue in gazetteer.lists["fillers"]:
        name = name.removeprefix(cue)
    return Spot(name, int(found.group(2)) if found.group(2) else None) if len(name) > 2 else None
