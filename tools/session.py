"""Draws docs/assets/session.svg: a terminal with some commands of docs/quick-start.md and what they print.

    make reference      # or NETATTACH_WRITE_PAGES=1 pytest tests/unit/test_session_picture.py

tests/e2e/test_pages.py runs the page, so the picture shows a real session.
"""

# A script, not a package:
# ruff: noqa: INP001

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/quick-start.md"
PICTURE = ROOT / "docs/assets/session.svg"
WIDTH = 108

COMMANDS = (
    "netattach new macvlan",
    "kubectl apply -f lan.yaml",
    "kubectl apply -f web.yaml",
    "kubectl wait --for=condition=Ready pod/web",
    "kubectl exec web -- ip",
    "kubectl exec client -- ping",
    "sed ",
)
"""How the shown commands begin."""

# As rich's, but without the fonts that it would load from elsewhere.
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
.{unique_id}-title {{ font: bold 18px system-ui, "DejaVu Sans", sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

_STYLES = (
    (re.compile(r"^\$ .*"), "bold"),
    (re.compile(r"\b(deny|Error from server \(Forbidden\))"), "bold red"),
    (re.compile(r"\bFix: [^\n]*"), "green"),
    (re.compile(r"\bnet1\b|\d+ packets received"), "bold cyan"),
)


def session(page: str) -> str:
    """The chosen commands of a page with their output, in the page's order. Raises LookupError for one that it does not have."""
    blocks = re.findall(r"^```console\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    steps = [step for block in blocks for step in re.split(r"^(?=\$ )", block, flags=re.MULTILINE) if step]
    missing = [command for command in COMMANDS if not any(step.startswith(f"$ {command}") for step in steps)]
    if missing:
        raise LookupError(f"{PAGE} has no command {missing}; correct COMMANDS")
    return "\n".join(step for step in steps if step.startswith(tuple(f"$ {each}" for each in COMMANDS)))


def picture(text: str) -> str:
    """The text as a terminal."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in text.splitlines():
        console.print(_styled(line), soft_wrap=False, overflow="fold")
    return console.export_svg(
        title="netattach", theme=DIMMED_MONOKAI, code_format=_FORMAT, unique_id="session"
    )


def _styled(line: str) -> Text:
    text = Text(line)
    for pattern, style in _STYLES:
        for found in pattern.finditer(line):
            text.stylize(style, *found.span())
    return text


def shown(svg: str) -> Iterator[str]:
    """The lines of a picture as text, without the title."""
    rows: dict[float, str] = {}
    for y, piece in re.findall(r'<text class="session-r\d+"[^>]* y="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        rows[float(y)] = rows.get(float(y), "") + piece
    return (rows[y] for y in sorted(rows))


if __name__ == "__main__":
    PICTURE.write_text(picture(session(PAGE.read_text())))
