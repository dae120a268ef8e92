"""Another area is another folder of data, laid over config/ as one folder of links: no loader knows of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from actions.language.files import ConfigError, line_of, load_yaml, require_keys

MANIFEST = "area.yaml"


@lru_cache(maxsize=8)
def merged_config(config: Path, area: Path, build: Path) -> Path:
    """The folder to read everything from: the area's files where it has them, else those of `config`.

    The area's own area.yaml says which whole folders it `replaces` and which files of those it still `shares`.
    Raises ConfigError for an area that does not exist or names files that do not.
    """
    files = _files(config, area)
    digest = hashlib.sha256("\n".join(f"{name}\t{path}" for name, path in sorted(files.items())).encode())
    target = build / "areas" / f"{area.name}-{digest.hexdigest()[:12]}"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent))
    draft.chmod(0o755)
    for name, path in files.items():
        link = draft / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    try:
        os.rename(draft, target)
    except OSError:  # another process has just made the same folder
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _files(config: Path, area: Path) -> dict[str, Path]:
    if not (area / MANIFEST).is_file():
        raise ConfigError(area, None, "there is no such area", "set YOUMEN_AREA to a folder of config/areas, or a path")
    manifest = load_yaml(area / MANIFEST)
    require_keys(area / MANIFEST, manifest, ["name", "replaces", "shares"])
    replaced, shared = list(manifest["replaces"] or ()), set(manifest["shares"] or ())
    for name in shared:
        if not (config / name).is_file():
            raise ConfigError(area / MANIFEST, line_of(manifest, "shares"), f"config has no {name}", "name its files")
    found = {}
    for path in sorted(config.rglob("*")):
        name = path.relative_to(config).as_posix()
        if not path.is_file() or name.startswith("areas/"):
            continue
        if name in shared or not any(name.startswith(f"{folder}/") for folder in replaced):
            found[name] = path.resolve()
    for path in sorted(area.rglob("*")):
        name = path.relative_to(area).as_posix()
        if path.is_file() and name != MANIFEST:
            found[name] = path.resolve()
    return found
