"""Links between documents lead to files and headings, as GitHub shows them; the site that `make docs` builds is complete."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from support import require

ROOT = require.REPOSITORY
PAGES = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ROOT / "bench/README.md",
    ROOT / "plugin/shim/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    links = [
        (page.parent / found[1] if found[1] else page, found[2])
        for found in LINK.finditer(FENCE.sub("", page.read_text()))
    ]

    assert [] == [str(path) for path, _ in links if not path.exists()]
    assert [] == [
        f"{path}#{anchor}" for path, anchor in links if anchor is not None and anchor not in anchors(path)
    ]


def test_a_heading_has_the_anchor_that_github_gives_it() -> None:
    assert ["a-b", "c-d--e", "the-net1-of-x"] == [
        slug(heading) for heading in ("A *b*", "C, d & e", "The `net1` of [x](y.md)")
    ]


def test_every_page_is_in_the_navigation() -> None:
    """Decisions have a list of their own."""
    text = re.sub(r"!!python/\S+ ", "", (ROOT / "mkdocs.yml").read_text())
    listed = set(_files(yaml.safe_load(text)["nav"]))
    pages = {str(path.relative_to(ROOT / "docs")) for path in PAGES if path.is_relative_to(ROOT / "docs")}
    missing = [name for name in pages - listed if not name.startswith("decisions/")]

    assert [] == sorted(missing), "add them to `nav` in mkdocs.yml"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with warnings as errors."""
    if importlib.util.find_spec("mkdocs") is None:
        require.left_out("needs mkdocs: make setup")
    directory = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(directory)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stdout + done.stderr)
    return directory


def test_the_site_has_every_page(site: Path) -> None:
    for name in ("index", "tutorial", "rules", "decisions/index", "repository/SECURITY"):
        assert (site / f"{name}.html").stat().st_size > 5000


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """No font, script, picture or style of another host: it works in an air-gapped network, and nobody sees its readers."""
    loaded = {
        f"{page.name}: {address}"
        for page in site.rglob("*.html")
        for address in Loaded(page.read_text()).addresses
    }
    styled = {
        f"{path.name}: {address}"
        for path in [*site.rglob("*.css"), *site.rglob("*.svg")]
        for address in re.findall(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^)'\"]+)", path.read_text())
    }

    assert (set(), set()) == (loaded, styled)


def test_no_block_of_code_is_shown_as_text(site: Path) -> None:
    """mkdocs reads indented blocks otherwise than GitHub does."""
    assert [] == [str(page) for page in site.rglob("*.html") if "<p>```" in page.read_text()]


class Loaded(HTMLParser):
    """The addresses of other hosts from which a page loads something by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            loads = name == "src" or (tag == "link" and name == "href")
            if loads and re.match(r"(https?:)?//", value or ""):
                self.addresses.append(str(value))


def slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")


@cache
def anchors(page: Path) -> frozenset[str]:
    text = FENCE.sub("", page.read_text())
    return frozenset(slug(found[1]) for found in re.finditer(r"^#+ (.*)$", text, re.MULTILINE))


def _files(entries: object) -> Iterator[str]:
    """The files of the navigation, at any depth."""
    if isinstance(entries, str):
        yield entries
    children = entries.values() if isinstance(entries, dict) else entries if isinstance(entries, list) else ()
    for each in children:
        yield from _files(each)
