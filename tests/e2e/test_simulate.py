"""`netattach simulate` and the webhooks of the same cluster: the same verdict and the same findings for the same object."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e import broken_states
from e2e.broken_states import NETWORK
from e2e.lab.cluster import Cluster
from e2e.netattach_command import Netattach
from e2e.objects import HOST_LOCAL, NETWORKS, config, created, nad, pod

TENANT = "simulated"
"""A namespace whose level is baseline."""

Body = dict[str, Any]
Answer = tuple[bool, list[tuple[str, str]]]
"""Whether an object is admitted, and of each finding its severity and its text up to the fix."""

LAN: Body = {"type": "macvlan", "master": "eth1", "ipam": HOST_LOCAL}

NADS: dict[str, Body] = {
    "good": nad("good", config(**LAN)),
    "a-comma-before-a-brace": nad("bad", '{"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1",}'),
    "the-default-interface": nad("bad", config(**{**LAN, "master": "eth0"})),
    "a-misspelt-plugin": nad("bad", config(type="macvlann", master="eth1")),
    "an-interface-that-no-node-has": nad("bad", config(**{**LAN, "master": "eth9"})),
    "several-mistakes": nad("bad", config(type="bridge", bridge="br1", vlan="100", mtu=-1, ipam={})),
    "an-unknown-key": nad("odd", config(**LAN, mastre="eth1")),
    "the-bridge-of-the-default-network": nad("bad", config(type="bridge", bridge="cni0", ipam={})),
    "a-tenants-host-device": nad("bad", config(type="host-device", device="eth1"), TENANT),
    "no-config": nad("bad", ""),
    "changed-while-in-use": nad(NETWORK, config(plugins=[{**LAN, "mtu": 1400}, {"type": "sbr"}])),
    "unchanged": nad(NETWORK, broken_states.CONFIG),
}  # fmt: skip

PODS: dict[str, Body] = {
    "good": pod("web", NETWORK),
    "without-networks": pod("web"),
    "an-unknown-network": pod("web", "lam"),
    "an-interface-name-twice": pod("web", f"{NETWORK}@a,{NETWORK}@a"),
    "an-annotation-that-is-no-json": pod("web", '[{"name": "lan"},\n {"name": ]'),
    "an-element-with-a-misspelt-field": pod("web", [{"name": NETWORK, "interfaec": "a"}]),
    "an-address-outside-of-the-subnet": pod("web", [{"name": NETWORK, "ips": ["10.9.9.9/24"]}]),
    "a-broken-mac-address": pod("web", [{"name": NETWORK, "mac": "02:00:00:00:00"}]),
    "two-default-routes": pod(
        "web", [{"name": NETWORK, "default-route": ["10.0.3.1"]}, {"name": NETWORK, "default-route": ["10.0.3.2"]}]
    ),
    "a-tenants-host-port": pod(
        "web", [{"name": f"default/{NETWORK}", "portMappings": [{"hostPort": 8080, "containerPort": 80}]}], namespace=TENANT
    ),
    "a-default-network-that-does-not-exist": {
        **pod("web"),
        "metadata": {"name": "web", "namespace": "default", "annotations": {"v1.multus-cni.io/default-network": "nothing"}},
    },
}  # fmt: skip


def _deployment(networks: str, **spec: Any) -> Body:
    template: Body = {
        "metadata": {"labels": {"a": "b"}, "annotations": {NETWORKS: networks}},
        "spec": copy.deepcopy(pod("x")["spec"]),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "replicas": 1, "template": template, **spec},
    }


WORKLOADS = {
    "good": _deployment(NETWORK),
    "an-unknown-network": _deployment("lam"),
    "more-pods-than-addresses": _deployment(NETWORK, replicas=50),
    "an-annotation-at-the-wrong-place": {
        **_deployment(""),
        "metadata": {"name": "web", "namespace": "default", "annotations": {NETWORKS: NETWORK}},
    },
}

CASES = [
    pytest.param(body, id=f"{body['kind']}-{name}")
    for bodies in (NADS, PODS, WORKLOADS)
    for name, body in bodies.items()
]

REFUSED = re.compile(r"^  (deny|warn) (\[.*?)\. Fix: ", re.MULTILINE)
WARNED = re.compile(r"^Warning: (\[.*)$", re.MULTILINE)
SHORTEST = 200
"""Characters of a warning that are compared: the API server's clients see 256 of it."""


@pytest.fixture(scope="module")
def netattach() -> Netattach:
    return Netattach()


@pytest.fixture(scope="module")
def running(installed: Cluster, netattach: Netattach) -> Iterator[Cluster]:
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    created(
        installed,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANT, "labels": labels}},
    )
    with broken_states.network_in_use(installed):
        netattach.wait_healthy()
        yield installed
    installed.kubectl("delete", "namespace", TENANT)


@pytest.mark.parametrize("body", CASES)
def test_it_says_what_the_webhooks_answer(
    running: Cluster, netattach: Netattach, tmp_path: Path, body: Body
) -> None:
    answer = _answer(running, body)
    simulated = _simulated(netattach, tmp_path, body)

    assert answer == simulated


def test_it_also_finds_a_misspelt_annotation(running: Cluster, netattach: Netattach, tmp_path: Path) -> None:
    """The API server does not ask the webhooks about a pod that has neither annotation."""
    body = pod("web")
    body["metadata"]["annotations"] = {"k8s.v1.cni.cncf.io/network": NETWORK}
    admitted, findings = _simulated(netattach, tmp_path, body)

    assert (True, []) == _answer(running, body)
    assert admitted
    assert ["[pod-annotation-misspelt]"] == [text.split()[0] for _, text in findings]


def test_the_cases_are_refused_warned_of_and_accepted(running: Cluster) -> None:
    """Else the comparison would compare nothing."""
    answers = [_answer(running, body) for body in (*NADS.values(), *PODS.values(), *WORKLOADS.values())]

    assert 5 <= sum(not admitted for admitted, _ in answers) <= len(answers) - 5
    assert 5 <= sum(admitted and bool(findings) for admitted, findings in answers)
    assert any(len(findings) > 1 for _, findings in answers)


def _answer(cluster: Cluster, body: Body) -> Answer:
    """Of the API server, which stores nothing."""
    verb = "replace" if body["metadata"]["name"] == NETWORK else "create"
    done = cluster.kubectl(verb, "--dry-run=server", "-f", "-", input=json.dumps(body), check=False)
    if done.returncode:
        assert "is refused" in done.stderr, done.stderr
        return False, sorted((severity, text[:SHORTEST]) for severity, text in REFUSED.findall(done.stderr))
    return True, sorted(
        ("warn", text.partition("; fix: ")[0][:SHORTEST]) for text in WARNED.findall(done.stderr)
    )


def _simulated(netattach: Netattach, directory: Path, body: Body) -> Answer:
    file = directory / "object.json"
    file.write_text(json.dumps(body))
    done = netattach.run("simulate", "-f", file, "-o", "json")
    assert done.returncode in {0, 1}, done.stderr
    found = json.loads(done.stdout)
    ((each,),) = [found[key] for key in ("networks", "pods") if found[key]]
    findings = [
        (finding["severity"], finding["text"].partition(". Fix: ")[0][:SHORTEST])
        for finding in each["findings"]
    ]
    assert each["admitted"] or done.returncode == 1
    return each["admitted"], sorted(findings)
