"""The reference CNI plugins, copied from an image into the node's directory of plugins where they are missing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from netattach_plugin.files import atomic_file

_MODE = 0o755


def install(source: Path, bin_dir: Path) -> Iterator[tuple[str, bool]]:
    """Copies each program of `source`; yields its name and whether it was installed, false where the name was taken.

    Whatever has a plugin's name stays: the node's owner, or the cluster's network, may have put it there. Each plugin is there
    whole or not at all, also after a kill. Raises OSError at the first one that cannot be written; those before it stay.
    """
    atomic_file.remove_leftovers([bin_dir])
    for program in sorted(source.iterdir()):
        if stat.S_ISREG(program.lstat().st_mode) and os.access(program, os.X_OK):
            yield (
                program.name,
                atomic_file.write_if_absent(bin_dir / program.name, program.read_bytes(), _MODE),
            )
