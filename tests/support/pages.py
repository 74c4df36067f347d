"""Pages of docs/ that show files and commands, for the tests that use them.

A block of YAML whose first line is `# NAME.yaml` is a file. A block `console` has commands, and after each what it prints; a line
`…` there stands for any lines. What stands under `> Not run by a test: needs …` is not run: the whole page if that is above
the page's first section, else the section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support import require

DOCS = require.REPOSITORY / "docs"
HOW_TO = tuple(path for path in sorted((DOCS / "how-to").glob("*.md")) if path.name != "index.md")

NOT_RUN = re.compile(r"^> Not run by a test: needs \S", re.MULTILINE)
ELISION = "…\n"

_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"^```yaml\n(# (\S+\.yaml)\n.*?)^```$", re.DOTALL | re.MULTILINE)
_PROMPT = re.compile(r"^(\$|node[12]#) (.*)$")


@dataclass
class Step:
    """A command and what it prints."""

    prompt: str
    command: str
    output: str

    def __str__(self) -> str:
        return f"{self.prompt} {self.command}\n{self.output}"


def blocks(page: Path) -> list[str]:
    """The texts of all console blocks."""
    return _CONSOLE.findall(page.read_text())


def blocks_to_run(page: Path) -> list[str]:
    """Those that no mark excludes."""
    sections = re.split(r"^(?=## )", page.read_text(), flags=re.MULTILINE)
    if NOT_RUN.search(sections[0]):
        return []
    return [block for text in sections if not NOT_RUN.search(text) for block in _CONSOLE.findall(text)]


def blocks_of_section(page: Path, heading: str) -> list[str]:
    """The console blocks of the section with this heading, in order."""
    sections = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    (section,) = [text for text in sections if text.startswith(f"{heading}\n")]
    return _CONSOLE.findall(section)


def files(page: Path) -> dict[str, str]:
    """The files of the page, by name."""
    return {name: text for text, name in _FILE.findall(page.read_text())}


def write_files(page: Path, directory: Path) -> None:
    """As a reader of the page would."""
    for name, text in files(page).items():
        (directory / name).write_text(text)


def steps(block: str) -> Iterator[Step]:
    """The commands of a block; the lines up to the next prompt are what the last one prints."""
    step: Step | None = None
    for line in block.splitlines(keepends=True):
        prompt = _PROMPT.match(line.rstrip("\n"))
        if prompt:
            if step:
                yield step
            step = Step(prompt[1], prompt[2], "")
        elif step:
            step.output += line
    if step:
        yield step


def is_what_the_page_shows(shown: str, printed: str) -> bool:
    """Whether `printed` is `shown`, where a line `…` in that stands for any lines, or none."""
    parts = [re.escape(part) for part in re.split(f"^{ELISION}", shown, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*?".join(parts), printed) is not None
