"""Paths of network namespaces, as the daemon sees them."""

from __future__ import annotations

from pathlib import Path


def is_gone(netns: str) -> bool:
    """Whether nothing exists at the path; False if its directory is not mounted here, since then that is unknown."""
    path = Path(netns)
    return bool(netns) and path.parent.is_dir() and not path.exists()
