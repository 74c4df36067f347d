"""The reference CNI plugins, copied from an image into the node's directory of plugins where they are missing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from netattach_plugin.files import atomic_file

_MODE = 0o755


def install(source: Path, bin_dir: Path, others: Sequence[Path] = ()) -> Iterator[tuple[str, bool]]:
    """Copies each program of `source`; yields its name and whether it was installed, false where the name was taken.

    It is also taken by a plugin in the node's other directories, which the runtime searches after `bin_dir`.
    Whatever has a plugin's name stays: the node's owner, or the cluster's network, may have put it there. Each plugin is there
    whole or not at all, also after a kill. Raises OSError at the first one that cannot be written; those before it stay.
    """
    atomic_file.remove_leftovers([bin_dir])
    for program in sorted(source.iterdir()):
        if stat.S_ISREG(program.lstat().st_mode) and os.access(program, os.X_OK):
            yield (
                program.name,
                not _is_in(others, program.name)
                and atomic_file.write_if_absent(bin_dir / program.name, program.read_bytes(), _MODE),
            )


def _is_in(directories: Sequence[Path], name: str) -> bool:
    """A link counts wherever it leads: the container may not be able to follow it."""
    return any(os.path.lexists(directory / name) for directory in directories)
