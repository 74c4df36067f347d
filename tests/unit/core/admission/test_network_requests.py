"""What a pod requests from its networks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.admission import network_requests
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import NETWORKS, parse
from netattach_core.text.finding import Finding

RANGE = {"type": "host-local", "subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10", "rangeEnd": "10.1.2.19"}


DUAL = {"type": "host-local", "ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00:1::/64"}]]}


IPS = {"ips": True}


def network(**keys: Any) -> Nad:
    return Nad("lab", "net", json.dumps({"cniVersion": "1.0.0", "name": "n", **keys}))


def rules(findings: Any) -> list[str]:
    return [finding.rule.id for finding in findings]


def findings_for(nad: Nad, **requests: Any) -> list[Finding]:
    selections = parse(json.dumps([{"name": "net", **requests}]), "lab")
    return list(network_requests.validate_requests(selections, {("lab", "net"): nad}))


BRIDGE = network(type="bridge", capabilities=IPS, ipam=RANGE)


LISTED = Nad(
    "lab",
    "net",
    json.dumps(
        {
            "cniVersion": "1.0.0",
            "name": "n",
            "plugins": [
                {"type": "bridge", "ipam": RANGE},
                {"type": "portmap", "capabilities": {"portMappings": True}},
                {"type": "bandwidth", "capabilities": {"bandwidth": True}},
            ],
        }
    ),
)


PORTS = [{"hostPort": 80, "containerPort": 80}]


REQUESTS: dict[str, tuple[Nad, dict[str, Any], list[str]]] = {
    "an address of the range": (BRIDGE, {"ips": ["10.1.2.12"]}, []),
    "with a prefix": (BRIDGE, {"ips": ["10.1.2.12/24"]}, []),
    "an address outside the range": (BRIDGE, {"ips": ["10.1.2.9"]}, ["pod-address-outside"]),
    "the gateway": (
        network(type="bridge", capabilities=IPS, ipam={"type": "host-local", "subnet": "10.1.2.0/24"}),
        {"ips": ["10.1.2.1"]},
        ["pod-address-outside"],
    ),
    "an address of the other IP version": (BRIDGE, {"ips": ["fd00::7"]}, ["pod-address-outside"]),
    "two addresses of one range": (
        BRIDGE,
        {"ips": ["10.1.2.12", "10.1.2.13"]},
        ["pod-addresses-of-one-range"],
    ),
    "one address of each IP version": (
        network(type="bridge", capabilities=IPS, ipam=DUAL),
        {"ips": ["10.1.2.12", "fd00:1::7"]},
        [],
    ),
    "ranges from the runtime": (
        network(type="bridge", capabilities={"ips": True, "ipRanges": True}, ipam=RANGE),
        {"ips": ["10.9.9.9"]},
        [],
    ),
    "static without a prefix": (
        network(type="macvlan", master="eth1", capabilities=IPS, ipam={"type": "static"}),
        {"ips": ["10.1.2.3"]},
        ["pod-address-without-prefix"],
    ),
    "static without a request": (
        network(type="macvlan", master="eth1", capabilities=IPS, ipam={"type": "static"}),
        {},
        ["pod-address-missing"],
    ),
    "static with its own address": (
        network(
            type="macvlan", master="eth1", ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24"}]}
        ),
        {},
        [],
    ),
    "an address with dhcp": (
        network(type="macvlan", master="eth1", ipam={"type": "dhcp"}),
        {"ips": ["10.1.2.3/24"]},
        ["pod-request-ignored"],
    ),
    "a MAC with ipvlan": (
        network(type="ipvlan", master="eth1", ipam=RANGE),
        {"mac": "02:00:00:00:00:01"},
        ["pod-request-ignored"],
    ),
    "a MAC with macvlan": (
        network(type="macvlan", master="eth1", ipam=RANGE),
        {"mac": "02:00:00:00:00:01"},
        [],
    ),
    "a multicast MAC": (BRIDGE, {"mac": "01:00:5e:00:00:01"}, ["pod-mac"]),
    "a MAC of zeros": (BRIDGE, {"mac": "00:00:00:00:00:00"}, ["pod-mac"]),
    "ports without portmap": (BRIDGE, {"portMappings": PORTS}, ["pod-request-ignored"]),
    "ports with portmap": (LISTED, {"portMappings": PORTS, "bandwidth": {"ingressRate": 1000}}, []),
    "an unknown plugin": (
        network(type="fancy"),
        {"portMappings": PORTS, "mac": "02:00:00:00:00:01"},
        [],
    ),
    "a plugin that reads the annotation itself": (
        network(type="ovn-k8s-cni-overlay", topology="layer2", netAttachDefName="lab/net"),
        {"ips": ["10.1.2.3/24"], "mac": "02:00:00:00:00:01"},
        [],
    ),
    "a config that cannot be parsed": (Nad("lab", "net", "{"), {"ips": ["10.1.2.3"]}, []),
    "a gateway in the subnet": (BRIDGE, {"default-route": ["10.1.2.1"]}, []),
    "the network's own gateways": (BRIDGE, {"default-route": []}, []),
    "a gateway outside the subnet": (BRIDGE, {"default-route": ["10.1.3.1"]}, ["pod-gateway"]),
    "a gateway of an IP version without an address": (
        BRIDGE,
        {"default-route": ["10.1.2.1", "fd00:1::1"]},
        ["pod-gateway"],
    ),
    "a link-local gateway": (BRIDGE, {"default-route": ["fe80::1"]}, []),
    "a gateway behind a route": (
        network(type="bridge", ipam={**RANGE, "routes": [{"dst": "192.0.2.1/32", "scope": 253}]}),
        {"default-route": ["192.0.2.1"]},
        [],
    ),
    "a gateway that only a default route leads to": (
        network(type="bridge", ipam={**RANGE, "routes": [{"dst": "0.0.0.0/0"}]}),
        {"default-route": ["192.0.2.1"]},
        ["pod-gateway"],
    ),
    "a gateway in the subnet of the requested address": (
        network(
            type="macvlan",
            master="eth1",
            capabilities=IPS,
            ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24"}]},
        ),
        {"ips": ["10.7.0.5/16"], "default-route": ["10.7.9.1"]},
        [],
    ),
    "a gateway in the subnet of an address that is replaced by the requested one": (
        network(
            type="macvlan",
            master="eth1",
            capabilities=IPS,
            ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24"}]},
        ),
        {"ips": ["10.7.0.5/16"], "default-route": ["10.1.2.1"]},
        ["pod-gateway"],
    ),
    "a gateway that is the pod's own address": (
        network(
            type="macvlan", master="eth1", ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24"}]}
        ),
        {"default-route": ["10.1.2.3"]},
        ["pod-gateway"],
    ),
    "a gateway with dhcp": (
        network(type="macvlan", master="eth1", ipam={"type": "dhcp"}),
        {"default-route": ["10.9.9.9"]},
        [],
    ),
    "a gateway with unknown addresses": (
        BRIDGE,
        {"default-route": ["10.9.9.9"], "cni-args": {"ips": ["10.9.9.1/24"]}},
        [],
    ),
    "a gateway with a plugin that changes routes": (
        network(plugins=[{"type": "bridge", "ipam": RANGE}, {"type": "route-override"}]),
        {"default-route": ["10.9.9.9"]},
        [],
    ),
    "a file on the nodes": (Nad("lab", "net"), {"ips": ["10.1.2.3"]}, []),
}


@pytest.mark.parametrize(("nad", "requests", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_requests_that_a_network_supports_or_not(
    nad: Nad, requests: dict[str, Any], expected: list[str]
) -> None:
    findings = findings_for(nad, **requests)

    assert expected == rules(findings)
    assert all((NETWORKS, 0) == finding.path for finding in findings)


def test_an_unknown_network_is_skipped() -> None:
    assert [] == list(network_requests.validate_requests(parse("net", "lab"), {}))
