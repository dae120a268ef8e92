"""What keeps a hotline running, each rule alone: homes, leftovers, back-off, hangs, logs on a full disk, the doctor."""

from __future__ import annotations

import json
import shutil
import stat
import sys
import tarfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from actions.access.commands import create_staff
from actions.privacy.keys import Keys
from actions.storage.engine import Database, open_engine
from bot.commands import doctor
from bot.dialogue.model import ModelDamaged
from bot.logs import Writer
from bot.processes import supervisor
from bot.processes.engine import Heartbeats, fork_delay, hangs
from bot.processes.parts import NotReady
from bot.processes.private import temporary_home
from bot.processes.servers import ServerFailed, end_leftovers, start_redis
from bot.settings import PROJECT, load_settings
from tests.live import youmen


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_with_other_things_is_left_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "documents"
    home.mkdir(mode=0o770)
    home.chmod(0o770)
    (home / "letter.txt").touch()
    with pytest.raises(NotReady, match="other things"):
        supervisor.prepare_home(home)
    assert mode(home) == 0o770 and [path.name for path in home.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("holds", ["", "logs", "lost+found", "youmen-home", "field.key", "postgres"])
def test_a_home_of_ours_is_taken_and_keeps_its_mode(tmp_path: Path, holds: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o711)
    if holds:
        (home / holds).mkdir()
    supervisor.prepare_home(home)
    supervisor.prepare_home(home)
    assert mode(home) == 0o711 and mode(home / "logs") == 0o700 and (home / "youmen-home").exists()


def test_a_home_that_cannot_be_says_so_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotReady, match="YOUMEN_HOME"):
        supervisor.prepare_home(tmp_path / "file" / "home")
    with pytest.raises(NotReady, match="YOUMEN_HOME"):
        supervisor.prepare_home(tmp_path / ("long" * 100))
    (tmp_path / "lock").mkdir()
    with pytest.raises(NotReady, match="YOUMEN_HOME"), supervisor.only_one(tmp_path):
        pass


def test_the_state_is_for_nobody_else_and_names_each_process(tmp_path: Path) -> None:
    running = supervisor.Running(tmp_path, state={"pid": 1})
    (tmp_path / "logs").mkdir()
    child = supervisor.Child("web", [sys.executable, "-c", "import time; time.sleep(60)"])
    running.children.append(child)
    supervisor.start_child(child, running)
    assert child.process is not None
    try:
        assert mode(tmp_path / "running.json") == 0o600
        state = json.loads((tmp_path / "running.json").read_text())
        process = psutil.Process(child.process.pid)
        assert state == {"pid": 1, "children": [{"pid": process.pid, "created": process.create_time()}]}
        # a process that has the same number by chance is left alone
        (tmp_path / "running.json").write_text(json.dumps({"children": [{"pid": process.pid, "created": 1.0}]}))
        supervisor._end_children(tmp_path)
        assert child.process.poll() is None
        (tmp_path / "running.json").write_text(json.dumps(state))
        supervisor._end_children(tmp_path)
        assert child.process.wait(5) is not None
    finally:
        child.process.kill()
        child.process.wait()


def test_a_redis_that_answers_keeps_its_socket_until_it_is_ended_as_a_leftover() -> None:
    with temporary_home() as home:
        first = start_redis(home)
        try:
            with pytest.raises(ServerFailed, match="another Redis"):
                start_redis(home)
            assert first.ready()
            end_leftovers(home)
            first.process.wait(10)
        finally:
            first.stop()


def test_a_server_that_cannot_be_launched_is_tried_again_and_again(tmp_path: Path) -> None:
    class Dead:
        name, started_at = "PostgreSQL", 0.0

        class process:
            returncode = 1

        @staticmethod
        def alive() -> bool:
            return False

    tried: list[Path] = []

    def launch(home: Path) -> Any:
        tried.append(home)
        raise ServerFailed("no") if len(tried) % 2 else OSError(28, "full")

    dead: Any = Dead()
    kept = supervisor.Kept(dead, launch)
    for _ in range(2000):
        kept.next_start = min(kept.next_start, 0.001)  # its moment has come
        supervisor._keep_server(kept, tmp_path)
    assert len(tried) == 1999 and kept.failures == 2000


def test_back_off() -> None:
    assert [supervisor._delay(n) for n in (0, 1, 2, 5, 8, 10_000)] == [0.2, 0.4, 0.8, 6.4, 30.0, 30.0]
    assert [fork_delay(n) for n in (0, 1, 2, 3, 4, 7, 8, 10_000)] == [0.0, 0.0, 0.1, 0.2, 0.4, 3.2, 5.0, 5.0]


@pytest.mark.parametrize(
    ("now", "awake", "busy", "beat", "expected"),
    [
        (1029.0, 0.0, 1000.0, 1000.0, False),  # thinks for 29 of 30 s
        (1031.0, 0.0, 1000.0, 1000.0, True),
        (1009.0, 0.0, 0.0, 1000.0, False),  # idle, and beat 9 s ago
        (1011.0, 0.0, 0.0, 1000.0, True),
        (1011.0, 1005.0, 0.0, 1000.0, False),  # but the whole machine slept until 6 s ago
        (1011.0, 0.0, 0.0, 0.0, False),  # still opens its parts
        (1061.0, 0.0, 0.0, 0.0, True),
    ],
)
def test_what_hangs(now: float, awake: float, busy: float, beat: float, expected: bool) -> None:
    assert hangs(now, awake, 1000.0, busy, beat, 30) is expected


def test_beats_of_one_place_are_not_those_of_another() -> None:
    beats = Heartbeats(2)
    beats.note(1, 5.0, 6.0)
    assert beats.look(0) == (0.0, 0.0) and beats.look(1) == (5.0, 6.0)


def test_a_log_line_that_cannot_be_written_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        tried = 0

        def write(self, text: str) -> None:
            self.tried += 1
            raise OSError(28, "No space left on device")

    full = Full()
    monkeypatch.setattr(sys, "stderr", full)
    Writer().error("lost")
    monkeypatch.undo()
    assert full.tried == 1


def test_the_doctor_opens_the_model(tmp_path: Path) -> None:
    from actions.places.dictionary import jieba_words
    from actions.places.gazetteer import load_gazetteer
    from bot.dialogue.model import model_files

    settings = load_settings({"YOUMEN_BUILD": str(tmp_path)})
    files = model_files(settings, jieba_words(load_gazetteer(settings.config / "places")))
    files.archive.parent.mkdir(parents=True)
    with tarfile.open(files.archive, "w:gz") as archive:
        for path in sorted(Path(doctor.__file__).parent.glob("*.py")):
            archive.add(path, path.name)
    assert doctor._model(settings) == files.fingerprint
    files.archive.write_bytes(files.archive.read_bytes()[:-200])  # as a full disk leaves it
    with pytest.raises(ModelDamaged, match="youmen train"):
        doctor._model(settings)


def test_the_doctor_only_looks_at_the_database(database_url: str) -> None:
    settings = load_settings({"DATABASE_URL": database_url})
    assert "0 messages wait" in doctor._database(settings)
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    with pytest.raises(NotReady, match="youmen migrate"):
        doctor._database(settings)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_second_start_while_the_first_still_starts(tmp_path: Path) -> None:
    supervisor.prepare_home(tmp_path)
    with supervisor.only_one(tmp_path):
        process = youmen(tmp_path, "up")
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0 and "is starting" in told and "already runs" not in told


def test_the_doctor_says_whom_the_limits_believe() -> None:
    assert "none trusted" in doctor._proxies(load_settings({}))
    assert "10.1.0.0/16" in doctor._proxies(load_settings({"YOUMEN_TRUSTED_PROXIES": "10.1.0.0/16"}))
    with pytest.raises(RuntimeError, match="trusts everybody"):
        doctor._proxies(load_settings({"YOUMEN_TRUSTED_PROXIES": "0.0.0.0/0"}))


def test_the_doctor_names_units_nobody_answers_for(database_url: str, tmp_path: Path, keys: Keys) -> None:
    settings = load_settings({"DATABASE_URL": database_url})
    with pytest.raises(RuntimeError, match=r"nobody answers for 30 units .*youmen user add"):
        doctor._desks(settings)
    database = Database(open_engine(database_url), keys.audit_key)
    now = datetime(2026, 11, 20, tzinfo=timezone.utc)
    hired = dict(name="某人", password="correct-horse-9", now=now, must_change_password=False)
    with database.begin() as session:
        create_staff(session, login="longxi", role="officer", unit_id="u-longxi", **hired)
        create_staff(session, login="watcher", role="auditor", unit_id=None, **hired)  # reads, answers for nothing
    with pytest.raises(RuntimeError, match="nobody answers for 29 units"):
        doctor._desks(settings)
    with database.begin() as session:
        create_staff(session, login="district", role="district_officer", unit_id=None, **hired)
    assert doctor._desks(settings) == "1 units by their own staff, 29 by the district desk"
    database.dispose()
    area = tmp_path / "area"
    shutil.copytree(PROJECT / "tests" / "areas" / "qinghe", area)
    desks = area / "places" / "desks.csv"
    desks.write_text(desks.read_text(encoding="utf-8").replace("u-shiqiao,district,,", "u-shiqiao,district,,2026-06-01"),
                     encoding="utf-8")
    gap = load_settings({"DATABASE_URL": database_url, "YOUMEN_AREA": str(area), "YOUMEN_BUILD": str(tmp_path / "build")})
    with pytest.raises(RuntimeError, match="nobody answers for 石桥乡 from 2026-06-01"):
        doctor._desks(gap)
