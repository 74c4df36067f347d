"""What a command shows, before it is a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from netattach_cli.output.table import Table

OK, WRONG, UNREADABLE, INCOMPLETE = 0, 1, 2, 3
"""Exit statuses: 1 where something is wrong, or where there is no object of a name; 2 where the cluster cannot be read, or an
argument is not understood; 3 where nothing is wrong as far as the user's rights go, but they do not go far enough."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table, below a heading; without rows it shows `empty`, and nothing at all without that."""

    table: Table
    heading: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """`data` is for -o json and -o yaml, of dataclasses and lists; `names`, as `kind/name`, are for -o name."""

    sections: Sequence[Section]
    data: Any
    names: Sequence[str] = ()
    status: int = OK
    errors: Sequence[str] = field(default_factory=tuple)
    """For standard error."""

    text: str = ""
    """For formats of the command's own: it is printed as it is."""
