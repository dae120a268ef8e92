"""What the hotline says: every text that is used exists, every text that exists is used, short and without refusal."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from actions.language.files import load_yaml
from actions.language.replies import Replies, load_replies
from tests.house.files import ROOT, python_files, repository_files, shown, text_of

LONGEST = 300  # characters of one message
REFUSALS = re.compile("不符合|不予受理|没有资格|不够资格|不能申请|无权")


class Use(NamedTuple):
    """A reply named in Python: its id, or a pattern where the id is put together; the names filled in, None = any."""

    where: str
    id: str | None
    pattern: str | None
    filled: frozenset[str] | None


@lru_cache(None)
def book() -> Replies:
    """The catalogue as the hotline loads it."""
    return load_replies([ROOT / "config" / "replies"])


def owner_name(node: ast.expr) -> str:
    """The last name of what a method is called on."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def uses_in(source: str, name: str) -> Iterator[Use]:
    """Every call say(id …), replies.text(id …), replies.get(id) of a Python file whose id can be read off."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        method, owner = node.func.attr, owner_name(node.func.value)
        if not (method == "say" or (method in ("text", "get") and owner.endswith(("replies", "replies_book", "book")))):
            continue
        words = {keyword.arg for keyword in node.keywords}
        filled = None if None in words or method == "get" else frozenset(word for word in words if word)
        for choice in choices(node.args[0]):
            where = f"{name}:{node.lineno}"
            if isinstance(choice, ast.Constant) and isinstance(choice.value, str):
                yield Use(where, choice.value, None, filled)
            elif isinstance(choice, ast.JoinedStr):
                parts = [re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in choice.values]
                yield Use(where, None, "".join(parts), None)


def choices(node: ast.expr) -> list[ast.expr]:
    """The values a conditional expression can have."""
    return choices(node.body) + choices(node.orelse) if isinstance(node, ast.IfExp) else [node]


@lru_cache(None)
def uses() -> tuple[Use, ...]:
    """Every use in bot/ and actions/."""
    return tuple(use for path in python_files("bot", "actions") for use in uses_in(path.read_text("utf-8"), shown(path)))


def leaves(data: Any) -> Iterator[str]:
    """Every text of a data file."""
    if isinstance(data, dict):
        for value in data.values():
            yield from leaves(value)
    elif isinstance(data, list):
        for value in data:
            yield from leaves(value)
    elif isinstance(data, str):
        yield data


def test_every_reply_used_exists() -> None:
    assert len(uses()) >= 5
    ids = book().ids()
    wrong = [f"{use.where}: {use.id or use.pattern}" for use in uses()
             if (use.id is not None and use.id not in ids)
             or (use.pattern is not None and not any(re.fullmatch(use.pattern, one) for one in ids))]
    assert wrong == [], "write these into config/replies"


def test_every_name_in_a_reply_is_filled() -> None:
    wrong = [f"{use.where}: {use.id} needs {', '.join(sorted(missing))}" for use in uses()
             if use.id in book() and use.filled is not None and (missing := book().get(str(use.id)).needs - use.filled)]
    assert wrong == []


def test_every_reply_is_used() -> None:
    # an id also counts where it stands as a word of its own: a table in Python, another data file, a page
    words: set[str] = set()
    for path in python_files("bot", "actions"):
        words |= {node.value for node in ast.walk(ast.parse(path.read_text("utf-8")))
                  if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for path in repository_files():
        parts = path.relative_to(ROOT).parts
        if parts[0] == "config" and parts[1] != "replies" and path.suffix == ".yaml":
            words |= set(leaves(load_yaml(path)))
        elif path.suffix in (".html", ".yml") and parts[0] == "bot":
            words |= set(re.findall(r"[a-z][a-z0-9_]+", text_of(path) or ""))
    patterns = [use.pattern for use in uses() if use.pattern]
    unused = [one for one in book().ids()
              if one not in words and not any(re.fullmatch(pattern, one) for pattern in patterns)]
    assert unused == [], "nobody says these, use them or take them out: " + ", ".join(unused)


def test_every_message_is_short() -> None:
    long = {one: len(book().get(one).text) for one in book().ids() if len(book().get(one).text) > LONGEST}
    assert long == {}


def test_nobody_is_refused() -> None:
    files = [path for path in repository_files() if path.suffix == ".yaml"
             and path.relative_to(ROOT).parts[:2] in (("config", "replies"), ("config", "screening"), ("config", "danger"))]
    assert len(files) > 10
    wrong = [f"{shown(path)}: {text[:50]}" for path in files for text in leaves(load_yaml(path)) if REFUSALS.search(text)]
    assert wrong == []


def test_uses_are_read() -> None:
    source = ('turn.say("a", name=1)\nturn.say("b" if x else "c", **more)\nreplies.text(f"danger_{g}_now")\n'
              'sa.text("SELECT")\ntools.replies.get("d")\nconfig.get("e")\nturn.say(chosen)\n')
    assert [(use.id or use.pattern, use.filled) for use in uses_in(source, "f")] == [
        ("a", frozenset({"name"})), ("b", None), ("c", None), ("danger_.+_now", None), ("d", None)]


def test_the_folder_is_where_the_hotline_reads() -> None:
    assert len(book().ids()) > 20 and Path(ROOT / "config" / "replies").is_dir()
