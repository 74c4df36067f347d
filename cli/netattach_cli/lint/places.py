"""Where a finding is, in the words that several output formats share."""

from __future__ import annotations

from pathlib import Path

from netattach_cli.lint.manifests import LocatedFinding
from netattach_core.text import json_document
from netattach_core.text.finding import path_text


def position(located: LocatedFinding) -> tuple[int, int]:
    """Line and column in the file, both counted from 1."""
    return json_document.position(located.manifest.text, located.location.at)


def subject(located: LocatedFinding) -> str:
    """The object and the path in it: `lab/lan vlan`, `Pod lab/web k8s.v1.cni.cncf.io/networks[0]`."""
    manifest, path = located.manifest, located.finding.path
    name = manifest.full_name if manifest.is_nad else f"{manifest.kind} {manifest.full_name}"
    return f"{name.strip()} {path_text(path)}".strip()


def relative(file: str) -> str:
    """Relative to the working directory, so that a code host finds the file in the repository; `/` separates directories."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_posix()


def at_line_start(file: str) -> str:
    """The file for the beginning of a line, which GitHub's runner would take for a command if it began with `::`."""
    return f"./{file}" if file.lstrip().startswith("::") else file
