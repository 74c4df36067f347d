"""What the pods of the benchmark ask for: the default network alone, or with secondary networks of one type."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from netattach_core.api.networks_annotation import NETWORKS

NODE = "node1"
_VERSION = "1.0.0"

DEFAULT_TYPE = "bridge"
_DEFAULT_BRIDGE = {
    "type": DEFAULT_TYPE,
    "bridge": "cbr0",
    "isGateway": True,
    "hairpinMode": True,
    "ipam": {"type": "host-local", "subnet": "10.244.0.0/16", "routes": [{"dst": "0.0.0.0/0"}]},
}
_PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
DEFAULT_NETWORK = {"cniVersion": _VERSION, "name": "cbr0", "plugins": [_DEFAULT_BRIDGE, _PORTMAP]}

MASTER = "eth1"
LARGEST = 8
"""Networks of one type that a pod has at most."""


def _network(kind: str, subnet: str, **keys: Any) -> dict[str, Any]:
    ipam = {"type": "host-local", "subnet": subnet}
    return {"cniVersion": _VERSION, "name": kind, "type": kind, **keys, "ipam": ipam}


_NETWORKS = {
    "macvlan": _network("macvlan", "10.10.0.0/16", master=MASTER, mode="bridge"),
    "bridge": _network("bridge", "10.11.0.0/16", bridge="br-second"),
    "ipvlan": _network("ipvlan", "10.12.0.0/16", master=MASTER, mode="l2"),
    "dummy": _network("dummy", "10.13.0.0/16"),
    "ptp": _network("ptp", "10.14.0.0/16"),
}
_VLANS = {
    f"vlan{number}": {
        **_network("vlan", f"10.15.{number}.0/24", master=MASTER, vlanId=100 + number),
        "name": f"vlan{number}",
    }
    for number in range(1, LARGEST + 1)
}
"""One network each: the kernel has one link for an ID on a master."""

NETWORKS_OF_ALL_CASES: dict[str, dict[str, Any]] = {**_NETWORKS, **_VLANS}
"""CNI configs by the NAD's name."""

TYPES = (*_NETWORKS, "vlan")
DEFAULT_TYPES = ("macvlan", "bridge")


@dataclass(frozen=True, slots=True)
class Case:
    """Pods with `count` networks of one type, `at_once` of them at a time."""

    kind: str
    count: int
    at_once: int = 1

    @property
    def name(self) -> str:
        if self.count == 0:
            return "no secondary network"
        pods = f"{self.at_once} pods at once, " if self.at_once > 1 else ""
        return f"{pods}{self.count} {self.kind}"

    @property
    def networks(self) -> tuple[str, ...]:
        """The NADs that the pod names."""
        if self.kind == "vlan":
            return tuple(f"vlan{number}" for number in range(1, self.count + 1))
        return (self.kind,) * self.count


def single(types: Iterable[str], counts: Iterable[int]) -> list[Case]:
    """The pod without secondary networks first."""
    counts = tuple(counts)
    return [Case("", 0), *(Case(kind, count) for kind in types for count in counts)]


def storms(sizes: Iterable[int]) -> list[Case]:
    return [Case("macvlan", 4, size) for size in sizes]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the benchmark, in the namespace default; its network namespace has its name."""

    name: str
    networks: tuple[str, ...]
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    sandbox: str = field(default_factory=lambda: uuid.uuid4().hex * 2)

    @property
    def netns(self) -> str:
        return f"/run/netns/{self.name}"

    @property
    def annotations(self) -> dict[str, str]:
        return {NETWORKS: ",".join(self.networks)} if self.networks else {}

    def body(self) -> dict[str, Any]:
        """The pod as an API object."""
        metadata = {
            "name": self.name,
            "namespace": "default",
            "uid": self.uid,
            "annotations": self.annotations,
        }
        spec = {"nodeName": NODE, "containers": [{"name": "app", "image": "app"}]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def nad(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """A NAD as an API object."""
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"config": json.dumps(config)},
    }
