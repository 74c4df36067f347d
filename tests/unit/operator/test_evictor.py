"""Evictions: only where the settings say so, and only of pods that a captured daemon could not have chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netattach_core.errors import ConflictError, TryAgainError
from netattach_kube import cluster_settings
from netattach_kube.resource import EVENTS, PODS
from netattach_operator import evictor
from netattach_operator.evictor import Evictor
from support import api_server
from unit.operator.scene import Scene

KEY = ("n1", "ns/p")
EVICT = "unmetPods: evict"
OWNED = [{"kind": "ReplicaSet", "name": "r", "controller": True}]


def unmet(**changed: Any) -> dict[str, Any]:
    pod = {
        "namespace": "ns",
        "name": "p",
        "uid": "u",
        "networks": ["ns/net"],
        "reason": "OtherSandbox",
        **changed,
    }
    return {"unmetPods": {"total": 1, "pods": [pod]}}


def pod(**changed: Any) -> dict[str, Any]:
    metadata = {
        "namespace": "ns",
        "name": "p",
        "uid": "u",
        "ownerReferences": OWNED,
        "annotations": {"k8s.v1.cni.cncf.io/networks": "net"},
        **changed.pop("metadata", {}),
    }
    return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}, **changed}


class Evictions(Scene):
    """A pod on n1 that n1 reports."""

    def __init__(self, server: api_server.ApiServer) -> None:
        super().__init__(server)
        self.evictor = Evictor(server.api, self.view, asyncio.get_running_loop().time)
        self.view.use_settings(cluster_settings.parse(EVICT))
        server.put(PODS, pod())
        self.put_node("n1", "eth1", **unmet())

    async def report(self) -> None:
        await self.list_all()
        for node in ("n1", "n2"):
            self.evictor.node_changed(node)

    def evicted(self) -> list[Any]:
        return [
            each.body for each in self.server.requests if each.path == "/api/v1/namespaces/ns/pods/p/eviction"
        ]


def played(act: Callable[[Evictions], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(Evictions(server))

    asyncio.run(story())


def test_a_pod_that_lacks_a_network_is_evicted_by_its_uid_with_an_event() -> None:
    async def act(scene: Evictions) -> None:
        await scene.report()

        assert await scene.evictor.evict(KEY)

        (body,) = scene.evicted()
        assert {"preconditions": {"uid": "u"}} == body["deleteOptions"]
        assert ("policy/v1", "Eviction", "p") == (body["apiVersion"], body["kind"], body["metadata"]["name"])
        (event,) = scene.server.all(EVENTS)
        assert ("EvictedWithoutNetworks", "u") == (event["reason"], event["involvedObject"]["uid"])
        assert "ns/net" in event["message"]

    played(act)


def test_by_default_pods_are_only_reported() -> None:
    async def act(scene: Evictions) -> None:
        scene.view.use_settings(cluster_settings.parse(""))
        await scene.report()

        assert not await scene.evictor.evict(KEY)
        assert [] == scene.evicted()

    played(act)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"spec": {"nodeName": "n2"}}, id="on another node"),
        pytest.param({"metadata": {"uid": "other"}}, id="another pod of this name"),
        pytest.param({"metadata": {"ownerReferences": []}}, id="without a controller"),
        pytest.param({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, id="that is being deleted"),
        pytest.param({"metadata": {"annotations": {}}}, id="that asks for no network"),
        pytest.param(
            {"metadata": {"annotations": {"k8s.v1.cni.cncf.io/networks": "other/net"}}},
            id="that asks for another one",
        ),
        pytest.param({"status": {"phase": "Pending"}}, id="that does not run"),
        pytest.param(
            {
                "metadata": {
                    "annotations": {"k8s.v1.cni.cncf.io/networks": "net", "kubernetes.io/config.mirror": "x"}
                }
            },
            id="of a file of the node",
        ),
    ],
)
def test_no_pod_is_evicted(changed: dict[str, Any]) -> None:
    async def act(scene: Evictions) -> None:
        scene.server.put(PODS, pod(**changed))
        await scene.report()

        assert not await scene.evictor.evict(KEY)
        assert [] == scene.evicted()

    played(act)


def test_a_pod_with_a_default_network_of_the_cluster_is_evicted_too() -> None:
    async def act(scene: Evictions) -> None:
        scene.view.use_settings(
            cluster_settings.parse(f"{EVICT}\ndefaultNetworks: [net]\nnetworksNamespace: ns")
        )
        scene.server.put(PODS, pod(metadata={"annotations": {}}))
        await scene.report()

        assert await scene.evictor.evict(KEY)

    played(act)


@pytest.mark.parametrize(
    "changed", [{"reason": "AnnotationChanged"}, {"uid": ""}], ids=["a changed annotation", "no UID"]
)
def test_a_report_that_an_eviction_does_not_help_is_ignored(changed: dict[str, Any]) -> None:
    async def act(scene: Evictions) -> None:
        scene.put_node("n1", "eth1", **unmet(**changed))
        await scene.report()

        assert not await scene.evictor.evict(KEY)

    played(act)


def test_a_report_that_is_withdrawn_evicts_nothing() -> None:
    async def act(scene: Evictions) -> None:
        await scene.report()
        scene.put_node("n1", "eth1")
        await scene.report()

        assert not await scene.evictor.evict(KEY)
        assert 0 == len(scene.evictor._queue)

    played(act)


def test_another_node_neither_evicts_a_pod_nor_protects_it() -> None:
    """Its daemon may be captured."""

    async def act(scene: Evictions) -> None:
        scene.put_node("n2", "eth1", **unmet())
        await scene.report()

        assert not await scene.evictor.evict(("n2", "ns/p"))
        assert await scene.evictor.evict(KEY)

    played(act)


def test_the_uid_is_a_precondition() -> None:
    async def act(scene: Evictions) -> None:
        await scene.report()
        scene.server.fail(409, path="eviction")

        with pytest.raises(ConflictError):
            await scene.evictor.evict(KEY)

    played(act)


def test_a_disruption_budget_is_respected() -> None:
    async def act(scene: Evictions) -> None:
        await scene.report()
        scene.server.fail(
            429, "Cannot evict pod as it would violate the pod's disruption budget.", path="eviction"
        )

        with pytest.raises(TryAgainError, match="disruption budget"):
            await scene.evictor.evict(KEY)

        assert [] == scene.server.all(EVENTS)

    played(act)


def test_an_eviction_that_is_not_allowed_yet_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evictor, "_PATIENCE", 0.01)
    monkeypatch.setattr(evictor, "_ONE_EVICTION_IN", 0.01)

    async def act(scene: Evictions) -> None:
        scene.server.fail(429, path="eviction", times=2)
        await scene.report()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(scene.evictor.run())
            await scene.server.until(lambda: bool(scene.server.all(EVENTS)))
            task.cancel()

        assert 3 == len(scene.evicted())

    played(act)


def test_a_pod_that_is_gone_is_forgotten() -> None:
    async def act(scene: Evictions) -> None:
        await scene.report()
        scene.server.delete(PODS, "p", "ns")

        assert not await scene.evictor._try(KEY)
        assert {} == scene.evictor._reported

    played(act)
