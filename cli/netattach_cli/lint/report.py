"""What all output formats of `netattach lint` have in common: the interface of a report, and the summary."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from netattach_cli.files import UnreadableError
from netattach_cli.lint.manifests import LocatedFinding, Manifest
from netattach_core.text.finding import Finding, Severity


@dataclass(slots=True)
class Summary:
    """Counts the objects so far; `comments` are ignore comments without effect, `ignored` findings that others silence.

    `project` is the project's file whose options are in force, "" without one, `excluded` the number of files that it leaves out.
    """

    project: str = ""
    excluded: int = 0
    nads: int = 0
    pods: int = 0
    refused: int = 0
    warned: int = 0
    unreadable: int = 0
    ignored: int = 0
    comments: int = 0
    comments_denied: int = 0

    @property
    def is_denied(self) -> bool:
        return bool(self.refused or self.comments_denied)

    @property
    def has_warnings(self) -> bool:
        return bool(self.warned or self.comments)

    @property
    def is_empty(self) -> bool:
        return not (self.nads or self.pods)

    def add(self, manifest: Manifest, findings: Iterable[Finding]) -> None:
        """Counts one more object; one that is refused does not also count as one with warnings."""
        weights = {finding.effective_severity for finding in findings}
        self.nads += manifest.network is not None
        self.pods += manifest.pod is not None
        self.refused += Severity.DENY in weights
        self.warned += Severity.DENY not in weights and Severity.WARN in weights

    def add_comment(self, finding: Finding) -> None:
        """Counts an ignore comment that has no effect."""
        self.comments += 1
        self.comments_denied += finding.effective_severity is Severity.DENY


@dataclass(frozen=True, slots=True)
class IgnoredFinding:
    """A finding that a comment silences, and the reason there."""

    located: LocatedFinding
    reason: str


class Report(Protocol):
    """Gets each object, its findings as soon as they are found, and the summary at the end."""

    def validated(self, manifest: Manifest) -> None: ...

    def finding(self, finding: LocatedFinding) -> None: ...

    def ignored(self, finding: IgnoredFinding) -> None: ...

    def unreadable(self, error: UnreadableError) -> None: ...

    def finish(self, summary: Summary, /) -> None: ...


def json_text(body: object) -> str:
    """The JSON of a report, without text that is a command to a CI system (see `terminal.printable`); its value is the same."""
    text = json.dumps(body, indent=2)
    return text.replace("##[", r"#\u0023[").replace("##vso[", r"#\u0023vso[")


class BufferedReport:
    """Keeps everything until the end, for formats that are one document."""

    def __init__(self) -> None:
        self.manifests: list[Manifest] = []
        self.findings: list[LocatedFinding] = []
        self.silenced: list[IgnoredFinding] = []
        self.errors: list[UnreadableError] = []

    def validated(self, manifest: Manifest) -> None:
        self.manifests.append(manifest)

    def finding(self, finding: LocatedFinding) -> None:
        self.findings.append(finding)

    def ignored(self, finding: IgnoredFinding) -> None:
        self.silenced.append(finding)

    def unreadable(self, error: UnreadableError) -> None:
        self.errors.append(error)
