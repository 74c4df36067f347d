"""Findings as text for people: where, what, the line itself, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from netattach_cli.files import UnreadableError
from netattach_cli.manifests import Manifest
from netattach_cli.validation import Problem
from netattach_core.text import finding as core_finding
from netattach_core.text import json_document
from netattach_core.text.excerpt import excerpt
from netattach_core.text.finding import Finding, Severity

_RED, _YELLOW, _BOLD, _BLUE = "31;1", "33;1", "1", "34;1"


class Report(Protocol):
    """Is told of each thing as it is found, and of the end."""

    def problem(self, problem: Problem) -> None: ...

    def unreadable(self, error: UnreadableError) -> None: ...

    def end(self, tally: Tally, /) -> None: ...


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
    pods: int = 0
    refused: int = 0
    warned: int = 0
    unreadable: int = 0

    def count(self, manifest: Manifest, findings: Iterable[Finding]) -> None:
        """One more object; a refused one is not counted among those with warnings too."""
        weights = {finding.effective_severity for finding in findings}
        self.nads += manifest.is_nad
        self.pods += not manifest.is_nad
        self.refused += Severity.DENY in weights
        self.warned += Severity.DENY not in weights and Severity.WARN in weights

    def summary(self) -> str:
        seen = [_counted(self.nads, "NAD")] + ([_counted(self.pods, "pod")] if self.pods else [])
        parts = [f"{self.refused} refused"] if self.refused else []
        parts += [f"{self.warned} with warnings"] if self.warned else []
        parts += [f"{self.unreadable} of the files could not be read"] if self.unreadable else []
        nothing = "nothing wrong" if self.nads or self.pods else "nothing to validate"
        return f"{', '.join(seen)}: {', '.join(parts) or nothing}"


class TextReport:
    """Prints all at once, so that a long run shows what it has found."""

    def __init__(self, paint: Paint) -> None:
        self._paint = paint

    def problem(self, problem: Problem) -> None:
        print(_problem(problem, self._paint), end="\n\n")

    def unreadable(self, error: UnreadableError) -> None:
        print(unreadable(error, self._paint), end="\n\n")

    def end(self, tally: Tally) -> None:
        print(tally.summary())


def unreadable(error: UnreadableError, paint: Paint) -> str:
    place = f"{error.file}:{error.line}:{error.column}:" if error.line else f"{error.file}:"
    return f"{paint(visible(place), _BOLD)} {paint('error', _RED)} {visible(error.problem)}"


def visible(text: str) -> str:
    """Without what would move a terminal's cursor or change its colours: foreign texts are shown, never obeyed."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _problem(problem: Problem, paint: Paint) -> str:
    """The place is that in the file; where the file's line cannot be followed, the excerpt is the text's own."""
    manifest, found, spot = problem.manifest, problem.finding, problem.spot
    line, column = json_document.position(manifest.text, spot.at)
    name = manifest.full_name if manifest.is_nad else f"{manifest.kind} {manifest.full_name}"
    about = f"{name} {core_finding.path_text(found.path)}".lstrip()
    about += f" (from {manifest.source})" if manifest.source else ""
    place = paint(visible(f"{manifest.file}:{line}:{column}:"), _BOLD)
    weight = paint(
        found.effective_severity.value, _RED if found.effective_severity is Severity.DENY else _YELLOW
    )
    lines = [
        f"{place} {weight} [{found.rule.id}] {visible(about)}",
        f"  {visible(found.problem)}",
        *_excerpt(spot.text, spot.offset, paint),
        f"  {paint('fix:', _BLUE)} {visible(found.fix)}",
    ]
    return "\n".join(lines)


def _excerpt(text: str, offset: int, paint: Paint) -> list[str]:
    """The line with a caret under the place."""
    shown, caret = str(excerpt(text, offset)).split("\n")
    return [f"  {shown}", f"  {caret[:-1]}{paint('^', _BOLD)}"]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
