"""Findings for programs: plain JSON, and SARIF 2.1.0, which code hosts show beside the line."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from netattach_cli.files import UnreadableError
from netattach_cli.report import Tally
from netattach_cli.validation import ALL_RULES, Problem
from netattach_core.text import json_document
from netattach_core.text.finding import Severity, path_text

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.DENY: "error", Severity.WARN: "warning", Severity.OFF: "none"}
_RULE_INDEX = {rule.id: index for index, rule in enumerate(ALL_RULES)}


class _Collected:
    """Holds all until the end: one document is printed."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.errors: list[UnreadableError] = []

    def problem(self, problem: Problem) -> None:
        self.problems.append(problem)

    def unreadable(self, error: UnreadableError) -> None:
        self.errors.append(error)


class JsonReport(_Collected):
    """`{"findings": […], "unreadable": […], "summary": {…}}`."""

    def end(self, tally: Tally) -> None:
        body = {
            "findings": [_finding(problem) for problem in self.problems],
            "unreadable": [_unreadable(error) for error in self.errors],
            "summary": {
                "nads": tally.nads,
                "pods": tally.pods,
                "refused": tally.refused,
                "withWarnings": tally.warned,
                "unreadable": tally.unreadable,
            },
        }
        print(json.dumps(body, indent=2))


class SarifReport(_Collected):
    """One run with all rules, so that a host knows those too that nothing was found for."""

    def end(self, _tally: Tally) -> None:
        driver = {
            "name": "netattach",
            "version": metadata.version("netattach"),
            "rules": [_sarif_rule(index) for index in range(len(ALL_RULES))],
        }
        run = {
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "invocations": [_invocation(self.errors)],
            "results": [_result(problem) for problem in self.problems],
        }
        print(json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2))


def _finding(problem: Problem) -> dict[str, Any]:
    manifest, found = problem.manifest, problem.finding
    line, column = json_document.position(manifest.text, problem.spot.at)
    return {
        "file": manifest.file,
        "line": line,
        "column": column,
        "severity": found.effective_severity.value,
        "rule": found.rule.id,
        "kind": manifest.kind,
        "namespace": manifest.namespace,
        "name": manifest.name,
        "path": path_text(found.path),
        "problem": found.problem,
        "fix": found.fix,
        **({"source": manifest.source} if manifest.source else {}),
    }


def _unreadable(error: UnreadableError) -> dict[str, Any]:
    return {"file": error.file, "line": error.line, "column": error.column, "problem": error.problem}


def _sarif_rule(index: int) -> dict[str, Any]:
    rule = ALL_RULES[index]
    return {
        "id": rule.id,
        "shortDescription": {"text": _sentence(rule.summary)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(problem: Problem) -> dict[str, Any]:
    manifest, found = problem.manifest, problem.finding
    place = json_document.position(manifest.text, problem.spot.at)
    where = f"{manifest.full_name} {path_text(found.path)}".lstrip()
    return {
        "ruleId": found.rule.id,
        "ruleIndex": _RULE_INDEX[found.rule.id],
        "level": _LEVELS[found.effective_severity],
        "message": {"text": f"{_sentence(found.problem)} Fix: {found.fix}"},
        "locations": [
            {
                "physicalLocation": _location(manifest.file, *place),
                "logicalLocations": [{"fullyQualifiedName": where, "kind": "object"}],
            }
        ],
    }


def _invocation(errors: Sequence[UnreadableError]) -> dict[str, Any]:
    told = [
        {
            "level": "error",
            "message": {"text": _sentence(error.problem)},
            "locations": [{"physicalLocation": _location(error.file, error.line, error.column)}],
        }
        for error in errors
    ]
    return {"executionSuccessful": not errors, "toolExecutionNotifications": told}


def _location(file: str, line: int, column: int) -> dict[str, Any]:
    region = {"region": {"startLine": line, "startColumn": column}} if line else {}
    return {"artifactLocation": {"uri": _uri(file)}, **region}


def _uri(file: str) -> str:
    """Relative to where the command runs, so that a host finds it in the repository."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    quoted = urllib.parse.quote(path.as_posix(), errors="surrogateescape")
    return f"file://{quoted}" if path.is_absolute() else quoted


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
