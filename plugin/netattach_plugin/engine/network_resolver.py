"""Resolves the networks of a pod: from its annotations and the cluster's settings to NADs and files, as attachments.

Changes nothing, so that an ADD that cannot succeed fails before it has to be undone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from netattach_core.api import network_selection, networks_annotation
from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.api.network_selection import PodSelection, SelectionSettings
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.attach import attachment
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.cni import netattach_conf
from netattach_core.cni.request import CniRequest
from netattach_core.devices import assignment as device_assignment
from netattach_core.errors import NotFoundError
from netattach_plugin.ports import Devices, NadReader, NodeNetworks, PodReader


class NetworkResolver:
    """Stateless; `settings` returns the current ones."""

    def __init__(
        self,
        *,
        pods: PodReader,
        nads: NadReader,
        networks: NodeNetworks,
        devices: Devices,
        settings: Callable[[], SelectionSettings],
    ) -> None:
        self._pods = pods
        self._nads = nads
        self._networks = networks
        self._devices = devices
        self._settings = settings

    async def attachments(self, request: CniRequest) -> tuple[Attachment, ...]:
        """The default network, the cluster's default networks, then those of the pod's annotation. Raises NetattachError."""
        selection = await self._selection(request)
        networks = [await self._default(selection.default)]
        networks += [await self._cluster_default(each) for each in selection.cluster_defaults]
        networks += [await self._selected(each) for each in selection.networks]
        secondary = (*selection.cluster_defaults, *selection.networks)
        device_ids = [each.device_id if each else "" for each in (selection.default, *secondary)]
        default, *others = await self._with_devices(request, networks, device_ids)
        return attachment.decide(
            request, default, list(zip(secondary, others, strict=True)), selection.default
        )

    async def _with_devices(
        self, request: CniRequest, networks: Sequence[Network], device_ids: Sequence[str]
    ) -> Sequence[Network]:
        """Asks the kubelet only where a network takes a device."""
        if request.pod is None or not any(map(device_assignment.takes_device, networks)):
            return networks
        devices = await self._devices.of_pod(request.pod)
        return device_assignment.assign(networks, device_ids, request.pod, devices)

    async def _selection(self, request: CniRequest) -> PodSelection:
        """From the annotations in the call; from the API where the runtime does not pass them."""
        if request.pod is None:
            return PodSelection()
        annotations = request.pod_annotations
        if annotations is None:
            pod = await self._pods.pod(request.pod)
            if pod is None:
                raise NotFoundError(f"it does not exist in the API, or not under the UID {request.pod.uid!r}")
            annotations = pod.annotations
        return network_selection.of_pod(annotations, request.pod.namespace, self._settings())

    async def _default(self, asked: NetworkSelection | None) -> Network:
        """The node's default network, or the NAD or file that the pod asks for instead."""
        if asked is None:
            return self._networks.default_network()
        return await self._nad_or_file(asked, "correct the pod's annotation")

    async def _cluster_default(self, given: NetworkSelection) -> Network:
        """One of `defaultNetworks`; for a file name, the API is not asked."""
        fix = "correct defaultNetworks in the cluster's settings"
        if not given.name.endswith(netattach_conf.SUFFIXES):
            return await self._nad_or_file(given, fix)
        on_node = self._networks.by_file(given.name)
        if on_node is None:
            raise NotFoundError(f"network {given.name}: this node has no such file; put it there, or {fix}")
        return on_node

    async def _nad_or_file(self, asked: NetworkSelection, fix: str) -> Network:
        """A NAD, else a file of the node where the namespace is that of default networks (in this order, as Multus)."""
        nad = await self._nads.nad(asked.namespace, asked.name)
        if nad is not None:
            return self._of_nad(nad)
        may_be_file = asked.namespace == self._settings().namespace
        on_node = self._networks.by_name(asked.name) if may_be_file else None
        if on_node is None:
            no_file = ", and no file of this node has that name" if may_be_file else ""
            raise NotFoundError(f"{_no_nad(asked)}{no_file}; create it, or {fix}")
        return on_node

    async def _selected(self, asked: NetworkSelection) -> Network:
        nad = await self._nads.nad(asked.namespace, asked.name)
        if nad is None:
            raise NotFoundError(f"{_no_nad(asked)}; create it, or correct the pod's annotation")
        return self._of_nad(nad)

    def _of_nad(self, nad: Nad) -> Network:
        """With an empty config, the file of the node that has the NAD's name; never another NAD."""
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


def selects_nothing(request: CniRequest) -> bool:
    """Whether the pod has no annotation that selects networks; for such a pod the kubelet's own Event is enough."""
    annotations = request.pod_annotations
    return annotations is not None and not any(
        annotations.get(key, "").strip()
        for key in (networks_annotation.NETWORKS, networks_annotation.DEFAULT_NETWORK)
    )


def may_select_nothing(request: CniRequest) -> bool:
    """Also true where the call has no annotations."""
    return request.pod_annotations is None or selects_nothing(request)
