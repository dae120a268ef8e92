"""The set-up: finds or fetches what it needs, does nothing twice, and says in one sentence what is missing."""
from __future__ import annotations

import ast
import errno
import hashlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.house.files import ROOT

SOURCE = ROOT / "scripts" / "bootstrap.py"


def load() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("bootstrap", SOURCE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["bootstrap"] = module
    spec.loader.exec_module(module)
    return module


bootstrap = load()

# a Python whose library is found only through this could not start without it
LIBRARIES = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


def program(path: Path, text: str) -> Path:
    """A small shell program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text, "utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project folder with locks, and a name that has a blank in it."""
    folder = tmp_path / "a project"
    (folder / "requirements").mkdir(parents=True)
    (folder / ".tools").mkdir()
    for group in ("base", "engine", "dev"):
        (folder / "requirements" / f"{group}.txt").write_text(f"# {group}\nalpha==1 \\\n    --hash=sha256:00\n")
    return folder


@pytest.fixture
def surroundings(root: Path, tmp_path: Path) -> dict[str, str]:
    """An environment whose uv notes what it is asked and makes a .venv that looks like one."""
    program(tmp_path / "bin" / "uv", f"""
echo "$@" >>"{tmp_path}/calls"
case "$1" in
--version) echo "uv 0.13.9" ;;
venv) for last in "$@"; do :; done
    mkdir -p "$last/bin" "$last/lib/python3.10/site-packages"
    echo "version_info = 3.10.13" >"$last/pyvenv.cfg"
    ln -s "{sys.executable}" "$last/bin/python" ;;
pip) if [ -e "{tmp_path}/refuse" ]; then cat "{tmp_path}/refuse" >&2; exit 2; fi; sleep 0.3 ;;
esac
""")
    return {"PATH": f"{tmp_path}/bin:{os.path.dirname(sys.executable)}:/usr/bin:/bin", "HOME": str(tmp_path), **LIBRARIES}


def calls(tmp_path: Path) -> list[str]:
    """What uv was asked to do, but for its version."""
    noted = (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
    return [" ".join(line.split()[:2]) for line in noted if not line.startswith("--version")]


# --- the script itself


def test_it_is_python_3_8_and_standard_library_only() -> None:
    tree = ast.parse(SOURCE.read_text("utf-8"), feature_version=(3, 8))
    names = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names
    # removeprefix, `X | Y` at run time and their like are no matter of grammar
    assert not any(isinstance(node, ast.Attribute) and node.attr in ("removeprefix", "removesuffix") for node in ast.walk(tree))


@pytest.mark.parametrize("arguments", [[], ["everything"], ["dev", "base"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert bootstrap.main(arguments) == 2


# --- doing nothing twice


def test_first_and_second_time(root: Path, surroundings: dict[str, str], tmp_path: Path) -> None:
    bootstrap.set_up(root, "engine", surroundings)
    assert calls(tmp_path) == ["venv --quiet", "pip sync"]
    bootstrap.set_up(root, "engine", surroundings)
    assert calls(tmp_path) == ["venv --quiet", "pip sync"]
    assert os.access(root / ".venv/bin/youmen", os.X_OK)


def test_a_changed_lock_is_installed(root: Path, surroundings: dict[str, str], tmp_path: Path) -> None:
    bootstrap.set_up(root, "engine", surroundings)
    (root / "requirements" / "engine.txt").write_text("beta==2\n")
    bootstrap.set_up(root, "engine", surroundings)
    assert calls(tmp_path) == ["venv --quiet", "pip sync", "pip sync"]


def test_a_larger_group_stays_and_a_smaller_one_grows(root: Path, surroundings: dict[str, str], tmp_path: Path) -> None:
    bootstrap.set_up(root, "base", surroundings)
    bootstrap.set_up(root, "dev", surroundings)
    assert calls(tmp_path) == ["venv --quiet", "pip sync", "pip sync"]
    bootstrap.set_up(root, "engine", surroundings)
    assert calls(tmp_path) == ["venv --quiet", "pip sync", "pip sync"]
    assert bootstrap.read_stamp(root)["group"] == "dev"
    # the lock of the smaller group is of no matter while the larger one is installed
    (root / "requirements" / "engine.txt").write_text("beta==2\n")
    bootstrap.set_up(root, "engine", surroundings)
    (root / "requirements" / "dev.txt").write_text("gamma==3\n")
    bootstrap.set_up(root, "engine", surroundings)
    noted = (tmp_path / "calls").read_text().splitlines()
    assert [line.rsplit("/", 1)[-1] for line in noted if line.startswith("pip")] == ["base.txt", "dev.txt", "dev.txt"]


@pytest.mark.parametrize("gone", ["bin/youmen", "bin/python", "youmen.json"])
def test_what_is_gone_comes_back(root: Path, surroundings: dict[str, str], gone: str) -> None:
    bootstrap.set_up(root, "base", surroundings)
    (root / ".venv" / gone).unlink()
    assert not bootstrap.is_ready(root, "base")
    bootstrap.set_up(root, "base", surroundings)
    assert bootstrap.is_ready(root, "base")


def test_a_set_up_cut_short_begins_with_a_new_venv(root: Path, surroundings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "refuse").write_text("error: No space left on device (os error 28)\n")
    with pytest.raises(bootstrap.NotReady, match="disk is full"):
        bootstrap.set_up(root, "base", surroundings)
    assert not bootstrap.is_ready(root, "base")
    (tmp_path / "refuse").unlink()
    (root / ".venv" / "half").write_text("")
    bootstrap.set_up(root, "base", surroundings)
    assert bootstrap.is_ready(root, "base") and not (root / ".venv" / "half").exists()


def test_two_at_once_install_once(root: Path, surroundings: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "scripts", root / "scripts")
    both = [subprocess.Popen([sys.executable, str(root / "scripts" / "bootstrap.py"), "dev"], env=surroundings,
                             stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=60)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert calls(tmp_path) == ["venv --quiet", "pip sync"]


def test_a_folder_of_somebody_else_is_not_removed(root: Path, surroundings: dict[str, str]) -> None:
    (root / ".venv").mkdir()
    (root / ".venv" / "letters.txt").write_text("dear")
    with pytest.raises(bootstrap.NotReady, match="not a virtual environment"):
        bootstrap.set_up(root, "base", surroundings)
    assert (root / ".venv" / "letters.txt").read_text() == "dear"


# --- the surroundings


def test_the_callers_environment_stays_outside(tmp_path: Path) -> None:
    dirty = {"VIRTUAL_ENV": "/x", "PYTHONPATH": "/y", "PYTHONHOME": "/z", "PIP_USER": "1", "UV_SYSTEM_PYTHON": "1",
             "HOME": str(tmp_path), "PATH": "/bin", "HTTPS_PROXY": "http://proxy"}
    clean = bootstrap.clean_environment(dirty, tmp_path)
    assert not {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_USER", "UV_SYSTEM_PYTHON"} & clean.keys()
    assert clean["HTTPS_PROXY"] == "http://proxy"


def test_pips_mirror_is_handed_to_uv(tmp_path: Path) -> None:
    here = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror.example/simple\n")
    assert bootstrap.clean_environment(here, tmp_path)["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    other = dict(here, PIP_INDEX_URL="https://other.example/simple")
    assert bootstrap.clean_environment(other, tmp_path)["UV_DEFAULT_INDEX"] == "https://other.example/simple"
    own = dict(other, UV_DEFAULT_INDEX="https://own.example/simple")
    assert bootstrap.clean_environment(own, tmp_path)["UV_DEFAULT_INDEX"] == "https://own.example/simple"


def test_without_a_home_the_caches_lie_in_the_project(tmp_path: Path) -> None:
    clean = bootstrap.clean_environment({"HOME": "/nonexistent"}, tmp_path)
    assert clean["UV_CACHE_DIR"].startswith(str(tmp_path)) and clean["UV_PYTHON_INSTALL_DIR"].startswith(str(tmp_path))
    assert "UV_CACHE_DIR" not in bootstrap.clean_environment({"HOME": str(tmp_path)}, tmp_path)


@pytest.mark.parametrize("machine", [("Darwin", "arm64", ("", "")), ("Linux", "aarch64", ("glibc", "2.36")),
                                     ("Linux", "x86_64", ("glibc", "2.17"))])
def test_a_machine_the_locks_do_not_fit(machine: tuple[str, str, tuple[str, str]]) -> None:
    with pytest.raises(bootstrap.NotReady):
        bootstrap.check_machine(*machine)


@pytest.mark.parametrize("libc", [("glibc", "2.28"), ("glibc", "2.41"), ("", "")])
def test_a_machine_the_locks_fit(libc: tuple[str, str]) -> None:
    bootstrap.check_machine("Linux", "x86_64", libc)


@pytest.mark.parametrize(("said", "sentence"), [
    ("error: failed to write: No space left on device (os error 28)", "disk is full"),
    ("error: Failed to fetch: `https://x/`\n  cause: dns error", "check the network"),
    ("× Failed to download\n ╰─▶ Hash mismatch for `x==1`", "lock file names"),
    ("error: failed to create directory: Permission denied (os error 13)", "belong to you"),
])
def test_errors_of_others_become_a_sentence(said: str, sentence: str, tmp_path: Path) -> None:
    known = bootstrap.sentence_for(said, tmp_path)
    assert sentence in known and "\n" not in known


def test_an_unknown_error_names_the_log(root: Path, surroundings: dict[str, str], tmp_path: Path,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "refuse").write_text("error: the moon is full\n  cause: night\n")
    with pytest.raises(bootstrap.NotReady, match=r"setup\.log"):
        bootstrap.set_up(root, "base", surroundings)
    assert "moon" in (root / ".tools" / "setup.log").read_text()
    assert "moon" not in capsys.readouterr().err


@pytest.mark.parametrize(("number", "sentence"), [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "disk is full"),
                                                  (errno.EROFS, "cannot be written"), (errno.EIO, "run the same command")])
def test_own_errors_become_one_line_and_exit_3(root: Path, number: int, sentence: str, monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number), "/some/file")

    monkeypatch.setattr(bootstrap, "set_up", fail)
    assert bootstrap.main(["base"], root) == 3
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


def test_a_missing_lock_is_said(root: Path, surroundings: dict[str, str]) -> None:
    (root / "requirements" / "base.txt").unlink()
    with pytest.raises(bootstrap.NotReady, match=r"base\.txt is missing"):
        bootstrap.set_up(root, "base", surroundings)


# --- uv


def a_wheel() -> bytes:
    """A wheel with a uv in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr("uv/__init__.py", "")
        wheel.writestr("uv-0.13.9.data/scripts/uvx", "no")
        wheel.writestr("uv-0.13.9.data/scripts/uv", "#!/bin/sh\necho uv 0.13.9\n")
    return buffer.getvalue()


def an_index(folder: Path, data: bytes) -> str:
    """A simple index on disk with that wheel, beside others that must not be chosen."""
    page = folder / "simple" / "uv" / "index.html"
    page.parent.mkdir(parents=True)
    name = "uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    (folder / "files").mkdir()
    (folder / "files" / name).write_bytes(data)
    page.write_text(f'<a href="../../files/uv-0.13.8-py3-none-manylinux_2_17_x86_64.whl">old</a>'
                    f'<a href="../../files/uv-0.13.9-py3-none-macosx_11_0_arm64.whl">other</a>'
                    f'<a href="../../files/{name}#sha256=00">this</a>')
    return (folder / "simple").as_uri()


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without pip, whose index is read as a folder is: the page by its name."""
    monkeypatch.setattr(bootstrap, "pip_commands", lambda environment: iter(()))
    plain = bootstrap.fetch
    monkeypatch.setattr(bootstrap, "fetch", lambda url: plain(url + "index.html" if url.endswith("/uv/") else url))


def lock_uv(root: Path, data: bytes) -> None:
    (root / "requirements" / "uv.txt").write_text(f"uv==0.13.9 \\\n    --hash=sha256:{hashlib.sha256(data).hexdigest()}\n")


def test_uv_without_pip_from_the_index_of_this_machine(root: Path, tmp_path: Path, no_pip: None) -> None:
    data = a_wheel()
    lock_uv(root, data)
    here = {"PATH": "/bin", "HOME": str(tmp_path), "PIP_INDEX_URL": an_index(tmp_path / "mirror", data)}
    path = bootstrap.get_uv(here, root, root / ".tools" / "setup.log")
    assert path == str(root / ".tools" / "uv") and os.access(path, os.X_OK)


def test_a_uv_that_is_not_the_locked_one_is_not_used(root: Path, tmp_path: Path, no_pip: None,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    lock_uv(root, b"another")
    monkeypatch.setattr(bootstrap, "UV_RELEASE", (tmp_path / "none-{version}").as_uri())
    here = {"PATH": "/bin", "HOME": str(tmp_path), "PIP_INDEX_URL": an_index(tmp_path / "mirror", a_wheel())}
    with pytest.raises(bootstrap.NotReady):
        bootstrap.get_uv(here, root, root / ".tools" / "setup.log")
    assert not (root / ".tools" / "uv").exists()


@pytest.mark.parametrize("honest", [True, False])
def test_uv_without_pip_and_index_from_its_maker(root: Path, tmp_path: Path, no_pip: None, honest: bool,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    lock_uv(root, b"")
    body = b"#!/bin/sh\necho uv 0.13.9\n"
    archive = tmp_path / "uv-0.13.9.tar.gz"
    with tarfile.open(archive, "w:gz") as made:
        entry = tarfile.TarInfo("uv-x86_64/uv")
        entry.size = len(body)
        made.addfile(entry, io.BytesIO(body))
    digest = hashlib.sha256(archive.read_bytes() if honest else b"").hexdigest()
    (tmp_path / "uv-0.13.9.tar.gz.sha256").write_text(f"{digest}  uv.tar.gz\n")
    monkeypatch.setattr(bootstrap, "UV_RELEASE", (tmp_path / "uv-VERSION.tar.gz").as_uri().replace("VERSION", "{version}"))
    monkeypatch.setattr(bootstrap, "pip_setting", lambda name, environment: None)
    here = {"PATH": "/bin", "HOME": str(tmp_path)}
    if honest:
        assert bootstrap.get_uv(here, root, root / ".tools" / "setup.log") == str(root / ".tools" / "uv")
    else:
        with pytest.raises(bootstrap.NotReady):
            bootstrap.get_uv(here, root, root / ".tools" / "setup.log")
        assert not (root / ".tools" / "uv").exists()


def test_a_uv_too_old_on_path_is_passed_over(root: Path, tmp_path: Path, no_pip: None) -> None:
    data = a_wheel()
    lock_uv(root, data)
    program(tmp_path / "old" / "uv", "echo uv 0.1.44\n")
    here = {"PATH": f"{tmp_path}/old:/bin", "HOME": str(tmp_path), "PIP_INDEX_URL": an_index(tmp_path / "mirror", data)}
    assert bootstrap.get_uv(here, root, root / ".tools" / "setup.log") == str(root / ".tools" / "uv")


def test_the_locked_uv_is_read() -> None:
    version, hashes = bootstrap.locked_uv(ROOT)
    assert version.count(".") == 2 and hashes and all(len(one) == 64 for one in hashes)


# --- Python 3.10


def claims(path: Path, version: tuple[int, int], missing: str = "", kind: str = "CPython") -> Path:
    """A Python that says of itself what it is told."""
    lacking = f'["{missing}"]' if missing else "[]"
    return program(path, f"""echo '{{"version": [{version[0]}, {version[1]}], "implementation": "{kind}", """
                         f""""path": "{path}", "missing": {lacking}}}'\n""")


def test_python_is_looked_for_and_tried(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bootstrap.sys, "executable", "/nonexistent")
    program(tmp_path / "shim" / "python3.10", "echo 'pyenv: version is not installed' >&2; exit 127\n")
    claims(tmp_path / "poor" / "python3.10", (3, 10), missing="ssl")
    claims(tmp_path / "pypy" / "python3.10", (3, 10), kind="PyPy")
    claims(tmp_path / "wrong" / "python3.10", (3, 11))
    path = ":".join(str(tmp_path / name) for name in ("shim", "poor", "pypy", "wrong"))
    here = {"PATH": path, "HOME": str(tmp_path)}
    assert bootstrap.find_python(here, root) is None
    assert "lacks ssl" in capsys.readouterr().err
    claims(tmp_path / ".pyenv/versions/3.10.2/bin/python3.10", (3, 10))
    newest = claims(tmp_path / ".pyenv/versions/3.10.13/bin/python3.10", (3, 10))
    assert bootstrap.find_python(here, root) == str(newest)
    good = claims(tmp_path / "good" / "python3.10", (3, 10))
    assert bootstrap.find_python(dict(here, PATH=f"{path}:{good.parent}"), root) == str(good)


def test_no_python_and_none_to_download(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.sys, "executable", "/nonexistent")
    uv = program(tmp_path / "uv", "echo 'error: could not connect' >&2; exit 1\n")
    with pytest.raises(bootstrap.NotReady, match=r"Python 3\.10 is neither on PATH nor under pyenv") as caught:
        bootstrap.get_python(str(uv), {"PATH": "/nonexistent", "HOME": str(tmp_path)}, root, root / ".tools" / "setup.log")
    assert "\n" not in str(caught.value)


def test_a_virtual_environment_is_followed_to_its_python(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # sys.executable of these tests is one itself
    monkeypatch.setattr(bootstrap.sys, "executable", sys.executable)
    found = bootstrap.find_python({"PATH": "/nonexistent", "HOME": str(tmp_path), **LIBRARIES}, root)
    assert found == f"{sys.base_prefix}/bin/python3.10"


# --- the command


def test_youmen_runs_from_anywhere_with_its_own_python(root: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root / ".venv")], check=True)
    bootstrap.write_own_files(root)
    (root / "bot").mkdir()
    (root / "bot" / "__init__.py").write_text("")
    (root / "bot" / "cli.py").write_text("import os, sys\ndef main():\n    print(sys.argv[1:], sys.prefix, os.environ.get('PYTHONPATH'))\n"
                                         "    print('\\u95e8')\n    return 7\n", "utf-8")
    (tmp_path / "foreign" / "bot").mkdir(parents=True)
    (tmp_path / "foreign" / "bot" / "__init__.py").write_text("raise SystemExit('foreign')")
    (tmp_path / "link").symlink_to(root / ".venv" / "bin" / "youmen")
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path / "foreign"), "VIRTUAL_ENV": "/x", "LANG": "C",
                   **LIBRARIES}
    for command in (root / ".venv/bin/youmen", tmp_path / "link"):
        done = subprocess.run([str(command), "up", "a b"], cwd=tmp_path / "foreign", env=environment, capture_output=True,
                              check=False)
        assert done.returncode == 7, done.stderr
        assert done.stdout.decode("utf-8").splitlines() == [f"['up', 'a b'] {root / '.venv'} None", "门"]


# --- continuous integration


@pytest.mark.parametrize(("recipe", "code"), [("echo 0 >$$EXIT_TO", 0), ("echo 5 >$$EXIT_TO", 5), ("exit 3", 2)])
def test_ci_ends_with_the_code_of_pytest(tmp_path: Path, recipe: str, code: int) -> None:
    checkout = tmp_path / "main"
    (checkout / ".ci").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    shutil.copy(ROOT / ".ci" / "run", checkout / ".ci" / "run")
    (checkout / "Makefile").write_text(f"test-all:\n\t@echo shared=$$YOUMEN_SHARED; cat; {recipe}\n")
    environment = {name: value for name, value in os.environ.items() if name not in ("YOUMEN_SHARED", "MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run([str(checkout / ".ci" / "run")], cwd=tmp_path, env=environment, capture_output=True, text=True,
                          input="nobody reads this", check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout == f"shared={tmp_path / 'shared'}\n"
