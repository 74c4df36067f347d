"""Findings as workflow commands of GitHub Actions, which shows them next to the line.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions; the escapes are those of `@actions/core`
(`command.ts`). A line of output that begins with `::` is a command, so nothing that others wrote may begin one.
"""

from __future__ import annotations

from netattach_cli.files import UnreadableError
from netattach_cli.lint import places
from netattach_cli.lint.manifests import LocatedFinding, Manifest
from netattach_cli.lint.report import IgnoredFinding, Summary
from netattach_cli.lint.text_report import project_text, summary_text
from netattach_cli.terminal import printable
from netattach_core.text.finding import Severity

_COMMANDS = {
    Severity.DENY: "error",
    Severity.WARN: "warning",
    Severity.ADVICE: "notice",
    Severity.AUDIT: "notice",
    Severity.OFF: "debug",
}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


class GithubReport:
    """Prints each finding at once."""

    def finding(self, finding: LocatedFinding) -> None:
        manifest, found = finding.manifest, finding.finding
        line, column = places.position(finding)
        title = f"{found.rule.id}: {places.subject(finding)}"
        message = f"{found.problem}\nFix: {found.fix}"
        _print(_COMMANDS[found.effective_severity], manifest.file, line, column, title, message)

    def validated(self, manifest: Manifest) -> None:
        """A workflow shows findings alone."""

    def ignored(self, finding: IgnoredFinding) -> None:
        """A workflow has nothing to show for it."""

    def unreadable(self, error: UnreadableError) -> None:
        _print("error", error.file, error.line, error.column, "cannot be read", error.problem)

    def finish(self, summary: Summary) -> None:
        if summary.project:
            _print("notice", summary.project, 0, 0, "netattach lint", project_text(summary))
        print(summary_text(summary))


def _print(command: str, file: str, line: int, column: int, title: str, message: str) -> None:
    place = {"file": places.relative(file), "line": line, "col": column, "title": title}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in place.items() if value)
    print(f"::{command} {properties}::{printable(message.translate(_DATA))}")


def _property(text: str) -> str:
    return printable(text.translate(_PROPERTY))
