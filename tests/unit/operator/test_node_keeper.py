"""Labels of networks that are not ready, and the taint: one write for each node that changes, of nothing that is not ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netattach_core.errors import ConflictError
from netattach_core.readiness import node_label
from netattach_kube import cluster_settings
from netattach_kube.resource import INVENTORIES, NADS, NODES, PODS
from netattach_operator import node_keeper
from netattach_operator.cluster_nodes import TAINT
from netattach_operator.node_keeper import NodeKeeper
from netattach_operator.work_queue import WorkQueue
from support import api_server
from support.validation import STATIC, macvlan
from unit.operator.scene import A, Scene, nad

ON_ETH1 = json.dumps(macvlan(ipam=STATIC))
LABEL = node_label.of_network(A)
OURS = {"key": TAINT, "effect": "NoSchedule"}
OTHERS = {"key": "dedicated", "value": "gpu", "effect": "NoExecute"}


class Keeper(Scene):
    """A network on eth1, which only the node n1 has."""

    def __init__(self, server: api_server.ApiServer) -> None:
        super().__init__(server)
        self.clock = 1000.0
        self.nodes = WorkQueue(lambda: self.clock)
        self.keeper = NodeKeeper(server.api, self.view, self.nodes, lambda: self.clock)
        self.put_node("n1", "eth1")
        self.put_node("n2", "eth2")
        server.put(NADS, nad(ON_ETH1))

    async def keep(self, settings: str = "") -> None:
        """All that the operator does after a change."""
        self.view.use_settings(cluster_settings.parse(settings))
        await self.list_all()
        if not self.view.readiness.known:
            self.view.readiness.start()
        for key in list(self.view.nads.items()):
            await self.reconciler.reconcile(key)
        for name in [*self.view.cluster_nodes, "gone"]:
            await self.keeper.keep(name)
        await self.list_all()

    def ours(self, node: str) -> dict[str, str]:
        labels = self.server.read(NODES, node)["metadata"]["labels"]
        return {key: value for key, value in labels.items() if key.startswith(node_label.PREFIX)}

    def writes(self) -> list[api_server.Request]:
        return [each for each in self.patches() if "/nodes/" in each.path]

    def taints(self, node: str = "n1") -> list[dict[str, Any]]:
        taints: list[dict[str, Any]] = self.server.read(NODES, node).get("spec", {}).get("taints", [])
        return taints

    def put_probe(self, *, succeeded: bool = True, boot: str = "b1") -> None:
        probe = {"bootID": boot, "succeeded": succeeded}
        self.put_node("n1", "eth1", bootID="b1", probe=probe)

    def taint(self, *taints: dict[str, Any], boot: str = "b1") -> None:
        body = self.server.read(NODES, "n1")
        self.server.put(
            NODES,
            {
                **body,
                "spec": {"taints": list(taints), "podCIDR": "x"},
                "status": {"nodeInfo": {"bootID": boot}},
            },
        )


def kept(act: Callable[[Keeper], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(Keeper(server))

    asyncio.run(story())


def test_a_node_has_labels_of_the_networks_that_are_not_ready_there() -> None:
    async def act(scene: Keeper) -> None:
        await scene.keep()

        assert ({}, {LABEL.key: LABEL.value}) == (scene.ours("n1"), scene.ours("n2"))
        (write,) = scene.writes()
        assert {"metadata": {"labels": {LABEL.key: LABEL.value}}} == write.body
        assert "application/merge-patch+json" == write.content_type

    kept(act)


def test_nothing_is_written_where_nothing_changes() -> None:
    async def act(scene: Keeper) -> None:
        for _ in range(3):
            await scene.keep()

        assert 1 == len(scene.writes())

    kept(act)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s.put_node("n2", "eth1"), id="it is ready"),
        pytest.param(lambda s: s.server.delete(NADS, "a", "ns"), id="the network is deleted"),
        pytest.param(lambda s: s.server.put(NADS, _for_node("n1")), id="the network is for another node"),
    ],
)
def test_a_label_is_removed_when(change: Callable[[Keeper], Any]) -> None:
    async def act(scene: Keeper) -> None:
        await scene.keep()
        change(scene)
        await scene.list_all()
        await scene.reconciler.reconcile(A)
        await scene.keep()

        assert {} == scene.ours("n2")
        assert {"metadata": {"labels": {LABEL.key: None}}} == scene.writes()[-1].body
        assert "n2" == scene.server.read(NODES, "n2")["metadata"]["labels"]["name"]

    kept(act)


def _for_node(name: str) -> dict[str, Any]:
    body = nad(ON_ETH1)
    body["metadata"]["annotations"] = {"netattach.io/node-selector": f"name={name}"}
    return body


def test_all_labels_are_removed_when_the_setting_is_off() -> None:
    async def act(scene: Keeper) -> None:
        await scene.keep("scheduling: on")
        assert scene.ours("n2")

        await scene.keep("scheduling: off")

        assert {} == scene.ours("n2")

    kept(act)


def test_a_label_that_nobody_knows_any_more_is_removed() -> None:
    """The network was deleted while no operator ran."""

    async def act(scene: Keeper) -> None:
        stale = f"{node_label.PREFIX}0123456789abcdef"
        scene.server.put(NODES, {"metadata": {"name": "n1", "labels": {stale: "ns.old", "name": "n1"}}})
        await scene.keep()

        assert {} == scene.ours("n1")

    kept(act)


def test_a_daemon_that_restarts_changes_no_labels() -> None:
    async def act(scene: Keeper) -> None:
        await scene.keep()
        scene.put_daemon("n1", ready=False)
        await scene.keep()
        assert {} == scene.ours("n1")
        scene.put_daemon("n1", ready=True)
        await scene.keep()

        assert 1 == len(scene.writes())

    kept(act)


def test_a_daemon_that_stays_away_does() -> None:
    async def act(scene: Keeper) -> None:
        await scene.keep()
        scene.put_daemon("n1", ready=False)
        await scene.keep()
        assert ("", "n1") in scene.nodes._soon._due
        scene.clock += node_keeper._PATIENCE
        await scene.keep()

        assert {LABEL.key: LABEL.value} == scene.ours("n1")

    kept(act)


def test_a_label_stays_while_the_daemon_restarts() -> None:
    """It is not known that the network is ready."""

    async def act(scene: Keeper) -> None:
        await scene.keep()
        scene.put_daemon("n2", ready=False)
        await scene.keep()

        assert scene.ours("n2")
        assert 1 == len(scene.writes())

    kept(act)


def test_a_node_has_a_hundred_labels_at_most_and_that_is_reported_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def act(scene: Keeper) -> None:
        for number in range(node_label.MAX_PER_NODE + 1):
            scene.server.put(NADS, nad(ON_ETH1, f"net{number}"))
        for _ in range(2):
            await scene.keep()

        assert node_label.MAX_PER_NODE == len(scene.ours("n2"))
        assert 1 == caplog.text.count("node n2: 102 networks are not ready")

    kept(act)


def test_a_taint_is_removed_once_an_attachment_works() -> None:
    async def act(scene: Keeper) -> None:
        scene.put_probe()
        scene.taint(OTHERS, OURS)

        await scene.keep()

        assert [OTHERS] == scene.taints()
        assert "x" == scene.server.read(NODES, "n1")["spec"]["podCIDR"]

    kept(act)


@pytest.mark.parametrize(
    ("probe", "settings"),
    [
        pytest.param({"succeeded": False}, "", id="an attachment that failed"),
        pytest.param({"boot": "b0"}, "", id="an attachment before the reboot"),
        pytest.param({}, "startupTaint: off", id="the setting is off"),
    ],
)
def test_a_taint_stays_after(probe: dict[str, Any], settings: str) -> None:
    async def act(scene: Keeper) -> None:
        scene.put_probe(**probe)
        scene.taint(OURS)

        await scene.keep(settings)

        assert [OURS] == scene.taints()

    kept(act)


def test_a_taint_stays_until_the_daemon_reports() -> None:
    async def act(scene: Keeper) -> None:
        scene.taint(OURS)
        scene.server.delete(INVENTORIES, "n1")

        await scene.keep()

        assert [OURS] == scene.taints()

    kept(act)


def test_new_and_rebooted_nodes_get_the_taint_where_the_operator_manages_it() -> None:
    async def act(scene: Keeper) -> None:
        scene.put_probe(boot="b0")
        scene.taint(OTHERS)

        await scene.keep("startupTaint: remove")
        assert [OTHERS] == scene.taints()
        await scene.keep("startupTaint: manage")
        assert [OTHERS, OURS] == scene.taints()

        scene.put_probe()
        await scene.keep("startupTaint: manage")
        assert [OTHERS] == scene.taints()

    kept(act)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s.put_node("n1", "eth1"), id="whose daemon is of an earlier release"),
        pytest.param(lambda s: s.server.delete(PODS, "daemon-n1", "netattach-node"), id="without a daemon"),
        pytest.param(lambda s: s.put_probe(succeeded=False), id="where an attachment failed later"),
    ],
)
def test_no_taint_for_a_node(change: Callable[[Keeper], Any]) -> None:
    """It would have it for ever, or lose what runs there for a mistake of ours."""

    async def act(scene: Keeper) -> None:
        scene.put_probe(boot="b0")
        scene.taint()
        change(scene)

        await scene.keep("startupTaint: manage")

        assert [] == scene.taints()

    kept(act)


def test_a_taint_that_another_adds_meanwhile_is_not_lost() -> None:
    async def act(scene: Keeper) -> None:
        scene.put_probe()
        scene.taint(OURS)
        await scene.list_all()
        scene.view.readiness.start()
        await scene.reconciler.reconcile(A)
        get = scene.server.api.get

        async def get_and_lose(*args: Any, **kwargs: Any) -> Any:
            body = await get(*args, **kwargs)
            scene.taint(OURS, OTHERS)
            return body

        scene.server.api.get = get_and_lose  # type: ignore[method-assign]
        with pytest.raises(ConflictError):
            await scene.keeper.keep("n1")
        scene.server.api.get = get  # type: ignore[method-assign]
        await scene.keeper.keep("n1")

        assert [OTHERS] == scene.taints()

    kept(act)


def test_a_write_that_fails_is_retried() -> None:
    async def act(scene: Keeper) -> None:
        await scene.list_all()
        scene.view.readiness.start()
        await scene.reconciler.reconcile(A)
        scene.server.fail(500, method="PATCH", path="/nodes/", times=2)
        scene.keeper._queue = WorkQueue(asyncio.get_running_loop().time)
        scene.keeper._queue.add(("", "n2"))
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(scene.keeper.run())
            await scene.server.until(lambda: bool(scene.ours("n2")))
            task.cancel()

        assert 3 == len(scene.writes())

    kept(act)
