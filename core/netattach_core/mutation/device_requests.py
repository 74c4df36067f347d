"""Requests and limits for the devices of a pod's networks: one of the NAD's `resourceName` for each attachment.

Counted as network-resources-injector and KubeVirt count, so that one of them next to netattach changes nothing: each attachment
of a NAD with the annotation, whatever its plugin; nothing where the containers request as many already. KubeVirt marks nodes with
a bridge by a resource, so a network that takes no device counts too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.api.networks_annotation import DEVICE_CONTAINER
from netattach_core.mutation import exempt_pods, json_patch, quantity
from netattach_core.mutation.json_patch import Operation
from netattach_core.net import names
from netattach_core.net.names import shown

_KUBEVIRT = ("kubevirt.io", "virt-launcher", "compute")
"""The label of KubeVirt's pods, its value, and the container that runs the virtual machine."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LONGEST_DOMAIN = 253 - len("requests.")
"""A quota for the resource has this prefix."""

_MAX_CONTAINERS = 500
"""The API server has not validated the pod yet; no real one has a tenth."""


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """What a pod's networks need in addition to its own requests.

    `container` is the one that gets `added`, the number of devices by resource; `problems` are why something is not added.
    """

    operations: tuple[Operation, ...] = ()
    container: str = ""
    added: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Container:
    """A container whose devices are the pod's as long as it runs: an ordinary one, or a sidecar."""

    path: tuple[str | int, ...]
    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.body.get("name") or "")

    def requested(self, resource: str) -> int | None:
        """0 where there is no request; for devices, a limit is a request too. None for one that cannot be read."""
        resources = unstructured.mapping(self.body, "resources")
        found = [unstructured.mapping(resources, kind).get(resource, 0) for kind in ("requests", "limits")]
        numbers = [quantity.whole(each) for each in found]
        return None if None in numbers else max(number for number in numbers if number is not None)


def plan(pod: JsonObject, attached: Iterable[Nad]) -> DeviceChange:
    """The change for the NADs of all attachments of a pod; a NAD that is attached twice is there twice.

    A pod with resource claims may get its devices from these, and is not changed.
    """
    needed = Counter(resource for nad in attached if (resource := nad.annotations.get(RESOURCE_NAME, "")))
    spec = unstructured.mapping(pod, "spec")
    if not needed or exempt_pods.gets_no_networks(pod) or spec.get("resourceClaims"):
        return DeviceChange()
    problems = [
        f"{RESOURCE_NAME} {shown(each)!r} is not the name of a device's resource; write domain/name"
        for each in sorted(needed)
        if not is_extended(each)
    ]
    containers = list(_containers(spec))
    if len(containers) > _MAX_CONTAINERS:
        return DeviceChange()
    lacking = {
        resource: missing
        for resource in sorted(filter(is_extended, needed))
        if (missing := _missing(resource, needed[resource], containers)) > 0
    }
    return _change(pod, containers, lacking, problems)


def is_extended(resource: str) -> bool:
    """Whether it is an extended resource (`pkg/apis/core/helper/helpers.go:IsExtendedResourceName`).

    Any other one, such as memory, is no device: a network must not limit what a container has of it.
    """
    domain, slash, name = resource.partition("/")
    return bool(
        slash
        and len(domain) <= _LONGEST_DOMAIN
        and names.is_object_name(domain)
        and _NAME.fullmatch(name)
        and "kubernetes.io/" not in resource
        and not resource.startswith("requests.")
    )


def _missing(resource: str, needed: int, containers: Iterable[_Container]) -> int:
    """0 where a request cannot be read: the API server refuses the pod for it."""
    requested = [each.requested(resource) for each in containers]
    return 0 if None in requested else needed - sum(number for number in requested if number)


def _change(
    pod: JsonObject, containers: list[_Container], lacking: Mapping[str, int], problems: list[str]
) -> DeviceChange:
    if not lacking or not containers:
        return DeviceChange(problems=tuple(problems))
    name = unstructured.annotations_of(pod).get(DEVICE_CONTAINER, "") or _usual_container(pod, containers)
    chosen = next((each for each in containers if each.name == name or not name), None)
    if chosen is None:
        problems.append(
            f"{DEVICE_CONTAINER} is {shown(name)!r}, and the pod has no container with this name: no devices are requested"
        )
        return DeviceChange(problems=tuple(problems))
    if not _is_writable(chosen):
        return DeviceChange(problems=tuple(problems))
    operation = json_patch.add(_with(chosen, lacking), *chosen.path, "resources")
    return DeviceChange((operation,), chosen.name, lacking, tuple(problems))


def _usual_container(pod: JsonObject, containers: Iterable[_Container]) -> str:
    """Its name, "" for the first one."""
    label, value, container = _KUBEVIRT
    is_virtual_machine = unstructured.mapping(pod, "metadata", "labels").get(label) == value
    has_it = any(each.name == container for each in containers)
    return container if is_virtual_machine and has_it else ""


def _containers(spec: JsonObject) -> Iterator[_Container]:
    """The ordinary ones first. An init container that ends hands its devices on, and the kubelet does not report them."""
    for kind in ("containers", "initContainers"):
        bodies = spec.get(kind)
        for index, body in enumerate(bodies if isinstance(bodies, list) else ()):
            lasts = kind == "containers" or unstructured.mapping(body).get("restartPolicy") == "Always"
            if isinstance(body, dict) and lasts:
                yield _Container(("spec", kind, index), body)


def _is_writable(container: _Container) -> bool:
    """Whether its resources are objects or missing."""
    resources = container.body.get("resources")
    lists = resources if isinstance(resources, dict) else {}
    return isinstance(resources, dict | None) and all(
        isinstance(lists.get(kind), dict | None) for kind in ("requests", "limits")
    )


def _with(container: _Container, lacking: Mapping[str, int]) -> dict[str, Any]:
    """Its resources, with as many devices more; a device's request equals its limit."""
    before = unstructured.mapping(container.body, "resources")
    total = {
        resource: str((container.requested(resource) or 0) + count) for resource, count in lacking.items()
    }
    return {
        **before,
        **{kind: {**unstructured.mapping(before, kind), **total} for kind in ("requests", "limits")},
    }
