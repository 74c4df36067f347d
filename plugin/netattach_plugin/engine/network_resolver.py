"""Resolves the networks of a pod: from its annotations and the cluster's settings to NADs and files, as attachments.

Changes nothing, so that an ADD that cannot succeed fails before it has to be undone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from netattach_core.api import network_selection, networks_annotation
from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.api.network_selection import PodSelection, SelectionSettings
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.attach import attachment
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.cni import netattach_conf
from netattach_core.cni.request import CniRequest
from netattach_core.devices import assignment as device_assignment
from netattach_core.errors import NotFoundError
from netattach_plugin.ports import Devices, NadReader, NodeNetworks, PodReader


@dataclass(frozen=True)
class SelectedNetworks:
    """What a pod gets by its annotations and the settings, and the NADs of these networks; one without a NAD is a file."""

    selection: PodSelection
    nads: Mapping[Key, Nad]

    @cached_property
    def requested(self) -> tuple[NetworkSelection, ...]:
        """Those that the pod itself requests; `defaultNetworks` are the cluster owner's."""
        default = (self.selection.default,) if self.selection.default else ()
        return (*default, *self.selection.networks)

    @cached_property
    def requested_nads(self) -> Mapping[Key, Nad]:
        """The NADs of these, each once."""
        return {each.key: self.nads[each.key] for each in self.requested if each.key in self.nads}


class Resolver(Protocol):
    """Which networks a call is about."""

    async def select(self, request: CniRequest) -> SelectedNetworks:
        """The networks that the pod gets, and their NADs; reads no file of the node. Raises NetattachError."""

    async def attachments(self, request: CniRequest, selected: SelectedNetworks) -> tuple[Attachment, ...]:
        """The default network, the cluster's default networks, then those of the pod's annotation. Raises NetattachError."""


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

    async def select(self, request: CniRequest) -> SelectedNetworks:
        selection = await self._selection(request)
        return SelectedNetworks(selection, await self._nads_of(selection))

    async def attachments(self, request: CniRequest, selected: SelectedNetworks) -> tuple[Attachment, ...]:
        selection = selected.selection
        networks = [self._default(selected)]
        networks += [self._cluster_default(selected, each) for each in selection.cluster_defaults]
        networks += [self._of_nad(selected.nads[each.key]) for each in selection.networks]
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

    async def _nads_of(self, selection: PodSelection) -> Mapping[Key, Nad]:
        """Each is read once: an annotation may name one a thousand times.

        Raises NotFoundError for the first requested network without one; for the others, a file of the node may do.
        """
        found: dict[Key, Nad] = {}
        default = (selection.default,) if selection.default else ()
        for each in (*default, *(given for given in selection.cluster_defaults if not _is_file(given))):
            nad = await self._nads.nad(*each.key)
            if nad is not None:
                found[each.key] = nad
        for each in selection.networks:
            nad = found.get(each.key) or await self._nads.nad(*each.key)
            if nad is None:
                raise NotFoundError(f"{_no_nad(each)}; create it, or correct the pod's annotation")
            found[each.key] = nad
        return found

    def _default(self, selected: SelectedNetworks) -> Network:
        """The node's default network, or the NAD or file that the pod asks for instead."""
        asked = selected.selection.default
        if asked is None:
            return self._networks.default_network()
        return self._nad_or_file(selected, asked, "correct the pod's annotation")

    def _cluster_default(self, selected: SelectedNetworks, given: NetworkSelection) -> Network:
        """One of `defaultNetworks`; a name with a file's suffix is always a file."""
        fix = "correct defaultNetworks in the cluster's settings"
        if not _is_file(given):
            return self._nad_or_file(selected, given, fix)
        on_node = self._networks.by_file(given.name)
        if on_node is None:
            raise NotFoundError(f"network {given.name}: this node has no such file; put it there, or {fix}")
        return on_node

    def _nad_or_file(self, selected: SelectedNetworks, asked: NetworkSelection, fix: str) -> Network:
        """A NAD, else a file of the node where the namespace is that of default networks (in this order, as Multus)."""
        nad = selected.nads.get(asked.key)
        if nad is not None:
            return self._of_nad(nad)
        may_be_file = asked.namespace == self._settings().namespace
        on_node = self._networks.by_name(asked.name) if may_be_file else None
        if on_node is None:
            no_file = ", and no file of this node has that name" if may_be_file else ""
            raise NotFoundError(f"{_no_nad(asked)}{no_file}; create it, or {fix}")
        return on_node

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


def _is_file(given: NetworkSelection) -> bool:
    return given.name.endswith(netattach_conf.SUFFIXES)


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
