"""Not ours: the right door is named, by data; a word at two doors, a missing key are refused with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.language.files import ConfigError
from actions.policy.doors import door_for, load_doors
from bot.settings import PROJECT

DOORS = load_doors(PROJECT / "config" / "policy" / "doors.yaml")


@pytest.mark.parametrize(
    ("said", "door"),
    [
        ("工地老板拖着我们的工资一年多了不给", "labour"),
        ("楼上物业乱收费业委会也不管", "housing"),
        ("我的手机在网上被骗了三千块", "police"),
        ("娃儿明年入学划不划到实验小学的学区", "education"),
        ("居民医保今年交多少", "medical_insurance"),
        ("半夜广场舞扰民", "city"),
        ("今天天气真好", None),
    ],
)
def test_the_door_is_the_one_most_words_lead_to(said: str, door: str | None) -> None:
    found = door_for(DOORS, said)
    assert (found.id if found else None) == door


def write(folder: Path, text: str) -> Path:
    path = folder / "doors.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_word_at_two_doors_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a: {words: [学校], office: 甲, how: 去}\nb: {words: [学校], office: 乙, how: 去}\n")
    with pytest.raises(ConfigError, match="stands at a and b"):
        load_doors(path)


def test_a_door_without_a_way_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="how"):
        load_doors(write(tmp_path, "a: {words: [学校], office: 甲}\n"))


def test_only_confirmed_numbers_stand_there() -> None:
    # other hotlines are remembered, not confirmed: they are reached through 12345
    numbers = {part for door in DOORS for part in door.how.replace("，", " ").split() if any(c.isdigit() for c in part)}
    digits = {"".join(c for c in part if c.isdigit()) for part in numbers}
    assert digits <= {"110", "12345", "12333"}
