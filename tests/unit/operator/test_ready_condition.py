"""A NAD's status says on how many nodes it is ready, and why not on the others; only what is affected by a change is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.readiness import nad_nodes
from netattach_core.validation import nad_status
from netattach_kube.resource import INVENTORIES, NADS, NODES
from netattach_operator import reconciler
from support.validation import STATIC, config, macvlan
from unit.operator.scene import BROKEN, A, Scene, nad, played, running

PLUGINS = [{"name": name} for name in ("macvlan", "ipvlan", "static")]
ETH1 = json.dumps(macvlan(ipam=STATIC))
ETH2 = json.dumps(macvlan(master="eth2", ipam=STATIC))


def ready(scene: Scene, name: str = "a") -> tuple[Any, Any]:
    condition = nad_status.condition(scene.status(name), nad_nodes.READY)
    return scene.status(name).get("nodes", {}).get("summary"), condition.get("reason")


async def started(scene: Scene, config: str = ETH1) -> None:
    """Two nodes with both interfaces."""
    for node in ("n1", "n2"):
        scene.put_node(node, "eth1", "eth2", plugins=PLUGINS)
    scene.server.put(NADS, nad(config))
    await scene.list_all()
    scene.view.readiness.start()


def test_a_network_is_ready_on_all_nodes() -> None:
    async def act(scene: Scene) -> None:
        await started(scene)
        await scene.reconcile()

        assert ("2/2", "Ready") == ready(scene)
        assert {"ready": 2, "total": 2, "summary": "2/2", "reasons": []} == scene.status()["nodes"]
        assert 0 == scene.status()["outdatedPods"]
        assert [] == scene.events()

    played(act)


def test_nothing_is_written_about_nodes_before_they_are_known() -> None:
    async def act(scene: Scene) -> None:
        before = {"nodes": {"ready": 1, "total": 3, "summary": "1/3", "reasons": []}}
        scene.put_node("n1", "eth1")
        scene.server.put(NADS, nad(ETH1, status=before))

        await scene.reconcile()

        assert before["nodes"] == scene.status()["nodes"]
        assert {} == nad_status.condition(scene.status(), nad_nodes.READY)

    played(act)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda s: s.put_node("n2", "eth2"), "InterfaceMissing", id="an interface is renamed"),
        pytest.param(
            lambda s: s.put_node("n2", "eth1", plugins=PLUGINS[1:]),
            "PluginMissing",
            id="a plugin is removed",
        ),
        pytest.param(lambda s: s.put_daemon("n2", ready=False), "DaemonNotReady", id="a daemon exits"),
        pytest.param(
            lambda s: s.server.delete(INVENTORIES, "n2"), "NoInventory", id="an inventory is deleted"
        ),
    ],
)
def test_each_change_of_a_node_is_seen_and_its_end_too(change: Any, reason: str) -> None:
    async def act(scene: Scene) -> None:
        await started(scene)
        await scene.reconcile()

        change(scene)
        await scene.reconcile()
        assert ("1/2", reason) == ready(scene)
        assert scene.status()["nodes"]["reasons"][0]["message"].endswith(" on n2")

        scene.put_node("n2", "eth1", "eth2")
        await scene.reconcile()
        assert ("2/2", "Ready") == ready(scene)
        assert [("Warning", "NetworkNotReady"), ("Normal", "NetworkReady")] == scene.events()

    played(act)


def test_an_event_is_written_when_the_condition_changes_and_not_with_each_node() -> None:
    async def act(scene: Scene) -> None:
        await started(scene)
        for daemon in ("n1", "n2"):
            scene.put_daemon(daemon, ready=False)
            await scene.reconcile()

        assert ("0/2", "DaemonNotReady") == ready(scene)
        assert [("Warning", "NetworkNotReady")] == scene.events()

    played(act)


def test_nodes_that_come_and_go() -> None:
    async def act(scene: Scene) -> None:
        await started(scene)
        await scene.reconcile()
        scene.put_node("n3", "eth1")
        await scene.reconcile()
        assert "3/3" == ready(scene)[0]

        for name in ("n1", "n2", "n3"):
            scene.server.delete(NODES, name)
        await scene.reconcile()

        assert ("0/0", "NoNodes") == ready(scene)
        assert "Unknown" == nad_status.condition(scene.status(), nad_nodes.READY)["status"]

    played(act)


def test_the_annotation_of_the_network_selects_its_nodes() -> None:
    async def act(scene: Scene) -> None:
        await started(scene)
        body = nad(ETH1)
        body["metadata"]["annotations"] = {"netattach.io/node-selector": "name=n1"}
        scene.server.put(NADS, body)

        await scene.reconcile()

        assert "1/1" == ready(scene)[0]

    played(act)


def test_an_invalid_network_is_ready_nowhere() -> None:
    async def act(scene: Scene) -> None:
        await started(scene, BROKEN)
        await scene.reconcile()

        assert ("0/2", "Invalid") == ready(scene)

    played(act)


def test_an_interface_that_only_one_node_lacks_does_not_make_the_other_unready() -> None:
    """It would be a denial with two nodes, where each counts."""

    async def act(scene: Scene) -> None:
        await started(scene)
        defaults = [{"name": "eth1", "reasons": ["carries the IPv4 default route"]}]
        scene.put_node("n2", "eth1", defaultInterfaces=defaults)
        await scene.reconcile()

        assert "False" == scene.valid()
        assert ("1/2", "DefaultInterface") == ready(scene)

    played(act)


def test_the_nodes_count_the_pods_with_an_older_text() -> None:
    async def act(scene: Scene) -> None:
        await started(scene)
        for node, outdated in (("n1", 2), ("n2", 3)):
            attached = {"pods": 9, "networks": [{"network": "ns/a", "pods": 9, "outdated": outdated}]}
            scene.put_node(node, "eth1", attached=attached)
        await scene.reconcile()
        assert 5 == scene.status()["outdatedPods"]

        scene.put_node("n1", "eth1")
        scene.server.delete(NODES, "n2")
        await scene.reconcile()
        assert 0 == scene.status()["outdatedPods"]

    played(act)


def test_only_the_networks_that_a_change_affects_are_written() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(ETH2, "b"))
        await started(scene)
        async with running(scene):
            await scene.server.until(lambda: ready(scene)[0] == ready(scene, "b")[0] == "2/2")
            written = len(scene.patches())

            scene.put_node("n2", "eth2")
            await scene.list_all()
            await scene.server.until(lambda: ready(scene)[0] == "1/2")
            await scene.server.until(lambda: "ValidWithWarnings" == scene.status()["conditions"][0]["reason"])

        assert "2/2" == ready(scene, "b")[0]
        assert {"a"} == {patch.path.split("/")[-2] for patch in scene.patches()[written:]}

    played(act)


def test_readiness_is_written_before_the_network_is_validated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With thousands of nodes, validating all networks again takes a while."""
    monkeypatch.setattr(reconciler, "_FEW_PAIRS", 0)

    async def act(scene: Scene) -> None:
        await started(scene)
        await scene.reconcile()

        scene.put_node("n2", "eth2")
        await scene.list_all()
        await scene.reconciler.reconcile(A, for_nodes=False)
        assert ("1/2", "InterfaceMissing") == ready(scene)
        assert "Valid" == scene.status()["conditions"][0]["reason"]

        await scene.reconciler.reconcile(A)
        assert "ValidWithWarnings" == scene.status()["conditions"][0]["reason"]

    played(act)


def test_a_large_cluster_is_written_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write goes to each node."""
    monkeypatch.setattr(reconciler, "_WRITES_SENT_PER_SECOND", 0.5)

    async def act(scene: Scene) -> None:
        assert reconciler._ONE_WRITE_IN == scene.reconciler._seconds_per_write()
        await started(scene)
        assert 4 == scene.reconciler._seconds_per_write()

    played(act)


def test_a_network_that_needs_a_kind_of_link() -> None:
    async def act(scene: Scene) -> None:
        await started(scene, json.dumps(config("ipvlan", master="eth1", ipam=STATIC)))
        scene.put_node("n1", "eth1", linkKinds=["bridge", "veth"])
        scene.put_node("n2", "eth1", linkKinds=["bridge", "ipvlan", "veth"])
        await scene.reconcile()

        assert ("1/2", "LinkKindUnavailable") == ready(scene)

    played(act)


def test_in_a_small_cluster_both_are_one_write() -> None:
    async def act(scene: Scene) -> None:
        await started(scene)
        await scene.reconcile()
        written = len(scene.patches())

        scene.put_node("n2", "eth2")
        await scene.list_all()
        await scene.reconciler.reconcile(A, for_nodes=False)

        assert ("1/2", "InterfaceMissing") == ready(scene)
        assert "ValidWithWarnings" == scene.status()["conditions"][0]["reason"]
        assert 1 == len(scene.patches()) - written

    played(act)


def test_a_network_that_is_created_again_need_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "_ONE_WRITE_IN", 3600)
    monkeypatch.setattr(reconciler, "_WRITES_AT_ONCE", 1)

    async def act(scene: Scene) -> None:
        await started(scene)
        async with running(scene):
            await scene.server.until(lambda: ready(scene)[0] == "2/2")
            scene.server.delete(NADS, "a", "ns")
            await scene.list_all()
            scene.server.put(NADS, nad(ETH1))
            await scene.list_all()
            await scene.server.until(lambda: ready(scene)[0] == "2/2")

    played(act)
