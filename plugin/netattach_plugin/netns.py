"""The paths of network namespaces, as far as the daemon sees them."""

from __future__ import annotations

from pathlib import Path


def is_gone(netns: str) -> bool:
    """Whether the path leads nowhere. Where its directory is not there for us, nobody knows, and it is not."""
    path = Path(netns)
    return bool(netns) and path.parent.is_dir() and not path.exists()
