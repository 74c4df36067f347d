"""Findings as SARIF 2.1.0, which code hosts show next to the line."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from netattach_cli.files import UnreadableError
from netattach_cli.lint.manifest_validator import ALL_RULES, LocatedFinding
from netattach_cli.lint.report import BufferedReport, Summary
from netattach_core.text import json_document
from netattach_core.text.finding import Severity, path_text

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.DENY: "error", Severity.WARN: "warning", Severity.AUDIT: "note", Severity.OFF: "none"}
_RULE_INDEX = {rule.id: index for index, rule in enumerate(ALL_RULES)}


class SarifReport(BufferedReport):
    """Prints one run with all rules, so that a code host also lists those without findings."""

    def finish(self, _summary: Summary) -> None:
        driver = {
            "name": "netattach",
            "version": metadata.version("netattach"),
            "rules": [_rule(index) for index in range(len(ALL_RULES))],
        }
        run = {
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "invocations": [_invocation(self.errors)],
            "results": [_result(finding) for finding in self.findings],
        }
        print(json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2))


def _rule(index: int) -> dict[str, Any]:
    rule = ALL_RULES[index]
    return {
        "id": rule.id,
        "shortDescription": {"text": _sentence(rule.summary)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(located: LocatedFinding) -> dict[str, Any]:
    manifest, finding = located.manifest, located.finding
    line, column = json_document.position(manifest.text, located.location.at)
    logical_name = f"{manifest.full_name} {path_text(finding.path)}".lstrip()
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": _RULE_INDEX[finding.rule.id],
        "level": _LEVELS[finding.effective_severity],
        "message": {"text": f"{_sentence(finding.problem)} Fix: {finding.fix}"},
        "locations": [
            {
                "physicalLocation": _physical_location(manifest.file, line, column),
                "logicalLocations": [{"fullyQualifiedName": logical_name, "kind": "object"}],
            }
        ],
    }


def _invocation(errors: Sequence[UnreadableError]) -> dict[str, Any]:
    notifications = [
        {
            "level": "error",
            "message": {"text": _sentence(error.problem)},
            "locations": [{"physicalLocation": _physical_location(error.file, error.line, error.column)}],
        }
        for error in errors
    ]
    return {"executionSuccessful": not errors, "toolExecutionNotifications": notifications}


def _physical_location(file: str, line: int, column: int) -> dict[str, Any]:
    region = {"region": {"startLine": line, "startColumn": column}} if line else {}
    return {"artifactLocation": {"uri": _uri(file)}, **region}


def _uri(file: str) -> str:
    """Relative to the working directory, so that a code host finds the file in the repository."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    quoted = urllib.parse.quote(path.as_posix(), errors="surrogateescape")
    return f"file://{quoted}" if path.is_absolute() else quoted


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
