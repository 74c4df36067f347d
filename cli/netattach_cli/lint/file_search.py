"""The files that the arguments of `netattach lint` mean: files, folders, patterns, standard input."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from netattach_cli.files import STDIN, File, UnreadableError, reason
from netattach_cli.lint.sriov_networks import GROUP as SRIOV_GROUP
from netattach_core.api.nad import KIND

_SUFFIXES = (".yaml", ".yml", ".json")
_RELATED = re.compile(
    rf"""{KIND}|cncf\.io\\?/net|multus-cni\.io\\?/default|{SRIOV_GROUP}\\?/|rawCNIConfig|simpleMacvlanConfig|SimpleMacvlan"""
    r"""|\bmultus["']?:\s*(?:\{\s*)?["']?(?:networkName|default)\b"""
)
_MISSPELT_KIND = re.compile(
    r"""\bkind["']?:\s*["']?network[-_. ]?attachment[-_. ]?definition""", re.IGNORECASE
)
_ESCAPE = re.compile(r"""\\[xuU][0-9A-Fa-f]{2}|\bkind["']?:\s*"[^"\n]*\\\r?\n""")
"""A character that YAML or JSON write with digits, or a kind that continues in the next line."""

_MAYBE_ESCAPED_KIND = re.compile(
    "".join(rf"(?:{char}|\\(?:x|u00|U000000){ord(char):02x})" for char in "kind"), re.IGNORECASE
)
_NO_FILE = f"no file in it ends with {', '.join(_SUFFIXES[:-1])} or {_SUFFIXES[-1]}"
_ONLY_TEMPLATES = (
    "it contains only Helm templates, which are not YAML yet: helm template … | netattach lint -"
)


def expand(argument: str) -> list[File]:
    """The files of an argument: the file itself, all files below a folder, or the matches of a pattern that no shell expanded.

    Raises UnreadableError where there are none: a check of no files must not pass.
    """
    try:
        if argument == STDIN or not (glob.has_magic(argument) or Path(argument).is_dir()):
            return [File(argument)]
        if Path(argument).is_dir():
            return _files_below(argument)
        if Path(argument).exists():
            return [File(argument)]
    except OSError as error:
        raise UnreadableError(argument, reason(error)) from error
    matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207  # Path.glob takes no absolute pattern
    if not matches:
        raise UnreadableError(argument, "no file matches this pattern")
    return [
        file for match in matches for file in (_files_below(match) if Path(match).is_dir() else [File(match)])
    ]


def is_related(file: File, text: str) -> bool:
    """Whether to parse the file as YAML. Other files of a folder may be in any dialect, and contain nothing to validate."""
    return file.named or bool(_RELATED.search(text) or _MISSPELT_KIND.search(text) or _may_hide_a_kind(text))


def _may_hide_a_kind(text: str) -> bool:
    r"""Whether an object may be of another kind than the text shows: `"Network\u0041ttachmentDefinition"`."""
    return bool(_ESCAPE.search(text) and _MAYBE_ESCAPED_KIND.search(text))


def _files_below(folder: str) -> list[File]:
    """Without hidden folders and without the templates of Helm charts."""
    has_chart = False
    found = []
    for path, folders, names in os.walk(folder, onerror=_raise_unreadable):
        has_templates = "Chart.yaml" in names and "templates" in folders
        has_chart |= has_templates
        folders[:] = sorted(_searched(folders, without="templates" if has_templates else ""))
        paths = (str(Path(path, name)) for name in sorted(names) if name.endswith(_SUFFIXES))
        found += [File(each, named=False) for each in paths if not _is_endless(each)]
    if not found:
        raise UnreadableError(folder, _ONLY_TEMPLATES if has_chart else _NO_FILE)
    return found


def _is_endless(path: str) -> bool:
    """Whether it is a device or a pipe, to which a link in a repository may lead; one that cannot be read is reported later."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116  # called for each file
    except OSError:
        return False


def _searched(folders: Iterable[str], *, without: str) -> Iterator[str]:
    return (name for name in folders if name != without and not name.startswith("."))


def _raise_unreadable(error: OSError) -> None:
    raise UnreadableError(str(error.filename), reason(error)) from error
