"""Style: ruff finds nothing in the whole repository."""
from __future__ import annotations

import subprocess
import sys

from tests.house.files import ROOT


def test_ruff_is_content() -> None:
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--output-format", "concise", "--quiet"], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run `make lint`; `ruff check --fix` mends many:\n{done.stdout}{done.stderr}"
