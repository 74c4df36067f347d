"""Findings as text for people: where, what, the line itself, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netattach_cli.manifests import Manifest, UnreadableError
from netattach_core import finding as core_finding
from netattach_core import json_text
from netattach_core.finding import Finding, Severity

_WIDTH = 100
"""Of an excerpt; many configurations are one long line."""

_RED, _YELLOW, _BOLD, _BLUE = "31;1", "33;1", "1", "34;1"


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours, or none of them."""

    on: bool

    def __call__(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.on else text


@dataclass(slots=True)
class Tally:
    """What has been seen so far."""

    nads: int = 0
    refused: int = 0
    warned: int = 0
    unreadable: int = 0

    def count(self, findings: Iterable[Finding]) -> None:
        """One more NAD; a refused one is not counted among those with warnings too."""
        weights = {finding.weight for finding in findings}
        self.nads += 1
        self.refused += Severity.DENY in weights
        self.warned += Severity.DENY not in weights and Severity.WARN in weights

    def summary(self) -> str:
        parts = [f"{self.refused} refused"] if self.refused else []
        parts += [f"{self.warned} with warnings"] if self.warned else []
        parts += [f"{self.unreadable} of the files could not be read"] if self.unreadable else []
        return f"{self.nads} NAD{'' if self.nads == 1 else 's'}: {', '.join(parts) or 'nothing wrong'}"


def finding(manifest: Manifest, found: Finding, paint: Paint) -> str:
    """A finding with the place in its file, or in the configuration where the file's cannot be told."""
    weight = found.weight.value
    text, offset = _place(manifest, found)
    line, column = json_text.position(
        manifest.text, manifest.config_at if text is manifest.config else offset
    )
    colour = _RED if found.weight is Severity.DENY else _YELLOW
    head = (
        f"{paint(f'{manifest.file}:{line}:{column}:', _BOLD)} {paint(weight, colour)} [{found.rule.id}] "
        f"{manifest.name} {core_finding.path_text(found.path)}"
    )
    return "\n".join(
        [
            head,
            f"  {found.problem}",
            *_excerpt(text, offset, paint),
            f"  {paint('mend:', _BLUE)} {found.mend}",
        ]
    )


def unreadable(error: UnreadableError, paint: Paint) -> str:
    place = f"{error.file}:{error.line}:{error.column}:" if error.line else f"{error.file}:"
    return f"{paint(place, _BOLD)} {paint('error', _RED)} {error.problem}"


def _place(manifest: Manifest, found: Finding) -> tuple[str, int]:
    """A text and an offset in it: the file's, else the configuration's."""
    if found.offset is None:
        return manifest.text, manifest.config_at
    if manifest.offsets is not None and found.offset < len(manifest.offsets):
        return manifest.text, manifest.offsets[found.offset]
    return manifest.config, found.offset


def _excerpt(text: str, offset: int, paint: Paint) -> list[str]:
    """The line with a caret under the place. A tab is one column, as it is in the place's number."""
    line, column = json_text.position(text, offset)
    shown = text.split("\n")[line - 1].rstrip("\r").replace("\t", " ")
    first = max(0, min(column - 1 - _WIDTH // 2, len(shown) - _WIDTH))
    before, after = "…" if first else "", "…" if len(shown) > first + _WIDTH else ""
    cut = shown[first : first + _WIDTH]
    margin = " " * len(str(line))
    caret = " " * (len(before) + column - 1 - first) + "^"
    return [f"  {line} | {before}{cut}{after}", f"  {margin} | {paint(caret, _BOLD)}"]
