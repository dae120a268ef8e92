"""The last good set of rules: a rule file with a mistake never takes a running service down."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from actions.language.files import ConfigError
from actions.screening.load import load_ruleset
from actions.screening.model import RuleSet

GOOD = "good"


def load_or_last_good(folder: Path, kept: Path) -> tuple[RuleSet, str | None]:
    """(rules, None) of `folder`, which becomes the last good set in `kept`; or (last good set, what is wrong).

    Raises ConfigError where the rules are wrong and no good set was ever kept.
    """
    try:
        ruleset = load_ruleset(folder)
    except ConfigError as error:
        try:
            return load_ruleset(kept / GOOD), str(error)
        except ConfigError:
            raise error from None
    with contextlib.suppress(OSError):  # a full disk keeps nothing, but the rules are good
        _keep(folder, kept, ruleset.version)
    return ruleset, None


def _keep(folder: Path, kept: Path, version: str) -> None:
    """Copies the files beside and moves them into place in one step: half a set is never found there."""
    target = kept / GOOD
    if target.is_symlink() and os.readlink(target) == version:
        return
    kept.mkdir(parents=True, exist_ok=True)
    copy = kept / version
    if not copy.exists():
        half = Path(tempfile.mkdtemp(dir=kept))
        shutil.copytree(folder, half / version)
        with contextlib.suppress(OSError):  # another process was first: its copy is the same
            os.rename(half / version, copy)
        shutil.rmtree(half, ignore_errors=True)
    link = kept / f".{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(version)
    os.replace(link, target)
    for old in kept.iterdir():
        if old.is_dir() and not old.is_symlink() and old.name != version and len(old.name) == len(version):
            shutil.rmtree(old, ignore_errors=True)
