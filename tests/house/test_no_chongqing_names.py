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
# …but the short names of the city, its districts and the served units are no words that code or pages could need
SHORT = {"units.csv": "short", "districts.csv": "short"}


@lru_cache(None)
def place_names() -> frozenset[str]:
    """Every full name of a place the gazetteer knows, of three characters or more, and the short names of our own."""
    short = {"重庆"}
    for file, column in SHORT.items():
        with (PLACES / file).open(encoding="utf-8", newline="") as stream:
            short.update(row[column] for row in csv.DictReader(stream) if len(row[column]) > 1)
    names = set()
    for file, columns in COLUMNS.items():
        with (PLACES / file).open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(line for line in stream if not line.startswith("#"))
            for row in rows:
                names.update(row[column].strip() for column in columns)
    return frozenset(name for name in names if len(name) >= SHORTEST) | short


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
    assert (2, "龙溪街道") in names_in("x\nin 龙溪街道的 y", place_names())
    assert names_in("渝北的", place_names()) == [(1, "渝北")]
    assert names_in("镇街经办人", place_names()) == []


def test_the_files_read_exist() -> None:
    assert [file for file in COLUMNS if not Path(PLACES / file).exists()] == []
