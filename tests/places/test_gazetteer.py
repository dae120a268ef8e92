"""The tables: complete, checked at load, and an error that says where and how to mend it."""
from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from actions.language.files import ConfigError
from actions.places.gazetteer import FILES, FOLDER, load_gazetteer


@pytest.fixture()
def copy(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(FOLDER / name, tmp_path / name)
    return tmp_path


def change(path: Path, edit: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8")
    changed = edit(text)
    assert changed != text, "the test changed nothing"
    path.write_text(changed, encoding="utf-8")


def test_communities_of_the_served_units_are_all_there() -> None:
    gazetteer = load_gazetteer()
    with (FOLDER / "communities.csv").open(encoding="utf-8") as stream:
        rows = [r for r in csv.DictReader(stream) if r["unit"] in gazetteer.served and not r["last_seen"]]
    assert len(rows) == 412
    assert {r["unit"] for r in rows} == set(gazetteer.served)


def test_announced_numbers_of_units() -> None:
    gazetteer = load_gazetteer()
    from datetime import date
    day = date(2026, 1, 1)
    names = [gazetteer.district_name(unit, day) for unit in gazetteer.units]
    assert (names.count("两江新区"), names.count("北碚区")) == (42, 17)
    assert "渝北区" not in names and "江北区" not in names


def test_codes_belong_to_a_scheme() -> None:
    codes = load_gazetteer().codes
    # The same nine digits name different units in different tables.
    assert codes[("nbs", "500112008")] == "u-cuiyun"
    assert codes[("tencent", "500112008")] == "u-lianglu"


def test_version_is_the_content(copy: Path) -> None:
    assert load_gazetteer(copy).version == load_gazetteer().version
    change(copy / "places.csv", lambda text: text + "新地名,u-longxi,estate,,,,,,C,test\n")
    assert load_gazetteer(copy).version != load_gazetteer().version


@pytest.mark.parametrize("name, edit, says", [
    ("places.csv", lambda t: t + "新地名,u-longxii,estate,,,,,,C,x\n", "did you mean u-longxi?"),
    ("places.csv", lambda t: t + "新地名,u-longxi,estate,,,,,,D,x\n", "grade"),
    ("places.csv", lambda t: t + "新地名,u-longxi,estate,,,,,,C\n", "9 values for 10 columns"),
    ("places.csv", lambda t: t + "新地名,u-longxi,estate,,,,2026-13-01,,C,x\n", "no date"),
    ("places.csv", lambda t: t.replace("name,units", "nam,units", 1), "columns are"),
    ("jurisdiction.csv", lambda t: t + "u-longxi,legal_parent,d-beibei,2026-01-01,,C,x\n", "at once"),
    ("jurisdiction.csv", lambda t: t.replace("u-longxi,legal_parent,d-liangjiang,2025-11-06",
                                             "u-longxi,legal_parent,d-liangjiang,2025-12-06"), "to nobody between"),
    ("jurisdiction.csv", lambda t: t + "u-longxi,known_as,d-nowhere,,,C,x\n", "unknown district"),
    ("unit_codes.csv", lambda t: t + "u-longxi,nbs,500112008,,,C,x\n", "names two units"),
    ("unit_names.csv", lambda t: t + "u-longxi,某镇,former,2005,2001,C,x\n", "ends"),
    ("area.yaml", lambda t: t.replace("u-luoqi", "u-luoqii"), "did you mean u-luoqi?"),
    ("area.yaml", lambda t: t + "colour: red\n", "unknown key"),
    ("cues.yaml", lambda t: t.replace("words: [老家,", "words: [户口, 老家,"), "already register"),
    ("contacts.csv", lambda t: t.replace("12345", ""), "nobody invents a number"),
    ("contacts.csv", lambda t: t.replace(",12345,,", ",12345,2030-01-01,"), "no line for cities"),
    ("places.csv", lambda t: t + "新路,u-longxi,road,9,3,,,,C,x\n", "numbers end at 3"),
    ("places.csv", lambda t: t + "新路,u-longxi,road,1,x,,,,C,x\n", "no house number"),
    ("places.csv", lambda t: t + "新路,u-longxi,road,1,9,left,,,C,x\n", "unknown parity"),
    ("desks.csv", lambda t: t + "u-nowhere,unit,,,A,x\n", "unknown unit"),
    ("succession.csv", lambda t: t + "u-nowhere,某镇,u-longxi,split,2001,B,x\n", "unknown unit or district"),
    ("towns.csv", lambda t: t + "某省,某市,某县,甲镇  乙镇\n", "one space"),
    ("city_communities.csv", lambda t: t + "u-nowhere,某村\n", "unknown unit"),
])
def test_a_wrong_table_names_file_and_what(copy: Path, name: str, edit: Callable[[str], str], says: str) -> None:
    change(copy / name, edit)
    with pytest.raises(ConfigError) as caught:
        load_gazetteer(copy)
    assert caught.value.path.name == name or says == "unknown key"
    assert says in str(caught.value)


def test_a_missing_table_is_named(copy: Path) -> None:
    (copy / "sounds.csv").unlink()
    with pytest.raises(ConfigError, match="sounds.csv"):
        load_gazetteer(copy)


def test_every_row_with_a_source_column_has_one() -> None:
    for path in sorted(FOLDER.glob("*.csv")):
        with path.open(encoding="utf-8") as stream:
            for number, row in enumerate(csv.DictReader(stream), 2):
                if "source" in row:
                    assert row["source"], f"{path.name}:{number} has no source"
