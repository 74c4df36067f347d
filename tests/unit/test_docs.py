"""Files and tests that documents name exist."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from e2e import rbac_cases

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def test_the_drawing_of_an_add_names_each_file_once_and_all_exist() -> None:
    """docs/architecture.md, from the shim to the answer."""
    text = (ROOT / "docs/architecture.md").read_text()
    drawing = text.split("## One ADD")[1].split("```")[1]
    files = re.findall(r"(?:core|plugin)/\S+\.(?:py|c)\b", drawing)

    assert len(files) >= 20
    assert len(set(files)) == len(files)
    assert [] == [name for name in files if not (ROOT / name).is_file()]


@pytest.mark.parametrize(
    ("heading", "package"),
    [("### The daemon", "plugin/netattach_plugin"), ("### The core", "core/netattach_core")],
)
def test_the_table_of_directories_has_each_one(heading: str, package: str) -> None:
    """In docs/architecture.md; modules next to the directories may be left out."""
    section = (ROOT / "docs/architecture.md").read_text().split(heading)[1].split("\n#")[0]
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))))
    modules = {path.stem for path in (ROOT / package).iterdir() if not path.stem.startswith("_")}
    directories = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}

    assert len(directories) > 5
    assert set() == directories - named
    assert set() == named - modules


def test_each_page_has_one_title() -> None:
    """The site names the page by it, and shows the other headings as its contents."""
    pages = {path: _FENCE.sub("", path.read_text()) for path in sorted((ROOT / "docs").rglob("*.md"))}

    assert len(pages) > 50
    assert [] == [
        str(path.relative_to(ROOT))
        for path, text in pages.items()
        if 1 != len(re.findall(r"^# ", text, re.MULTILINE)) or not text.startswith("# ")
    ]


def test_each_fault_names_tests_that_exist() -> None:
    """In the last column of docs/reliability.md."""
    lines = (ROOT / "docs/reliability.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| what breaks")]
    named = [re.findall(r"`(tests/[^`:]+)(?:::(\w+))?`", row.split("|")[4]) for row in rows]

    assert len(rows) >= 20
    assert [] == [row for row, tests in zip(rows, named, strict=True) if not tests]
    assert [] == [
        (path, test)
        for path, test in chain.from_iterable(named)
        if not (ROOT / path).is_file() or f"def {test}" not in (ROOT / path).read_text()
    ]


def test_each_line_of_the_threat_model_names_tests_that_exist() -> None:
    """In the last column of docs/security.md; a case of test_rbac.py is named by the program and the attempt."""
    page = (ROOT / "docs/security.md").read_text()
    lines = page.partition("## Captured daemon")[2].partition("<!-- attempts")[0].splitlines()
    rows = [line for line in lines if line.startswith("| ") and not re.match(r"\| it can(not)? \|", line)]
    named = [re.findall(r"`(tests/[^`:]+)::(\w+)(?:\[([^`]+)\])?`", row.split("|")[-2]) for row in rows]

    assert len(rows) >= 25
    assert [] == [row for row, tests in zip(rows, named, strict=True) if not tests]
    assert [] == [(path, test) for path, test, _ in chain.from_iterable(named) if not _has_test(path, test)]
    assert [] == [
        case for _, test, case in chain.from_iterable(named) if case and not _has_attempt(test, case)
    ]


def _has_test(path: str, test: str) -> bool:
    return (ROOT / path).is_file() and f"def {test}(" in (ROOT / path).read_text()


def _has_attempt(test: str, case: str) -> bool:
    program, _, attempt = case.partition(": ")
    allowed = test == "test_a_program_can_do_what_it_needs"
    return attempt in (rbac_cases.accepted(program) if allowed else rbac_cases.refused(program))
