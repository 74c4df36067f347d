"""The messages that docs/troubleshooting.md explains are those that the programs print."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support import require

ROOT = require.REPOSITORY
PAGE = ROOT / "docs/troubleshooting.md"
GAP = "…"


def messages() -> list[str]:
    """Of the tables whose first column is `message`."""
    tables = PAGE.read_text().split("| message |")[1:]
    rows = [row for table in tables for row in table.split("\n\n")[0].splitlines()[2:]]
    return [row[2:].split(" | ")[0].strip("` ") for row in rows]


@pytest.mark.parametrize("message", messages())
def test_a_message_is_one_of_the_programs(message: str) -> None:
    parts = [part for part in message.split(GAP) if part.strip(" :;,")]
    pattern = re.compile(".*".join(map(re.escape, parts)))

    assert [text for text in templates() if pattern.search(text)]


def test_the_page_explains_some() -> None:
    assert len(messages()) > 20


def test_a_message_that_no_program_prints_is_found() -> None:
    assert not [text for text in templates() if "the pod has too many interfaces" in text]


@cache
def templates() -> tuple[str, ...]:
    """The texts of all programs, with a gap for each value in them."""
    python = [path for name in ("core", "kube", "plugin") for path in (ROOT / name).rglob("*.py")]
    shim = (ROOT / "plugin/shim").glob("*.c")
    return (
        *(text for path in python for text in _python(path)),
        *(text for path in shim for text in _c(path)),
    )


def _python(path: Path) -> Iterator[str]:
    """Texts with placeholders; those that are added to others by `+` or joined stay apart."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else GAP for each in node.values)


def _c(path: Path) -> Iterator[str]:
    """The arguments of each TEXT(…): literals that follow each other, and values between them."""
    for found in re.finditer(r"TEXT\(((?:[^()\"]|\"(?:[^\"\\]|\\.)*\"|\([^()]*\))*)\)", path.read_text()):
        pieces = re.findall(r"\"((?:[^\"\\]|\\.)*)\"|(,)", found[1])
        yield "".join(GAP if comma else text for text, comma in pieces)
