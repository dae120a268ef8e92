"""What the house tests look at: the files of the repository, and Chinese characters in them."""
from __future__ import annotations

import re
import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MADE = {".git", ".venv", ".tools", "build", "__pycache__", ".hypothesis", "node_modules", ".idea", ".vscode"}
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
HAN_RUN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")


@lru_cache(None)
def repository_files() -> tuple[Path, ...]:
    """Every file that is or would be in the repository; without git, everything but what the set-up makes."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True,
                            check=False)
    if listed.returncode == 0 and listed.stdout:
        names = listed.stdout.decode().split("\0")
        found = [ROOT / name for name in names if name]
    else:
        found = [path for path in ROOT.rglob("*") if not MADE & set(path.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in found if path.is_file()))


def text_of(path: Path) -> str | None:
    """The text of a file, None for one that is not text."""
    data = path.read_bytes()
    if b"\0" in data[:4096]:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def python_files(*folders: str) -> list[Path]:
    """The Python files of these folders."""
    wanted = [ROOT / folder for folder in folders]
    return [path for path in repository_files() if path.suffix == ".py" and any(folder in path.parents for folder in wanted)]


def shown(path: Path) -> str:
    """A path as people write it."""
    return str(path.relative_to(ROOT))
