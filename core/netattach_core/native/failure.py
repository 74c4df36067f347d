"""How a native driver reports a failure: as that of the plugin that it replaces."""

from __future__ import annotations

from netattach_core.errors import DelegateError

_INTERNAL = 999
"""The code of every error for which the reference plugins have no other (cni `pkg/types/types.go: ErrInternal`)."""


def failure(plugin: str, problem: str) -> DelegateError:
    """The plugin's failure, with the code of the reference plugins."""
    return DelegateError(f"plugin {plugin} failed: {problem}", delegate_code=_INTERNAL)
