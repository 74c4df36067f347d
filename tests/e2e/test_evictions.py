"""`unmetPods: evict`: a pod that lost a network is replaced by its controller, unless a PodDisruptionBudget forbids it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import HOST_LOCAL, NETWORKS, config, created, links, nad, pod

APP = {"app": "evicted"}
NODE = "node1"
ROLE = "test-evictions"
ACCOUNT = "--serviceaccount=netattach-system:netattach-operator"
TOO_MANY = 429


@pytest.fixture
def evicting(installed: Cluster) -> Iterator[Cluster]:
    """With the permission that the chart's `operator.evictPods` gives, and one pod of a controller that has a network."""
    rights = ("--verb=create", "--resource=pods/eviction")
    installed.kubectl("create", "clusterrole", ROLE, *rights)
    installed.kubectl("create", "clusterrolebinding", ROLE, f"--clusterrole={ROLE}", ACCOUNT)
    installed.patch_settings("unmetPods: evict")
    try:
        created(
            installed, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)), _replica_set()
        )
        installed.eventually(lambda: len(_ready(installed)) == 1, "the pod is ready", seconds=120)
        yield installed
    finally:
        installed.patch_settings("")
        installed.kubectl("delete", "poddisruptionbudgets,replicasets,pods", "--all", "--grace-period=1")
        installed.kubectl("delete", "network-attachment-definitions", "--all")
        installed.kubectl("delete", "clusterrolebinding,clusterrole", ROLE)


def _replica_set() -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "evicted"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": APP},
            "template": {
                "metadata": {"labels": APP, "annotations": {NETWORKS: "second"}},
                "spec": pod("evicted", node=NODE)["spec"],
            },
        },
    }


def _budget() -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "all-of-them"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": APP}},
    }


def _ready(cluster: Cluster) -> dict[str, str]:
    """The names of the controller's pods that are ready, by UID."""
    return {
        each["metadata"]["uid"]: each["metadata"]["name"]
        for each in cluster.objects("pods", "--selector", "app=evicted")
        if "deletionTimestamp" not in each["metadata"] and _is_ready(each)
    }


def _is_ready(body: dict[str, Any]) -> bool:
    conditions = body["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _delete_net1(cluster: Cluster) -> None:
    script = (
        "for n in /run/netns/*; do nsenter --net=$n ip link delete net1 2>/dev/null && exit 0; done; exit 1"
    )
    cluster.node(NODE).sh(script)


def _evictions(cluster: Cluster, name: str) -> list[int]:
    """The API server's answers to requests to evict the pod."""
    found = []
    for event in cluster.audit():
        about = event.get("objectRef") or {}
        if about.get("subresource") == "eviction" and about.get("name") == name:
            found.append(int(event.get("responseStatus", {}).get("code", 0)))
    return found


def _is_replaced(cluster: Cluster, uid: str) -> bool:
    ready = _ready(cluster)
    return len(ready) == 1 and uid not in ready


def test_a_pod_that_lost_a_network_is_replaced(evicting: Cluster) -> None:
    ((uid, name),) = _ready(evicting).items()
    _delete_net1(evicting)

    evicting.eventually(partial(_is_replaced, evicting, uid), "another pod", seconds=120, every=1)

    (replacement,) = _ready(evicting).values()
    assert "net1" in links(evicting, replacement)
    assert 1 == len([code for code in _evictions(evicting, name) if code < 300])
    assert "ran without default/second" in evicting.events(name, "EvictedWithoutNetworks")


def test_a_disruption_budget_is_respected(evicting: Cluster) -> None:
    created(evicting, _budget())
    ((uid, name),) = _ready(evicting).items()
    evicting.eventually(
        lambda: (
            evicting.read("poddisruptionbudget", "all-of-them").get("status", {}).get("currentHealthy") == 1
        ),
        "the budget counts the pod",
    )
    _delete_net1(evicting)

    evicting.eventually(lambda: TOO_MANY in _evictions(evicting, name), "an eviction is refused", every=1)
    assert {uid: name} == _ready(evicting)
    assert {TOO_MANY} == set(_evictions(evicting, name))
    assert "" == evicting.events(name, "EvictedWithoutNetworks")

    evicting.kubectl("delete", "poddisruptionbudget", "all-of-them")
    evicting.eventually(partial(_is_replaced, evicting, uid), "another pod", seconds=120, every=1)
    (replacement,) = _ready(evicting).values()
    assert "net1" in links(evicting, replacement)
