"""The command as scripts use it: JSON Lines on stdout, words for people on stderr, exit codes that mean something."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import VERBS, cli, main


def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of one command in this process."""
    import contextlib
    import io
    import sys

    out, err = io.StringIO(), io.StringIO()
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
            main(list(arguments))
    finally:
        sys.stdin = before
    return int(end.value.code or 0), out.getvalue(), err.getvalue()


def objects(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_verb_has_help() -> None:
    for verb in VERBS:
        result = CliRunner().invoke(cli, [verb, "--help"])
        assert result.exit_code == 0 and verb in result.output, verb


def test_route_gives_one_object_for_every_line_also_blank_ones() -> None:
    code, out, err = run("route", "--as-of", "2026-11-21", stdin="我在龙溪街道\n\n成都市武侯区\n")
    assert code == 0 and err == ""
    found = objects(out)
    assert [entry["decision"] for entry in found] == ["route", "none", "out_of_area"]
    assert found[0]["unit_name"] == "龙溪街道" and found[0]["district"] == "两江新区"
    assert "\\u" not in out


def test_ids_are_passed_through() -> None:
    code, out, _ = run("route", stdin='{"id": 7, "text": "石船镇着火"}\n\n{"id": "x"}\n')
    assert code == 0 and [entry["id"] for entry in objects(out)] == [7, None, "x"]


def test_before_the_change_of_districts_the_old_parent_answers() -> None:
    _, out, _ = run("route", "--as-of", "2025-11-05", stdin="统景镇发大水\n")
    _, now, _ = run("route", "--as-of", "2025-11-06", stdin="统景镇发大水\n")
    assert objects(out)[0]["district"] == "渝北区" and objects(now)[0]["district"] == "北碚区"


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        (["route"], '{"text": "a"\n', "stdin:1"),
        (["route", "missing.txt"], "", "missing.txt"),
        (["route", "--as-of", "21.11.2026"], "", "YYYY-MM-DD"),
        (["due", "--rule", "days:3", "--from", "2026-11-21T10:00"], "", "offset"),
        (["due", "--rule", "days:3"], "", "--from"),
        (["due"], '{"rule": "days:3"}\n', "stdin:1"),
        (["screen", "-"], "answers: {incom_month: 3}\n", "income_month"),
        (["screen", "-"], "answers: {age: [\n", "stdin:"),
        (["screen", "-"], "as_of: yesterday\n", "yesterday"),
        (["chat", "--script", "a", "--persona", "b"], "", "--persona"),
        (["bench", "everything"], "", "everything"),
        (["nonsense"], "", "nonsense"),
    ],
)
def test_usage_errors_say_what_and_where_and_end_with_2(arguments: list[str], stdin: str, says: str) -> None:
    code, _, err = run(*arguments, stdin=stdin)
    assert code == 2 and says in err and "Traceback" not in err


def test_due_explains_every_day() -> None:
    code, out, _ = run("due", "--rule", "working_days:10", "--from", "2026-09-18T10:00:00+08:00")
    [record] = objects(out)
    assert code == 0 and record["due"] == "2026-10-09T23:59:59+08:00" and record["provisional"] is False
    assert sum(step["counted"] for step in record["steps"]) == 10  # type: ignore[attr-defined, index, misc]


def test_screen_gives_every_programme() -> None:
    code, out, _ = run(
        "screen",
        "-",
        stdin="as_of: 2026-11-21\nanswers: {event_kind: fire, need_tonight: [bed], family_can_help: false}\n",
    )
    [record] = objects(out)
    verdicts = {v["programme"]: v["verdict"] for v in record["verdicts"]}  # type: ignore[attr-defined]
    assert code == 0 and len(verdicts) == 28
    assert [verdicts[name] for name in ("temporary_urgent", "aid_first", "subsistence_allowance")] == [
        "likely", "likely", "check"]


def test_a_setting_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOUMEN_PORT", "80a")
    code, _, err = run("doctor")
    assert code == 2 and "YOUMEN_PORT" in err and "65535" in err
    monkeypatch.setenv("YOUMEN_PORT", "8480")
    monkeypatch.setenv("YOUMEN_PROT", "1")
    assert "YOUMEN_PROT" in run("doctor")[2]


def test_without_a_hotline_running_it_says_how_to_start_one(tmp_path: Path) -> None:
    code, _, err = run("--home", str(tmp_path), "user", "list")
    assert code == 3 and "youmen up" in err


def test_a_script_is_checked_before_anything_runs(tmp_path: Path) -> None:
    script = tmp_path / "story.txt"
    script.write_text("你好\n@wiat 3h\n", encoding="utf-8")
    code, _, err = run("chat", "--script", str(script))
    assert code == 2 and "story.txt:2" in err and "wait" in err


def test_a_persona_is_checked_before_anything_runs(tmp_path: Path) -> None:
    persona = tmp_path / "wang.yaml"
    persona.write_text("opening: [你好]\nstop: never\n", encoding="utf-8")
    code, _, err = run("chat", "--persona", str(persona))
    assert code == 2 and "wang.yaml:2" in err
