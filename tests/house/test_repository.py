"""The repository as a whole: nothing that belongs to one machine, one mirror or another day."""
from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from tests.house.files import ROOT, repository_files, shown, text_of

# written in halves, so that this file does not contain what it looks for
REGISTRIES = ["py" + "pi.org", "python" + "hosted.org", "py" + "pi.python.org", "registry.npm" + "js.org",
              "registry.npm" + "mirror.com", "npm" + "mirror.com", "crates" + ".io", "index." + "crates", "ruby" + "gems.org",
              "proxy.golang" + ".org", "repo.maven" + ".apache.org", "repo1" + ".maven", "mirrors." + "aliyun",
              "mirrors." + "tuna", "pypi." + "tuna", "mirrors." + "cloud.tencent", "mirrors." + "ustc", "repo." + "huaweicloud",
              "registry.docker" + "-cn", "conda." + "anaconda.org", "un" + "pkg.com", "cdn.js" + "delivr", "cdn" + "js.cloudflare"]
LATER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
MACHINE = re.compile(r"(?<![\w.$~}/])/(?:root|work|Users|home/(?!\$)\w+)/\w")
LOCKS = {"base": ["base"], "engine": ["base", "engine"], "dev": ["base", "engine", "dev"], "uv": ["uv"]}


def lines_matching(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    """file:line of every line that matches."""
    found = []
    for path in files:
        for number, line in enumerate((text_of(path) or "").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{shown(path)}:{number}: {line.strip()[:100]}")
    return found


def our_files() -> list[Path]:
    """What we wrote ourselves: everything but vendored files and the licence."""
    return [path for path in repository_files() if "vendor" not in path.parts and path.name != "LICENSE"]


def test_no_package_registry_is_named() -> None:
    hosts = re.compile("|".join(re.escape(host) for host in REGISTRIES), re.IGNORECASE)
    assert len(repository_files()) > 100
    # vendored files too: a page that loads from elsewhere fails in a network without the internet
    assert lines_matching(hosts, list(repository_files())) == []


def test_nothing_is_left_for_later() -> None:
    assert lines_matching(LATER, our_files()) == [], "do it, or write an issue"


def test_no_path_of_one_machine() -> None:
    assert lines_matching(MACHINE, our_files()) == []


@pytest.mark.parametrize("line", ["see /ro" "ot/x", 'open("/wo' 'rk/y")', "in /ho" "me/anna/z", "/Us" "ers/li/q"])
def test_a_path_of_one_machine_is_seen(line: str) -> None:
    assert MACHINE.search(line)


@pytest.mark.parametrize("line", ["https://example.org/work/y", "at /var/lib/youmen", "$HOME/work/x", "a/home/anna/z"])
def test_other_paths_are_not(line: str) -> None:
    assert not MACHINE.search(line)


def pins(lock: Path) -> dict[str, tuple[str, int]]:
    """name → (version, number of hashes) of a lock file."""
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", lock.read_text("utf-8")):
        head = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", block)
        if head:
            found[re.sub(r"[-_.]+", "-", head[1]).lower()] = (head[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}", block)))
        elif not block.startswith("#"):
            found[block.split()[0]] = ("", 0)
    return found


def wanted(source: Path) -> set[str]:
    """The names a .in file asks for."""
    names = re.findall(r"(?m)^([A-Za-z0-9._-]+)", source.read_text("utf-8"))
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


@pytest.mark.parametrize("group", sorted(LOCKS))
def test_every_requirement_is_locked_with_hashes(group: str) -> None:
    locked = pins(ROOT / "requirements" / f"{group}.txt")
    assert locked and [name for name, (version, hashes) in locked.items() if not version or not hashes] == []
    for source in LOCKS[group]:
        missing = wanted(ROOT / "requirements" / f"{source}.in") - locked.keys()
        assert missing == set(), f"run `make lock`: {source}.in asks for what {group}.txt lacks"


def test_locks_agree() -> None:
    base, engine, dev = (pins(ROOT / "requirements" / f"{group}.txt") for group in ("base", "engine", "dev"))
    assert [name for name in base if engine.get(name) != base[name]] == []
    assert [name for name in engine if dev.get(name) != engine[name]] == []


def test_vendored_files_are_what_they_say() -> None:
    vendor = ROOT / "bot" / "desk" / "static" / "vendor"
    used = [shown(path) for path in repository_files() if path.suffix == ".html" and "vendor/" in (text_of(path) or "")]
    if not vendor.exists():
        assert used == [], f"{shown(vendor)} is missing"
        pytest.skip("nothing is vendored yet")
    stated = "\n".join(path.read_text("utf-8") for path in vendor.iterdir() if path.name.startswith("VERSIONS"))
    assert stated, "write a VERSIONS file: name, version, licence, sha256 of each vendored file"
    for path in sorted(vendor.rglob("*")):
        if path.is_file() and not re.match(r"VERSIONS|LICEN[CS]E|NOTICE|README", path.name):
            data = path.read_bytes()
            digests = (hashlib.sha256(data).hexdigest(), base64.b64encode(hashlib.sha384(data).digest()).decode())
            assert path.name in stated, f"{shown(path)} is not in VERSIONS"
            assert any(digest in stated for digest in digests), f"{shown(path)} is not the file VERSIONS names"


def test_scripts_can_be_run() -> None:
    scripts = [ROOT / ".ci" / "run", *(path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix)]
    assert len(scripts) >= 5
    assert [shown(path) for path in scripts if not path.stat().st_mode & 0o111] == []
    assert [shown(path) for path in scripts if not path.read_text("utf-8").startswith("#!/")] == []


def test_every_command_of_make_is_documented() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"(?m)^([a-z-]+):(.*)$", text)
    assert {"up", "test", "test-all", "train", "lint", "types", "lock", "clean", "help"} <= {name for name, _ in targets}
    assert [name for name, rest in targets if "## " not in rest] == []
