"""The output formats by name; each is imported when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable

from netattach_cli.lint.report import Report
from netattach_cli.terminal import Paint, wants_colours

# ruff: noqa: PLC0415  # a run uses one of them, and each import takes milliseconds of every run


def _text(*, warnings_fail: bool) -> Report:  # noqa: ARG001  # all are made alike
    from netattach_cli.lint.text_report import TextReport

    return TextReport(Paint(on=wants_colours(sys.stdout)))


def _json(*, warnings_fail: bool) -> Report:  # noqa: ARG001
    from netattach_cli.lint.json_report import JsonReport

    return JsonReport()


def _sarif(*, warnings_fail: bool) -> Report:  # noqa: ARG001
    from netattach_cli.lint.sarif_report import SarifReport

    return SarifReport()


def _junit(*, warnings_fail: bool) -> Report:
    from netattach_cli.lint.junit_report import JunitReport

    return JunitReport(warnings_fail=warnings_fail)


def _github(*, warnings_fail: bool) -> Report:  # noqa: ARG001
    from netattach_cli.lint.github_report import GithubReport

    return GithubReport()


REPORTS: dict[str, Callable[..., Report]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "junit": _junit,
    "github": _github,
}
"""Each takes `warnings_fail`: whether warnings fail the run."""
