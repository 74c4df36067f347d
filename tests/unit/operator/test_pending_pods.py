"""Events on pending pods for which no node is left: one for each reason, and none where the pod can wait for nothing of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.api.objects import Key
from netattach_core.readiness.reason import Code, Reason
from netattach_kube.cluster_settings import ClusterSettings
from netattach_kube.resource import EVENTS, PODS
from netattach_operator import pending_pods
from netattach_operator.pending_pods import PendingPods
from netattach_operator.view import View
from support import api_server
from support.api_server import ApiServer

KERNEL = Reason(Code.LINK_KIND_UNAVAILABLE, "the kernel has no ipvlan links")
MISSING = Reason(Code.INTERFACE_MISSING, "eth7 does not exist")
IPVLAN, STORAGE = ("lab", "ipvlan"), ("lab", "storage")


def pod(name: str = "web", networks: str = "ipvlan", **spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "lab", "name": name, "uid": f"uid-{name}", "annotations": {NETWORKS: networks}}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}


class _View:
    """As much of the operator's view as pending pods need."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.settings = ClusterSettings()
        self.readiness = self

    @property
    def cluster_nodes(self) -> list[str]:
        return self._scene.nodes

    def ruled_out(self, network: Key) -> dict[str, Reason]:
        return self._scene.reasons.get(network, {})

    def not_selected(self, network: Key) -> list[str]:
        return self._scene.others.get(network, [])


class Scene:
    """A server, and what is known of nodes and networks."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.nodes = ["node1", "node2"]
        self.others: dict[Key, list[str]] = {}
        """The nodes that a network is not for."""

        self.reasons: dict[Key, dict[str, Reason]] = {IPVLAN: {"node1": KERNEL, "node2": MISSING}}
        self.pending = self.new()

    def new(self) -> PendingPods:
        return PendingPods(self.server.api, cast("View", _View(self)))

    def messages(self) -> list[str]:
        return [each["message"] for each in self.server.all(EVENTS)]

    def writes(self) -> int:
        return sum(request.method == "POST" for request in self.server.requests)

    async def report(self) -> None:
        """One pass, after the watch has reported all pods."""
        await self.pending._pods.synced.wait()
        await self.pending.report()


def played(act: Callable[[Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(Scene(server))

    asyncio.run(story())


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_pods, "_DEBOUNCE", 0.01)
    monkeypatch.setattr(pending_pods, "_PAUSE", 0.0)


@asynccontextmanager
async def running(scene: Scene) -> Any:
    """As in the operator."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.pending.run())
        yield
        task.cancel()


@asynccontextmanager
async def watching(scene: Scene) -> Any:
    """Only the watch, so that the test decides when a pass is made."""
    before = _watches(scene)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.pending._pods.run())
        await scene.server.until(lambda: _watches(scene) > before)
        yield
        task.cancel()


def _watches(scene: Scene) -> int:
    return sum("watch" in request.query for request in scene.server.requests)


def test_the_event_says_which_network_rules_out_which_node() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(PODS, pod())
        async with running(scene):
            await scene.server.until(lambda: bool(scene.messages()))

            (event,) = scene.server.all(EVENTS)
            assert ("Warning", "NoNodeForNetworks", "lab") == (
                event["type"],
                event["reason"],
                event["metadata"]["namespace"],
            )
            assert {"kind": "Pod", "name": "web", "uid": "uid-web"}.items() <= event["involvedObject"].items()
            assert (
                "no node has all networks of this pod ready: lab/ipvlan rules out node1 (the kernel has no ipvlan links); "
                "lab/ipvlan rules out node2 (eth7 does not exist)"
            ) == event["message"]

    played(act)


def test_what_has_been_said_is_not_repeated() -> None:
    """Neither for each change, nor by a new leader."""

    async def act(scene: Scene) -> None:
        scene.server.put(PODS, pod())
        async with watching(scene):
            for _ in range(3):
                await scene.report()
            assert 1 == scene.writes()
        scene.pending = scene.new()
        async with watching(scene):
            await scene.report()
            await scene.report()

        assert 1 == len(scene.messages())
        assert 2 == scene.writes()

    played(act)


def test_another_reason_is_another_event_and_another_node_with_the_same_one_is_none() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(PODS, pod())
        async with watching(scene):
            await scene.report()
            scene.reasons = {IPVLAN: {"node1": MISSING, "node2": MISSING}}
            await scene.report()
            assert 2 == len(scene.messages())

            scene.nodes = ["node1", "node2", "node3"]
            scene.reasons = {IPVLAN: dict.fromkeys(scene.nodes, MISSING)}
            await scene.report()
            assert 2 == len(scene.messages())

    played(act)


def test_a_pod_that_has_a_node_left_is_not_reported() -> None:
    async def act(scene: Scene) -> None:
        scene.reasons = {IPVLAN: {"node1": KERNEL}, STORAGE: {"node1": MISSING}}
        scene.server.put(PODS, pod(networks="ipvlan,storage"))
        async with watching(scene):
            await scene.report()
            assert [] == scene.messages()

            scene.reasons[STORAGE] = {"node2": MISSING}
            await scene.report()
            (message,) = scene.messages()
            assert "lab/ipvlan rules out node1" in message
            assert "lab/storage rules out node2" in message

    played(act)


def test_nodes_that_a_network_is_not_for_are_ruled_out() -> None:
    async def act(scene: Scene) -> None:
        scene.reasons, scene.others = {IPVLAN: {"node1": KERNEL}}, {IPVLAN: ["node2"]}
        scene.server.put(PODS, pod())
        async with watching(scene):
            await scene.report()
            (message,) = scene.messages()
            assert (
                "lab/ipvlan rules out node2 (the network's node selector does not match the node)" in message
            )

    played(act)


LEFT_OUT = {
    "in the node's network": pod(hostNetwork=True),
    "without networks": pod(networks=""),
    "with an annotation that cannot be parsed": pod(networks="[{"),
    "of a DaemonSet": {
        **pod(),
        "metadata": {**pod()["metadata"], "ownerReferences": [{"kind": "DaemonSet", "controller": True}]},
    },
    "being deleted": {
        **pod(),
        "metadata": {**pod()["metadata"], "deletionTimestamp": "2026-11-30T00:00:00Z"},
    },
    "with a node": pod(nodeName="node1"),
}


@pytest.mark.parametrize("body", LEFT_OUT.values(), ids=LEFT_OUT)
def test_other_pods_are_left_out(body: dict[str, Any]) -> None:
    """Also where the watch, which sees only metadata, lists them."""

    async def act(scene: Scene) -> None:
        scene.server.put(PODS, body)
        async with watching(scene):
            await scene.report()
            asked = len(scene.server.requests)
            await scene.report()

        assert [] == scene.messages()
        assert asked == len(scene.server.requests)

    played(act)


def test_a_pod_that_is_gone_meanwhile_is_not_reported() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(PODS, pod())
        scene.server.fail(404, method="GET", path="/pods/web")
        async with watching(scene):
            await scene.report()
            await scene.report()

        assert [] == scene.messages()

    played(act)


def test_a_change_of_a_node_starts_a_pass() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(PODS, pod())
        async with running(scene):
            await scene.server.until(lambda: 1 == len(scene.messages()))
            scene.reasons = {IPVLAN: {"node1": MISSING, "node2": MISSING}}
            scene.pending.changed()
            await scene.server.until(lambda: 2 == len(scene.messages()))

    played(act)


def test_a_write_that_fails_is_repeated() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(PODS, pod())
        scene.server.fail(503, method="POST", path="/events", times=2)
        async with running(scene):
            await scene.server.until(lambda: 1 == len(scene.messages()))

    played(act)


def test_many_pods_are_reported_in_several_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(scene: Scene) -> None:
        monkeypatch.setattr(pending_pods, "_AT_ONCE", 3)
        for number in range(10):
            scene.server.put(PODS, pod(f"web-{number}"))
        async with running(scene):
            await scene.server.until(lambda: 10 == len(scene.messages()))

    played(act)


def test_the_name_of_the_event_of_a_pod_with_a_long_name_is_valid() -> None:
    name = pending_pods._event_name("a" * 199 + "-" + "b" * 50, "uid", frozenset())

    assert name.startswith("a" * 199 + ".")
    assert 216 == len(name)
