"""Pod templates at admission, and the addresses for their pods."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.admission import pod_templates
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import NETWORKS, parse

RANGE = {"type": "host-local", "subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10", "rangeEnd": "10.1.2.19"}


def network(**keys: Any) -> Nad:
    return Nad("lab", "net", json.dumps({"cniVersion": "1.0.0", "name": "n", **keys}))


def rules(findings: Any) -> list[str]:
    return [finding.rule.id for finding in findings]


BRIDGE = network(type="bridge", capabilities={"ips": True}, ipam=RANGE)


def pod(networks: str) -> dict[str, Any]:
    return {"metadata": {"name": "p", "annotations": {NETWORKS: networks}}}


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
def test_the_pod_template_and_number_of_pods_of_each_kind(kind: str, body: dict[str, Any], pods: int) -> None:
    assert TEMPLATE == pod_templates.template_pod(kind, body)
    assert pods == pod_templates.template_replicas(kind, body, nodes=2)


@pytest.mark.parametrize("body", [{}, {"spec": 7}, {"spec": {"template": []}}, {"spec": {"replicas": "x"}}])
def test_a_malformed_template_raises_no_error(body: dict[str, Any]) -> None:
    assert {} == pod_templates.template_pod("Deployment", body)
    assert 1 == pod_templates.template_replicas("Deployment", body, nodes=2)
    assert pod_templates.template_pod("Secret", body) is None
    assert pod_templates.template_pod("Deployment", {"metadata": {"deletionTimestamp": "x"}}) is None


SHARED = network(
    type="macvlan", master="eth1", ipam={"type": "whereabouts", "range": "10.1.2.10-10.1.2.12/24"}
)


STATIC = network(type="bridge", ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24"}]})


CAPACITY = {
    "as many pods as addresses on two nodes": (BRIDGE, 20, {}, 0),
    "one pod more": (BRIDGE, 21, {}, 1),
    "whereabouts, for the whole cluster": (SHARED, 3, {}, 0),
    "whereabouts, one pod more": (SHARED, 4, {}, 1),
    "one static address for two pods": (STATIC, 2, {}, 1),
    "one static address for one pod": (STATIC, 1, {}, 0),
    "one address requested by two pods": (BRIDGE, 2, {"ips": ["10.1.2.12"]}, 1),
    "dhcp": (network(type="macvlan", master="eth1", ipam={"type": "dhcp"}), 1000, {}, 0),
}


@pytest.mark.parametrize(("nad", "pods", "requests", "count"), CAPACITY.values(), ids=CAPACITY)
def test_a_network_needs_addresses_for_all_pods(
    nad: Nad, pods: int, requests: dict[str, Any], count: int
) -> None:
    selections = parse(json.dumps([{"name": "net", **requests}]), "lab")

    found = list(pod_templates.validate_capacity(selections, {("lab", "net"): nad}, pods, nodes=2))
    assert ["pod-capacity"] * count == rules(found)
