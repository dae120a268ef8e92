"""departments.yaml: what stands there holds together, and every mistake names file, line and how to mend it."""
from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from actions.language.files import ConfigError
from actions.tickets.departments import check_names, load_departments, wrong_department
from actions.tickets.handover.rules import needs_guardian
from tests.conftest import CONFIG

FILE = CONFIG / "tickets" / "departments.yaml"


def spoilt(path: Path, old: str, new: str) -> Path:
    text = FILE.read_text("utf-8")
    assert old in text
    copy = path / "departments.yaml"
    copy.write_text(text.replace(old, new, 1), "utf-8")
    return copy


@pytest.mark.parametrize("old, new, says", [
    ("basis: duty\n", "basis: dutty\n", "unknown basis 'dutty'.*did you mean duty"),
    ("fields: [name, phone, event_place, cause]", "fields: [name, fone]", "unknown field 'fone'.*did you mean phone"),
    ("check: true", "check: maybe", "check is 'maybe'.*true or false"),
    ("    title: 应急\n", "", "'title' is missing"),
    ("    takes_over: true\n", "    takes_over: true\n    phone: 123\n", "unknown key 'phone'"),
    ("  name: 姓名", "  nickname: 绰号", "unknown field 'nickname'"),
    ("tell_after_minutes: 30", "tell_after_minutes: -1", "tell_after_minutes is -1"),
    ("  sent: 已经请", "  senst: 已经请", "the ends are not these"),
    ("      disaster: {", "      dis.aster: {", "dis.aster has a . in it"),
    ("    takes_over: true\n", "    takes_over: true\n    until: 明年\n", "no day.*2026-12-31"),
])
def test_mistakes_are_told(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as raised:
        load_departments(spoilt(tmp_path, old, new))
    assert raised.value.path.name == "departments.yaml"


def test_articles_and_clock_are_known(tmp_path: Path, knowledge: Any) -> None:
    rules, sources = knowledge.clockwork.rules.figures, knowledge.ruleset.sources
    for old, new, says in [("duty: law-28", "duty: law-280", "unknown source 'law-280'"), ("reply: subticket_reply", "reply: soon", "unknown rule 'soon'")]:
        path = spoilt(tmp_path, old, new)
        with pytest.raises(ConfigError, match=says):
            check_names(path, load_departments(path), sources, rules)


def test_who_may_be_told_without_being_asked(lifecycle: Any) -> None:
    """By hand: agencies and the station of 救助法 52 by duty; everybody else asks the person first (个人信息保护法 13, 23)."""
    asked_first = {name for name, one in lifecycle.departments.by_id.items() if one.basis.consent}
    assert asked_first == {"disabled", "charity", "social_work", "insurer"}
    assert {name for name, one in lifecycle.departments.by_id.items() if one.check} == {"emergency"}
    for one in lifecycle.departments.by_id.values():
        assert "identity" not in one.fields or one.id in ("medical", "insurer")
        assert one.requests or one.id == "other_district"
        assert not one.accounts or one.id not in ("charity", "social_work", "insurer")


def test_no_numbers_and_no_refusals_stand_there() -> None:
    import re

    text = "\n".join(line.split("#")[0] for line in FILE.read_text("utf-8").splitlines())
    assert not re.search(r"\d{7,}|\d+元|\d+天|工作日|不符合|拒绝", text)


def test_the_last_day_counts_and_a_district_of_its_own() -> None:
    from dataclasses import replace

    housing = replace(load_departments(FILE).by_id["housing"], until=date(2026, 11, 20), districts=frozenset({"北碚区"}))
    assert housing.serves(date(2026, 11, 20)) and not housing.serves(date(2026, 11, 21))
    assert housing.serves(date(2026, 11, 20), "北碚区") and not housing.serves(date(2026, 11, 20), "两江新区")


@pytest.mark.parametrize("role, department, says", [
    ("department", "housing", None), ("officer", None, None), ("officer", "housing", "belongs to no department"),
    ("department", None, "name it"), ("department", "housng", "did you mean housing"), ("department", "charity", "of which there are many"),
])
def test_hiring(lifecycle: Any, roles: Any, role: str, department: str | None, says: str | None) -> None:
    wrong = wrong_department(lifecycle.departments, roles[role], department)
    assert wrong is None if says is None else says in str(wrong)


@pytest.mark.parametrize("minor, age, needed", [
    (True, None, True), (True, {"value": 13}, True), (True, {"value": 14}, False), (False, None, False), (False, {"value": 13}, True),
    (False, {"value": 30}, False), (True, {"value": "unsure"}, True), (True, {"value": {"from": 10, "to": 20}}, True), (True, {}, True),
])
def test_guardians(minor: bool, age: Any, needed: bool) -> None:
    assert needs_guardian(minor, {} if age is None else {"age": age}) is needed
