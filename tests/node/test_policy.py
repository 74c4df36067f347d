"""Policy on the node, without any webhook: each attack is refused before it changes anything, and its neighbour is attached.

The networks belong to a tenant's namespace: the level is baseline, and Pod Security's label is that of most tenants.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, NODE_SELECTOR
from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from netattach_core.policy.levels import ENFORCE_LABEL
from support.node import CnitoolNode, NodePod
from support.shim_calls import error_of
from support.waiting import eventually

SETTINGS = {
    "policy": {"limits": {"pluginsPerNetwork": 3, "networksPerPod": 2}},
    "clusterNetworks": {"pods": ["10.244.0.0/16"], "services": ["10.96.0.0/12"]},
}
INVALID_NETWORK = 7
"""The code of a network that is refused (CNI SPEC, section "Error")."""

Config = dict[str, Any]


def host_local(subnet: str = "10.9.0.0/24", **more: Any) -> Config:
    return {"type": "host-local", "subnet": subnet, **more}


def static(address: str, **more: Any) -> Config:
    return {"type": "static", "addresses": [{"address": address, **more}]}


def network(*plugins: Config, name: str = "net") -> Config:
    return {"cniVersion": "1.0.0", "name": name, "plugins": list(plugins)}


def bridge(**more: Any) -> Config:
    return {"type": "bridge", "bridge": "mybr0", "ipam": host_local(), **more}


MACVLAN: Config = {"type": "macvlan", "master": "eth1"}
MAPPED = network(bridge(), {"type": "portmap", "capabilities": {"portMappings": True}})
PORT = {"hostPort": 8080, "containerPort": 80}
TUNED = network(MACVLAN, {"type": "tuning", "sysctl": {}})
ADDRESSED = network({**MACVLAN, "ipam": {"type": "static"}, "capabilities": {"ips": True}})
ROUTED = network({"type": "ptp", "ipam": {"type": "static"}, "capabilities": {"ips": True}})


class Case(NamedTuple):
    """A network, its annotations, what a pod requests of it, and the rule that refuses it, "" for a neighbour."""

    config: Config
    rule: str = ""
    annotations: dict[str, str] = {}  # noqa: RUF012  # never changed
    request: Config = {}  # noqa: RUF012  # never changed
    default: bool = False
    """Whether it replaces the default network."""

    times: int = 1


ATTACKS = {
    "as many plugins as fit": Case(
        network(MACVLAN, *[{"type": "tuning", "mtu": 1400}] * 3), "policy-too-many-plugins"
    ),
    "plugins instead of the default network": Case(
        network(bridge(), *[{"type": "tuning", "mtu": 1400}] * 3), "policy-too-many-plugins", default=True
    ),
    "more networks than the limit": Case(network(MACVLAN), "policy-too-many-networks", times=3),
    "a host port": Case(MAPPED, "policy-host-port", request={"portMappings": [PORT]}),
    "a host port with another key": Case(
        MAPPED, "policy-host-port", request={"PortMapping\u017f": [{**PORT, "HOSTPORT": 22}]}
    ),
    "a host port that flannel passes on": Case(
        {
            "cniVersion": "1.0.0",
            "type": "flannel",
            "delegate": {"type": "portmap", "runtimeConfig": {"portMappings": [PORT]}},
        },
        "policy-host-port",
    ),
    "a sysctl past the network's author": Case(
        TUNED, "policy-cni-args", request={"cni-args": {"SysCtl": {"net.core.rmem_max": "1"}}}
    ),
    "a path past the network's author": Case(
        TUNED, "policy-cni-args", request={"cni-args": {"dataDir": "TMP/x"}}
    ),
    "a runtime's values past the daemon": Case(
        MAPPED, "policy-cni-args", request={"cni-args": {"runtimeConfig": {"portMappings": [PORT]}}}
    ),
    "the address of a Service": Case(ROUTED, "policy-cluster-address", request={"ips": ["10.96.0.1/12"]}),
    "the address of a Service past the annotation's keys": Case(
        ROUTED, "policy-cluster-address", request={"cni-args": {"IPS": ["::ffff:10.96.0.1/108"]}}
    ),
    "a store of leases anywhere": Case(
        network(bridge(ipam=host_local(dataDir="TMP/leases"))), "policy-host-path"
    ),
    "a store of leases by way of a permitted directory": Case(
        network(bridge(ipam=host_local(dataDir="/var/lib/cni/networks/../../../..TMP/leases"))),
        "policy-host-path",
    ),
    "a file that is read for DNS servers": Case(
        network(bridge(ipam=host_local(resolvConf="/etc/shadow"))), "policy-host-path"
    ),
    "a directory of tuning": Case(
        network(MACVLAN, {"type": "tuning", "mtu": 1400, "dataDir": "TMP/tuning"}), "policy-host-path"
    ),
    "a key in another case": Case(network(bridge(ipam=host_local(DATADIR="TMP/leases"))), "policy-host-path"),
    "a sysctl of the whole node": Case(
        network(MACVLAN, {"type": "tuning", "sysctl": {"net.netfilter.nf_conntrack_max": "1"}}),
        "policy-sysctl",
    ),
    "conditions of portmap": Case(
        network(
            bridge(),
            {"type": "portmap", "capabilities": {"portMappings": True}, "conditionsV4": ["--modprobe=TMP/x"]},
        ),
        "policy-host-firewall",
    ),
    "the default interface as master": Case(
        network({"type": "macvlan", "master": "eth0"}), "policy-default-interface"
    ),
    "the interface of the default route": Case(network({"type": "macvlan"}), "policy-default-interface"),
    "the default interface as bridge": Case(network(bridge(bridge="eth0")), "policy-default-interface"),
    "the default interface by its own exemption": Case(
        network({"type": "macvlan", "master": "eth0"}),
        "policy-",
        {ALLOW_DEFAULT_INTERFACE: "true"},
    ),
    "the default interface by its MAC address": Case(
        network({"type": "host-device", "hwaddr": "MAC"}), "policy-default-interface"
    ),
    "a Service's address by ptp": Case(
        network({"type": "ptp", "ipam": static("10.96.0.1/12")}), "policy-cluster-address"
    ),
    "a Service's address by ptp, written as IPv6": Case(
        network({"type": "ptp", "ipam": static("::ffff:10.96.0.1/128")}), "policy-cluster-address"
    ),
    "a gateway with an address of the cluster": Case(
        network(bridge(isGateway=True, ipam=static("10.99.0.9/24", gateway="10.96.0.1"))),
        "policy-cluster-address",
    ),
    "the leases of the default network": Case(
        network(bridge(ipam=host_local()), name="cbr0"), "policy-lease-store"
    ),
    "a selector for other nodes": Case(
        network(MACVLAN), annotations={NODE_SELECTOR: "network=none"}, rule=NODE_SELECTOR
    ),
    "a selector that cannot be parsed": Case(
        network(MACVLAN), annotations={NODE_SELECTOR: "a b"}, rule=NODE_SELECTOR
    ),
}

NEIGHBOURS = {
    "as many plugins as the limit": Case(network(MACVLAN, *[{"type": "tuning", "mtu": 1400}] * 2)),
    "as many networks as the limit": Case(network(MACVLAN), times=2),
    "a sysctl, an MTU and a MAC address of the pod's interface": Case(
        TUNED,
        request={
            "mac": "02:00:5e:10:00:01",
            "cni-args": {"mtu": 1400, "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}},
        },
    ),
    "an address that the cluster does not use": Case(ADDRESSED, request={"ips": ["10.9.0.7/24"]}),
    "a store of leases where plugins have theirs": Case(
        network(bridge(ipam=host_local(dataDir="/var/lib/cni/networks"))),
    ),
    "sysctls of the pod's interfaces": Case(
        network(MACVLAN, {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}})
    ),
    "another interface as master": Case(network(MACVLAN)),
    "an address of its own by ptp": Case(
        network({"type": "ptp", "ipam": static("10.50.0.9/24", gateway="10.50.0.1")})
    ),
    "a gateway with an address of its own": Case(
        network(bridge(bridge="mybr1", isGateway=True, ipam=static("10.50.0.9/24", gateway="10.50.0.1")))
    ),
    "a selector for this node": Case(network(MACVLAN), annotations={NODE_SELECTOR: "!network"}),
    "another default network": Case(network(bridge()), default=True),
}


class PolicyNode(CnitoolNode):
    """A node whose daemon has settings with a policy."""

    def set_policy(self, **settings: Any) -> None:
        self.stage.paths.config.write_text(json.dumps(settings))  # JSON is YAML

    def state(self, pod: NodePod) -> dict[str, Any]:
        """All that an attack could change: links, addresses, routes and rules of the node and of the pod, and files."""
        routes = ("ip", "-4", "route", "show", "table", "all")  # IPv6: its own come and go by themselves
        return {
            "links": [(link["ifname"], link["addr_info"]) for link in self.links()],
            "routes": sorted(_without_state(line) for line in self.stage.run(*routes).stdout.splitlines()),
            "pod": (self.links(pod), self.in_pod(pod, *routes)),
            "rules": self.stage.run("iptables-save", check=False).stdout.count("\n-A "),
            **self.leftovers(),
        }


def _without_state(route: str) -> str:
    """A bridge loses its carrier some time after its last pod is gone, and the kernel notes that in its routes."""
    return route.replace(" linkdown", "").rstrip()


@pytest.fixture(scope="module")
def policy_stage(places: NodePaths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoNode]:
    own = NodePaths(tmp_path_factory.mktemp("policy") / "stage", places.plugins, places.shim)
    with demo_node.build(own) as built:
        own.config.write_text(json.dumps(SETTINGS))
        metadata = {"name": "default", "labels": {ENFORCE_LABEL: "baseline"}}
        namespace = own.store / "namespaces/default.json"
        namespace.parent.mkdir(parents=True)
        namespace.write_text(json.dumps({"kind": "Namespace", "metadata": metadata}))
        with built.daemon():
            yield built


@pytest.fixture
def node(policy_stage: DemoNode, cnitool: Path) -> Iterator[PolicyNode]:
    node = PolicyNode(policy_stage, cnitool)
    yield node
    assert {} == {kind: left for kind, left in node.leftovers().items() if left}


def _pod_of(node: PolicyNode, case: Case, tmp_path: Path) -> Any:
    config = json.loads(json.dumps(case.config).replace("TMP", str(tmp_path)).replace("MAC", _mac(node)))
    node.create_nad("net", config, more=case.annotations)
    if case.default:
        return node.pod(more={DEFAULT_NETWORK: "default/net"})
    request = json.loads(json.dumps(case.request).replace("TMP", str(tmp_path)).replace("MAC", _mac(node)))
    return node.pod([{"name": "net", **request}] * case.times)


def _mac(node: PolicyNode) -> str:
    """Of the node's default interface."""
    return next(str(link["address"]) for link in node.links() if link["ifname"] == "eth0")


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_and_changes_nothing(node: PolicyNode, tmp_path: Path, name: str) -> None:
    case = ATTACKS[name]
    with _pod_of(node, case, tmp_path) as pod:
        before = node.state(pod)
        error = error_of(node, "ADD", pod)

        assert INVALID_NETWORK == error["code"]
        assert case.rule in error["msg"]
        assert before == node.state(pod)
        assert [] == list(tmp_path.iterdir())
        assert {} == error_of(node, "DEL", pod), "which every runtime calls after a failed ADD"


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_its_neighbour_is_attached(node: PolicyNode, tmp_path: Path, name: str) -> None:
    case = NEIGHBOURS[name]
    with _pod_of(node, case, tmp_path) as pod:
        node.add(pod)

        assert ["lo", "eth0", "net1", "net2"][: 2 + (0 if case.default else case.times)] == node.link_names(
            pod
        )
        node.delete(pod)


def test_a_pod_that_was_attached_before_a_policy_is_detached_under_it(node: PolicyNode) -> None:
    """Its CHECK succeeds too; the next pod is refused."""
    node.create_nad("net", network(bridge(), {"type": "tuning", "mtu": 1400}))
    with node.pod("net") as pod, node.pod("net") as later:
        node.add(pod)
        try:
            node.set_policy(**{**SETTINGS, "policy": {"limits": {"pluginsPerNetwork": 1}}})
            eventually(lambda: "policy-too-many-plugins" in _tried(node, later), "the new policy")

            assert 0 == node.call("check", pod).returncode
            node.delete(pod)
            assert (["lo"], [], []) == (node.link_names(pod), node.leases(), node.ledger_entries())
        finally:
            node.set_policy(**SETTINGS)
            eventually(lambda: _tried(node, later) == "", "the former policy")


def _tried(node: PolicyNode, pod: NodePod) -> str:
    """Why a pod is not attached; nothing is left of it."""
    done = node.call("add", pod)
    node.delete(pod)
    return "" if done.returncode == 0 else done.stderr
