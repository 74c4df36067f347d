"""What all output formats of `netattach lint` have in common: the interface of a report, and the summary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from netattach_cli.files import UnreadableError
from netattach_cli.lint.manifest_validator import LocatedFinding
from netattach_cli.lint.manifests import Manifest
from netattach_core.text.finding import Finding, Severity


@dataclass(slots=True)
class Summary:
    """Counts the objects validated so far."""

    nads: int = 0
    pods: int = 0
    refused: int = 0
    warned: int = 0
    unreadable: int = 0

    def add(self, manifest: Manifest, findings: Iterable[Finding]) -> None:
        """Counts one more object; one that is refused does not also count as one with warnings."""
        weights = {finding.effective_severity for finding in findings}
        self.nads += manifest.is_nad
        self.pods += not manifest.is_nad
        self.refused += Severity.DENY in weights
        self.warned += Severity.DENY not in weights and Severity.WARN in weights


class Report(Protocol):
    """Gets each finding as soon as it is found, and the summary at the end."""

    def finding(self, finding: LocatedFinding) -> None: ...

    def unreadable(self, error: UnreadableError) -> None: ...

    def finish(self, summary: Summary, /) -> None: ...


class BufferedReport:
    """Keeps everything until the end, for formats that are one document."""

    def __init__(self) -> None:
        self.findings: list[LocatedFinding] = []
        self.errors: list[UnreadableError] = []

    def finding(self, finding: LocatedFinding) -> None:
        self.findings.append(finding)

    def unreadable(self, error: UnreadableError) -> None:
        self.errors.append(error)
