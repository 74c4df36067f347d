"""What a pod's ADD is about: the networks that its annotations ask for, found and read, as attachments to be carried out.

Nothing is touched here, so what can be known to fail fails here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from netattach_core.api import network_selection, networks_annotation
from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.api.network_selection import PodSelection, SelectionSettings
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.attach import attachment
from netattach_core.attach import outcome as call_outcome
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.cni import netattach_conf
from netattach_core.cni.request import CniRequest
from netattach_core.devices import assignment as device_assignment
from netattach_core.errors import NetattachError, NotFoundError
from netattach_plugin.ports import Devices, NodeNetworks, Store


class NetworkResolver:
    """The networks of one pod after the other; remembers nothing. `settings` gives those that are in force."""

    def __init__(
        self,
        store: Store,
        networks: NodeNetworks,
        node_devices: Devices,
        settings: Callable[[], SelectionSettings],
    ) -> None:
        self._store = store
        self._networks = networks
        self._devices = node_devices
        self._settings = settings

    async def attachments(self, call: CniRequest) -> tuple[Attachment, ...]:
        """The default network, the cluster's others, then the annotation's. Raises NetattachError, with the pod's name."""
        try:
            wanted = await self._wanted(call)
            networks = [await self._default(wanted.default)]
            networks += [await self._given(each) for each in wanted.cluster_defaults]
            networks += [await self._network(each) for each in wanted.networks]
            selections = (*wanted.cluster_defaults, *wanted.networks)
            named = [each.device_id if each else "" for each in (wanted.default, *selections)]
            default, *others = await self._with_devices(call, networks, named)
            return attachment.decide(
                call, default, list(zip(selections, others, strict=True)), wanted.default
            )
        except NetattachError as error:
            error.message = call_outcome.for_pod(call, error.message)
            raise

    async def _with_devices(
        self, call: CniRequest, networks: Sequence[Network], named: Sequence[str]
    ) -> Sequence[Network]:
        """The kubelet is asked only where a network takes a device."""
        if call.pod is None or not any(map(device_assignment.takes_one, networks)):
            return networks
        return device_assignment.assign(networks, named, call.pod, await self._devices.of_pod(call.pod))

    async def _wanted(self, call: CniRequest) -> PodSelection:
        """The runtime hands the annotations over by capability; where it does not, the pod is looked up."""
        if call.pod is None:
            return PodSelection()
        annotations = call.pod_annotations
        if annotations is None:
            pod = await self._store.pod(call.pod)
            if pod is None:
                raise NotFoundError(f"it does not exist in the API, or not under the UID {call.pod.uid!r}")
            annotations = pod.annotations
        return network_selection.of_pod(annotations, call.pod.namespace, self._settings())

    async def _default(self, asked: NetworkSelection | None) -> Network:
        """The node's primary, or what the pod asks for in its place: a NAD, or a file where a bare name is none."""
        if asked is None:
            return self._networks.primary()
        return await self._named(asked, "correct the pod's annotation")

    async def _given(self, given: NetworkSelection) -> Network:
        """One of the cluster's default networks; a file's name says that it is no NAD, so the API is not asked."""
        fix = "correct defaultNetworks in the cluster's settings"
        if not given.name.endswith(netattach_conf.SUFFIXES):
            return await self._named(given, fix)
        on_node = self._networks.by_file(given.name)
        if on_node is None:
            raise NotFoundError(f"network {given.name}: this node has no such file; put it there, or {fix}")
        return on_node

    async def _named(self, asked: NetworkSelection, fix: str) -> Network:
        """A NAD, or in the namespace of such networks a file of the node (Multus' order)."""
        nad = await self._store.nad(asked.namespace, asked.name)
        if nad is not None:
            return self._of_nad(nad)
        may_be_file = asked.namespace == self._settings().namespace
        on_node = self._networks.by_name(asked.name) if may_be_file else None
        if on_node is None:
            beside = ", and no file of this node has that name" if may_be_file else ""
            raise NotFoundError(f"{_no_nad(asked)}{beside}; create it, or {fix}")
        return on_node

    async def _network(self, asked: NetworkSelection) -> Network:
        nad = await self._store.nad(asked.namespace, asked.name)
        if nad is None:
            raise NotFoundError(f"{_no_nad(asked)}; create it, or correct the pod's annotation")
        return self._of_nad(nad)

    def _of_nad(self, nad: Nad) -> Network:
        """An empty configuration is found on the node, and nowhere else: no NAD leads to another one."""
        resource = nad.annotations.get(RESOURCE_NAME, "")
        if nad.config.strip():
            return Network(nad.full_name, nad.config, nad.name, resource=resource)
        on_node = self._networks.by_name(nad.name)
        if on_node is None:
            raise NotFoundError(
                f"network {nad.full_name}: its config is empty, and no file of this node has that name"
            )
        return dataclasses.replace(on_node, network=nad.full_name, resource=resource)


def _no_nad(asked: NetworkSelection) -> str:
    return (
        f"network {asked.full_name}: there is no NetworkAttachmentDefinition {asked.name!r} in "
        f"namespace {asked.namespace!r}"
    )


def is_plain(call: CniRequest) -> bool:
    """Whether the pod is known to ask for nothing; of such a one the kubelet's own event is enough."""
    annotations = call.pod_annotations
    return annotations is not None and not any(
        annotations.get(key, "").strip()
        for key in (networks_annotation.NETWORKS, networks_annotation.DEFAULT_NETWORK)
    )


def may_be_plain(call: CniRequest) -> bool:
    """Whether nothing is known that the pod asks for."""
    return call.pod_annotations is None or is_plain(call)
