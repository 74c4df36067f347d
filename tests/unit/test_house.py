"""Rules of the repository: where files are, how long they are, what they never mention, and which targets `make` has.

A component's folder (`operator/`, `plugin/`, ...) contains its package and no other `.py`. An `operator/__init__.py`, or an
`operator.py` next to the folder, would shadow Python's own `operator` module whenever the repository is first on the path
(`python -m ...` run in it), and then even `import enum` fails. A folder without `__init__.py` does not shadow it.
"""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import require

ROOT = require.REPOSITORY
COMPONENTS = [
    ROOT / name
    for name in ("core", "operator", "webhooks", "plugin", "kube", "cli")
    if (ROOT / name).is_dir()
]

LONGEST_FILE = 450
LONGEST_FUNCTION = 60

# In pieces, so that this file does not name what it forbids.
FORBIDDEN = re.compile(
    "|".join(
        [
            r"(?<![\w.}])/" + "root/",  # somebody's home
            r"(?<![\w.}/])/" + r"home/(?!kubernetes/bin\b)\w+/",  # but for GKE's directory of plugins
            r"pypi\." + "org",  # the machine's own configuration decides where packages come from
            r"python" + r"hosted\.org",
            r"proxy\.golang" + r"\.org",
            r"deb\.debian" + r"\.org",
            r"https?://\S+/" + "simple",
        ]
    )
)


def _committed(*suffixes: str) -> Iterator[Path]:
    """Committed files that exist, with one of the suffixes, or all."""
    require.command("git")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        require.left_out("needs the project's git repository")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and (not suffixes or path.suffix in suffixes):
            yield path


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda path: path.name)
def test_a_component_folder_contains_one_package_and_no_other_python_file(component: Path) -> None:
    packages = [path.parent.name for path in component.glob("*/__init__.py")]

    assert [f"netattach_{component.name}"] == packages
    assert [] == list(component.glob("*.py"))


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in _committed(".py", ".c", ".h")}

    assert lengths
    assert {} == {str(path): length for path, length in lengths.items() if length > LONGEST_FILE}


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in _committed(".py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert lengths
    assert {} == {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION}


@pytest.mark.parametrize(
    "text",
    [
        "see /" + "root/.cache",
        "index-url = https://pypi." + "org/simple",
        "GOPROXY=https://proxy.golang" + ".org",
    ],
)
def test_the_search_for_machines_and_hosts_finds_them(text: str) -> None:
    assert FORBIDDEN.search(text)


def test_no_committed_text_contains_a_machines_paths_or_a_package_index() -> None:
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in _committed()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if FORBIDDEN.search(line)
    ]

    assert [] == found


@pytest.mark.parametrize("arguments", [[], ["help"]], ids=["without a target", "help"])
def test_make_lists_its_targets(arguments: list[str]) -> None:
    printed = subprocess.run(
        [require.command("make"), "--no-print-directory", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    listed = set(re.findall(r"^  make ([\w-]+) +\S", printed, re.MULTILINE))
    [phony] = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert {"test", "e2e", "check"} <= listed
    assert {name for name in phony.split() if not name.endswith("-needs")} == listed


def test_ci_runs_all_checks() -> None:
    ours = {key: value for key, value in os.environ.items() if key not in {"MAKEFLAGS", "MFLAGS", "TESTS"}}
    printed = subprocess.run(
        [require.command("make"), "--dry-run", "check"],
        cwd=ROOT,
        env=ours,  # without those of `make test TESTS=…`, which may run this test
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    commands = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("make")]

    assert ["make check"] == commands
    for expected in (
        "ruff check",
        "mypy",
        "lint-imports",
        "pytest -n",
        "tests/unit tests/contract tests/node tests/kernel",
        "tests/e2e",
    ):
        assert expected in printed
