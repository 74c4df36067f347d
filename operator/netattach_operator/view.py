"""What the operator knows of the cluster: NADs, node inventories, pods and settings. A change queues the NADs that it affects."""

from __future__ import annotations

import asyncio

from netattach_core import admission
from netattach_core.api import inventory
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.objects import Body, Key
from netattach_core.policy import levels
from netattach_core.policy.levels import NamespacePolicy
from netattach_kube.api import Api
from netattach_kube.cluster_settings import ClusterSettings
from netattach_kube.live_settings import LiveSettings
from netattach_kube.namespace_labels import NamespaceLabels
from netattach_kube.pod_watch import PodWatch
from netattach_kube.resource import INVENTORIES, NADS
from netattach_operator.kopf_informer import KopfInformer
from netattach_operator.kopf_watches import KopfWatches
from netattach_operator.lease_index import LeaseIndex
from netattach_operator.work_queue import WorkQueue

_INVENTORY_DEBOUNCE = 2.0
_POD_DEBOUNCE = 1.0
"""Seconds after a change, in which more changes of the same kind are usual."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class View:
    """Everything, for one reader. Until `pods_known`, the number of a NAD's pods is not known."""

    def __init__(self, api: Api, kopf: KopfWatches, queue: WorkQueue) -> None:
        self._queue = queue
        self._kopf = kopf
        self._live_settings = LiveSettings(api, _settings_problems, self._settings_changed)
        self.nads: KopfInformer[Body] = KopfInformer(api, kopf, NADS, _nad, changed=self._nad_changed)
        self.leases = LeaseIndex(queue.add)
        self.inventories: KopfInformer[NodeInventory] = KopfInformer(
            api, kopf, INVENTORIES, _inventory, changed=self._inventory_changed
        )
        self.pods = PodWatch(api, self._networks_namespace, changed=self._pods_changed)
        self.pods_known = False
        self.nodes_version = 0
        self.namespaces = NamespaceLabels(api, self._namespace_changed, self._namespace_changed)
        self.settings = self._live_settings.current

    async def run(self) -> None:
        """Never returns. Raises an ExceptionGroup with KopfEndedError where kopf ends by itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._kopf.run(), name="kopf")
            tasks.create_task(self.inventories.run(), name="node inventories")
            tasks.create_task(self.nads.run(), name="NADs")
            tasks.create_task(self.pods.run(), name="pods")
            tasks.create_task(self._live_settings.run(), name="settings")
            tasks.create_task(self.namespaces.run(), name="namespaces")
            tasks.create_task(self._count_pods(), name="count of pods")

    async def synced(self) -> None:
        """Waits for all that the validator needs; before, a NAD would be validated without the nodes, and be written twice."""
        for informer in (self.inventories, self.nads, self._live_settings, self.namespaces):
            await informer.synced.wait()

    def problem(self) -> str | None:
        """Why not all that the validator needs is known; None where it is."""
        informers = (self.inventories, self.nads, self._live_settings, self.namespaces)
        synced = all(informer.synced.is_set() for informer in informers)
        return None if synced else "NADs, namespaces and the settings have not been listed yet"

    @property
    def nodes(self) -> tuple[NodeInventory, ...] | None:
        """By name, so that findings have a stable order; None where there is no inventory."""
        return self.inventories.sorted() or None

    def policy(self, namespace: str) -> NamespacePolicy:
        """The policy of a namespace, by the settings and its labels."""
        return levels.of_namespace(self.settings.policy, namespace, self.namespaces.known(namespace))

    def use_settings(self, settings: ClusterSettings) -> None:
        """Validates with these from now on."""
        if settings != self.settings:
            self.settings = settings
            self._queue_all(0)

    async def _count_pods(self) -> None:
        await self.pods.synced.wait()
        self.pods_known = True
        self._queue_all(0)

    def _networks_namespace(self) -> str:
        return self._live_settings.current.validation.selection.namespace

    def _settings_changed(self) -> None:
        self.use_settings(self._live_settings.current)

    def _pods_changed(self, nad: Key) -> None:
        self._queue.add(nad, _POD_DEBOUNCE)

    def _inventory_changed(self, _: Key) -> None:
        self.nodes_version += 1
        self._queue_all(_INVENTORY_DEBOUNCE)

    def _nad_changed(self, key: Key) -> None:
        self.leases.put(key, self.nads.get(*key))
        self._queue.add(key)

    def _namespace_changed(self, namespace: str) -> None:
        """Its labels may decide on its policy."""
        for nad in self.nads.items():
            if nad[0] == namespace:
                self._queue.add(nad)

    def _queue_all(self, after: float) -> None:
        for nad in self.nads.items():
            self._queue.add(nad, after)


def _settings_problems(settings: ClusterSettings) -> list[str]:
    return admission.settings_problems(settings.validation)


def _nad(body: Body) -> Body:
    """The fields that are needed; the others are most of its size."""
    metadata = body["metadata"]
    wanted = (
        "namespace",
        "name",
        "uid",
        "generation",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
    )
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != _LAST_APPLIED}
    kept = {key: metadata[key] for key in wanted if key in metadata}
    return {
        "metadata": {**kept, "annotations": annotations},
        "spec": body.get("spec") or {},
        "status": body.get("status") or {},
    }


def _inventory(body: Body) -> NodeInventory:
    return inventory.from_dict({**(body.get("status") or {}), "node": body["metadata"]["name"]})
