"""The versions of the CNI specification (cni-spec section 0)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SUPPORTED = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
NEWEST = SUPPORTED[-1]


def at_least(version: str, other: str) -> bool:
    """Whether a supported version is another one or newer."""
    return SUPPORTED.index(version) >= SUPPORTED.index(other)


def newest_supported(versions: Iterable[Any]) -> str | None:
    """The newest of those that we speak, or None."""
    spoken = [version for version in SUPPORTED if version in list(versions)]
    return spoken[-1] if spoken else None
