"""The versions of the CNI specification that netattach supports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SUPPORTED = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
NEWEST = SUPPORTED[-1]


def at_least(version: str, other: str) -> bool:
    """Whether a supported version is the same as another one or newer."""
    return SUPPORTED.index(version) >= SUPPORTED.index(other)


def newest_supported(versions: Iterable[Any]) -> str | None:
    """The newest of these versions that netattach supports, or None."""
    supported = [version for version in SUPPORTED if version in list(versions)]
    return supported[-1] if supported else None
