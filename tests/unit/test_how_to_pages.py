"""The files of the How-to pages can be copied: netattach accepts them, on nodes of the page or of the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from netattach_cli.__main__ import main
from support import pages

NODES = pages.DOCS / "how-to/nodes.yaml"
EACH_PAGE = pytest.mark.parametrize("page", pages.HOW_TO, ids=lambda path: path.stem)


@EACH_PAGE
def test_the_files_of_a_page_are_accepted(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All but inventories, each set with its own: `nodes-x.yaml` belongs to files that a command lints with it."""
    monkeypatch.chdir(tmp_path)
    pages.write_files(page, tmp_path)
    names = [name for name in pages.files(page) if not name.startswith("nodes")]
    inventories = {name: _inventory(page, name) for name in names}

    assert names
    for inventory in set(inventories.values()):
        together = [name for name in names if inventories[name] == inventory]
        status = main(["lint", "--inventory", inventory, *together])
        assert 0 == status, capsys.readouterr().out


@EACH_PAGE
def test_each_file_is_used_by_a_command(page: Path) -> None:
    commands = "\n".join(step.command for block in pages.blocks(page) for step in pages.steps(block))

    assert [] == [name for name in pages.files(page) if not re.search(rf"(?<!\S){name}(?!\S)", commands)]


@EACH_PAGE
def test_all_yaml_of_a_page_is_in_files(page: Path) -> None:
    """So that no example escapes the validation."""
    assert page.read_text().count("```yaml") == len(pages.files(page))
    for text in pages.files(page).values():
        assert list(yaml.safe_load_all(text))


@EACH_PAGE
def test_a_page_is_run_or_says_what_it_needs(page: Path) -> None:
    text = page.read_text()

    assert bool(pages.blocks_to_run(page)) != bool(pages.NOT_RUN.search(text.partition("\n## ")[0]))
    assert len(pages.NOT_RUN.findall(text)) == text.count("Not run by a test")


def test_the_list_of_pages_is_complete() -> None:
    text = (pages.DOCS / "how-to/index.md").read_text()

    assert [] == [page.name for page in pages.HOW_TO if f"]({page.name})" not in text]


def test_a_mark_excludes_its_section_or_the_page(tmp_path: Path) -> None:
    mark, block = "> Not run by a test: needs X.\n", "```console\n$ {}\n```\n"
    page = tmp_path / "page.md"
    page.write_text(f"# T\n{block.format('a')}## S\n{mark}{block.format('b')}## U\n{block.format('c')}")

    assert ["$ a\n", "$ c\n"] == pages.blocks_to_run(page)

    page.write_text(f"# T\n{mark}## S\n{block.format('a')}")

    assert [] == pages.blocks_to_run(page)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("…\n", "", True),
        ("a\n…\n", "a\nb\n", True),
        ("a\n…\nd\n", "a\nb\n", False),
        ("a.\n", "ab\n", False),
    ],
)
def test_a_line_of_dots_stands_for_any_lines(shown: str, printed: str, same: bool) -> None:  # noqa: FBT001  # a table's column
    assert same == pages.is_what_the_page_shows(shown, printed)


def _inventory(page: Path, name: str) -> str:
    """The inventory with which a command of the page lints the file, or the nodes of the tests."""
    commands = [step.command for block in pages.blocks(page) for step in pages.steps(block)]
    for command in commands:
        found = re.match(r"netattach lint --inventory (\S+) (.*)", command)
        if found and name in found[2].split():
            return found[1]
    return "nodes.yaml" if "nodes.yaml" in pages.files(page) else str(NODES)
