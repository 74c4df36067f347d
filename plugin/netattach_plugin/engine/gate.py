"""A gate refuses an ADD before anything is written or run. DEL, CHECK and GC pass no gate: what is attached can be detached."""

from __future__ import annotations

from typing import Protocol

from netattach_core.api.pod import PodRef
from netattach_plugin.engine.network_resolver import SelectedNetworks


class Gate(Protocol):
    """One reason to refuse an ADD."""

    async def check(self, pod: PodRef, selected: SelectedNetworks) -> None:
        """Raises NetattachError where the pod must not be attached, TryAgainError where that cannot be decided yet."""
