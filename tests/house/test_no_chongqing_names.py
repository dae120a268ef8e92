"""The area is data: no place name of config/places stands in bot/ or actions/, in code, pages or styles."""
from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

from tests.house.files import HAN_RUN, ROOT, repository_files, shown, text_of

PLACES = ROOT / "config" / "places"
# file → columns that hold names of places
COLUMNS = {"units.csv": ("official",), "unit_names.csv": ("name",), "communities.csv": ("name",),
           "districts.csv": ("name",), "elsewhere.csv": ("name",)}
SHORTEST = 3  # two characters are too often an ordinary word


@lru_cache(None)
def place_names() -> frozenset[str]:
    """Every full name of a place the gazetteer knows, of three characters or more."""
    names = set()
    for file, columns in COLUMNS.items():
        with (PLACES / file).open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(line for line in stream if not line.startswith("#"))
            for row in rows:
                names.update(row[column].strip() for column in columns)
    return frozenset(name for name in names if len(name) >= SHORTEST)


def names_in(text: str, names: frozenset[str]) -> list[tuple[int, str]]:
    """(line, name) of every place name in a text."""
    lengths = sorted({len(name) for name in names})
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for run in HAN_RUN.findall(line):
            for start in range(len(run)):
                found += [(number, run[start:start + length]) for length in lengths if run[start:start + length] in names]
    return found


def test_no_place_name_outside_the_data() -> None:
    names = place_names()
    assert len(names) > 300
    files = [path for path in repository_files()
             if path.relative_to(ROOT).parts[0] in ("bot", "actions") and "vendor" not in path.parts]
    assert len(files) > 30
    wrong = [f"{shown(path)}:{line}: {name}" for path in files for line, name in names_in(text_of(path) or "", names)]
    assert wrong == [], "another area is another set of files in config/, so its names may not stand here:\n" + "\n".join(wrong)


def test_a_name_is_seen() -> None:
    assert names_in("x\nin 龙溪街道的 y", place_names()) == [(2, "龙溪街道")]
    assert names_in("镇街经办人", place_names()) == []


def test_the_files_read_exist() -> None:
    assert [file for file in COLUMNS if not Path(PLACES / file).exists()] == []
