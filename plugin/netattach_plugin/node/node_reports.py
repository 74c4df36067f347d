"""What the inventory says of the daemon's own work: STATUS, attached pods, pods without networks, the probe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.node_state import Attached, CniStatus, Probe, UnmetPods

_LONGEST_MESSAGE = 1024


class NodeReports:
    """`changed` is called with each change but those of `attached`, which is asked for when the inventory is published."""

    def __init__(
        self,
        attached: Callable[[], Attached | None],
        probed: Callable[[], tuple[Probe | None, tuple[str, ...] | None]],
    ) -> None:
        self._attached = attached
        self._probed = probed
        self._status: CniStatus | None = None
        self._unmet: UnmetPods | None = None
        self.changed: Callable[[], None] = lambda: None

    def complete(self, inventory: NodeInventory) -> NodeInventory:
        """The inventory with all that is known now."""
        probe, link_kinds = self._probed()
        return dataclasses.replace(
            inventory,
            link_kinds=link_kinds,
            cni_status=self._status,
            attached=self._attached(),
            unmet_pods=self._unmet,
            probe=probe,
        )

    def status(self, code: int, message: str) -> None:
        """A response to STATUS; `code` 0 for ready. The same one again keeps its time, so that it changes nothing."""
        now = CniStatus(code == 0, code, message[:_LONGEST_MESSAGE])
        before = self._status
        if before is None or dataclasses.replace(before, time="") != now:
            self._status = dataclasses.replace(now, time=timestamp())
            self.changed()

    def unmet(self, pods: UnmetPods) -> None:
        if pods != self._unmet:
            self._unmet = pods
            self.changed()

    def probe(self) -> None:
        """The probe has ended."""
        self.changed()


def timestamp() -> str:
    """Now, as RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
