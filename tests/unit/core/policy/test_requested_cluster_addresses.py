"""Addresses of the cluster that a pod requests from networks in which the node gets an address or a route."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.policy.case import Surroundings
from netattach_core.validation.settings import ClusterNetworks
from unit.core.policy.pod_requests import BASELINE, asked, nad

AROUND = Surroundings(cluster_networks=ClusterNetworks(services=("10.96.0.0/12",)))
STATIC: dict[str, Any] = {"ipam": {"type": "static"}, "capabilities": {"ips": True}}
PTP = nad(type="ptp", **STATIC)
GATEWAY = nad(type="bridge", isGateway=True, **STATIC)
BRIDGE = nad(type="bridge", **STATIC)
LATER = nad(plugins=[{"type": "tuning"}, {"type": "ptp", **STATIC}])


@pytest.mark.parametrize(
    ("network", "ip"),
    [
        (PTP, "10.96.0.1/12"),
        (PTP, "10.96.0.1/32"),
        (LATER, "10.96.0.1/32"),
        (PTP, "::ffff:10.96.0.1/128"),
        (GATEWAY, "10.97.0.1/16"),
        (GATEWAY, "10.1.2.3/8"),
        (GATEWAY, "10.1.2.3/0"),
    ],
)
@pytest.mark.parametrize("form", ["ips", "cni-args"])
def test_an_address_of_the_cluster_is_refused_where_the_node_gets_it(
    network: Any, ip: str, form: str
) -> None:
    request: dict[str, Any] = {"ips": [ip]} if form == "ips" else {"cni-args": {"ips": [ip]}}
    (finding,) = asked(BASELINE, [{"name": "net", **request}], network, around=AROUND)

    assert "policy-cluster-address" == finding.rule.id
    assert "10.96.0.0/12" in finding.problem


@pytest.mark.parametrize(
    ("network", "ip"),
    [
        (GATEWAY, "10.1.2.3/24"),
        (BRIDGE, "10.96.0.1/12"),
        (nad(**STATIC), "10.96.0.1/12"),
    ],
)
def test_it_is_admitted_where_the_node_gets_none(network: Any, ip: str) -> None:
    """A warning of the validator is about such subnets."""
    assert [] == asked(BASELINE, [{"name": "net", "ips": [ip]}], network, around=AROUND)
