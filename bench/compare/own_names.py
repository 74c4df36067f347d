"""Names of directories in the kernel's file systems: with the process id, so that a later run removes what a killed one left."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

PREFIX = "netattach-bench-"
_OURS = re.compile(rf"{PREFIX}(\d+)(-.*)?")


def remove_of_killed_runs(directory: Path) -> None:
    """Removes the directories in it whose run has ended; one that is in use stays."""
    for path in directory.glob(f"{PREFIX}*"):
        match = _OURS.fullmatch(path.name)
        if match and not Path(f"/proc/{match[1]}").exists():
            with contextlib.suppress(OSError):
                path.rmdir()
