"""Makes .venv ready for a group of requirements, from nothing but Python 3.8; the second time it does nothing.

Usage: bootstrap.py base|engine|dev, or: bootstrap.py uv (prints the path of uv). Standard library only.
Everything it makes lies in .tools/ and .venv/. It answers in sentences and ends with 0 (ready) or 3 (not ready).
"""
from __future__ import annotations

import configparser
import contextlib
import errno
import fcntl
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("base", "engine", "dev")  # each lock is complete and contains the one before it
PYTHON = "3.10"
UV_AT_LEAST = (0, 4)
UV_RELEASE = ("https://github.com/astral-sh/uv/releases/download/{version}/"
              "uv-x86_64-unknown-linux-gnu.tar.gz")
NOT_READY = 3

# what a caller's shell may carry into here and what would send packages or imports somewhere else
LEAKS = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYENV_VERSION",
         "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON",
         "UV_BREAK_SYSTEM_PACKAGES", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_BUILD_CONSTRAINT", "UV_EXCLUDE_NEWER",
         "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_CONSTRAINT", "PIP_REQUIREMENT")

# starts the project with its own Python wherever the folder lies, and hands no foreign path to its children
LAUNCHER = """#!/bin/sh
''':'
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
exec "$(dirname -- "$(readlink -f -- "$0")")/python" -I -X utf8 "$0" "$@"
'''
import sys

from bot.cli import main

sys.exit(main())
"""

# relative to site-packages (.venv/lib/python3.10/site-packages), so that the folder may be moved
PATH_FILE = "../../../..\n"

PROBE = """
import json, platform, sys
missing = []
for name in ("ssl", "ctypes", "zlib", "bz2", "sqlite3"):
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
whole = sys.executable
if sys.prefix != sys.base_prefix:
    whole = "{}/bin/python{}.{}".format(sys.base_prefix, *sys.version_info[:2])
print(json.dumps({"version": list(sys.version_info[:2]), "implementation": platform.python_implementation(),
                  "path": whole, "missing": missing}))
"""


class NotReady(Exception):
    """The set-up cannot go on; the text is the one sentence that says what is wrong and how to mend it."""


def say(text: str) -> None:
    """One line of progress for the person who waits."""
    print(text, file=sys.stderr, flush=True)


# --- what is there already ---------------------------------------------------------------------------------------


def lock_file(root: Path, group: str) -> Path:
    """The lock of a group."""
    return root / "requirements" / (group + ".txt")


def fingerprint(path: Path) -> str:
    """SHA-256 of a file. Raises NotReady when the file is missing."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise NotReady("{} is missing; restore it from version control.".format(path)) from None


def read_stamp(root: Path) -> Dict[str, str]:
    """What the last set-up left: {group, lock, launcher} or {working} when it was cut short; {} when none."""
    try:
        stamp = json.loads((root / ".venv" / "youmen.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(root: Path, stamp: Mapping[str, str]) -> None:
    """Notes how far the set-up is."""
    part = root / ".venv" / "youmen.json.part"
    part.write_text(json.dumps(stamp, sort_keys=True) + "\n", "utf-8")
    os.replace(str(part), str(root / ".venv" / "youmen.json"))


def own_files_mark() -> str:
    """Changes when what this script itself writes into .venv changes."""
    return hashlib.sha256((LAUNCHER + PATH_FILE).encode()).hexdigest()[:16]


def wanted_group(asked: str, stamp: Mapping[str, str]) -> str:
    """The group to have: a larger one that is installed stays, so `make up` after `make test` removes nothing."""
    installed = stamp.get("group")
    if installed in GROUPS and GROUPS.index(installed) > GROUPS.index(asked):
        return installed
    return asked


def is_ready(root: Path, asked: str) -> bool:
    """True when nothing has to be done."""
    stamp = read_stamp(root)
    group = wanted_group(asked, stamp)
    return (stamp.get("group") == group and stamp.get("lock") == fingerprint(lock_file(root, group))
            and stamp.get("own") == own_files_mark() and os.access(str(root / ".venv/bin/python"), os.X_OK)
            and (root / ".venv/bin/youmen").exists())


# --- the surroundings --------------------------------------------------------------------------------------------


def clean_environment(environment: Mapping[str, str], root: Path) -> Dict[str, str]:
    """The environment for pip and uv: without the caller's virtual environment, with pip's index handed to uv."""
    clean = {name: value for name, value in environment.items() if name not in LEAKS}
    index = pip_setting("index-url", clean)
    if index and not any(clean.get(name) for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE")):
        clean["UV_DEFAULT_INDEX"] = index
    cert = pip_setting("cert", clean)
    if cert and not clean.get("SSL_CERT_FILE"):
        clean["SSL_CERT_FILE"] = cert
    home = clean.get("HOME") or ""
    if not (home and os.path.isdir(home) and os.access(home, os.W_OK)):
        # a service account often has no home of its own
        clean.setdefault("UV_CACHE_DIR", str(root / ".tools" / "cache"))
        clean.setdefault("UV_PYTHON_INSTALL_DIR", str(root / ".tools" / "python"))
        clean.setdefault("PIP_CACHE_DIR", str(root / ".tools" / "cache" / "pip"))
    clean.setdefault("UV_HTTP_TIMEOUT", "120")
    clean["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    return clean


def pip_setting(name: str, environment: Mapping[str, str]) -> Optional[str]:
    """What pip is set to here (environment before the user's file before the machine's), None when nothing is."""
    value = environment.get("PIP_" + name.upper().replace("-", "_"))
    if value:
        return value.strip()
    home = Path(environment.get("HOME") or "/nonexistent")
    config = Path(environment.get("XDG_CONFIG_HOME") or str(home / ".config"))
    files = [environment.get("PIP_CONFIG_FILE"), str(config / "pip" / "pip.conf"), str(home / ".pip" / "pip.conf"),
             "/etc/xdg/pip/pip.conf", "/etc/pip.conf"]
    for path in files:
        if not path or path == os.devnull:
            continue
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, "utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue
        for section in ("install", "global"):
            if parser.has_option(section, name) and parser.get(section, name).strip():
                return parser.get(section, name).split()[0]
    return None


def check_machine(system: str, machine: str, libc: Tuple[str, str]) -> None:
    """Raises NotReady where the locked packages cannot run: they are for Linux x86-64 with glibc 2.28 or newer."""
    if system != "Linux" or machine not in ("x86_64", "AMD64"):
        raise NotReady("This is {} on {}, but the locked packages are for Linux on x86-64; use such a machine or a "
                       "container.".format(system, machine))
    numbers = [int(part) for part in re.findall(r"\d+", libc[1])[:2]]
    if libc[0] == "glibc" and numbers and numbers < [2, 28]:
        raise NotReady("The C library here is glibc {}, but 2.28 or newer is needed; use a newer "
                       "distribution.".format(libc[1]))


# --- running other programs --------------------------------------------------------------------------------------


class Ended(NamedTuple):
    """How a program ended: its exit code and the end of what it wrote."""

    code: int
    text: str


def sentence_for(text: str, folder: Path) -> Optional[str]:
    """The sentence for an error another program reported, None when it is none of those that are known."""
    if re.search(r"No space left|os error 28\b|ENOSPC|Disk quota|os error 122\b", text):
        return disk_full(folder)
    if re.search(r"Hash mismatch|DO NOT MATCH THE HASHES", text, re.I):
        return ("A package that was downloaded is not the one the lock file names; run the same command again, and "
                "if it stays so ask who runs your package mirror.")
    if re.search(r"Permission denied|Read-only file system|os error 13\b|os error 30\b", text):
        return "A file could not be written; check that {} and your home folder belong to you.".format(folder)
    if re.search(r"error sending request|dns error|[Cc]ould ?n[o']t connect|Connection (refused|reset|error)|timed out"
                 r"|Failed to (fetch|download)|resolve (host|address)|[Nn]ame resolution|NewConnectionError"
                 r"|unreachable|tunnel error|certificate", text):
        return ("Packages could not be downloaded; check the network, the proxy (HTTPS_PROXY) or the package mirror "
                "(PIP_INDEX_URL) and run the same command again.")
    return None


def disk_full(folder: Path) -> str:
    """The sentence for a full disk."""
    try:
        free = shutil.disk_usage(str(folder)).free // (1 << 20)
    except OSError:
        free = 0
    return ("The disk is full ({} MB free at {}); make about 6 GB of room and run the same command "
            "again.".format(free, folder))


def run(command: List[str], environment: Mapping[str, str], root: Path, log: Path) -> Ended:
    """Runs a program and shows its progress as it goes; what it says after its first error goes to the log alone."""
    use_terminal = sys.stderr.isatty()
    reader, writer = os.openpty() if use_terminal else os.pipe()
    if use_terminal:
        # the bars of pip and uv fit the window only if the copy of the terminal knows its size
        with contextlib.suppress(OSError):
            import termios
            fcntl.ioctl(writer, termios.TIOCSWINSZ, fcntl.ioctl(2, termios.TIOCGWINSZ, b"\0" * 8))
    try:
        process = subprocess.Popen(command, env=dict(environment), cwd=str(root), stdin=subprocess.DEVNULL,
                                   stdout=writer, stderr=writer)
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    text = ""
    quiet = False
    try:
        with log.open("a", encoding="utf-8") as kept:
            kept.write("\n$ {}\n".format(" ".join(command)))
            while True:
                try:
                    chunk = os.read(reader, 65536)
                except OSError:  # a terminal says so when its other end is closed
                    break
                if not chunk:
                    break
                piece = chunk.decode("utf-8", "replace")
                kept.write(piece)
                text = (text + piece)[-20000:]
                quiet = quiet or bool(re.search(r"(?im)^(\x1b\[[0-9;]*m)*(error|warning: retrying|\s+×)", piece))
                if not quiet:
                    # the list of what was installed is in the log; on the screen it would hide what matters
                    listed = re.search(r"(?m)^(\x1b\[[0-9;]*[mK])*(Uni|I)nstalled .*$\n*", piece.replace("\r", "\n"))
                    sys.stderr.write(piece[:listed.end()] if listed else piece)
                    sys.stderr.flush()
                    quiet = bool(listed)
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        os.close(reader)
    return Ended(code, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text))


def must(ended: Ended, what: str, root: Path, log: Path) -> None:
    """Raises NotReady with the sentence for it when a program failed."""
    if ended.code == 0:
        return
    known = sentence_for(ended.text, root)
    raise NotReady(known or "{} failed; what it said is at the end of {}.".format(what, log))


def output_of(command: List[str], environment: Mapping[str, str], root: Path) -> Optional[str]:
    """What a short command prints, None when it fails."""
    try:
        done = subprocess.run(command, check=False, env=dict(environment), cwd=str(root), timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


# --- uv ----------------------------------------------------------------------------------------------------------


def uv_version(path: str, environment: Mapping[str, str], root: Path) -> Optional[Tuple[int, ...]]:
    """The version of a uv that runs, None when it does not."""
    found = re.match(r"uv (\d+)\.(\d+)\.(\d+)", output_of([path, "--version"], environment, root) or "")
    return tuple(int(part) for part in found.groups()) if found else None


def locked_uv(root: Path) -> Tuple[str, List[str]]:
    """The version of uv to fetch and the hashes it may have, from requirements/uv.txt."""
    path = root / "requirements" / "uv.txt"
    text = path.read_text("utf-8") if path.exists() else ""
    version = re.search(r"^uv==(\S+)", text, re.M)
    if not version:
        raise NotReady("{} is missing or damaged; restore it from version control.".format(path))
    return version.group(1), re.findall(r"--hash=sha256:([0-9a-f]{64})", text)


def get_uv(environment: Mapping[str, str], root: Path, log: Path) -> str:
    """The path of a uv: from PATH, from .tools, else fetched. Raises NotReady."""
    own = root / ".tools" / "uv"
    for path in (shutil.which("uv", path=environment.get("PATH")), str(own)):
        version = uv_version(path, environment, root) if path else None
        if path and version and version[:2] >= UV_AT_LEAST:
            return path
    say("Fetching uv, which installs packages (about 20 MB) …")
    reasons = []
    for way in (uv_from_pip, uv_from_index, uv_from_release):
        try:
            if way(environment, root, log) and uv_version(str(own), environment, root):
                return str(own)
        except NotReady as problem:
            reasons.append(str(problem))
        except (urllib.error.URLError, zipfile.BadZipFile, tarfile.TarError, KeyError, ValueError) as problem:
            with log.open("a", encoding="utf-8") as kept:
                kept.write("{}: {}\n".format(way.__name__, problem))
    disk = [reason for reason in reasons if reason.startswith(("The disk", "A package that"))]
    if disk:
        raise NotReady(disk[0])
    raise NotReady("uv could not be fetched: check the network or the package mirror (PIP_INDEX_URL), or put pip "
                   "(package python3-pip) or uv itself on PATH, and run the same command again.")


def pip_commands(environment: Mapping[str, str]) -> Iterator[List[str]]:
    """Ways to start a pip here; Debian and ensurepip carry one as a wheel, which can be run as it is."""
    yield [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        path = shutil.which(name, path=environment.get("PATH"))
        if path:
            yield [path]
    bundled = os.path.join(os.path.dirname(contextlib.__file__), "ensurepip", "_bundled", "pip-*.whl")
    for pattern in (bundled, "/usr/share/python-wheels/pip-*.whl"):
        for wheel in sorted(glob.glob(pattern), reverse=True):
            yield [sys.executable, os.path.join(wheel, "pip")]


def uv_from_pip(environment: Mapping[str, str], root: Path, log: Path) -> bool:
    """Fetches the wheel with pip, which knows the index of this machine; no installation, so nothing can forbid it."""
    locked_uv(root)
    for pip in pip_commands(environment):
        if output_of(pip + ["--version"], environment, root) is None:
            continue
        with tempfile.TemporaryDirectory(dir=str(root / ".tools")) as folder:
            ended = run(pip + ["download", "--only-binary", ":all:", "--no-deps", "--require-hashes", "--dest", folder,
                               "-r", str(root / "requirements" / "uv.txt")], environment, root, log)
            must(ended, "pip", root, log)
            wheels = glob.glob(os.path.join(folder, "uv-*.whl"))
            if wheels:
                unpack_uv(Path(wheels[0]), root)
                return True
    return False


def uv_from_index(environment: Mapping[str, str], root: Path, log: Path) -> bool:
    """Fetches the wheel from the index that pip or uv is set to on this machine, without pip; False when none is."""
    index = environment.get("UV_DEFAULT_INDEX") or environment.get("UV_INDEX_URL")
    index = index or pip_setting("index-url", environment)
    if not index:
        return False
    version, hashes = locked_uv(root)
    page_url = index.rstrip("/") + "/uv/"
    links = wheel_links(fetch(page_url).decode("utf-8", "replace"), page_url, version)
    for link in links:
        data = fetch(link)
        if hashlib.sha256(data).hexdigest() in hashes:
            with tempfile.TemporaryDirectory(dir=str(root / ".tools")) as folder:
                wheel = Path(folder) / "uv.whl"
                wheel.write_bytes(data)
                unpack_uv(wheel, root)
            return True
        raise NotReady("A package that was downloaded is not the one the lock file names; ask who runs your package "
                       "mirror.")
    return False


def wheel_links(page: str, page_url: str, version: str) -> List[str]:
    """Addresses of the wheels of this version for Linux x86-64 with glibc, from a page of a simple index."""
    links = []
    for href in re.findall(r"""href=["']([^"']+)["']""", page):
        link = urllib.parse.urljoin(page_url, href.replace("&amp;", "&"))
        name = urllib.parse.unquote(urllib.parse.urlparse(link).path.rsplit("/", 1)[-1])
        if name.startswith("uv-{}-".format(version)) and "manylinux" in name and name.endswith("x86_64.whl"):
            links.append(link)
    return links


def uv_from_release(environment: Mapping[str, str], root: Path, log: Path) -> bool:
    """Fetches the maker's own build, for a machine without pip and without an index."""
    address = UV_RELEASE.format(version=locked_uv(root)[0])
    promised = fetch(address + ".sha256").decode("ascii", "replace").split()[0]
    data = fetch(address)
    if hashlib.sha256(data).hexdigest() != promised:
        raise NotReady("A package that was downloaded is not the one its maker names; run the same command again.")
    with tempfile.TemporaryDirectory(dir=str(root / ".tools")) as folder:
        archive = Path(folder) / "uv.tar.gz"
        archive.write_bytes(data)
        with tarfile.open(str(archive)) as opened:
            member = next(item for item in opened.getmembers() if item.isfile() and item.name.endswith("/uv"))
            stream = opened.extractfile(member)
            place_uv(stream.read() if stream else b"", root)
    return True


def fetch(address: str) -> bytes:
    """The bytes at an address. Raises URLError."""
    with urllib.request.urlopen(address, timeout=30) as answer:
        return bytes(answer.read())


def unpack_uv(wheel: Path, root: Path) -> None:
    """Takes the program out of its wheel, which is a zip file."""
    with zipfile.ZipFile(str(wheel)) as opened:
        name = next((name for name in opened.namelist() if re.fullmatch(r"uv-[^/]+\.data/scripts/uv", name)), None)
        if name is None:
            raise KeyError("no uv in {}".format(wheel.name))
        place_uv(opened.read(name), root)


def place_uv(program: bytes, root: Path) -> None:
    """Writes .tools/uv in one step, so that nobody ever runs half a program."""
    part = root / ".tools" / "uv.part"
    part.write_bytes(program)
    part.chmod(part.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    os.replace(str(part), str(root / ".tools" / "uv"))


# --- Python 3.10 -------------------------------------------------------------------------------------------------


def python_candidates(environment: Mapping[str, str], root: Path) -> Iterator[str]:
    """Where a Python 3.10 may be: PATH, this very Python, pyenv, and what an earlier set-up downloaded."""
    for folder in (environment.get("PATH") or os.defpath).split(os.pathsep):
        if folder and not folder.startswith(str(root / ".venv")):
            yield os.path.join(folder, "python" + PYTHON)
    yield sys.executable
    homes = [environment.get("PYENV_ROOT"), os.path.join(environment.get("HOME") or "/nonexistent", ".pyenv")]
    for home in homes:
        found = glob.glob(os.path.join(home or "/nonexistent", "versions", PYTHON + "*", "bin", "python" + PYTHON))
        yield from sorted(found, key=lambda path: [int(n) for n in re.findall(r"\d+", path)], reverse=True)


def find_python(environment: Mapping[str, str], root: Path) -> Optional[str]:
    """The first CPython 3.10 that runs and is whole; a virtual environment's is followed to the one it is made from."""
    seen = set()
    for path in python_candidates(environment, root):
        if path in seen or not os.access(path, os.X_OK):
            continue
        seen.add(path)
        answer = output_of([path, "-I", "-c", PROBE], environment, root)
        try:
            found = json.loads(answer or "")
        except ValueError:
            continue
        if [str(n) for n in found["version"]] != PYTHON.split(".") or found["implementation"] != "CPython":
            continue
        if found["missing"]:
            say("{} lacks {} and is not used.".format(path, ", ".join(found["missing"])))
            continue
        return str(found["path"])
    return None


def get_python(uv: str, environment: Mapping[str, str], root: Path, log: Path) -> str:
    """The path of a CPython 3.10, downloaded by uv when none is here. Raises NotReady."""
    found = find_python(environment, root)
    if found:
        return found
    managed = [uv, "python", "find", PYTHON, "--python-preference", "only-managed", "--no-python-downloads"]
    path = output_of(managed, environment, root)
    if path:
        return path
    say("Python {} is not here; downloading it (about 30 MB) …".format(PYTHON))
    ended = run([uv, "python", "install", PYTHON], environment, root, log)
    path = output_of(managed, environment, root) if ended.code == 0 else None
    if path:
        return path
    disk = sentence_for(ended.text, root) or ""
    if disk.startswith("The disk"):
        raise NotReady(disk)
    raise NotReady("Python {0} is neither on PATH nor under pyenv and could not be downloaded; install it, for example "
                   "with `pyenv install {0}`, and run the same command again.".format(PYTHON))


# --- the environment ---------------------------------------------------------------------------------------------


def venv_is_usable(root: Path) -> bool:
    """True for a .venv of Python 3.10 whose Python is still there and whose last set-up was not cut short."""
    config = root / ".venv" / "pyvenv.cfg"
    if "working" in read_stamp(root) or not os.access(str(root / ".venv/bin/python"), os.X_OK):
        return False
    try:
        text = config.read_text("utf-8")
    except OSError:
        return False
    return bool(re.search(r"(?m)^version(_info)?\s*=\s*{}\.".format(re.escape(PYTHON)), text))


def remove_venv(root: Path) -> None:
    """Takes away a .venv that cannot be used. Raises NotReady when the folder is something else."""
    venv = root / ".venv"
    if venv.is_symlink():
        venv.unlink()
    elif venv.exists():
        if not (venv / "pyvenv.cfg").exists() and not read_stamp(root) and any(venv.iterdir()):
            raise NotReady("{} is not a virtual environment; move it away and run the same command again.".format(venv))
        shutil.rmtree(str(venv))


def write_own_files(root: Path) -> None:
    """Makes `bot` and `actions` importable and .venv/bin/youmen a command, without building anything."""
    packages = root / ".venv" / "lib" / ("python" + PYTHON) / "site-packages"
    (packages / "youmen.pth").write_text(PATH_FILE, "utf-8")
    part = root / ".venv" / "bin" / "youmen.part"
    part.write_text(LAUNCHER, "utf-8")
    part.chmod(0o755)
    os.replace(str(part), str(root / ".venv" / "bin" / "youmen"))


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Holds the one lock of the set-up; a second one waits and then finds everything done."""
    (root / ".tools").mkdir(exist_ok=True)
    with (root / ".tools" / "lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is at work in this folder; waiting for it …")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def set_up(root: Path, asked: str, environment: Mapping[str, str]) -> None:
    """Makes .venv hold the group that was asked for. Raises NotReady, OSError."""
    if is_ready(root, asked):
        return
    with alone(root):
        if is_ready(root, asked):
            return
        began = time.monotonic()
        check_machine(platform.system(), platform.machine(), platform.libc_ver())
        log = root / ".tools" / "setup.log"
        log.write_text("", "utf-8")
        clean = clean_environment(environment, root)
        uv = get_uv(clean, root, log)
        group = wanted_group(asked, read_stamp(root))
        if not venv_is_usable(root):
            python = get_python(uv, clean, root, log)
            remove_venv(root)
            say("Making .venv with {} …".format(python))
            make = [uv, "venv", "--quiet", "--no-project", "--python", python, str(root / ".venv")]
            must(run(make, clean, root, log), "Making .venv", root, log)
        lock = lock_file(root, group)
        before = fingerprint(lock)
        count = len(re.findall(r"(?m)^[A-Za-z0-9]", lock.read_text("utf-8")))
        say("Installing {} packages of requirements/{}.txt (the first time a download of {}) …".format(
            count, group, "about 30 MB" if group == "base" else "about 900 MB"))
        write_stamp(root, {"working": group})
        must(run([uv, "pip", "sync", "--require-hashes", "--python", str(root / ".venv" / "bin" / "python"), str(lock)],
                 clean, root, log), "Installing packages", root, log)
        write_own_files(root)
        write_stamp(root, {"group": group, "lock": before, "own": own_files_mark()})
        say("Set up in {:.0f} s.".format(time.monotonic() - began))


def sentence_for_error(error: OSError, root: Path) -> str:
    """The sentence for an error of this script's own file work."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(root)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "{} cannot be written; clone the project into a folder of your own.".format(error.filename or root)
    return "{} ({}); mend that and run the same command again.".format(error.strerror or error, error.filename or root)


def main(arguments: List[str], root: Path = ROOT) -> int:
    """The command: 0 ready, 2 wrong usage, 3 not ready, 130 stopped by Ctrl-C."""
    if len(arguments) != 1 or arguments[0] not in GROUPS + ("uv",):
        say("Usage: bootstrap.py {}|uv".format("|".join(GROUPS)))
        return 2
    try:
        if arguments[0] == "uv":
            (root / ".tools").mkdir(exist_ok=True)
            with alone(root):
                print(get_uv(clean_environment(os.environ, root), root, root / ".tools" / "setup.log"))
        else:
            set_up(root, arguments[0], os.environ)
    except NotReady as problem:
        say("Not ready: {}".format(problem))
        return NOT_READY
    except OSError as error:
        say("Not ready: {}".format(sentence_for_error(error, root)))
        return NOT_READY
    except KeyboardInterrupt:
        say("Stopped; the same command goes on from here.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
