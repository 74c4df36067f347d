"""Host ports: what Pod Security refuses in a pod's spec, no annotation and no network brings in."""

from __future__ import annotations

import json

import pytest

from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from unit.core.policy.pod_requests import BASELINE, RESTRICTED, asked, rules, written

PORT = {"hostPort": 8080, "containerPort": 80}
SECURED = NamespacePolicy("lab", enforce=Level.BASELINE, pod_security=Level.BASELINE)
HIDDEN = {
    "a list in JSON": json.dumps([{"name": "net", "portMappings": [PORT]}]),
    "the second network": json.dumps([{"name": "net"}, {"name": "net", "portMappings": [PORT]}]),
    "a key in another case": json.dumps([{"name": "net", "PORTMAPPINGS": [PORT]}]),
    "a key with escapes": r'[{"name": "net", "\u0070ortMappings": [{"hostPort": 1, "containerPort": 1}]}]',
    "a key that Go folds": '[{"name": "net", "portMapping\u017f": [{"hostPort": 1, "containerPort": 1}]}]',
    "a host address": json.dumps([{"name": "net", "portMappings": [{**PORT, "hostIP": "127.0.0.1"}]}]),
}


@pytest.mark.parametrize("annotation", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("policy", [SECURED, RESTRICTED], ids=["pod-security", "restricted"])
def test_port_mappings_are_refused(policy: NamespacePolicy, annotation: str) -> None:
    (finding,) = asked(policy, annotation)

    assert "policy-host-port" == finding.rule.id
    assert "k8s.v1.cni.cncf.io/networks" == finding.path[0]
    assert "expose the port by a Service" in finding.fix


def test_port_mappings_of_the_default_network_are_refused() -> None:
    (finding,) = asked(SECURED, default=[{"name": "net", "portMappings": [PORT]}])

    assert ("v1.multus-cni.io/default-network", 0, "portMappings", 0) == finding.path


def test_both_reasons_together_give_one_finding_for_each_port() -> None:
    policy = NamespacePolicy("lab", enforce=Level.RESTRICTED, pod_security=Level.RESTRICTED)

    found = asked(policy, [{"name": "net", "portMappings": [PORT, {**PORT, "hostPort": 9090}]}])

    assert ["policy-host-port"] * 2 == rules(found)
    assert "pod-security.kubernetes.io/enforce=restricted" in found[0].problem


def test_port_mappings_are_admitted_where_pod_security_admits_them_in_the_spec() -> None:
    assert [] == asked(BASELINE, [{"name": "net", "portMappings": [PORT]}])


def test_a_network_without_port_mappings_is_admitted() -> None:
    assert [] == asked(SECURED, "net, other/net@data")


@pytest.mark.parametrize(
    "delegate",
    [
        '{"type": "portmap", "prevResult": {}, "runtimeConfig": {"portMappings": [{"hostPort": 53}]}}',
        '{"type": "portmap", "RuntimeConfig": {"PORTMAPPINGS": [{"hostPort": 53}]}}',
        r'{"type": "portmap", "runtime\u0043onfig": {"portMapping\u017f": [{"hostPort": 53}]}}',
        '{"runtimeConfig": {"portMappings": [{}]}, "runtimeConfig": {}}',
    ],
)
def test_port_mappings_that_a_plugin_passes_to_its_delegate_are_refused(delegate: str) -> None:
    """flannel passes `delegate` on with all its keys; the daemon removes `runtimeConfig` from flannel's own config alone."""
    config = f'{{"cniVersion": "1.0.0", "name": "n", "type": "flannel", "delegate": {delegate}}}'

    assert ["policy-host-port"] == rules(written(SECURED, config))
    assert "policy-host-port" in rules(
        written(RESTRICTED, config)
    )  # next to those of the lists, which are empty
    assert [] == written(BASELINE, config)


def test_the_capability_of_a_network_is_no_port() -> None:
    config = '{"name": "n", "plugins": [{"type": "bridge"}, {"type": "portmap", "capabilities": {"portMappings": true}}]}'

    assert [] == written(SECURED, config)
