"""Counts the pods that Multus attached before a takeover for the inventory: their networks must not be deleted unnoticed.

Multus' caches are the only source, and keep pods that are gone, as after a reboot; the watch says which of them run. As long as
it cannot, the inventory has no numbers, and webhooks list the pods of the node instead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from netattach_core.api.pod import PodRef
from netattach_core.attach.attached_pods import AttachedPods
from netattach_plugin.cluster.running_pods import RunningPod, RunningPods
from netattach_plugin.state.multus_pods import MultusPods

_log = logging.getLogger(__name__)


class MultusCounts:
    """`counted` is called where the numbers of `attached` change, and when they are known."""

    def __init__(
        self, multus: MultusPods, pods: RunningPods, attached: AttachedPods, counted: Callable[[], None]
    ) -> None:
        self._multus = multus
        self._pods = pods
        self._attached = attached
        self._counted = counted
        self._problem = ""

    async def update(self) -> None:
        """Costs the API server nothing. Where the caches cannot be read, all stays as it was."""
        try:
            await asyncio.to_thread(self._multus.read)
        except OSError as error:
            self._log_problem(str(error))
            return
        self._problem = ""
        if self._multus and not self._pods.synced.is_set():
            return
        networks = {(pod.ref.namespace, pod.ref.name): self._networks(pod) for pod in self._pods}
        if self._attached.put_by_others({pod: found for pod, found in networks.items() if found}):
            self._counted()

    def _networks(self, pod: RunningPod) -> frozenset[str]:
        """Of NADs; empty for a pod that is in the ledger, which has what it is attached to now."""
        ref = PodRef(pod.ref.namespace, pod.ref.name, pod.runtime_uid)
        of_pod = self._attached.of_pod((ref.namespace, ref.name))
        if any(each.uid in ("", ref.uid) for each in of_pod):
            return frozenset()
        return frozenset(
            network for found in self._multus.sandboxes(ref) for network in found if "/" in network
        )

    def _log_problem(self, problem: str) -> None:
        """Once: it is read again every few seconds."""
        if problem != self._problem:
            self._problem = problem
            _log.warning("the pods that Multus attached are not known: %s", problem)
