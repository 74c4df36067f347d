"""Findings as plain JSON, for programs."""

from __future__ import annotations

from typing import Any

from netattach_cli.files import UnreadableError
from netattach_cli.lint import places
from netattach_cli.lint.manifests import LocatedFinding
from netattach_cli.lint.report import BufferedReport, Summary, json_text
from netattach_core.text.finding import path_text


class JsonReport(BufferedReport):
    """Prints `{"findings": […], "ignored": […], "unreadable": […], "summary": {…}}`."""

    def finish(self, summary: Summary) -> None:
        body = {
            "findings": [_finding_body(finding) for finding in self.findings],
            "ignored": [{**_finding_body(each.located), "reason": each.reason} for each in self.silenced],
            "unreadable": [_error_body(error) for error in self.errors],
            "summary": {
                "nads": summary.nads,
                "pods": summary.pods,
                "refused": summary.refused,
                "withWarnings": summary.warned,
                "unreadable": summary.unreadable,
                "ignored": summary.ignored,
                "project": summary.project,
                "excluded": summary.excluded,
            },
        }
        print(json_text(body))


def _finding_body(located: LocatedFinding) -> dict[str, Any]:
    manifest, finding = located.manifest, located.finding
    line, column = places.position(located)
    return {
        "file": manifest.file,
        "line": line,
        "column": column,
        "severity": finding.effective_severity.value,
        "rule": finding.rule.id,
        "kind": manifest.kind,
        "namespace": manifest.namespace,
        "name": manifest.name,
        "path": path_text(finding.path),
        "problem": finding.problem,
        "fix": finding.fix,
        **({"source": manifest.source} if manifest.source else {}),
    }


def _error_body(error: UnreadableError) -> dict[str, Any]:
    return {"file": error.file, "line": error.line, "column": error.column, "problem": error.problem}
