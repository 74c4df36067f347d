"""What the leader does: everything that watches or writes, in one TaskGroup."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from netattach_core.api.objects import Body
from netattach_kube.api import Api
from netattach_operator.certificate_keeper import CertificateKeeper
from netattach_operator.crd_keeper import CrdKeeper
from netattach_operator.evictor import Evictor
from netattach_operator.kopf_settings import Login
from netattach_operator.kopf_watches import KopfWatches
from netattach_operator.metrics import Metrics
from netattach_operator.node_keeper import NodeKeeper
from netattach_operator.pending_pods import PendingPods
from netattach_operator.reconciler import Reconciler
from netattach_operator.settings import Settings
from netattach_operator.view import View
from netattach_operator.work_queue import WorkQueue

_NODE_DEBOUNCE = 0.3
"""Seconds after a change of a node, in which more changes are usual."""


class Leader:
    """Wires the objects of one leadership."""

    def __init__(
        self, api: Api, settings: Settings, crds: Sequence[Body], metrics: Metrics, login: Login
    ) -> None:
        clock = asyncio.get_running_loop().time
        queue, self._node_queue = WorkQueue(clock), WorkQueue(clock)
        self._view = View(api, KopfWatches(login), queue, self._node_changed)
        self._crds = CrdKeeper(api, crds, metrics)
        self._certificates = CertificateKeeper(api, settings, metrics)
        self._reconciler = Reconciler(api, self._view, queue, metrics)
        self._nodes = NodeKeeper(api, self._view, self._node_queue, clock)
        self._evictor = Evictor(api, self._view, clock)
        self._pending = PendingPods(api, self._view)

    def unready_reason(self) -> str | None:
        """Why we are not ready; None where we are."""
        return self._crds.problem or self._certificates.problem or self._view.problem()

    async def run(self) -> None:
        """Until it is cancelled. Raises an ExceptionGroup with KopfEndedError where kopf ends by itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._certificates.run(), name="certificates")
            tasks.create_task(self._crds.run(), name="CRDs")
            await self._crds.served()
            tasks.create_task(self._view.run(), name="view")
            await self._view.synced()
            tasks.create_task(self._reconciler.run(), name="reconcile")
            tasks.create_task(self._evictor.run(), name="evictions")
            await self._reconciler.all_validated.wait()
            tasks.create_task(self._nodes.run(), name="nodes")
            tasks.create_task(self._pending.run(), name="pending pods")

    def _node_changed(self, name: str) -> None:
        self._node_queue.add(("", name), _NODE_DEBOUNCE)
        self._evictor.node_changed(name)
        self._pending.changed()
