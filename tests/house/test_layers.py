"""Layers: who may import whom (DESIGN 1), and pure rooms that never look at the clock."""
from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import tomli

from tests.house.files import ROOT, python_files, shown

CONTRACTS = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
LAYERS = next(contract for contract in CONTRACTS if contract["id"] == "layers")["layers"]

CLOCKLESS = ("actions/language/", "actions/due/", "actions/places/", "actions/screening/", "actions/tickets/rules.py",
             "actions/tickets/forms.py", "actions/tickets/reasons.py", "actions/tickets/desks.py",
             "actions/tickets/approval/limits.py", "actions/tickets/approval/amounts.py",
             "actions/tickets/approval/rules.py", "actions/tickets/authorisation/rules.py",
             "actions/access/rules.py", "bot/conversation/danger.py")
# reading the command line's --as-of is where the clock enters
CLOCK_ALLOWED = ("cli.py",)
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
          ("time", "localtime"), ("time", "gmtime")}


def test_contracts_are_kept() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run([sys.executable, "-c", code, "--no-logo", "--cache-dir", "build/cache/importlinter"], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    report = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    assert done.returncode == 0, report
    assert f"{len(CONTRACTS)} kept, 0 broken" in report, report


def test_every_room_has_its_layer() -> None:
    named = {name.strip(" ()") for layer in LAYERS for name in re.split(r"[|:]", layer)}
    rooms = {f"{side}.{path.stem}" for side in ("bot", "actions") for path in (ROOT / side).iterdir()
             if (path.suffix == ".py" and path.stem != "__init__")
             or (path.is_dir() and any(path.rglob("*.py")) and path.name != "__pycache__")}
    assert rooms - named == set(), "add these to the layers in pyproject.toml"
    optional = {name.strip(" ()") for layer in LAYERS for name in re.split(r"[|:]", layer) if "(" in name}
    assert optional & rooms == set(), "built by now: take their parentheses away in pyproject.toml"


def clock_readings(path: Path) -> list[int]:
    """Lines on which a file asks for the present time."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if (name, node.func.attr) in CLOCKS:
                lines.append(node.lineno)
    return lines


def test_pure_rooms_never_look_at_the_clock() -> None:
    pure = [path for path in python_files("bot", "actions")
            if shown(path).startswith(CLOCKLESS) and path.name not in CLOCK_ALLOWED]
    assert len(pure) > 15
    assert [f"{shown(path)}:{line}" for path in pure for line in clock_readings(path)] == []


def test_a_look_at_the_clock_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "late.py"
    file.write_text("import datetime\nimport time\na = datetime.date.today()\nb = datetime.datetime.now()\nc = time.time()\n"
                    "d = a.today\n")
    assert clock_readings(file) == [3, 4, 5]
