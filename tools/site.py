"""Hooks of mkdocs: pages of docs/ link to files of the repository, and the site has these files too, below repository/.

A link to a directory has no target in the site: its text stays. Everything else that a link cannot reach fails the build.
"""

# A script, not a package:
# ruff: noqa: INP001

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
DOCS = "docs/"
OUTSIDE = "repository/"
ALWAYS = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
"""Pages of the navigation, whether a page links to them or not."""

_LINK = re.compile(
    r"(?<!\\)(?P<text>!?\[(?:[^\]\\`]|`[^`]*`)*\])\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)"
)
_FENCE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the files outside of docs/ that pages link to, and those that these link to."""
    pages = [DOCS + file.src_uri for file in files if file.is_documentation_page()]
    todo, known = [*ALWAYS, *_outside(pages)], set[str]()
    while todo:
        name = todo.pop()
        if name not in known:
            known.add(name)
            path = str(ROOT / name)
            files.append(File.generated(config, _place(name), abs_src_path=path))
            todo += _outside([name])
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Links as they are in the site."""
    here = page.file.src_uri
    source = here.removeprefix(OUTSIDE) if here.startswith(OUTSIDE) else DOCS + here

    def in_site(link: re.Match[str]) -> str:
        target = _target(source, link["path"])
        if (ROOT / target).is_dir():
            return link["text"].strip("![]")
        path = posixpath.relpath(_place(target), posixpath.dirname(here) or ".")
        return f"{link['text']}({path}{link['anchor'] or ''})"

    parts = _FENCE.split(markdown)
    return "".join(part if part.lstrip().startswith("```") else _LINK.sub(in_site, part) for part in parts)


def _outside(pages: list[str]) -> Iterator[str]:
    """The files outside of docs/ to which these lead."""
    for page in pages:
        if page.endswith(".md") and (ROOT / page).is_file():
            text = _FENCE.sub("", (ROOT / page).read_text())
            targets = (_target(page, link["path"]) for link in _LINK.finditer(text))
            yield from (name for name in targets if not name.startswith(DOCS) and (ROOT / name).is_file())


def _target(source: str, link: str) -> str:
    """The path of a link's target in the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), link))


def _place(name: str) -> str:
    """The path in the site of a file of the repository."""
    return name.removeprefix(DOCS) if name.startswith(DOCS) else OUTSIDE + name
