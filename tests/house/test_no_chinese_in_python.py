"""Words people read are data: no Chinese in string literals of bot/ and actions/; docstrings may cite short terms."""
from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

from tests.house.files import HAN, HAN_RUN, python_files, shown

NAME = "有门"  # the product's own name is the same in every area
CITED_TERM = 16  # characters in a row: a term such as the name of a law, not a sentence


def docstring_lines(tree: ast.AST) -> set[tuple[int, int]]:
    """Where docstrings begin: (line, column)."""
    places = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                places.add((first.value.lineno, first.value.col_offset))
    return places


def chinese_lines(source: str) -> list[tuple[int, str]]:
    """(line, text) of what may not stand in Python: Chinese in literals, long Chinese in docstrings and comments."""
    docstrings = docstring_lines(ast.parse(source))
    found = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.STRING and HAN.search(token.string.replace(NAME, "")):
            if token.start not in docstrings or any(len(run) > CITED_TERM for run in HAN_RUN.findall(token.string)):
                found.append((token.start[0], token.string))
        elif token.type == tokenize.COMMENT and any(len(run) > CITED_TERM for run in HAN_RUN.findall(token.string)):
            found.append((token.start[0], token.string))
        elif token.type == tokenize.NAME and HAN.search(token.string):
            found.append((token.start[0], token.string))
    return found


def test_no_chinese_in_literals() -> None:
    files = python_files("bot", "actions")
    assert len(files) > 30
    wrong = [f"{shown(path)}:{line}: {text[:60]}" for path in files for line, text in chinese_lines(path.read_text("utf-8"))]
    assert wrong == [], "move these words to config/ (replies, wording, patterns):\n" + "\n".join(wrong)


def test_what_counts(tmp_path: Path) -> None:
    source = '"""Answers 临时救助."""\nx = "着火"\ny = f"{x}着火"\nz = r"[\\u4e00-\\u9fff]"  # 先行救助\n' \
             'def f() -> None:\n    """' + "很" * 20 + '"""\n'
    assert [line for line, _ in chinese_lines(source)] == [2, 3, 6]
