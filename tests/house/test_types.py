"""Types: the rooms that decide something are clean under mypy --strict."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tomli

from tests.house.files import ROOT

CHECKED = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]["files"]
# DESIGN 1: pure, without framework or database
PURE = ["actions/language", "actions/due", "actions/places", "actions/screening", "actions/tickets/rules.py", "actions/tickets/forms.py",
        "actions/tickets/approval/limits.py", "actions/tickets/approval/amounts.py", "actions/tickets/approval/rules.py",
        "actions/tickets/authorisation/rules.py", "bot/conversation/danger.py"]


def test_every_pure_room_is_there_and_checked() -> None:
    assert set(PURE) <= set(CHECKED)
    assert [name for name in CHECKED if not (ROOT / name).exists()] == []


def test_pure_rooms_are_strictly_typed() -> None:
    done = subprocess.run([sys.executable, "-m", "mypy", "--no-error-summary", *CHECKED], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"mypy found:\n{done.stdout}{done.stderr}"


def test_the_checker_sees_an_error(tmp_path: Path) -> None:
    # a checker that is silent about everything would pass the test above
    wrong = tmp_path / "wrong.py"
    wrong.write_text('def days() -> int:\n    return "ten"\n', "utf-8")
    done = subprocess.run([sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"),
                           "--cache-dir", str(tmp_path / "cache"), str(wrong)], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1 and "return-value" in done.stdout
