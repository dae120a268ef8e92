"""Records in, JSON Lines out: the one way every verb reads and writes (DESIGN 5)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import click


class BadInput(click.ClickException):
    """Unreadable input: file, line, what, how to mend. Exit code 2."""

    exit_code = 2

    def __init__(self, source: str, line: int | None, what: str, mend: str) -> None:
        super().__init__(f"{source}{f':{line}' if line else ''}: {what} — {mend}")


def write(record: dict[str, Any], out: TextIO | None = None) -> None:
    """One object on stdout, UTF-8, not escaped, at once."""
    stream = out or sys.stdout
    stream.write(json.dumps(record, ensure_ascii=False) + "\n")
    stream.flush()


def say(text: str) -> None:
    """A line for people, on stderr."""
    click.echo(text, err=True)


def read_text(source: str | None) -> tuple[str, str]:
    """(name, content) of a file or, for None and "-", of standard input. Raises BadInput."""
    name = source or "-"
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return ("stdin" if name == "-" else name), data.decode("utf-8-sig")
    except OSError as error:
        raise BadInput(name, None, f"cannot be read ({error.strerror})", "check the path") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInput(name, line, "is not UTF-8", "save the file as UTF-8") from None


def records(source: str | None) -> Iterator[dict[str, Any]]:
    """The records of a file: one per line; JSON Lines when the first non-blank character is "{". Blank lines count."""
    name, content = read_text(source)
    lines = content.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    as_json = content.lstrip()[:1] == "{"
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r")
        if not as_json:
            yield {"text": line}
            continue
        if not line.strip():
            yield {"text": ""}
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadInput(name, number, f"is no JSON object ({error.msg})", "write one {…} per line") from None
        if not isinstance(record, dict):
            raise BadInput(name, number, "is no JSON object", "write one {…} per line")
        yield record


def text_of(record: dict[str, Any], name: str = "input") -> str:
    """The record's text. Raises BadInput when it is not a string."""
    text = record.get("text", "")
    if text is None:
        return ""
    if not isinstance(text, str):
        raise BadInput(name, None, f"text is {type(text).__name__}, not a string", 'write {"text": "…"}')
    return text
