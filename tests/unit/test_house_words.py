"""Words that have left the project: names of former modules, the word for `fix`, and codes of tables that a reader lacks."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support import require

ROOT = require.REPOSITORY

_FORMER_MODULES = """
act alone around_engine behind cni_config cni_result compiler conf_dir debts delegate descendants fate foreign
foreign_cache free gather gateways in_cluster install inventory_keeper json_slips json_text judge judge_settings
latest leaving libcni_cache multus_cache namespaces neighbours node_verbs node_versions note object_shape
on_files order own_conf plain_pods reading run run_plugin runner scan selector shim_call spelling
stand_in store surely_met told turns whole words
"""
FORMER_MODULES = frozenset(_FORMER_MODULES.split())
"""Files of the six packages and of the shim once had these names."""

# In pieces, so that this file does not contain what it forbids.
FORMER_WORD = re.compile(r"\bm" + r"end(?:s|ed)?\b", re.IGNORECASE)

CODE = re.compile(r"(?<![\w`./#-])[A-Z]{1,3}\d{1,3}(?![\w`-])")
"""One to three capitals and a number: a row of a table in somebody's notes."""

NOT_A_CODE = frozenset(["CRC32", "SHA1", "SHA256"])

SOURCES = (".py", ".c", ".h", ".sh", ".yaml", ".yml", ".toml", ".md", "")


@cache
def _committed() -> tuple[Path, ...]:
    require.command("git")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        require.left_out("needs the project's git repository")
    names = filter(None, listed.stdout.split("\0"))
    return tuple(path for path in (ROOT / name for name in names) if path.is_file())


def test_no_module_has_a_former_name() -> None:
    modules = [
        path.relative_to(ROOT)
        for path in _committed()
        if path.suffix in {".py", ".c", ".h"}
        and path.relative_to(ROOT).parts[0] not in {"tests", "bench", "tools", "docs"}
    ]

    assert modules
    assert [] == [str(path) for path in modules if {path.stem, *path.parts} & FORMER_MODULES]


def test_no_text_has_the_former_word_for_fix() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in _committed()
        if path.suffix in SOURCES and path.name != "CHANGELOG.md"
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if FORMER_WORD.search(line)
    ]

    assert [] == found


@pytest.mark.parametrize(
    "text", ["C88.", "npwg-spec S73", "plugin-schemas BR13, HL4", "(C7)", "See G7: so it is"]
)
def test_the_search_for_codes_finds_them(text: str) -> None:
    assert list(_codes(text))


@pytest.mark.parametrize(
    "text",
    [
        "RFC 3339",
        "CRC32 and SHA256 and UTF-8",
        "`S99`",
        "a.go:C12x",
        "noqa: S101, SLF001  # a reason",
        "IPv4",
        "https://host/path#L12",
        "KEP-4680",
    ],
)
def test_the_search_for_codes_leaves_other_words(text: str) -> None:
    assert [] == list(_codes(text))


def test_no_comment_or_docstring_cites_a_code() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {code}"
        for path in _committed()
        for line, text in _texts(path)
        for code in _codes(text)
    ]

    assert [] == found


def _codes(text: str) -> Iterator[str]:
    without_ignores = re.sub(r"noqa: [A-Z0-9, ]+|type: ignore\[[^]]*\]|ruff: .*", "", text)
    yield from (code for code in CODE.findall(without_ignores) if code not in NOT_A_CODE)


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Comments and docstrings with their lines."""
    if path.suffix == ".py":
        yield from _python_texts(path.read_text())
    if path.suffix in {".c", ".h"}:
        source = path.read_text()
        for found in re.finditer(r"/\*.*?\*/|//[^\n]*", source, re.DOTALL):
            yield source.count("\n", 0, found.start()) + 1, found[0]


def _python_texts(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.value.value
