"""Which files are meant, and what stands in them: names, folders, patterns, standard input."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from netattach_core.api.nad import KIND
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS

STDIN = "-"
_SUFFIXES = (".yaml", ".yml", ".json")
_OURS = (KIND, NETWORKS, DEFAULT_NETWORK)
_MEANT = re.compile(r"""\bkind["']?:\s*["']?network[-_. ]?attachment[-_. ]?definition""", re.IGNORECASE)
_NONE_THERE = f"no file in it ends with {', '.join(_SUFFIXES[:-1])} or {_SUFFIXES[-1]}"
_CHART_ALONE = "in it are templates of Helm alone, which are no YAML yet: helm template … | netattach lint -"


class UnreadableError(Exception):
    """A file, or a document in it, that cannot be read. Line and column are 0 where no place is to blame."""

    def __init__(self, file: str, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(problem)
        self.file, self.problem, self.line, self.column = file, problem, line, column


@dataclass(frozen=True, slots=True)
class File:
    """A file to be read. `named` where somebody asked for it; one that was come across in a folder may be about anything."""

    path: str
    named: bool = True

    @property
    def name(self) -> str:
        return "<stdin>" if self.path == STDIN else self.path


def expand(argument: str) -> list[File]:
    """The files that an argument means: a file, a folder with all below it, a pattern that no shell has resolved.

    Raises UnreadableError where that is none: a check that looks at nothing must not pass.
    """
    try:
        if argument == STDIN or not (glob.has_magic(argument) or Path(argument).is_dir()):
            return [File(argument)]
        if Path(argument).is_dir():
            return _below(argument)
        if Path(argument).exists():
            return [File(argument)]
    except OSError as error:
        raise UnreadableError(argument, _why(error)) from error
    matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207  # Path's takes no pattern from / on
    if not matches:
        raise UnreadableError(argument, "no file of such a name")
    return [file for match in matches for file in (_below(match) if Path(match).is_dir() else [File(match)])]


def read(file: File) -> str:
    """The text of a file, line ends as they are. Raises UnreadableError."""
    try:
        data = sys.stdin.buffer.read() if file.path == STDIN else Path(file.path).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableError(file.name, _why(error)) from error
    except UnicodeDecodeError as error:
        raise UnreadableError(file.name, "not a text in UTF-8") from error


def concerns_us(file: File, text: str) -> bool:
    """Whether it is to be read as YAML. A folder's other files may be of any dialect, and hold nothing to validate."""
    return file.named or any(word in text for word in _OURS) or bool(_MEANT.search(text))


def _below(folder: str) -> list[File]:
    charts = False
    found = []
    for path, folders, names in os.walk(folder, onerror=_unreadable):
        templates = "Chart.yaml" in names and "templates" in folders
        charts |= templates
        folders[:] = sorted(_worth_a_look(folders, without="templates" if templates else ""))
        found += [
            File(str(Path(path, name)), named=False) for name in sorted(names) if name.endswith(_SUFFIXES)
        ]
    if not found:
        raise UnreadableError(folder, _CHART_ALONE if charts else _NONE_THERE)
    return found


def _worth_a_look(folders: Iterable[str], *, without: str) -> Iterator[str]:
    return (name for name in folders if name != without and not name.startswith("."))


def _unreadable(error: OSError) -> None:
    raise UnreadableError(str(error.filename), _why(error)) from error


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
