"""Findings as JUnit XML, which CI systems show as test results: a test case for each object.

A denial is a failure, with warnings too where they fail the run; else a warning is output of a test that passes. A file that
cannot be read is an error.
"""

from __future__ import annotations

import itertools
import sys
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from xml.etree import ElementTree as ET

from netattach_cli.lint import places
from netattach_cli.lint.manifests import LocatedFinding, Manifest
from netattach_cli.lint.report import BufferedReport, Summary
from netattach_cli.lint.text_report import finding_text, project_text
from netattach_cli.terminal import Paint, printable
from netattach_core.text.finding import Severity

_PLAIN = Paint(on=False)


class JunitReport(BufferedReport):
    """Prints one document with a test suite for each file. `warnings_fail` is as with --warnings-as-errors."""

    def __init__(self, *, warnings_fail: bool) -> None:
        super().__init__()
        self._failing = {Severity.DENY, Severity.WARN} if warnings_fail else {Severity.DENY}

    def finish(self, summary: Summary) -> None:
        suites: defaultdict[str, list[ET.Element]] = defaultdict(list)
        found: defaultdict[Hashable, list[LocatedFinding]] = defaultdict(list)
        objects = {_key(each): each for each in (*self.manifests, *(f.manifest for f in self.findings))}
        for finding in self.findings:
            found[_key(finding.manifest)].append(finding)
        for key, manifest in objects.items():
            suites[manifest.file].append(self._case(manifest, found[key]))
        for error in self.errors:
            case = _element("testcase", classname=places.relative(error.file), name="the file itself")
            case.append(_element("error", type="unreadable", message=error.problem))
            suites[error.file].append(case)
        root = _counted(_element("testsuites", name="netattach lint"), itertools.chain(*suites.values()))
        for file, cases in suites.items():
            suite = _counted(_element("testsuite", name=places.relative(file)), cases)
            suite.extend(cases)
            root.append(suite)
        ET.indent(root)
        print('<?xml version="1.0" encoding="UTF-8"?>')
        print(ET.tostring(root, encoding="unicode"))
        if summary.project:  # JUnit has no place for it that CI systems show
            print(f"netattach: {project_text(summary)}", file=sys.stderr)

    def _case(self, manifest: Manifest, findings: Sequence[LocatedFinding]) -> ET.Element:
        name = f"{manifest.kind} {manifest.full_name}".strip() or "comments"
        case = _element("testcase", classname=places.relative(manifest.file), name=name)
        failing = [each for each in findings if each.finding.effective_severity in self._failing]
        if failing:
            first = failing[0].finding
            failure = _element("failure", type=first.rule.id, message=first.problem)
            failure.text = _texts(failing)
            case.append(failure)
        others = [each for each in findings if each.finding.effective_severity not in self._failing]
        if others:
            output = _element("system-out")
            output.text = _texts(others)
            case.append(output)
        return case


def _key(manifest: Manifest) -> Hashable:
    """Of the object and the network or pod that it defines; two of one name in a file have different paths or documents."""
    return manifest.file, id(manifest.document), manifest.path, manifest.full_name


def _texts(findings: Iterable[LocatedFinding]) -> str:
    texts = "\n\n".join(finding_text(each, _PLAIN) for each in findings)
    return "\n".join(printable(line) for line in texts.split("\n"))


def _element(tag: str, **attributes: str) -> ET.Element:
    return ET.Element(tag, {key: printable(value) for key, value in attributes.items()})


def _counted(element: ET.Element, cases: Iterable[ET.Element]) -> ET.Element:
    """The element with the numbers of its test cases."""
    listed = list(cases)
    element.set("tests", str(len(listed)))
    element.set("failures", str(sum(case.find("failure") is not None for case in listed)))
    element.set("errors", str(sum(case.find("error") is not None for case in listed)))
    return element
