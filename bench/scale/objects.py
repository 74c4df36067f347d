"""The objects of a large cluster: Nodes, inventories as daemons write them, networks, and pods that run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from e2e.objects import NETWORKS, STATUS, config, nad
from netattach_core.api import inventory
from netattach_core.api.inventory import (
    TRIED_LINK_KINDS,
    DefaultInterface,
    Dhcp,
    Interface,
    NetworkFile,
    NodeInventory,
    Plugin,
    Primary,
)
from netattach_core.api.nad import NODE_SELECTOR
from netattach_core.api.node_state import (
    Attached,
    AttachedNetwork,
    CniStatus,
    Probe,
    SriovFunction,
    UnmetPods,
)
from netattach_core.version import VERSION
from netattach_kube.cluster_settings import NAMESPACE as DAEMONS

TAINT = {"key": "scale-bench", "effect": "NoSchedule"}
"""Nothing is scheduled on nodes without a kubelet."""

PER_NAMESPACE = 20
"""Networks of one namespace."""

FIRST, SECOND = "eth1", "eth2"
"""Interfaces: each node has the first one, and four of five have the second one."""

_KINDS = 5
_BOND, _SRIOV, _BRIDGE, _EDGE = range(1, _KINDS)
"""Kinds of nodes, by the remainder of their number; the others have three interfaces and nothing else."""

_POOL = {"pool": "bond"}
_PLUGINS = (
    *("bandwidth", "bond", "bridge", "dhcp", "dummy", "firewall", "host-device", "host-local", "ipvlan", "loopback"),
    *("macvlan", "netattach", "portmap", "ptp", "sbr", "sriov", "static", "tap", "tuning", "vlan", "vrf", "whereabouts"),
)  # fmt: skip
_VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
_WHEN = "2026-11-30T12:00:00Z"
_METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class Size:
    """How many there are of each. The networks are in namespaces of 20 each, the pods in the same ones."""

    nodes: int
    pods: int
    networks: int

    @property
    def namespaces(self) -> int:
        return max(1, self.networks // PER_NAMESPACE)

    def networks_of(self, pod: int) -> tuple[int, ...]:
        """By their numbers: every third pod has two."""
        first = (pod % self.namespaces) * PER_NAMESPACE
        chosen = (pod // self.namespaces) % PER_NAMESPACE
        second = (chosen + 7) % PER_NAMESPACE
        both = (first + chosen, first + second) if pod % 3 == 0 else (first + chosen,)
        return tuple(number for number in both if number < self.networks)

    def attached(self, node: int) -> Attached:
        """The pods of a node, as its daemon counts them."""
        pods = range(node, self.pods, self.nodes)
        counts = Counter(network_name(number) for pod in pods for number in self.networks_of(pod))
        return Attached(len(pods), tuple(AttachedNetwork(name, counts[name]) for name in sorted(counts)))


def namespace_name(number: int) -> str:
    return f"scale-{number}"


def node_name(number: int) -> str:
    return f"scale-{number:05}"


def network_name(number: int) -> str:
    """With its namespace."""
    return f"{namespace_name(number // PER_NAMESPACE)}/net{number}"


def namespace(number: int) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", _METADATA: {"name": namespace_name(number)}}


def node(number: int) -> dict[str, Any]:
    """Without the label of its operating system, so that the DaemonSet creates no pod that would never start."""
    name = node_name(number)
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
    }
    quantities = {"cpu": "32", "memory": "131072000Ki", "pods": "250", "ephemeral-storage": "100Gi"}
    info = {
        **dict.fromkeys(("machineID", "systemUUID"), f"{number:032x}"),
        "bootID": _boot_id(number),
        "kernelVersion": "6.12.57",
        "osImage": "Debian GNU/Linux 13 (trixie)",
        "containerRuntimeVersion": "containerd://2.1.5",
        "kubeletVersion": "v1.34.2",
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        _METADATA: {"name": name, "labels": _labels(number)},
        "spec": {"taints": [TAINT]},
        "status": {
            "conditions": [{**ready, "lastHeartbeatTime": _WHEN, "lastTransitionTime": _WHEN}],
            "addresses": [{"type": "InternalIP", "address": _address(number)}, {"type": "Hostname", "address": name}],
            "capacity": quantities,
            "allocatable": quantities,
            "nodeInfo": info,
        },
    }  # fmt: skip


def inventory_body(number: int, uid: str, attached: Attached) -> dict[str, Any]:
    """As a daemon writes it; `uid` is that of the Node, which owns it."""
    name = node_name(number)
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}
    about = {"kernel": "6.12.57", "versions": {"daemon": VERSION, "shim": VERSION}}
    return {
        "apiVersion": "netattach.io/v1alpha1",
        "kind": "NodeNetworkInventory",
        _METADATA: {"name": name, "ownerReferences": [owner]},
        "status": {**inventory.to_dict(node_inventory(number, attached)), **about},
    }


def node_inventory(number: int, attached: Attached) -> NodeInventory:
    boot = _boot_id(number)
    kinds = [kind for kind in TRIED_LINK_KINDS if kind != "ipvlan" or number % _KINDS != _EDGE]
    return NodeInventory(
        node=node_name(number),
        interfaces=_interfaces(number),
        default_interfaces=(
            DefaultInterface("eth0", ("carries the IPv4 default route", f"carries the node's InternalIP {_address(number)}")),
        ),
        plugins=tuple(Plugin(name, _VERSIONS) for name in _PLUGINS),
        primary=Primary("cbr0", "10-cbr0.conflist", ("bridge", "portmap")),
        networks=(NetworkFile("00-netattach.conflist", "netattach"), NetworkFile("10-cbr0.conflist", "cbr0")),
        dhcp=Dhcp(True, "/run/cni/dhcp.sock"),
        labels=_labels(number),
        boot_id=boot,
        link_kinds=tuple(kinds),
        cni_status=CniStatus(True, time=_WHEN),
        attached=attached,
        unmet_pods=UnmetPods(),
        probe=Probe(boot, True, time=_WHEN),
    )  # fmt: skip


def has_second(node: int) -> bool:
    """Whether the node has the interface SECOND."""
    return node % _KINDS != _EDGE


def master(network: int) -> str:
    """The interface that a network needs; "" for one that needs none."""
    flavour = network % PER_NAMESPACE
    if flavour == 0:
        return SECOND
    if flavour in (1, 2):
        return "bond0"
    return "" if flavour in (4, 5) else FIRST


def network_config(network: int, *more: str) -> str:
    """Of a network, with further plugins in its chain."""
    subnet = f"10.{128 + network // 250}.{network % 250}.0/24"
    ipam = {"type": "host-local", "subnet": subnet}
    flavour = network % PER_NAMESPACE
    plugin: dict[str, Any] = {
        "type": "ipvlan" if flavour == 3 else "macvlan",
        "master": master(network),
        "ipam": ipam,
    }
    if not master(network):
        plugin = {"type": "bridge", "bridge": f"lan{network}", "ipam": ipam}
    return config(name=f"net{network}", plugins=[plugin, *({"type": each} for each in more)])


def network(number: int) -> dict[str, Any]:
    """Seven of ten are macvlan on FIRST; the others are on SECOND, on a bond of some nodes, ipvlan, or bridges."""
    namespace, _, name = network_name(number).partition("/")
    body = nad(name, network_config(number), namespace)
    if master(number) == "bond0":
        body[_METADATA]["annotations"] = {NODE_SELECTOR: ",".join(f"{k}={v}" for k, v in _POOL.items())}
    return body


def pod(number: int, size: Size) -> dict[str, Any]:
    """Attached to its networks. It tolerates everything, since no kubelet renews the Lease of its node."""
    networks = size.networks_of(number)
    annotations = {
        NETWORKS: ",".join(network_name(each).partition("/")[2] for each in networks),
        STATUS: _status(number, networks),
    }
    name, app = f"web-{number:06}-{number % 97:05x}", f"web-{number % 50}"
    container = {
        "name": "app",
        "image": f"registry.example.com/team/{app}:1.2.3",
        "env": [{"name": f"SETTING_{each}", "value": f"value of the setting {each}"} for each in range(6)],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        _METADATA: {
            "name": name,
            "namespace": namespace_name(number % size.namespaces),
            "labels": {"app": app, "pod-template-hash": f"{number % 50:010x}"},
            "annotations": annotations,
        },
        "spec": {
            "nodeName": node_name(number % size.nodes),
            "automountServiceAccountToken": False,
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
        },
    }


def new_pod(networks: str, namespace: str) -> dict[str, Any]:
    """One that the scheduler has not seen yet, as a ReplicaSet creates it; without networks where there are none."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        _METADATA: {
            "generateName": "web-",
            "namespace": namespace,
            "labels": {"app": "web"},
            "annotations": {NETWORKS: networks} if networks else {},
        },
        "spec": {"containers": [{"name": "app", "image": "registry.example.com/team/web:1.2.3"}]},
    }


def daemon_pod(number: int) -> dict[str, Any]:
    """Of a node without a kubelet. The DaemonSet does not adopt it: it lacks a label."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        _METADATA: {
            "name": f"netattach-daemon-{number:05}",
            "namespace": DAEMONS,
            "labels": {"app.kubernetes.io/component": "daemon"},
        },
        "spec": {
            "nodeName": node_name(number),
            "automountServiceAccountToken": False,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "daemon", "image": f"netattach:{VERSION}"}],
        },
    }


def running(number: int) -> dict[str, Any]:
    """The status of a pod, with its key."""
    true = [
        {"type": kind, "status": "True", "lastTransitionTime": _WHEN}
        for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    address = f"10.{64 + number // 62500}.{number // 250 % 250}.{number % 250}"
    return {
        "status": {
            "phase": "Running",
            "conditions": true,
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": _WHEN,
        }
    }


def _labels(number: int) -> dict[str, str]:
    return {
        "kubernetes.io/hostname": node_name(number),
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": f"zone-{number % 3}",
        "node.kubernetes.io/instance-type": f"m{number % _KINDS}",
        **(_POOL if number % _KINDS == _BOND else {}),
    }


def _interfaces(number: int) -> tuple[Interface, ...]:
    """Sorted by name, as daemons write them."""
    kind = number % _KINDS
    found = [
        Interface("lo", mtu=65536, mac="00:00:00:00:00:00", addresses=("127.0.0.1/8", "::1/128")),
        _hardware(number, 0, (f"{_address(number)}/16",)),
        _hardware(number, 1),
        Interface("cbr0", kind="bridge", mtu=1500, addresses=(f"10.{number // 250}.{number % 250}.1/24",)),
    ]
    if kind != _EDGE:
        found.append(_hardware(number, 2))
    if kind == _BOND:
        found += [_hardware(number, 3, controller="bond0"), _hardware(number, 4, controller="bond0")]
        found.append(Interface("bond0", kind="bond", mtu=9000, mac=_mac(number, 3)))
    if kind == _SRIOV:
        found += [
            _hardware(number, 5, sriov=SriovFunction(64, 8)),
            _hardware(number, 6, sriov=SriovFunction(64, 8)),
        ]
    if kind == _BRIDGE:
        found.append(Interface("br-lan", kind="bridge", mtu=1500, vlans=("1", "100-199")))
        found.append(
            Interface("eth1.100", kind="vlan", mtu=1500, mac=_mac(number, 1), parent="eth1", vlan_id=100)
        )
    return tuple(sorted(found, key=lambda each: each.name))


def _hardware(
    number: int,
    index: int,
    addresses: tuple[str, ...] = (),
    controller: str = "",
    sriov: SriovFunction | None = None,
) -> Interface:
    return Interface(
        f"eth{index}",
        mtu=1500,
        mac=_mac(number, index),
        addresses=addresses,
        controller=controller,
        alt_names=(f"enp{index}s0",),
        device_path=f"pci0000:00/0000:00:{index + 3:02x}.0",
        sriov=sriov,
    )


def _mac(number: int, index: int) -> str:
    return ":".join(("02", f"{index:02x}", *(f"{number:08x}"[at : at + 2] for at in range(0, 8, 2))))


def _address(node: int) -> str:
    return f"172.16.{node // 250}.{node % 250}"


def _boot_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def _status(pod: int, networks: tuple[int, ...]) -> str:
    """As Multus writes it."""
    address = f"10.{64 + pod // 62500}.{pod // 250 % 250}.{pod % 250}"
    entries: list[Mapping[str, Any]] = [
        {
            "name": "cbr0",
            "interface": "eth0",
            "ips": [address],
            "mac": _mac(pod, 16),
            "default": True,
            "dns": {},
        }
    ]
    for index, number in enumerate(networks, 1):
        ips = [f"10.{128 + number // 250}.{number % 250}.{pod % 250}"]
        entries.append(
            {
                "name": network_name(number),
                "interface": f"net{index}",
                "ips": ips,
                "mac": _mac(pod, index),
                "dns": {},
            }
        )
    return json.dumps(entries, indent=4)
