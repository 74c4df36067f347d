"""Findings as text for people: the place, the problem, the line itself, and the fix."""

from __future__ import annotations

from netattach_cli.files import UnreadableError
from netattach_cli.lint import places
from netattach_cli.lint.manifests import LocatedFinding, Manifest
from netattach_cli.lint.report import IgnoredFinding, Summary
from netattach_cli.terminal import BLUE, BOLD, RED, YELLOW, Paint, printable
from netattach_core.text.excerpt import excerpt
from netattach_core.text.finding import Severity


class TextReport:
    """Prints each finding at once, so that a long run shows what it has found so far."""

    def __init__(self, paint: Paint) -> None:
        self._paint = paint

    def validated(self, manifest: Manifest) -> None:
        """The summary counts the objects."""

    def finding(self, finding: LocatedFinding) -> None:
        print(finding_text(finding, self._paint), end="\n\n")

    def ignored(self, finding: IgnoredFinding) -> None:
        """The summary counts these too."""

    def unreadable(self, error: UnreadableError) -> None:
        print(error_text(error, self._paint), end="\n\n")

    def finish(self, summary: Summary) -> None:
        print(summary_text(summary))


def error_text(error: UnreadableError, paint: Paint) -> str:
    place = places.at_line_start(error.file)
    place += f":{error.line}:{error.column}:" if error.line else ":"
    return f"{paint(printable(place), BOLD)} {paint('error', RED)} {printable(error.problem)}"


def summary_text(summary: Summary) -> str:
    """As in `3 NADs, 1 pod: 2 refused, 1 with warnings`."""
    seen = [_counted(summary.nads, "NAD")] + ([_counted(summary.pods, "pod")] if summary.pods else [])
    parts = [f"{summary.refused} refused"] if summary.refused else []
    parts += [f"{summary.warned} with warnings"] if summary.warned else []
    parts += [f"{_counted(summary.comments, 'ignore comment')} without effect"] if summary.comments else []
    parts += [f"{summary.unreadable} of the files could not be read"] if summary.unreadable else []
    nothing = "nothing to validate" if summary.is_empty else "nothing wrong"
    notes = [f"{_counted(summary.ignored, 'finding')} ignored"] if summary.ignored else []
    notes += [project_text(summary)] if summary.project else []
    in_brackets = f" ({'; '.join(notes)})" if notes else ""
    return f"{', '.join(seen)}: {', '.join(parts) or nothing}{in_brackets}"


def project_text(summary: Summary) -> str:
    """As in `options of .netattach.yaml; 2 files excluded`: a run that a file of the repository decides on must show it."""
    excluded = f"; {_counted(summary.excluded, 'file')} excluded" if summary.excluded else ""
    return f"options of {printable(summary.project)}{excluded}"


def finding_text(located: LocatedFinding, paint: Paint) -> str:
    """The place is in the file; the excerpt is from the value itself where its lines cannot be mapped to the file's."""
    manifest, finding, location = located.manifest, located.finding, located.location
    line, column = places.position(located)
    subject = places.subject(located)
    subject += f" (from {manifest.source})" if manifest.source else ""
    place = paint(printable(f"{places.at_line_start(manifest.file)}:{line}:{column}:"), BOLD)
    weight = paint(
        finding.effective_severity.value, RED if finding.effective_severity is Severity.DENY else YELLOW
    )
    lines = [
        f"{place} {weight} [{finding.rule.id}] {printable(subject)}",
        f"  {printable(finding.problem)}",
        *_excerpt_lines(location.text, location.offset, paint),
        f"  {paint('fix:', BLUE)} {printable(finding.fix)}",
    ]
    return "\n".join(lines)


def _excerpt_lines(text: str, offset: int, paint: Paint) -> list[str]:
    """The line, and a caret below the place, which escapes before it move."""
    shown, caret = str(excerpt(text, offset)).split("\n")
    before = shown[: len(caret) - 1]
    gap = caret[:-1] + " " * (len(printable(before)) - len(before))
    return [f"  {printable(shown)}", f"  {gap}{paint('^', BOLD)}"]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
