"""All cases that are marked `kernel_link` or `both_kernels` once more, on a second kernel: user-mode-linux, booted once.

A case that the machine's own kernel cannot run runs here only. Its outcome in the guest is reported here under its name.
"""

import functools
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from support import require, second_kernel, uml

# The guest has one slow processor, on a machine that may be busy.
SECONDS = 2400


@dataclass(frozen=True)
class Report:
    """The outcome of one case in the guest."""

    outcome: str
    text: str


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", _cases())


@pytest.fixture(scope="session")
def guest_reports() -> Mapping[str, Report]:
    """The reports of the guest, by case; waits for them."""
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
    """The ids of the marked cases. Raises UsageError where there are none, since this file would test nothing then."""
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
    """An id as in JUnit's file: names joined by dots, parameters unchanged."""
    path, bracket, parameters = case.partition("[")
    file, *names = path.split("::")
    return ".".join([file.removesuffix(".py").replace("/", "."), *names]) + bracket + parameters
