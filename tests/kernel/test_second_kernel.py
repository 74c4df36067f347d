"""All cases that are marked `kernel_link` or `both_kernels` once more, on a second kernel: user-mode-linux, booted once.

A case that the machine's own kernel cannot run runs here only. What the guest says of a case is said here, under its name.
"""

import functools
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from support import require, second_kernel, uml

# A guest of one slow processor, on a machine that may be busy.
SECONDS = 900


@dataclass(frozen=True)
class Report:
    """What the guest says of one case."""

    outcome: str
    text: str


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", _cases())


@pytest.fixture(scope="session")
def guest_reports() -> Mapping[str, Report]:
    """By case; waits for the guest."""
    if problem := uml.missing():
        require.left_out(f"needs a second kernel: {problem}")
    work = Path(os.environ[second_kernel.WORK])
    outcome = uml.Guest(work).outcome(SECONDS)
    reports = second_kernel.reports(work)
    if not reports.exists():
        pytest.fail(f"the guest ran no tests:\n{outcome.console}\n{outcome.output}", pytrace=False)
    return _reports(reports)


def test_a_case_passes_on_the_second_kernel(case: str, guest_reports: Mapping[str, Report]) -> None:
    report = guest_reports.get(_junit_name(case), Report("missing", "the guest did not run it"))

    if report.outcome == "skipped":
        require.left_out(f"in the guest: {report.text}")
    assert report.outcome == "passed", f"{case} in the guest: {report.outcome}\n{report.text}"


@functools.cache
def _cases() -> list[str]:
    """The marked cases' ids, none of them deselected. A list without any would mean that this file tests nothing."""
    listed = subprocess.run(
        [*second_kernel.COMMAND, "--collect-only", "--quiet"],
        cwd=require.REPOSITORY,
        env=uml.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    cases = [line for line in listed.stdout.splitlines() if "::" in line]
    if listed.returncode or not cases:
        raise pytest.UsageError(
            f"cannot list the cases of the second kernel:\n{listed.stdout}{listed.stderr}"
        )
    return cases


def _reports(junit: Path) -> Mapping[str, Report]:
    suite = ET.parse(junit).getroot()
    return {f"{case.get('classname')}.{case.get('name')}": _report(case) for case in suite.iter("testcase")}


def _report(case: ET.Element) -> Report:
    for child in case:
        if child.tag == "skipped":
            return Report(child.tag, child.get("message", ""))
        if child.tag in {"failure", "error"}:
            return Report(child.tag, child.text or "")
    return Report("passed", "")


def _junit_name(case: str) -> str:
    """As pytest writes an id into JUnit's file: dots between the names, the parameters as they are."""
    path, bracket, parameters = case.partition("[")
    file, *names = path.split("::")
    return ".".join([file.removesuffix(".py").replace("/", "."), *names]) + bracket + parameters
