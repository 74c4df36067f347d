"""What the operator knows of the cluster: NADs, nodes and settings. A change queues the NADs that it affects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

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
from netattach_kube.resource import INVENTORIES, NADS
from netattach_operator.cluster_nodes import ClusterNodes
from netattach_operator.kopf_informer import KopfInformer
from netattach_operator.kopf_watches import KopfWatches
from netattach_operator.lease_index import LeaseIndex
from netattach_operator.readiness_view import ReadinessView
from netattach_operator.work_queue import WorkQueue

_READINESS_DEBOUNCE = 0.1
_INVENTORY_DEBOUNCE = 0.5
_POD_DEBOUNCE = 1.0
"""Seconds after a change, in which more changes of the same kind are usual."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class View:
    """Everything, for one reader.

    `node_changed` is called with each node whose labels, taint or pods may have to be changed.
    """

    def __init__(
        self,
        api: Api,
        kopf: KopfWatches,
        queue: WorkQueue,
        node_changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._queue = queue
        self._kopf = kopf
        self._node_changed = node_changed
        self._live_settings = LiveSettings(api, _settings_problems, self._settings_changed)
        self.nads: KopfInformer[Body] = KopfInformer(api, kopf, NADS, _nad, changed=self._nad_changed)
        self.leases = LeaseIndex(queue.add)
        self.inventories: KopfInformer[NodeInventory] = KopfInformer(
            api, kopf, INVENTORIES, _inventory, changed=self._inventory_changed
        )
        self.cluster_nodes = ClusterNodes(api, self._cluster_node_changed)
        self.readiness = ReadinessView(
            self.cluster_nodes,
            self.inventory,
            self._readiness_changed,
            self._node_changed,
            self._pods_changed,
        )
        self.nodes_version = 0
        self._validated: dict[str, NodeInventory] = {}
        self._sorted: tuple[NodeInventory, ...] | None = None
        self.namespaces = NamespaceLabels(api, self._namespace_changed, self._namespace_changed)
        self.settings = self._live_settings.current

    async def run(self) -> None:
        """Never returns. Raises an ExceptionGroup with KopfEndedError where kopf ends by itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._kopf.run(), name="kopf")
            tasks.create_task(self.inventories.run(), name="node inventories")
            tasks.create_task(self.nads.run(), name="NADs")
            tasks.create_task(self.cluster_nodes.run(), name="nodes")
            tasks.create_task(self._live_settings.run(), name="settings")
            tasks.create_task(self.namespaces.run(), name="namespaces")

    async def synced(self) -> None:
        """Waits for all that the validator needs; before, a NAD would be validated without the nodes, and be written twice."""
        for informer in (self.inventories, self.nads, self._live_settings, self.namespaces):
            await informer.synced.wait()
        await self.cluster_nodes.synced()
        self.readiness.start()

    def problem(self) -> str | None:
        """Why not all that the validator needs is known; None where it is."""
        informers = (self.inventories, self.nads, self._live_settings, self.namespaces)
        synced = all(informer.synced.is_set() for informer in informers) and self.cluster_nodes.is_synced
        return None if synced else "NADs, namespaces, nodes and the settings have not been listed yet"

    @property
    def nodes(self) -> tuple[NodeInventory, ...] | None:
        """What the validator reads of the nodes, by name, so that findings have a stable order; None where there is no inventory.

        The same tuple until one of them changes.
        """
        if self._sorted is None:
            self._sorted = tuple(self._validated[name] for name in sorted(self._validated))
        return self._sorted or None

    def inventory(self, node: str) -> NodeInventory | None:
        """All that the daemon of a node reports."""
        return self.inventories.get("", node)

    def policy(self, namespace: str) -> NamespacePolicy:
        """The policy of a namespace, by the settings and its labels."""
        return levels.of_namespace(self.settings.policy, namespace, self.namespaces.known(namespace))

    def use_settings(self, settings: ClusterSettings) -> None:
        """Validates with these from now on."""
        if settings != self.settings:
            self.settings = settings
            self._queue_all(self._queue.add)
            for node in self.cluster_nodes:
                self._node_changed(node)

    def _settings_changed(self) -> None:
        self.use_settings(self._live_settings.current)

    def _pods_changed(self, nad: Key) -> None:
        if nad in self.nads.items():
            self._queue.add(nad, _POD_DEBOUNCE)

    def _readiness_changed(self, nad: Key) -> None:
        if nad in self.nads.items():
            self._queue.add(nad, _READINESS_DEBOUNCE)

    def _cluster_node_changed(self, name: str) -> None:
        self.readiness.node_changed(name)

    def _inventory_changed(self, key: Key) -> None:
        """A network whose readiness changes is validated at once, the others when there is time."""
        _, name = key
        before, after = self._validated.get(name), _validated_part(self.inventory(name))
        if before != after:
            self._sorted = None
            self.nodes_version += 1
            if after is None:
                del self._validated[name]
            else:
                self._validated[name] = after
            if (
                self.inventories.synced.is_set()
            ):  # before, all are queued anyway: thousands of times a thousand
                self._queue_all(lambda nad: self._queue.add_later(nad, _INVENTORY_DEBOUNCE))
        self.readiness.node_changed(name)

    def _nad_changed(self, key: Key) -> None:
        body = self.nads.get(*key)
        self.leases.put(key, body)
        if body is None:
            self._queue.forget(key)  # another of this name need not wait
        self._queue.add(key)

    def _namespace_changed(self, namespace: str) -> None:
        """Its labels may decide on its policy."""
        for nad in self.nads.items():
            if nad[0] == namespace:
                self._queue.add(nad)

    def _queue_all(self, add: Callable[[Key], None]) -> None:
        for nad in self.nads.items():
            add(nad)


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


def _validated_part(node: NodeInventory | None) -> NodeInventory | None:
    """Without what the rules do not look at, and changes with every pod."""
    if node is None:
        return None
    return inventory.for_validation(node)
