"""Paths of network namespaces, as the daemon sees them."""

from __future__ import annotations

import os
from pathlib import Path


def is_gone(netns: str) -> bool:
    """Whether nothing exists at the path; False if its directory is not mounted here, since then that is unknown."""
    path = Path(netns)
    return bool(netns) and path.parent.is_dir() and not path.exists()


def identity(netns: int | None) -> str:
    """What distinguishes the namespace of a descriptor from all others that exist: device and inode (man 7 namespaces).

    "" without one.
    """
    if netns is None:
        return ""
    found = os.fstat(netns)
    return f"{found.st_dev}:{found.st_ino}"
