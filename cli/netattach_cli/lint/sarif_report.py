"""Findings as SARIF 2.1.0, which code hosts show next to the line."""

from __future__ import annotations

import hashlib
import json
import urllib.parse
from collections import Counter
from collections.abc import Sequence
from typing import Any

from netattach_cli import rule_pages
from netattach_cli.files import UnreadableError
from netattach_cli.lint import places
from netattach_cli.lint.manifests import LocatedFinding
from netattach_cli.lint.report import BufferedReport, Summary, json_text
from netattach_cli.lint.rules import ALL_RULES
from netattach_core.text.finding import Finding, Severity, path_text
from netattach_core.version import VERSION

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Severity.DENY: "error",
    Severity.WARN: "warning",
    Severity.ADVICE: "note",
    Severity.AUDIT: "note",
    Severity.OFF: "none",
}
_RULE_INDEX = {rule.id: index for index, rule in enumerate(ALL_RULES)}
_FINGERPRINT = "netattachFinding/v1"


class SarifReport(BufferedReport):
    """Prints one run with all rules, so that a code host also lists those without findings."""

    def finish(self, summary: Summary) -> None:
        driver = {
            "name": "netattach",
            "version": VERSION,
            "informationUri": rule_pages.HOME,
            "rules": [_rule(index) for index in range(len(ALL_RULES))],
        }
        seen = Counter[str]()
        reported = [_result(each, seen) for each in self.findings]
        silenced = [
            {**_result(each.located, seen), "suppressions": [_suppression(each.reason)]}
            for each in self.silenced
        ]
        run = {
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "invocations": [_invocation(self.errors)],
            "results": [*reported, *silenced],
            "properties": {"project": summary.project, "excluded": summary.excluded},
        }
        print(json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}))


def _rule(index: int) -> dict[str, Any]:
    rule = ALL_RULES[index]
    return {
        "id": rule.id,
        "shortDescription": {"text": _sentence(rule.summary)},
        "helpUri": rule_pages.url(rule.id),
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(located: LocatedFinding, seen: Counter[str]) -> dict[str, Any]:
    manifest, finding = located.manifest, located.finding
    line, column = places.position(located)
    logical_name = f"{manifest.full_name} {path_text(finding.path)}".lstrip()
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": _RULE_INDEX[finding.rule.id],
        "level": _LEVELS[finding.effective_severity],
        "message": {"text": f"{_sentence(finding.problem)} Fix: {finding.fix}"},
        "partialFingerprints": {_FINGERPRINT: _fingerprint(located, finding, seen)},
        "locations": [
            {
                "physicalLocation": _physical_location(manifest.file, line, column),
                "logicalLocations": [{"fullyQualifiedName": logical_name, "kind": "object"}],
            }
        ],
    }


def _fingerprint(located: LocatedFinding, finding: Finding, seen: Counter[str]) -> str:
    """The same wherever the object is moved to and whatever changes around it: of its rule, the object, and the path in it.

    A number tells several from each other that have all this in common.
    """
    manifest = located.manifest
    parts = (finding.rule.id, manifest.kind, manifest.namespace, manifest.name, path_text(finding.path))
    key = json.dumps(parts)
    seen[key] += 1
    return hashlib.sha256(f"{key}{seen[key]}".encode()).hexdigest()


def _suppression(reason: str) -> dict[str, str]:
    return {"kind": "inSource", "justification": reason}


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
    path = places.relative(file)
    quoted = urllib.parse.quote(path, errors="surrogateescape")
    return f"file://{quoted}" if path.startswith("/") else quoted


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
