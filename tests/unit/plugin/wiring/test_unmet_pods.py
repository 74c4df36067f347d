"""The whole daemon: what it reports of running pods without their networks, of attached pods, of STATUS and of the probe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api.pod import PodRef
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.caches import libcni, multus
from netattach_kube.resource import EVENTS, INVENTORIES, NADS, PODS
from netattach_plugin.calls import unmet_sweep
from netattach_plugin.netlink.namespace_links import NamespaceLinks
from netattach_plugin.node import inventory_publisher
from support.daemon_node import PLAIN, TWO, DaemonNode


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch, run: object) -> None:  # after its own
    monkeypatch.setattr(unmet_sweep, "_INTERVAL", 0.05)
    monkeypatch.setattr(unmet_sweep, "_RECHECK", 0.05)
    monkeypatch.setattr(inventory_publisher, "_COUNTS_INTERVAL", 0.1)
    monkeypatch.setattr(NamespaceLinks, "_look", lambda *_: None)  # the shim of a test has no namespace


def _inventory(node: DaemonNode) -> dict[str, Any]:
    status: dict[str, Any] = node.server.read(INVENTORIES, "node1")["status"]
    return status


def _runs(node: DaemonNode, pod: PodRef, annotations: dict[str, str]) -> None:
    """As the kubelet reports it."""
    metadata = {"namespace": "ns", "name": pod.name, "uid": pod.uid, "annotations": annotations}
    container = {"state": {"running": {"startedAt": "2999-01-01T00:00:00Z"}}}
    status = {"phase": "Running", "containerStatuses": [container]}
    node.server.put(PODS, {"metadata": metadata, "spec": {"nodeName": "node1"}, "status": status})


def test_a_running_pod_that_was_not_attached_is_reported_everywhere(run: Callable[..., DaemonNode]) -> None:
    async def story(node: DaemonNode) -> None:
        missed, attached = node.create_pod("missed", TWO), node.create_pod("attached", TWO)
        await node.call("ADD", attached, TWO)
        for each in (missed, attached):
            _runs(node, each, TWO)
        await node.server.until(
            lambda: "unmetPods" in _inventory(node) and bool(_inventory(node)["unmetPods"]["total"])
        )

        (pod,) = _inventory(node)["unmetPods"]["pods"]
        assert ("missed", missed.uid, ["ns/a"], "NotAttached") == (
            pod["name"],
            pod["uid"],
            pod["networks"],
            pod["reason"],
        )
        await node.answers("netattach_unmet_pods 1.0", "/metrics")
        events = [each for each in node.server.all(EVENTS) if each["reason"] == "NetworkMissing"]
        assert [("Warning", missed.uid, pod["message"])] == [
            (each["type"], each["involvedObject"]["uid"], each["message"]) for each in events
        ]
        await node.call("ADD", missed, TWO)
        await node.server.until(lambda: _inventory(node)["unmetPods"] == {"total": 0, "pods": []})
        await node.answers("netattach_unmet_pods 0.0", "/metrics")

    run(story)


def test_attached_pods_are_counted_and_those_with_an_older_text(run: Callable[..., DaemonNode]) -> None:
    async def story(node: DaemonNode) -> None:
        pod, plain = node.create_pod("p", TWO), node.create_pod("q", PLAIN)
        await node.call("ADD", pod, TWO)
        await node.call("ADD", plain, PLAIN)
        network = {"network": "ns/a", "pods": 1, "outdated": 0}
        await node.server.until(lambda: _inventory(node)["attached"] == {"pods": 1, "networks": [network]})
        config = json.dumps({"type": "macvlan", "master": "eth7"})
        node.server.put(NADS, {"metadata": {"namespace": "ns", "name": "a"}, "spec": {"config": config}})
        await node.server.until(lambda: _inventory(node)["attached"]["networks"][0]["outdated"] == 1)
        await node.call("DEL", pod, TWO)
        await node.server.until(lambda: _inventory(node)["attached"] == {"pods": 0, "networks": []})

    run(story)


def _write_caches(root: Path, pod: PodRef) -> None:
    """As Multus leaves them."""
    args = {"K8S_POD_NAMESPACE": pod.namespace, "K8S_POD_NAME": pod.name, "K8S_POD_UID": pod.uid}
    config = '{"cniVersion":"1.0.0","type":"bridge"}'
    default = Attachment("cbr0", "eth0", config, "cbr0", default=True, args=args)
    sandbox = Sandbox("m1", "/n", pod, Phase.ADDED, (default, Attachment("ns/a", "net1", config, "a")))
    (root / "results").mkdir(parents=True)
    (root / "m1").write_bytes(multus.dump(sandbox))
    (root / "results/cbr0-m1-eth0").write_bytes(libcni.dump("m1", "/n", default))


def test_no_numbers_are_published_without_the_pods_of_multus(
    run: Callable[..., DaemonNode], tmp_path: Path
) -> None:
    """After a restart: webhooks list the pods of a node without numbers, and believe a node with them."""

    async def story(node: DaemonNode) -> None:
        _runs(node, PodRef("ns", "p", "u"), TWO)
        node.server.fail(503, path="/api/v1/pods", times=10**6)  # so the running pods are not known
        node.server.away = False
        await node.server.until(lambda: node.server.has(INVENTORIES, "node1"))
        assert "attached" not in _inventory(node)

        node.server._failures.clear()
        network = {"network": "ns/a", "pods": 1, "outdated": 0}
        await node.server.until(
            lambda: _inventory(node).get("attached") == {"pods": 1, "networks": [network]}
        )

    _write_caches(tmp_path / "multus", PodRef("ns", "p", "u"))
    run(story, away=True)


def test_an_idle_node_writes_nothing(run: Callable[..., DaemonNode]) -> None:
    """Once it has said that no pod lacks a network."""

    async def story(node: DaemonNode) -> None:
        _runs(node, node.create_pod("p", PLAIN), {})
        await node.server.until(lambda: "unmetPods" in _inventory(node))
        node.server.requests.clear()
        await node.server.api.get(PODS, "p", "ns")  # the only request
        for _ in range(20):
            await node.probe("/readyz")

        assert ["GET /api/v1/namespaces/ns/pods/p"] == [
            str(request) for request in node.server.requests if "WATCH" not in str(request)
        ]

    run(story)
