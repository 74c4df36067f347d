"""The project's file `.netattach.yaml`: options of `netattach lint` that a repository keeps, for everybody.

It is found in the working directory or a directory above it in the same Git repository. It names files and severities
alone: a repository of somebody else must not decide which cluster a linter asks, or as whom, or which files of the machine it
reads and prints.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netattach_cli import documents, files
from netattach_cli.files import File, UnreadableError, reason
from netattach_cli.lint import severities
from netattach_core.net.names import shown
from netattach_core.text import suggestions
from netattach_core.text.finding import Severity

NAME = ".netattach.yaml"

_MAX_LENGTH = 64 * 1024
"""Characters; real files have a few hundred."""

_KEYS: Mapping[str, type] = {
    "settings": str,
    "inventory": str,
    "namespace": str,
    "severities": dict,
    "exclude": list,
    "warningsAsErrors": bool,
    "failEmpty": bool,
}
_TYPES = {str: "a string", dict: "a map", list: "a list of strings", bool: "true or false"}
_FROM_CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class ProjectOptions:
    """The file's values; empty where it has none. `settings` and `inventory` are paths that lead from the working directory."""

    file: str = ""
    settings: str = ""
    inventory: str = ""
    namespace: str = ""
    severities: Mapping[str, Severity] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    warnings_as_errors: bool = False
    fail_empty: bool = False


def find(start: Path) -> Path | None:
    """The file in a directory, or the nearest one above it in the same Git repository; None where there is none.

    A directory above may be anybody's, as /tmp is: there, repository and file have to belong to the user, to root, or to whom
    the directory belongs, as for Git.
    """
    found = None
    try:
        for directory in (start, *start.parents):
            if found is None and (directory / NAME).is_file():
                found = directory
            if found == start or (directory / ".git").exists():
                is_trusted = found in (None, start) or _is_trusted(start, found / NAME, directory / ".git")
                return _of_repository(found) if found and is_trusted else None
    except OSError as error:
        raise UnreadableError(NAME, reason(error)) from error
    return None


def _is_trusted(start: Path, *paths: Path) -> bool:
    return {_owner(path) for path in paths} <= {0, os.getuid(), _owner(start)}


def _owner(path: Path) -> int:
    return path.lstat().st_uid


def _of_repository(directory: Path) -> Path:
    try:
        if not _is_of_repository(directory / NAME, directory):
            raise UnreadableError(NAME, "the file is a link that leads out of the repository")
    except ValueError as error:
        raise UnreadableError(NAME, str(error)) from error
    return directory / NAME


def read(path: str) -> ProjectOptions:
    """Reads a file. Raises UnreadableError, also for keys and values that it does not know."""
    text = files.read(File(path))
    if len(text) > _MAX_LENGTH:
        raise UnreadableError(path, f"the file has {len(text)} characters; the maximum is {_MAX_LENGTH}")
    parsed = list(documents.parse(path, text))
    if len(parsed) > 1:
        raise UnreadableError(path, "the file has several documents; write one")
    try:
        return _options(path, parsed[0].value if parsed else {})
    except ValueError as error:
        raise UnreadableError(path, str(error)) from error


def _options(path: str, body: Any) -> ProjectOptions:
    if not isinstance(body, dict):
        raise ValueError("the file has to be a map of options")  # noqa: TRY004  # a value of the file, not of the program
    for key, value in body.items():
        _check(key, value)
    return ProjectOptions(
        file=path,
        settings=_path(path, body, "settings"),
        inventory=_path(path, body, "inventory"),
        namespace=body.get("namespace", ""),
        severities=severities.from_mapping(body.get("severities", {})),
        exclude=tuple(body.get("exclude", ())),
        warnings_as_errors=body.get("warningsAsErrors", False),
        fail_empty=body.get("failEmpty", False),
    )


def _check(key: Any, value: Any) -> None:
    kind = _KEYS.get(key) if isinstance(key, str) else None
    if kind is None:
        close = suggestions.closest(str(key)[:100], _KEYS)
        fix = f"did you mean `{close}`?" if close else f"there are {', '.join(_KEYS)}"
        raise ValueError(f"unknown option `{shown(str(key))}`; {fix}")
    is_right = isinstance(value, kind)
    if isinstance(value, list):
        is_right &= all(isinstance(each, str) for each in value)
    if not is_right:
        raise ValueError(f"`{key}` is not {_TYPES[kind]}")
    if key in ("settings", "inventory") and value in (_FROM_CLUSTER, files.STDIN):
        raise ValueError(
            f"`{key}` has to be the path of a file here; `{value}` is for the command line alone"
        )


def _path(file: str, body: Mapping[str, Any], key: str) -> str:
    """The path of the file that a key names, "" without one."""
    if not body.get(key):
        return ""
    path = Path(file).parent / body[key]
    if not _is_of_repository(path, Path(file).parent):
        raise ValueError(
            f"`{key}` has to be the path of a file in the repository; without one, below this directory"
        )
    return str(path)


def _is_of_repository(path: Path, base: Path) -> bool:
    """Whether a path leads to a file, and neither to a device nor out of the repository or the directory `base`, as links may."""
    try:
        directory, target = base.resolve(), path.resolve(strict=True)
        root = next((each for each in (directory, *directory.parents) if (each / ".git").exists()), directory)
        return target.is_relative_to(root) and target.is_file()
    except (OSError, RuntimeError) as error:  # Python 3.11 raises RuntimeError for a loop of links
        raise ValueError(
            f"{shown(str(path))}: {reason(error) if isinstance(error, OSError) else 'a loop of links'}"
        ) from error
