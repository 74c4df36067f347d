"""The port Store over the API: NADs and the Node from watches, with one live GET for what these do not have yet.

An ADD usually costs no request, its status one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from netattach_core.api import inventory, nad, networks_annotation
from netattach_core.api.inventory import NodeAddress, NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.api.pod import Pod, PodRef
from netattach_core.errors import ConflictError, NotFoundError, RefusedError, TryAgainError
from netattach_kube.api import Api
from netattach_kube.resource import INVENTORIES, NADS, NODES, PODS, RESOURCE_SLICES
from netattach_kube.watched import Watched
from netattach_plugin.cluster.node_pods import NodePods

MANAGER = "netattach-daemon"
_GET_SECONDS = 2.0
_PAGE = "50"  # a slice may have 400 KB
_FLANNEL_ADDRESS = "flannel.alpha.coreos.com/public-ip"


class KubeStore:
    """`about` goes into the inventory next to what is gathered: {"kernel": …, "versions": {…}}.

    `nad_changed` is called with each NAD that the watch reports, None for one that is gone.
    """

    def __init__(
        self,
        api: Api,
        node: str,
        about: Mapping[str, Any],
        *,
        node_changed: Callable[[], None] = lambda: None,
        nad_changed: Callable[[Key, Nad | None], None] = lambda *_: None,
    ) -> None:
        self._api = api
        self._name = node
        self._about = about
        self._report_nad = nad_changed
        self._nads: Watched[Nad] = Watched(api, NADS, nad.from_body, changed=self._nad_changed)
        self._fetched: dict[Key, Nad] = {}
        self._pods = NodePods(api, node)
        self._node: Watched[_Node] = Watched(
            api, NODES, _node, fields=f"metadata.name={node}", changed=lambda _: node_changed()
        )

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            for name, watched in (("nads", self._nads), ("pods", self._pods), ("node", self._node)):
                tasks.create_task(watched.run(), name=f"watch of {name}")

    @property
    def synced(self) -> asyncio.Event:
        """Set once the NADs have been listed; pods and the node have live GETs."""
        return self._nads.synced

    async def pod(self, ref: PodRef) -> Pod | None:
        return await self._pods.find(ref)

    async def nad(self, namespace: str, name: str) -> Nad | None:
        cached = self._nads.get(namespace, name)
        if cached is not None:
            return cached
        try:
            found = nad.from_body(await self._api.get(NADS, name, namespace, seconds=_GET_SECONDS))
        except NotFoundError:
            self._fetched.pop((namespace, name), None)
            return None
        except TryAgainError:
            if (namespace, name) in self._fetched:
                return self._fetched[namespace, name]
            raise
        self._fetched[namespace, name] = found
        return found

    def current_nad(self, key: Key) -> Nad | None:
        """From the watch; None also for one that it does not have yet."""
        return self._nads.get(*key)

    def _nad_changed(self, key: Key) -> None:
        """What a GET has returned is kept only until the watch has the NAD."""
        self._fetched.pop(key, None)
        self._report_nad(key, self._nads.get(*key))

    async def write_status(self, ref: PodRef, text: str) -> None:
        """One merge-patch of one annotation, with the UID, so that a later pod of that name is never patched."""
        known = self._pods.known(ref)
        uid = ref.uid if known is None else known.ref.uid
        try:
            await self._patch_status(ref, uid, text)
        except (ConflictError, RefusedError) as error:
            await self._patch_other_uid(ref, uid, text, error)

    async def _patch_other_uid(
        self, ref: PodRef, refused: str, text: str, error: ConflictError | RefusedError
    ) -> None:
        """Retries with the UID that the API has: for a static pod that is another one than the runtime's. Other pods are gone."""
        found = await self._pods.read(ref)
        if found is None:
            raise NotFoundError(f"pod {ref} is gone") from error
        if found.ref.uid == refused and isinstance(error, ConflictError):  # another client changed the pod
            raise TryAgainError(error.message) from error
        if found.ref.uid == refused:
            raise error
        await self._patch_status(ref, found.ref.uid, text)

    async def _patch_status(self, ref: PodRef, uid: str, text: str) -> None:
        metadata: dict[str, Any] = {"annotations": {networks_annotation.NETWORK_STATUS: text}}
        if uid:
            metadata["uid"] = uid
        await self._api.merge_patch(
            PODS, {"metadata": metadata}, ref.name, ref.namespace, "status", metadata_only=True
        )

    async def resource_slices(self, driver: str) -> list[dict[str, Any]]:
        """ResourceSlices of this node and driver; none in a cluster without dynamic resource allocation."""
        query = {"fieldSelector": f"spec.nodeName={self._name},spec.driver={driver}", "limit": _PAGE}
        found: list[dict[str, Any]] = []
        try:
            while True:
                page = await self._api.page(RESOURCE_SLICES, query)
                found += page["items"]
                following = page["metadata"].get("continue")
                if not following:
                    return found
                query = {**query, "continue": following}
        except NotFoundError:
            return []

    async def publish_inventory(self, inventory_: NodeInventory) -> None:
        """Owned by its Node, so that it is deleted with it."""
        owner = await self._api.get_metadata(NODES, self._name)
        reference = {"apiVersion": "v1", "kind": "Node", "name": self._name, "uid": owner["metadata"]["uid"]}
        body = {
            "apiVersion": INVENTORIES.api_version,
            "kind": INVENTORIES.kind,
            "metadata": {"name": inventory_.node, "ownerReferences": [reference]},
            "status": {**inventory.to_dict(inventory_), **self._about},
        }
        await self._api.apply(INVENTORIES, body, inventory_.node, manager=MANAGER)

    async def node_addresses(self) -> tuple[NodeAddress, ...]:
        """Waits for the Node: an inventory without its addresses would name another default interface."""
        await self._node.synced.wait()
        node = self._node.get("", self._name)
        return node.addresses if node is not None else ()

    async def node_labels(self) -> Mapping[str, str]:
        node = self._node.get("", self._name)
        if node is not None:
            return node.labels
        try:
            body = await self._api.get_metadata(NODES, self._name, seconds=_GET_SECONDS)
        except NotFoundError as error:
            raise TryAgainError(f"there is no Node {self._name}, so its labels are not known") from error
        return _labels(body)


@dataclass(frozen=True, slots=True)
class _Node:
    addresses: tuple[NodeAddress, ...]
    labels: Mapping[str, str]


def _node(body: Mapping[str, Any]) -> _Node:
    addresses = (body.get("status") or {}).get("addresses") or ()
    found = [
        NodeAddress(a["address"], "the node's InternalIP") for a in addresses if a["type"] == "InternalIP"
    ]
    flannel = (body["metadata"].get("annotations") or {}).get(_FLANNEL_ADDRESS)
    if flannel:
        found.append(NodeAddress(flannel, "flannel's public-ip"))
    return _Node(tuple(found), _labels(body))


def _labels(body: Mapping[str, Any]) -> Mapping[str, str]:
    return dict(body["metadata"].get("labels") or {})
