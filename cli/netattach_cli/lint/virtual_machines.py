"""Virtual machines of KubeVirt, which request networks in `spec.networks`; KubeVirt writes the annotations of their pods.

As `pkg/network/multus/annotation.go` of KubeVirt does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_cli.lint.object_values import group_of, list_at, mapping_at, value_at
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.text.finding import Path

_GROUP = "kubevirt.io"
_PATHS: Mapping[str, Path] = {
    "VirtualMachineInstance": (),
    "VirtualMachine": ("spec", "template"),
    "VirtualMachineInstanceReplicaSet": ("spec", "template"),
    "VirtualMachinePool": ("spec", "virtualMachineTemplate", "spec", "template"),
}
"""By kind: where it has the metadata and spec of a VirtualMachineInstance."""


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """The instance at a path of an object: its pod, and by annotation the path of each network that it requests."""

    path: Path
    pod: Mapping[str, Any]
    paths: Mapping[str, Sequence[Path]]


def find(body: Mapping[str, Any]) -> VirtualMachine | None:
    """The virtual machine that an object is or creates; None for other objects, and for one without networks of Multus."""
    kind, group = body.get("kind"), group_of(body)
    if not isinstance(kind, str) or kind not in _PATHS or not f".{group}".endswith(f".{_GROUP}"):
        return None
    path = _PATHS[kind]
    spec = mapping_at(body, *path, "spec")
    elements: dict[str, list[dict[str, str]]] = {NETWORKS: [], DEFAULT_NETWORK: []}
    paths: dict[str, list[Path]] = {NETWORKS: [], DEFAULT_NETWORK: []}
    for index, network, multus in _networks(spec):
        key = DEFAULT_NETWORK if multus.get("default") is True else NETWORKS
        elements[key].append(_element(network, multus, spec))
        paths[key].append((*path, "spec", "networks", index, "multus", "networkName"))
    annotations = {key: json.dumps(found) for key, found in elements.items() if found}
    return VirtualMachine(path, {"metadata": {"annotations": annotations}}, paths) if annotations else None


def _networks(spec: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    """The networks of Multus, each with its index."""
    for index, network in enumerate(list_at(spec, "networks")):
        multus = value_at(network, ("multus",))
        if isinstance(multus, Mapping):
            yield index, network, multus


def _element(
    network: Mapping[str, Any], multus: Mapping[str, Any], spec: Mapping[str, Any]
) -> dict[str, str]:
    """The network selection in the pod's annotation, with the name of KubeVirt for the interface."""
    namespace, _, name = str(multus.get("networkName") or "").rpartition("/")
    element = {"name": name, **({"namespace": namespace} if namespace else {})}
    if multus.get("default") is True:
        return element
    logical = str(network.get("name") or "")
    element["interface"] = f"pod{hashlib.sha256(logical.encode(errors='replace')).hexdigest()[:11]}"
    mac = _mac(logical, spec)
    return {**element, "mac": mac} if mac else element


def _mac(network: str, spec: Mapping[str, Any]) -> str:
    """The MAC address of the interface with the network's name, "" for none."""
    for each in list_at(spec, "domain", "devices", "interfaces"):
        if isinstance(each, Mapping) and each.get("name") == network:
            return str(each.get("macAddress") or "")
    return ""
