"""The node's list of the sysctls that tuning may set (`plugins/meta/tuning/tuning.go: readAllowlist`).

Where there is one, or where nobody can say, tuning's program runs, which reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from netattach_core.native import plugin_types

_FILE = "allowlist.conf"


def permitted(native: Callable[[], frozenset[str]], directory: Path) -> Callable[[], frozenset[str]]:
    """The plugins that drivers may replace, without tuning if the node restricts it."""

    def plugins() -> frozenset[str]:
        found = native()
        if plugin_types.TUNING in found and _may_restrict(directory):
            return found - {plugin_types.TUNING}
        return found

    return plugins


def _may_restrict(directory: Path) -> bool:
    """A directory that cannot be seen: not mounted, or deleted on the node since, which may have another one there now."""
    try:
        is_current = directory.stat().st_nlink > 0
        return not is_current or _is_there(directory / _FILE)
    except OSError:
        return True


def _is_there(file: Path) -> bool:
    """Raises OSError where that cannot be seen."""
    try:
        file.lstat()
    except FileNotFoundError:
        return False
    return True
