"""`youmen bench`: its arguments, what is not built yet, and what it says when something is missing. Nothing is timed."""
from __future__ import annotations

from pathlib import Path

import pytest

from bot import cli
from bot.bench import drive, nlu
from bot.commands import bench
from bot.processes.parts import NotReady


def run(*words: str) -> int:
    """The exit code of `youmen bench …`."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["bench", *words])
    return int(ended.value.code or 0)


@pytest.mark.parametrize("name", ["desk"])
def test_what_is_not_built_says_which_step_brings_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name) == 2
    said = capsys.readouterr()
    assert said.out == "" and "step" in said.err and name in said.err and len(said.err.strip().splitlines()) == 1


@pytest.mark.parametrize("words", [["speed"], [], ["turns", "--epochs", "0"], ["turns", "--repeat", "x"]])
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert capsys.readouterr().out == ""


def test_without_a_model_it_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("YOUMEN_BUILD", str(tmp_path))
    assert run("turns", "--without-stock") == 3
    assert "youmen train" in capsys.readouterr().err


def test_without_the_measuring_data_it_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOUMEN_SHARED", str(tmp_path))
    with pytest.raises(NotReady, match="YOUMEN_SHARED"):
        nlu.measuring_data()
    monkeypatch.delenv("YOUMEN_SHARED")
    with pytest.raises(NotReady, match="YOUMEN_SHARED"):
        nlu.measuring_data()


def test_the_command_that_repeats_it() -> None:
    assert bench.command_of("turns", bench.EPOCHS, True, False, None) == "youmen bench turns --write"
    assert bench.command_of("turns", 7, True, True, 2) == "youmen bench turns --epochs 7 --any-stock --repeat 2 --write"
    # without the rival its epochs do not matter
    assert bench.command_of("startup", 7, False, True, None) == "youmen bench startup --without-stock --write"


def test_the_story_has_six_messages() -> None:
    assert len(drive.story()) == 6
