"""`youmen chat` on a private hotline: scripts and personas as JSON, in order of happening."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.settings import PROJECT

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PERSONA = """
opening: [我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃]
answers: {consent: 同意, household_people: 三口人, family_can_help: 没得哪个帮得上, phone: "13800005678", read_back: 都对}
otherwise: 不清楚
stop: ticket
"""
SCRIPT = """# 王婶等人工
转人工
@takeover
昨晚家里着火了
@operator 您好，我是工作人员，请说
@release
我在龙溪街道，没地方住
@press 1
@wait 3h
@location 29.58 106.52 WGS-84
"""


def chat(tmp_path: Path, kind: str, text: str) -> list[dict[str, Any]]:
    path = tmp_path / ("p.yaml" if kind == "--persona" else "s.txt")
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bot.cli", "chat", kind, str(path), "--json"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_persona_reaches_its_ticket(tmp_path: Path, dialogue: Any) -> None:
    told = chat(tmp_path, "--persona", PERSONA)
    kinds = [record["type"] for record in told]
    assert kinds[0] == "message" and kinds[1] == "danger" and kinds[-1] == "end"
    assert told[0]["author"] == "resident" and told[1] == {
        "type": "danger",
        "seq": 1,
        "gate": "fire_past",
        "level": "past",
    }
    assert told[2]["author"] == "system"
    tickets = [record for record in told if record["type"] == "ticket"]
    assert len(tickets) == 2  # at the opening and at the end
    first = tickets[0]
    assert (first["unit_name"], first["district"], first["aid_first"]) == ("龙溪街道", "两江新区", True)
    assert first["household_place"] == {"text": "石船镇", "unit_name": "石船镇"}
    assert first["event_place"]["unit_name"] == "龙溪街道" and first["facts"]["event_kind"] == "fire"
    assert first["screening"]["verdicts"] and first["route"]["decision"] == "route"
    end = told[-1]
    assert end["tickets"] == [first["number"]] and end["asked"] <= 6 and end["unanswered"] == 0 and end["mode"] == "bot"


def test_a_script_plays_both_sides(tmp_path: Path, dialogue: Any) -> None:
    told = chat(tmp_path, "--script", SCRIPT)
    assert {"type": "handoff", "seq": 2, "reason": "asked"} in told
    texts = [(record["author"], record["text"]) for record in told if record["type"] == "message"]
    taken = next(i for i, (author, text) in enumerate(texts) if author == "system" and "工作人员来了" in text)
    left = next(i for i, (author, text) in enumerate(texts) if author == "system" and "先离开了" in text)
    assert all(author != "bot" for author, _ in texts[taken:left])
    assert ("operator", "您好，我是工作人员，请说") in texts[taken:left]
    assert any(author == "bot" for author, _ in texts[left:])
    assert told[-1]["unanswered"] == 0
