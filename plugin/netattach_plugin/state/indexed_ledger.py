"""The ledger together with its index in memory, for what is asked often: numbers for the inventory, looks at all pods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from netattach_core.attach.attached_pods import AttachedPods
from netattach_core.attach.sandbox import Sandbox
from netattach_plugin.state.shim_ledger import ShimLedger


class IndexedLedger(ShimLedger):
    """A ShimLedger; `attached` follows each save and removal, and has the entries of an earlier daemon from whoever reads them.

    `changed` is called when one of its numbers may have changed.
    """

    def __init__(
        self, directory: Path, deadline: float, skip_idle_plugins: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(directory, deadline, skip_idle_plugins)
        self.attached = AttachedPods()
        self.changed: Callable[[], None] = lambda: None

    async def save(self, sandbox: Sandbox) -> None:
        await super().save(sandbox)
        self._note(self.attached.put(sandbox))

    async def save_without_sync(self, sandbox: Sandbox) -> None:
        await super().save_without_sync(sandbox)
        self._note(self.attached.put(sandbox))

    async def remove(self, container_id: str) -> None:
        await super().remove(container_id)
        self._note(self.attached.remove(container_id))

    def _note(self, changed: bool) -> None:  # noqa: FBT001  # a statement about the call in its argument
        if changed:
            self.changed()
