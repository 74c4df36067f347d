"""The cluster's own addresses are refused where the node gets an address or a route, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.policy import networks, requests
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.requests import PodCase
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding
from netattach_core.validation.settings import ClusterNetworks

NODE = NodeInventory(
    "worker-1",
    interfaces=(
        Interface("eth0", addresses=("192.0.2.7/24", "fe80::7/64", "2001:db8::7/64")),
        Interface("eth1", addresses=("198.51.100.7/24",)),
        Interface("cni0", "bridge", addresses=("10.244.1.1/24",)),
        Interface("br9", "bridge", addresses=("10.9.0.1/24",)),
        Interface("kube-ipvs0", "dummy", addresses=("203.0.113.53/32",)),
    ),
    default_interfaces=(DefaultInterface("eth0", ()),),
)
AROUND = Surroundings(
    (NODE,),
    ClusterNetworks(
        pods=("10.244.0.0/16", "fd00:10::/56"), services=("10.96.0.0/12",), api_server=("172.30.0.1/32",)
    ),
)
BASELINE = NamespacePolicy("lab", enforce=Level.BASELINE)
IP = "10.99.0.9/24"


def static(address: str, **more: str) -> dict[str, Any]:
    return {"type": "static", "addresses": [{"address": address, **more}]}


def ptp(ipam: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "ptp", "ipam": ipam or static("10.7.0.2/24"), **more}


def bridge(ipam: Any, **more: Any) -> dict[str, Any]:
    return {"type": "bridge", "bridge": "br1", "ipam": ipam, **more}


def findings(config: dict[str, Any] | str, around: Surroundings = AROUND) -> list[Finding]:
    text = config if isinstance(config, str) else json.dumps({"cniVersion": "1.0.0", "name": "n", **config})
    found = networks.check(Nad("lab", "net", text), BASELINE, around)
    return [each for each in found if each.rule.id == "policy-cluster-address"]


ATTACKS: dict[str, Any] = {
    "Service": ptp(static("10.96.0.1/12")),
    "Service as a single address": ptp(static("10.96.0.10/32")),
    "address of the API server, which no subnet has": ptp(static("172.30.0.1/24")),
    "everything": bridge(static("10.9.0.2/1"), isGateway=True),
    "IPv4-mapped": ptp(static("::ffff:10.96.0.1/108")),
    "another pod": ptp(static("10.244.1.9/24")),
    "another pod, IPv6": ptp(static("fd00:10:0:0::9/64")),
    "subnet of the default interface": ptp(static("192.0.2.55/32")),
    "its IPv6 subnet": ptp(static("2001:DB8:0:0::99/128")),
    "the node's address on another interface": ptp(static("198.51.100.7/32")),
    "a Service that IPVS has as an address": ptp(static("203.0.113.53/32")),
    "gateway": ptp(static(IP, gateway="10.96.0.1")),
    "second address": {
        "type": "ptp",
        "ipam": {"type": "static", "addresses": [{"address": IP}, {"address": "10.96.0.1/12"}]},
    },
    "range": ptp(
        {"type": "host-local", "ranges": [[{"subnet": "10.7.0.0/24"}], [{"subnet": "10.96.0.0/24"}]]}
    ),
    "range with its start elsewhere": ptp(
        {"type": "host-local", "subnet": "10.0.0.0/8", "rangeStart": "10.200.0.1"}
    ),
    "whereabouts": ptp({"type": "whereabouts", "range": "10.96.0.5-10.96.0.9/24"}),
    "whereabouts, a dash without prefix": ptp({"type": "whereabouts", "range": " 10.96.0.5 - 10.96.0.9"}),
    "key in another case": {
        "type": "ptp",
        "IPAM": {"type": "static", "Addresses": [{"ADDRESS": "10.96.0.1/12"}]},
    },
    "args that static prefers": ptp(static(IP), args={"cni": {"ips": ["10.96.0.1/12"]}}),
    "runtimeConfig of the author": ptp(static(IP), RuntimeConfig={"ips": ["10.96.0.1/12"]}),
    "gateway of a bridge": bridge(static(IP, gateway="10.96.0.1"), isGateway=True),
    "default gateway of a bridge": bridge(static("10.96.0.9/12"), IsDefaultGateway=True),
    "masquerading": bridge(static("10.244.1.9/24"), ipMasq=True),
    "KubeVirt's bridge": {**bridge(static("10.96.0.9/12"), isGateway=True), "type": "cnv-bridge"},
    "whatever DHCP answers": bridge({"type": "dhcp"}, isGateway=True),
    "flannel": {"type": "flannel", "ipam": {"ranges": [[{"subnet": "10.96.0.0/24"}]]}, "delegate": {}},
    "ptp by flannel": {
        "type": "flannel",
        "delegate": {"type": "ptp", "args": {"cni": {"ips": ["10.96.0.1"]}}},
    },
    "second of a chain": {"plugins": [{"type": "dummy"}, ptp(static("10.96.0.1/12"))]},
}


@pytest.mark.parametrize("name", ATTACKS)
def test_addresses_of_the_cluster_are_refused_on_the_node(name: str) -> None:
    assert findings(ATTACKS[name])


NEIGHBOURS: dict[str, Any] = {
    "other addresses": ptp(static(IP.replace("10.99", "10.7"))),
    "the pod alone": {"type": "macvlan", "master": "eth1", "ipam": static("10.96.0.9/12")},
    "a bridge that is no gateway": bridge(static("10.96.0.9/12")),
    "DHCP on a bridge": bridge({"type": "dhcp"}),
    "a route to the Services": ptp(
        {**static("10.7.0.2/24"), "routes": [{"dst": "10.96.0.0/12", "gw": "10.7.0.1"}]}
    ),
    "the cluster's DNS server": ptp({**static("10.7.0.2/24"), "dns": {"nameservers": ["10.96.0.10"]}}),
    "the bridge of an earlier pod": bridge({"type": "host-local", "subnet": "10.9.0.0/24"}, isGateway=True),
    "next to the node's address": ptp(static("198.51.100.8/32")),
    "excluded from a range": ptp(
        {"type": "whereabouts", "range": "10.7.0.0/24", "exclude": ["10.96.0.0/12"]}
    ),
    "a pool of calico": {"type": "calico", "ipam": {"type": "calico-ipam", "ipv4_pools": ["10.244.0.0/16"]}},
    "leading zeros, which no plugin reads": ptp(static("010.096.0.1/12")),
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_other_networks_pass(name: str) -> None:
    assert [] == findings(NEIGHBOURS[name])


def test_the_finding_says_what_the_address_is_and_where_it_is_written() -> None:
    (found,) = findings(ptp(static("10.96.0.1/12")))

    assert ("ipam", "addresses", 0, "address") == found.path
    assert (
        "10.96.0.1/12 overlaps 10.96.0.0/12, the cluster's subnet for Services, and with ptp the node gets a route to each "
        "address: traffic for it would go to the pods of this network" == found.problem
    )


def test_nothing_is_refused_where_nothing_is_known_of_the_cluster() -> None:
    assert [] == findings(ptp(static("10.96.0.1/12")), Surroundings())


def requested(selection: NetworkSelection, config: dict[str, Any], *, default: bool = False) -> list[Finding]:
    nad = Nad("lab", "net", json.dumps({"cniVersion": "1.0.0", "name": "n", **config}))
    case = PodCase(
        BASELINE,
        () if default else (selection,),
        selection if default else None,
        {("lab", "net"): nad},
        AROUND,
    )
    return [each for each in requests.check(case) if each.rule.id == "policy-cluster-address"]


@pytest.mark.parametrize("default", [False, True])
@pytest.mark.parametrize(
    "selection",
    [
        NetworkSelection("lab", "net", ips=("10.7.0.9/24", "10.96.0.1/12")),
        NetworkSelection("lab", "net", ips=("10.96.0.1",)),
        NetworkSelection("lab", "net", cni_args={"ips": ["10.96.0.1/12"]}),
        NetworkSelection("lab", "net", cni_args={"IP": "10.7.0.9,10.96.0.1"}),
    ],
)
def test_a_pod_cannot_request_an_address_of_the_cluster(selection: NetworkSelection, default: bool) -> None:  # noqa: FBT001
    (found,) = requested(selection, ptp({"type": "static"}, capabilities={"ips": True}), default=default)

    assert "policy-cluster-address" == found.rule.id
    assert "the cluster's subnet for Services" in found.problem


def test_a_pod_can_request_other_addresses_and_any_where_it_alone_gets_them() -> None:
    selection = NetworkSelection("lab", "net", ips=("10.96.0.1/12",))

    assert [] == requested(selection, {"type": "macvlan", "master": "eth1", "ipam": {"type": "static"}})
    assert [] == requested(NetworkSelection("lab", "net", ips=("10.7.0.9/24",)), ptp({"type": "static"}))
    assert [] == requested(NetworkSelection("lab", "other", ips=("10.96.0.1/12",)), ptp({"type": "static"}))


@pytest.mark.parametrize(
    "config",
    [
        {"type": "flannel", "delegate": {"type": "flannel", "delegate": ptp(static("10.96.0.1/12"))}},
        {"type": "my-bridge", "isGateway": True, "ipam": static("10.96.0.1/12")},
        {
            "plugins": [
                {"type": "macvlan", "master": "eth1", "ipam": static("10.244.1.9/16")},
                {"type": "firewall"},
            ]
        },
        ptp(static("169.254.169.254/24")),
        '{"type": "bridge", "isGateway": true, "ISGATEWAY": false, "ipam": {"subnet": "10.96.0.0/12"}}',
    ],
)
def test_another_way_to_the_same_effect_is_refused(config: dict[str, Any] | str) -> None:
    assert findings(config)


def test_an_address_from_a_dhcp_server_passes_the_firewall() -> None:
    chain = [{"type": "macvlan", "master": "eth1", "ipam": {"type": "dhcp"}}, {"type": "firewall"}]

    assert findings({"plugins": chain}) == []


@pytest.mark.parametrize(
    "config", [ptp(static("203.0.113.9/32")), bridge(static("9.9.9.9/24"), isGateway=True)]
)
def test_an_address_outside_of_the_cluster_passes_although_the_node_gets_a_route(config: Any) -> None:
    """What is somebody's service outside, and what a pod's public address, only `subnets` of restricted can say."""
    assert [] == findings(config)
