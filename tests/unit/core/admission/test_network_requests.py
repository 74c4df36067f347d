"""What pods and their templates ask of networks, and networks that go or change under them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core import admission
from netattach_core.admission import network_requests, pod_devices, pod_templates
from netattach_core.api.nad import PROTECT, Nad
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, parse
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.settings import ValidationSettings

RANGE = {"type": "host-local", "subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10", "rangeEnd": "10.1.2.19"}
DUAL = {"type": "host-local", "ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00:1::/64"}]]}
IPS = {"ips": True}


def network(**keys: Any) -> Nad:
    return Nad("lab", "net", json.dumps({"cniVersion": "1.0.0", "name": "n", **keys}))


def rules(findings: Any) -> list[str]:
    return [finding.rule.id for finding in findings]


def asked(nad: Nad, **wishes: Any) -> list[Finding]:
    selections = parse(json.dumps([{"name": "net", **wishes}]), "lab")
    return list(network_requests.check(selections, {("lab", "net"): nad}))


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
ASKED: dict[str, tuple[Nad, dict[str, Any], list[str]]] = {
    "an address of the range": (BRIDGE, {"ips": ["10.1.2.12"]}, []),
    "with a prefix": (BRIDGE, {"ips": ["10.1.2.12/24"]}, []),
    "an address outside the range": (BRIDGE, {"ips": ["10.1.2.9"]}, ["pod-address-outside"]),
    "the gateway": (
        network(type="bridge", capabilities=IPS, ipam={"type": "host-local", "subnet": "10.1.2.0/24"}),
        {"ips": ["10.1.2.1"]},
        ["pod-address-outside"],
    ),
    "of another version": (BRIDGE, {"ips": ["fd00::7"]}, ["pod-address-outside"]),
    "two of one range": (BRIDGE, {"ips": ["10.1.2.12", "10.1.2.13"]}, ["pod-addresses-of-one-range"]),
    "one of each version": (
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
    "static and none": (
        network(type="macvlan", master="eth1", capabilities=IPS, ipam={"type": "static"}),
        {},
        ["pod-address-missing"],
    ),
    "static with its own": (
        network(
            type="macvlan", master="eth1", ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24"}]}
        ),
        {},
        [],
    ),
    "an address of dhcp": (
        network(type="macvlan", master="eth1", ipam={"type": "dhcp"}),
        {"ips": ["10.1.2.3/24"]},
        ["pod-request-ignored"],
    ),
    "a MAC of ipvlan": (
        network(type="ipvlan", master="eth1", ipam=RANGE),
        {"mac": "02:00:00:00:00:01"},
        ["pod-request-ignored"],
    ),
    "a MAC of macvlan": (
        network(type="macvlan", master="eth1", ipam=RANGE),
        {"mac": "02:00:00:00:00:01"},
        [],
    ),
    "a group's MAC": (BRIDGE, {"mac": "01:00:5e:00:00:01"}, ["pod-mac"]),
    "no MAC at all": (BRIDGE, {"mac": "00:00:00:00:00:00"}, ["pod-mac"]),
    "ports without portmap": (BRIDGE, {"portMappings": PORTS}, ["pod-request-ignored"]),
    "ports with portmap": (LISTED, {"portMappings": PORTS, "bandwidth": {"ingressRate": 1000}}, []),
    "a plugin that nobody knows": (
        network(type="fancy"),
        {"portMappings": PORTS, "mac": "02:00:00:00:00:01"},
        [],
    ),
    "one that reads the annotation itself": (
        network(type="ovn-k8s-cni-overlay", topology="layer2", netAttachDefName="lab/net"),
        {"ips": ["10.1.2.3/24"], "mac": "02:00:00:00:00:01"},
        [],
    ),
    "one that cannot be read": (Nad("lab", "net", "{"), {"ips": ["10.1.2.3"]}, []),
    "a gateway of the subnet": (BRIDGE, {"default-route": ["10.1.2.1"]}, []),
    "the network's own gateways": (BRIDGE, {"default-route": []}, []),
    "a gateway outside the subnet": (BRIDGE, {"default-route": ["10.1.3.1"]}, ["pod-gateway"]),
    "a gateway of a version without an address": (
        BRIDGE,
        {"default-route": ["10.1.2.1", "fd00:1::1"]},
        ["pod-gateway"],
    ),
    "a gateway of the link": (BRIDGE, {"default-route": ["fe80::1"]}, []),
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
    "a gateway of the addresses that are asked for": (
        network(
            type="macvlan",
            master="eth1",
            capabilities=IPS,
            ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24"}]},
        ),
        {"ips": ["10.7.0.5/16"], "default-route": ["10.7.9.1"]},
        [],
    ),
    "a gateway of addresses that others are asked for instead of": (
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
    "a gateway of dhcp": (
        network(type="macvlan", master="eth1", ipam={"type": "dhcp"}),
        {"default-route": ["10.9.9.9"]},
        [],
    ),
    "a gateway of addresses that nobody knows": (
        BRIDGE,
        {"default-route": ["10.9.9.9"], "cni-args": {"ips": ["10.9.9.1/24"]}},
        [],
    ),
    "a gateway behind a plugin that changes routes": (
        network(plugins=[{"type": "bridge", "ipam": RANGE}, {"type": "route-override"}]),
        {"default-route": ["10.9.9.9"]},
        [],
    ),
    "one of the nodes' files": (Nad("lab", "net"), {"ips": ["10.1.2.3"]}, []),
}


@pytest.mark.parametrize(("nad", "wishes", "expected"), ASKED.values(), ids=ASKED)
def test_a_wish_is_one_that_the_network_can_fulfil(
    nad: Nad, wishes: dict[str, Any], expected: list[str]
) -> None:
    findings = asked(nad, **wishes)

    assert expected == rules(findings)
    assert all((NETWORKS, 0) == finding.path for finding in findings)


def test_a_network_that_is_not_known_is_passed_over() -> None:
    assert [] == list(network_requests.check(parse("net", "lab"), {}))


def pod(networks: str) -> dict[str, Any]:
    return {"metadata": {"name": "p", "annotations": {NETWORKS: networks}}}


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ("a, b", []),
        ("a@net2, b", ["pod-interface-twice"]),
        ("a@x, b@x", ["pod-interface-twice"]),
        ("a@eth0", ["pod-interface-twice"]),
        ("a@net2, b@net1", []),
        ("a, a", []),
    ],
)
def test_each_interface_has_one_network(networks: str, expected: list[str]) -> None:
    assert expected == rules(admission.of_pod(pod(networks), None, "lab").findings)


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([["10.0.0.1"], ["fd00::1"]], []),
        ([None, ["10.0.0.1", "fd00::1"]], []),
        ([[], ["10.0.0.1"]], []),
        ([["10.0.0.1"], ["10.0.0.1"]], ["pod-default-route"]),
        ([["fd00::1", "fd00::2"]], ["pod-default-route"]),
        ([[], []], ["pod-default-route"]),
        ([["0.0.0.0"]], ["pod-default-route"]),
        ([["gateway"]], ["pod-annotation"]),
    ],
)
def test_a_pod_has_one_default_route_of_each_ip_version(
    routes: list[list[str] | None], expected: list[str]
) -> None:
    elements = [{"name": "a", "default-route": gateways} for gateways in routes]

    assert expected == rules(admission.of_pod(pod(json.dumps(elements)), None, "lab").findings)


@pytest.mark.parametrize(
    ("of_default", "of_network", "expected"),
    [
        (["10.0.0.1"], ["fd00::1"], {}),
        (["10.0.0.1"], ["10.0.0.2"], {NETWORKS: "10.0.0.1 (kube-system/d) and 10.0.0.2 (lab/a)"}),
        (["10.0.0.1", "10.0.0.2"], ["10.0.0.3"], {DEFAULT_NETWORK: "10.0.0.1 (kube-system/d) and 10.0.0.2"}),
    ],
)
def test_the_default_networks_gateway_counts_with_the_others(
    of_default: list[str], of_network: list[str], expected: dict[str, str]
) -> None:
    body = pod(json.dumps([{"name": "a", "default-route": of_network}]))
    body["metadata"]["annotations"][DEFAULT_NETWORK] = json.dumps(
        [{"name": "d", "default-route": of_default}]
    )

    findings = admission.of_pod(body, None, "lab").findings

    assert list(expected) == [finding.path[0] for finding in findings]
    assert all(words in finding.problem for finding, words in zip(findings, expected.values(), strict=True))


def test_namespaces_are_isolated_where_the_settings_say_so() -> None:
    isolated = ValidationSettings(
        selection=SelectionSettings(isolated=True, global_namespaces=frozenset({"shared"}))
    )
    body = pod("own, lab/own, shared/x, other/x")

    assert [] == rules(admission.of_pod(body, None, "lab").findings)
    (finding,) = admission.of_pod(body, None, "lab", isolated).findings
    assert ("pod-isolated", Severity.DENY, (NETWORKS, 3)) == (finding.rule.id, finding.weight, finding.path)
    assert "global namespaces are shared" in finding.problem


TEMPLATE = pod("net")
KINDS = {
    "Deployment": ({"spec": {"replicas": 4, "template": TEMPLATE}}, 4),
    "StatefulSet": ({"spec": {"template": TEMPLATE}}, 1),
    "ReplicaSet": ({"spec": {"replicas": 0, "template": TEMPLATE}}, 0),
    "DaemonSet": ({"spec": {"template": TEMPLATE}}, 2),
    "Job": ({"spec": {"parallelism": 3, "template": TEMPLATE}}, 3),
    "CronJob": ({"spec": {"jobTemplate": {"spec": {"parallelism": 5, "template": TEMPLATE}}}}, 5),
}


@pytest.mark.parametrize(("kind", "body", "pods"), [(kind, *rest) for kind, rest in KINDS.items()])
def test_the_pods_of_each_kind_are_found(kind: str, body: dict[str, Any], pods: int) -> None:
    assert TEMPLATE == pod_templates.pod_of(kind, body)
    assert pods == pod_templates.replicas(kind, body, nodes=2)


@pytest.mark.parametrize("body", [{}, {"spec": 7}, {"spec": {"template": []}}, {"spec": {"replicas": "x"}}])
def test_an_odd_template_is_no_defect(body: dict[str, Any]) -> None:
    assert {} == pod_templates.pod_of("Deployment", body)
    assert 1 == pod_templates.replicas("Deployment", body, nodes=2)
    assert pod_templates.pod_of("Secret", body) is None
    assert pod_templates.pod_of("Deployment", {"metadata": {"deletionTimestamp": "x"}}) is None


SHARED = network(
    type="macvlan", master="eth1", ipam={"type": "whereabouts", "range": "10.1.2.10-10.1.2.12/24"}
)
STATIC = network(type="bridge", ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24"}]})
CAPACITY = {
    "as many as there are on two nodes": (BRIDGE, 20, {}, 0),
    "one more": (BRIDGE, 21, {}, 1),
    "of whereabouts, for the whole cluster": (SHARED, 3, {}, 0),
    "of whereabouts, one more": (SHARED, 4, {}, 1),
    "one static address for two": (STATIC, 2, {}, 1),
    "one for one": (STATIC, 1, {}, 0),
    "one address asked for by two": (BRIDGE, 2, {"ips": ["10.1.2.12"]}, 1),
    "dhcp": (network(type="macvlan", master="eth1", ipam={"type": "dhcp"}), 1000, {}, 0),
}


@pytest.mark.parametrize(("nad", "pods", "wishes", "count"), CAPACITY.values(), ids=CAPACITY)
def test_there_are_addresses_for_all_pods(nad: Nad, pods: int, wishes: dict[str, Any], count: int) -> None:
    selections = parse(json.dumps([{"name": "net", **wishes}]), "lab")

    found = list(pod_templates.capacity(selections, {("lab", "net"): nad}, pods, nodes=2))
    assert ["pod-capacity"] * count == rules(found)


USERS = [("lab", f"p{i}") for i in range(5)]


def body(**annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "net", "namespace": "lab", "annotations": annotations},
        "spec": {"config": "{}"},
    }


def test_a_network_that_nobody_uses_goes_in_silence() -> None:
    assert [] == admission.of_deletion(
        body(**{PROTECT: "true"}), [], "jo", ValidationSettings(protected=True)
    )


def test_who_uses_a_network_that_goes_is_named() -> None:
    (finding,) = admission.of_deletion(body(), USERS, "jo")

    assert ("deleted-in-use", Severity.WARN) == (finding.rule.id, finding.weight)
    assert "lab/p0, lab/p1, lab/p2 and 2 more" in finding.problem


@pytest.mark.parametrize(
    ("annotations", "settings", "words"),
    [
        ({PROTECT: "true"}, ValidationSettings(), "annotation"),
        ({}, ValidationSettings(protected=True), "settings"),
    ],
)
def test_a_protected_network_stays_while_it_is_used(
    annotations: dict[str, str], settings: ValidationSettings, words: str
) -> None:
    (finding,) = admission.of_deletion(body(**annotations), USERS, "jo", settings)

    assert ("deleted-though-protected", Severity.DENY) == (finding.rule.id, finding.weight)
    assert words in finding.problem
    cleaner = "system:serviceaccount:kube-system:namespace-controller"
    assert [] == admission.of_deletion(body(**annotations), USERS, cleaner, settings)


def test_another_text_under_running_pods_is_warned_of() -> None:
    before = {**body(), "spec": {"config": '{"type": "bridge"}'}}
    after = {**body(), "spec": {"config": '{"type": "bridge", "cniVersion": "1.0.0"}'}}

    assert "changed-in-use" in rules(admission.of_nad(after, before, [], users=USERS))
    assert "changed-in-use" not in rules(admission.of_nad(after, before, []))
    annotated = {**after, "metadata": {**after["metadata"], "annotations": {PROTECT: "true"}}}
    assert "changed-in-use" not in rules(admission.of_nad(annotated, after, [], users=USERS))


VF = Nad("lab", "vf", '{"cniVersion":"1.0.0","type":"sriov"}', {"k8s.v1.cni.cncf.io/resourceName": "x/vf"})
MARKED = Nad(
    "lab", "br", '{"type":"bridge"}', {"k8s.v1.cni.cncf.io/resourceName": "bridge.network.kubevirt.io/br1"}
)
LIMIT = {"resources": {"limits": {"x/vf": "1"}}}
REQUEST = {"resources": {"requests": {"x/vf": 1}, "limits": {"x/vf": 1, "cpu": "100m"}}}
DEVICES: dict[str, tuple[str, dict[str, Any], int]] = {
    "none requested": ("vf", {"containers": [{}]}, 1),
    "one requested": ("vf", {"containers": [LIMIT]}, 0),
    "a limit is the request": ("vf", {"containers": [REQUEST]}, 0),
    "two networks, one device": ("vf,vf", {"containers": [LIMIT]}, 1),
    "two networks, one device each": ("vf,vf", {"containers": [LIMIT, REQUEST]}, 0),
    "in an init container": ("vf", {"initContainers": [LIMIT]}, 0),
    "from a claim": ("vf", {"containers": [{}], "resourceClaims": [{"name": "nic"}]}, 0),
    "a device that the pod names": ('[{"name":"vf","deviceID":"0000:3b:02.0"}]', {"containers": [{}]}, 0),
    "a network that reads no device": ("br", {"containers": [{}]}, 0),
    "one that is not known": ("other", {"containers": [{}]}, 0),
    "odd containers": (
        "vf",
        {"containers": [None, 5, {"resources": 7}, {"resources": {"limits": {"x/vf": "1k"}}}]},
        1,
    ),
    "no spec that is one": ("vf", {"containers": "x", "initContainers": None}, 1),
}


@pytest.mark.parametrize(("networks", "spec", "missing"), DEVICES.values(), ids=DEVICES)
def test_a_pod_requests_the_devices_that_its_networks_take(
    networks: str, spec: dict[str, Any], missing: int
) -> None:
    known = {("lab", "vf"): VF, ("lab", "br"): MARKED}

    findings = list(pod_devices.check({"spec": spec}, parse(networks, "lab"), known))

    assert ["pod-device-missing"] * missing == rules(findings)
    assert {(NETWORKS, networks.count(","))} >= {finding.path for finding in findings}
