"""The attempts of tests/e2e/test_tenant.py against the pure rules, as admission and the daemon ask them.

They take seconds here, and need no cluster; what kubectl prints, and that a node stays as it is, is tested there.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from e2e import tenancy, tenant_attempts
from e2e.objects import NETWORKS, nad
from e2e.tenancy import VICTIM
from e2e.tenant_attempts import ATTEMPTS, DEFAULT_NETWORK, MAC, SHARED, Attempt
from e2e.tenant_neighbours import NEIGHBOURS, Neighbour
from netattach_core.admission import nads
from netattach_core.api import inventory, networks_annotation
from netattach_core.api.inventory import NodeInventory
from netattach_core.policy import levels, networks, requests
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.requests import PodCase
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.validator import nad_of
from netattach_kube import cluster_settings

_PARSED = cluster_settings.parse(tenancy.SETTINGS)
_NETWORKS = dataclasses.replace(_PARSED.validation.networks, api_server=("10.96.0.1/32",))
VALIDATION, POLICY = dataclasses.replace(_PARSED.validation, networks=_NETWORKS), _PARSED.policy
PLUGINS = (
    *("macvlan", "bridge", "ipvlan", "vlan", "ptp", "tuning", "portmap", "host-device", "firewall"),
    *("host-local", "static", "dhcp"),
)


def _node(number: int) -> NodeInventory:
    """As in the lab: eth0 carries the node's traffic, eth1 is free, cbr0 is the pods' bridge."""
    links = (
        ("eth0", "veth" if number == 1 else "", MAC, f"172.30.0.1{number}/24"),
        ("eth1", "veth", f"02:00:00:00:01:0{number}", f"10.0.3.1{number}/24"),
        ("cbr0", "bridge", f"02:00:00:00:02:0{number}", f"10.244.{number}.1/24"),
    )
    file = "10-default.conflist"
    return inventory.from_dict(
        {
            "node": f"node{number}",
            "interfaces": [
                {"name": name, "kind": kind, "mac": mac, "addresses": [address]}
                for name, kind, mac, address in links
            ],
            "defaultInterfaces": [{"name": "eth0", "reasons": ["carries the IPv4 default route"]}],
            "plugins": [{"name": name, "versions": ["0.3.1", "1.0.0"]} for name in PLUGINS],
            "primary": {"name": "cbr0", "file": file, "pluginTypes": ["bridge", "portmap"]},
            "networks": [{"name": "cbr0", "file": file}],
        }
    )


NODES = (_node(1), _node(2))


def _around(nodes: Sequence[NodeInventory]) -> Surroundings:
    """With the network of somebody else, which is older."""
    body = nad(SHARED, tenant_attempts.macvlan(ipam=tenant_attempts.host_local("10.60.0.0/24")), VICTIM)
    body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    footprints = FootprintIndex()
    footprints.put(nad_of(body))
    return Surroundings(nodes, VALIDATION.networks, footprints)


def _policy(namespace: str) -> NamespacePolicy:
    return levels.of_namespace(POLICY, namespace, tenancy.LABELS[namespace])


def _at_admission(body: Mapping[str, Any], namespace: str) -> list[Finding]:
    footprints = _around(NODES).footprints
    return nads.validate_nad(
        body,
        None,
        NODES,
        footprints=footprints,
        settings=VALIDATION,
        policy=_policy(namespace),
    )


def _requested(each: Attempt | Neighbour, nodes: Sequence[NodeInventory]) -> list[Finding]:
    annotations = each.pod["metadata"]["annotations"]
    selected = networks_annotation.parse(annotations.get(NETWORKS, ""), each.namespace)
    default = networks_annotation.parse_default(annotations.get(DEFAULT_NETWORK, ""), each.namespace)
    bodies = [*tenant_attempts.existing(each.namespace), *([each.network] if each.network else [])]
    known = {(nad.namespace, nad.name): nad for nad in map(nad_of, bodies)}
    return requests.check(PodCase(_policy(each.namespace), selected, default, known, _around(nodes)))


def _denied(findings: Sequence[Finding]) -> set[str]:
    return {each.rule.id for each in findings if each.effective_severity is Severity.DENY}


def _stored(attempt: Attempt) -> dict[str, Any]:
    """The network as it is once all steps have been done."""
    body: dict[str, Any] = json.loads(json.dumps(attempt.network))
    body["spec"]["config"] = attempt.config
    return body


OF_NETWORKS = [each for each in ATTEMPTS.values() if each.config is not None]
OF_PODS = [each for each in ATTEMPTS.values() if each.config is None and each.rule != "pod-isolated"]


@pytest.mark.parametrize("attempt", OF_NETWORKS, ids=[each.name for each in OF_NETWORKS])
def test_a_network_is_refused_by_its_rule(attempt: Attempt) -> None:
    body = _stored(attempt)

    assert attempt.rule_at_admission in _denied(_at_admission(body, attempt.namespace))
    if not attempt.on_node:
        own_node = networks.check(nad_of(body), _policy(attempt.namespace), _around(NODES[:1]))
        assert attempt.rule in _denied(own_node)


@pytest.mark.parametrize("attempt", OF_PODS, ids=[each.name for each in OF_PODS])
def test_a_request_is_refused_by_its_rule(attempt: Attempt) -> None:
    assert attempt.rule in _denied(_requested(attempt, NODES))
    assert attempt.rule in _denied(_requested(attempt, NODES[:1]))


@pytest.mark.parametrize("each", NEIGHBOURS.values(), ids=NEIGHBOURS)
def test_the_harmless_variant_is_permitted(each: Neighbour) -> None:
    if each.network:
        assert set() == _denied(_at_admission(each.network, each.namespace))
    assert set() == _denied(_requested(each, NODES))
