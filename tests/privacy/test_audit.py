"""The audit log: one chain under many writers; every way of tampering with it is found, at the right row."""
from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.privacy.commands import record_audit
from actions.privacy.keys import Keys
from actions.privacy.queries import verify_audit
from actions.privacy.rules import CHANGED, CUT, GAP, HEAD, NOTED, Head, Link, audit_hash, check_chain, head_mark
from actions.storage.engine import Database
from actions.storage.tables import Audit

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=timezone.utc)
KEY = Keys(b"k" * 32).audit_key


def note(database: Database, count: int = 1, **more: Any) -> None:
    for number in range(count):
        with database.begin() as session:
            record_audit(session, **{"actor": "staff:1", "action": "ticket_read", "object_": f"ticket:{number}",
                                     "now": NOW + timedelta(seconds=number), "data": {"why": "回访"}, **more})


def verified(database: Database, noted: Any = ()) -> tuple[int, str | None, int | None]:
    """(sound rows, what is broken, in which row)."""
    with database.begin() as session:
        found = verify_audit(session, dict([noted] if noted else []))
    return found.rows, found.broken and found.broken.what, found.broken and found.broken.row


def run(database: Database, statement: str, **values: Any) -> None:
    """What somebody with the database in hand, but without the key, does: its own guard is switched off first."""
    with database.begin() as session:
        session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        session.execute(sa.text(statement), values)


def row(database: Database, id_: int) -> Audit:
    with database.begin() as session:
        return session.execute(sa.select(Audit).where(Audit.id == id_)).scalar_one()


def test_an_empty_and_a_fresh_log_are_sound(database: Database) -> None:
    assert verified(database) == (0, None, None)
    note(database, 3)
    assert verified(database) == (3, None, None)
    assert [row(database, 1).previous, row(database, 2).previous] == [None, row(database, 1).hash]


@pytest.mark.parametrize("column, value", [
    ("actor", "'staff:2'"), ("action", "'ticket_accepted'"), ("object", "'ticket:9'"), ("data", "'{}'::jsonb"),
    ("at", "at + interval '1 microsecond'"), ("hash", "'\\x00'::bytea"),
])
def test_a_changed_row_is_named(database: Database, column: str, value: str) -> None:
    note(database, 5)
    run(database, f"UPDATE audit SET {column} = {value} WHERE id = 3")
    assert verified(database) == (2, CHANGED, 3)


def test_a_changed_row_whose_hash_is_made_anew_without_the_key_is_named(database: Database) -> None:
    note(database, 5)
    third = row(database, 3)
    forged = audit_hash(None, third.previous, third.at, "staff:2", third.action, third.object, third.data)
    run(database, "UPDATE audit SET actor = 'staff:2', hash = :forged WHERE id = 3", forged=forged)
    assert verified(database) == (2, CHANGED, 3)


def test_a_deleted_row_shows_at_the_next_one(database: Database) -> None:
    note(database, 5)
    run(database, "DELETE FROM audit WHERE id = 3")
    assert verified(database) == (2, GAP, 4)


def test_a_deleted_beginning_shows(database: Database) -> None:
    note(database, 5)
    run(database, "DELETE FROM audit WHERE id < 3")
    assert verified(database) == (0, GAP, 3)


def test_a_deleted_end_shows_and_goes_on_showing_when_the_hotline_writes_on(database: Database) -> None:
    note(database, 5)
    run(database, "DELETE FROM audit WHERE id > 3")
    assert verified(database) == (3, CUT, 5)
    note(database)
    assert verified(database) == (3, GAP, 6)


def test_a_deleted_end_shows_although_the_mark_was_set_back(database: Database) -> None:
    note(database, 5)
    run(database, "DELETE FROM audit WHERE id > 3")
    run(database, "UPDATE audit_head SET audit_id = 3, hash = (SELECT hash FROM audit WHERE id = 3)")
    assert verified(database) == (3, HEAD, 3)
    run(database, "DELETE FROM audit_head")
    assert verified(database) == (3, HEAD, 3)


def test_swapped_rows_show(database: Database) -> None:
    note(database, 5)
    run(database, "UPDATE audit SET id = -id WHERE id IN (2, 4)")
    run(database, "UPDATE audit SET id = CASE id WHEN -2 THEN 4 ELSE 2 END WHERE id < 0")
    assert verified(database) == (1, GAP, 2)


def test_swapped_words_show(database: Database) -> None:
    note(database, 5)
    run(database, "UPDATE audit a SET object = b.object FROM audit b WHERE a.id IN (2, 4) AND b.id = 6 - a.id")
    assert verified(database) == (1, CHANGED, 2)


def test_an_appended_row_shows_however_well_it_is_chained(database: Database) -> None:
    note(database, 2)
    last = row(database, 2)
    forged = audit_hash(None, last.hash, NOW, "staff:1", "signed_in", "staff:1", {})
    run(database, "INSERT INTO audit (at, actor, action, object, data, previous, hash) VALUES "
        "(:at, 'staff:1', 'signed_in', 'staff:1', '{}', :previous, :hash)", at=NOW, previous=last.hash, hash=forged)
    run(database, "UPDATE audit_head SET audit_id = 3, hash = :hash", hash=forged)
    assert verified(database) == (2, CHANGED, 3)


def test_a_row_put_in_between_shows(database: Database) -> None:
    note(database, 4)
    run(database, "UPDATE audit SET id = id + 100 WHERE id > 2")
    second = row(database, 2)
    run(database, "INSERT INTO audit (id, at, actor, action, object, data, previous, hash) VALUES "
        "(50, :at, 'x', 'x', 'x', '{}', :previous, '\\x01')", at=NOW, previous=second.hash)
    assert verified(database) == (2, CHANGED, 50)


def test_a_log_exchanged_as_a_whole_shows_against_a_row_noted_elsewhere(database: Database) -> None:
    note(database, 3)
    noted = (2, bytes(row(database, 2).hash))
    assert verified(database, noted) == (3, None, None)
    run(database, "TRUNCATE audit RESTART IDENTITY")
    run(database, "DELETE FROM audit_head")
    note(database, 3, actor="staff:7")  # somebody who has the key as well
    assert verified(database) == (3, None, None)
    assert verified(database, noted)[1:] == (NOTED, 2)
    assert verified(database, (99, b"x"))[1:] == (NOTED, 99)


def test_rows_of_the_time_before_the_key_stand_but_none_is_added_to_them(database: Database) -> None:
    def old(previous: bytes | None, actor: str) -> bytes:
        hash_ = audit_hash(None, previous, NOW, actor, "signed_in", "staff:1", {})
        run(database, "INSERT INTO audit (at, actor, action, object, data, previous, hash) VALUES "
            "(:at, :actor, 'signed_in', 'staff:1', '{}', :previous, :hash)", at=NOW, actor=actor, previous=previous, hash=hash_)
        return hash_

    second = old(old(None, "staff:1"), "staff:1")
    run(database, "UPDATE audit_head SET audit_id = 2, hash = :hash", hash=second)  # what the migration does
    assert verified(database) == (2, None, None)
    note(database, 2)
    assert verified(database) == (4, None, None)
    old(bytes(row(database, 4).hash), "staff:9")
    assert verified(database) == (4, CHANGED, 5)


def test_a_log_of_an_older_version_goes_on(postgres_url: str, postgres_admin: sa.engine.Engine, keys: Keys) -> None:
    from alembic import command

    from actions.storage.engine import open_engine
    from actions.storage.migrate import _config, migrate

    with postgres_admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE DATABASE older"))
    try:
        engine = open_engine(postgres_url.replace("/postgres?", "/older?"), pool_size=1)
        database, previous = Database(engine, keys.audit_key), None
        with engine.begin() as connection:
            command.upgrade(_config(connection), "0008")
            for number in range(3):
                hash_ = audit_hash(None, previous, NOW, "staff:1", "signed_in", f"staff:{number}", {})
                connection.execute(sa.text(
                    "INSERT INTO audit (at, actor, action, object, data, previous, hash) VALUES "
                    "(:at, 'staff:1', 'signed_in', :object, '{}', :previous, :hash)"),
                    {"at": NOW, "object": f"staff:{number}", "previous": previous, "hash": hash_})
                previous = hash_
        migrate(engine)
        note(database, 2)
        assert verified(database) == (5, None, None) and bytes(row(database, 4).previous) == previous
        run(database, "UPDATE audit SET actor = 'staff:9' WHERE id = 2")
        assert verified(database) == (1, CHANGED, 2)
        engine.dispose()
    finally:
        with postgres_admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("DROP DATABASE older WITH (FORCE)"))


def test_many_writers_make_one_chain(database_url: str, keys: Keys) -> None:
    from actions.storage.engine import open_engine

    database = Database(open_engine(database_url, pool_size=10), keys.audit_key)
    start, failed = threading.Barrier(16), []

    def write(number: int) -> None:
        start.wait()
        chance = random.Random(number)
        for turn in range(15):
            try:
                with database.begin() as session:
                    record_audit(session, actor=f"staff:{number}", action="ticket_read", object_=f"ticket:{turn}", now=NOW)
                    if chance.random() < 0.3:
                        raise KeyError("this transaction is given up")
                    if chance.random() < 0.3:
                        record_audit(session, actor=f"staff:{number}", action="second", object_="x", now=NOW)
            except KeyError:
                pass
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    seen = [verified(database) for _ in range(5)]  # while they write
    for thread in threads:
        thread.join()
    rows, what, _ = verified(database)
    database.dispose()
    assert failed == [] and what is None and rows > 100
    assert {broken for _, broken, _ in seen} == {None}


def test_without_the_key_nothing_is_written_that_could_not_be_trusted(database: Database) -> None:
    keyless = Database(database.engine)
    with pytest.raises(RuntimeError, match="audit_key"), keyless.begin() as session:
        record_audit(session, actor="x", action="x", object_="x", now=NOW)
    assert verified(database) == (0, None, None)


def test_another_key_finds_the_first_row_broken(database: Database) -> None:
    note(database, 2)
    other = Database(database.engine, Keys(b"x" * 32).audit_key)
    assert verified(other) == (0, CHANGED, 1)


said = st.recursive(st.none() | st.booleans() | st.integers() | st.text(st.characters(blacklist_categories=("Cs",))),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6)


def chain(entries: list[tuple[str, Any]]) -> list[Link]:
    links: list[Link] = []
    for number, (actor, data) in enumerate(entries, 1):
        previous = links[-1].hash if links else None
        links.append(Link(number, NOW, actor, "a", "o", data, previous, audit_hash(KEY, previous, NOW, actor, "a", "o", data)))
    return links


@given(st.lists(st.tuples(st.text(max_size=4), said), min_size=2, max_size=8), st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_left_out_or_exchanged_is_found(entries: list[tuple[str, Any]], data: st.DataObject) -> None:
    links = chain(entries)
    head = Head(links[-1].id, links[-1].hash, head_mark(KEY, links[-1].id, links[-1].hash))
    assert check_chain(KEY, links, head).broken is None
    gone = data.draw(st.integers(0, len(links) - 1))
    assert check_chain(KEY, links[:gone] + links[gone + 1:], head).broken is not None
    order = data.draw(st.permutations(links))
    assert (check_chain(KEY, order, head).broken is None) == (order == links)


@pytest.mark.parametrize("zone", [timezone.utc, timezone(timedelta(hours=8))])
def test_a_moment_is_the_same_in_every_zone(database: Database, zone: timezone) -> None:
    note(database, now=NOW.astimezone(zone))
    assert verified(database) == (1, None, None)
