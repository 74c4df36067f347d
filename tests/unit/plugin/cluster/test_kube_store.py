"""The requests of an ADD and of its status, and both without the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netattach_core.api import networks_annotation
from netattach_core.api.inventory import NodeAddress, NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.pod import PodRef
from netattach_core.errors import NotFoundError, RefusedError, TryAgainError
from netattach_kube.resource import INVENTORIES, NADS, NODES, PODS, RESOURCE_SLICES
from netattach_plugin.cluster import kube_store
from netattach_plugin.cluster.kube_store import KubeStore
from support import api_server
from support.api_server import ApiServer

STATIC = "kubernetes.io/config.mirror"
INTERNAL = {"type": "InternalIP", "address": "10.0.0.1"}


def nad(name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name}, "spec": {"config": "{}"}}


def pod(name: str, uid: str, **annotations: str) -> dict[str, Any]:
    metadata = {"namespace": "ns", "name": name, "uid": uid, "annotations": annotations}
    return {"metadata": metadata, "spec": {"nodeName": "node1"}}


@asynccontextmanager
async def watching(server: ApiServer) -> AsyncIterator[KubeStore]:
    """A store with all objects from its watches; earlier requests are dropped."""
    store = KubeStore(server.api, "node1", {"kernel": "6.1"})
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(store.run())
        await server.asked("WATCH", times=2)
        await server.until(store.synced.is_set)
        server.requests.clear()
        yield store
        task.cancel()


def config(nad: Nad | None) -> str:
    """The config of the NAD ns/n."""
    assert nad is not None
    assert ("ns", "n") == (nad.namespace, nad.name)
    return nad.config


def run(story: Callable[[ApiServer], Coroutine[Any, Any, None]]) -> None:
    async def serve() -> None:
        async with api_server.serving() as server, asyncio.timeout(60):
            server.put(NODES, {"metadata": {"name": "node1", "uid": "node-uid"}})
            await story(server)

    asyncio.run(serve())


def asked(server: ApiServer) -> list[str]:
    return [str(request) for request in server.requests]


def test_each_nad_of_the_watch_is_reported() -> None:
    reported: list[tuple[tuple[str, str], Nad | None]] = []

    async def story(server: ApiServer) -> None:
        store = KubeStore(server.api, "node1", {}, nad_changed=lambda *nad: reported.append(nad))
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(store.run())
            await server.asked("WATCH", times=2)
            server.put(NADS, nad("n"))
            await server.until(lambda: len(reported) == 1)
            server.delete(NADS, "n", "ns")
            await server.until(lambda: len(reported) == 2)
            task.cancel()

    run(story)
    (put, removed) = reported
    assert (("ns", "n"), (("ns", "n"), None)) == (put[0], removed)
    assert put[1] is not None
    assert "{}" == put[1].config


def test_watched_objects_cost_no_request() -> None:
    async def story(server: ApiServer) -> None:
        server.put(NADS, nad("n"))
        async with watching(server) as store:
            assert "{}" == config(await store.nad("ns", "n"))
            assert [] == asked(server)

    run(story)


def test_an_object_that_the_watch_does_not_have_costs_one_get() -> None:
    async def story(server: ApiServer) -> None:
        async with watching(server) as store:
            assert None is await store.nad("ns", "n")
            assert ["GET /apis/k8s.cni.cncf.io/v1/namespaces/ns/network-attachment-definitions/n"] == asked(
                server
            )

    run(story)


def test_without_the_api_watched_objects_are_read_and_others_may_be_retried() -> None:
    async def story(server: ApiServer) -> None:
        server.put(NADS, nad("n"))
        async with watching(server) as store:
            server.away = True

            assert "{}" == config(await store.nad("ns", "n"))
            with pytest.raises(TryAgainError):
                await store.nad("ns", "other")

    run(story)


def test_a_nad_from_a_get_is_kept_until_the_watch_has_it() -> None:
    async def story(server: ApiServer) -> None:
        server.put(NADS, nad("n"))
        store = KubeStore(server.api, "node1", {})
        assert "{}" == config(await store.nad("ns", "n"))
        server.away = True
        assert "{}" == config(await store.nad("ns", "n"))

        server.away = False
        async with asyncio.TaskGroup() as tasks:  # ends before the client is closed
            watching = tasks.create_task(store.run())
            await server.until(store.synced.is_set)
            server.delete(NADS, "n", "ns")
            await server.until(lambda: store._nads.get("ns", "n") is None)
            server.away = True
            with pytest.raises(TryAgainError):
                await store.nad("ns", "n")
            watching.cancel()

    run(story)


def test_a_nad_from_a_get_is_dropped_when_it_is_deleted() -> None:
    async def story(server: ApiServer) -> None:
        server.put(NADS, nad("n"))
        store = KubeStore(server.api, "node1", {})
        await store.nad("ns", "n")
        server.delete(NADS, "n", "ns")
        assert None is await store.nad("ns", "n")
        server.away = True
        with pytest.raises(TryAgainError):
            await store.nad("ns", "n")

    run(story)


def test_a_get_has_a_short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_store, "_GET_SECONDS", 0.05)

    async def story(server: ApiServer) -> None:
        async with watching(server) as store:
            server.delay = 0.5
            with pytest.raises(TryAgainError, match="does not answer in time"):
                await store.nad("ns", "n")

    run(story)


def test_a_status_is_one_patch_that_carries_the_uid() -> None:
    async def story(server: ApiServer) -> None:
        server.put(PODS, pod("p", "u"))
        async with watching(server) as store:
            await store.write_status(PodRef("ns", "p", "u"), "[]")

            assert ["PATCH /api/v1/namespaces/ns/pods/p/status"] == asked(server)
            assert {
                "metadata": {"uid": "u", "annotations": {networks_annotation.NETWORK_STATUS: "[]"}}
            } == server.requests[0].body

    run(story)


@pytest.mark.parametrize(("known", "requests"), [(True, 1), (False, 3)], ids=["watched", "not watched"])
def test_a_static_pod_has_another_uid_in_the_api(
    known: bool,  # noqa: FBT001  # a table's column
    requests: int,
) -> None:
    async def story(server: ApiServer) -> None:
        server.put(PODS, pod("p", "api-uid", **{STATIC: "static-uid"}))
        async with watching(server) as store:
            ref = PodRef("ns", "p", "static-uid")
            if known:
                await store.pod(ref)
                await server.until(lambda: store._pods.known(ref) is not None)
                server.requests.clear()
            await store.write_status(ref, "[]")

            assert (
                "[]"
                == server.read(PODS, "p", "ns")["metadata"]["annotations"][networks_annotation.NETWORK_STATUS]
            )
            assert requests == len(asked(server))
            found = await store.pod(ref)
            assert found is not None
            assert "api-uid" == found.ref.uid

    run(story)


def test_a_later_pod_of_that_name_never_gets_the_status() -> None:
    async def story(server: ApiServer) -> None:
        server.put(PODS, pod("p", "new"))
        async with watching(server) as store:
            with pytest.raises(NotFoundError):
                await store.write_status(PodRef("ns", "p", "old"), "[]")

            assert {} == server.read(PODS, "p", "ns")["metadata"]["annotations"]

    run(story)


def test_a_conflict_with_another_client_may_be_retried() -> None:
    """The kubelet often writes to the same object."""

    async def story(server: ApiServer) -> None:
        server.put(PODS, pod("p", "u"))
        async with watching(server) as store:
            server.fail(409, "the object has been modified", method="PATCH")
            with pytest.raises(TryAgainError, match="has been modified"):
                await store.write_status(PodRef("ns", "p", "u"), "[]")

    run(story)


def test_a_patch_that_a_policy_denies_is_refused() -> None:
    async def story(server: ApiServer) -> None:
        server.put(PODS, pod("p", "u"))
        async with watching(server) as store:
            server.fail(422, "denied by a policy", method="PATCH")
            with pytest.raises(RefusedError, match="denied by a policy"):
                await store.write_status(PodRef("ns", "p", "u"), "[]")

    run(story)


def test_the_inventory_is_owned_by_its_node() -> None:
    async def story(server: ApiServer) -> None:
        async with watching(server) as store:
            await store.publish_inventory(NodeInventory("node1"))
            body = server.read(INVENTORIES, "node1")

            assert ["node-uid"] == [owner["uid"] for owner in body["metadata"]["ownerReferences"]]
            assert "6.1" == body["status"]["kernel"]

    run(story)


def test_the_addresses_of_the_node_have_their_origin() -> None:
    async def story(server: ApiServer) -> None:
        addresses = [INTERNAL, {"type": "Hostname", "address": "node1"}]
        server.put(
            NODES,
            {
                "metadata": {
                    "name": "node1",
                    "annotations": {"flannel.alpha.coreos.com/public-ip": "10.0.0.2"},
                },
                "status": {"addresses": addresses},
            },
        )
        async with watching(server) as store:
            await server.until(store._node.synced.is_set)

            assert (
                NodeAddress("10.0.0.1", "the node's InternalIP"),
                NodeAddress("10.0.0.2", "flannel's public-ip"),
            ) == await store.node_addresses()

    run(story)


def test_the_addresses_of_the_node_are_waited_for() -> None:
    """NADs would be validated by an inventory without them until the next one."""

    async def story(server: ApiServer) -> None:
        server.put(NODES, {"metadata": {"name": "node1"}, "status": {"addresses": [INTERNAL]}})
        store = KubeStore(server.api, "node1", {})
        async with asyncio.TaskGroup() as tasks:
            early = tasks.create_task(store.node_addresses())
            await asyncio.sleep(0)
            assert not early.done()

            watching = tasks.create_task(store.run())
            assert (NodeAddress("10.0.0.1", "the node's InternalIP"),) == await early
            watching.cancel()

    run(story)


def resource_slice(name: str, node: str, driver: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"nodeName": node, "driver": driver, "pool": {"name": node}}}


def test_resource_slices_of_this_node_and_driver_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_store, "_PAGE", "2")

    async def story(server: ApiServer) -> None:
        for number in range(5):
            server.put(RESOURCE_SLICES, resource_slice(f"s{number}", "node1", "nic"))
        server.put(RESOURCE_SLICES, resource_slice("other-node", "node2", "nic"))
        server.put(RESOURCE_SLICES, resource_slice("other-driver", "node1", "gpu"))

        found = await KubeStore(server.api, "node1", {}).resource_slices("nic")

        assert [f"s{number}" for number in range(5)] == [each["metadata"]["name"] for each in found]
        assert 3 == len(asked(server))

    run(story)


def test_a_cluster_without_dynamic_resources_has_no_slices() -> None:
    async def story(server: ApiServer) -> None:
        server.absent.add("resourceslices")

        assert [] == await KubeStore(server.api, "node1", {}).resource_slices("nic")

    run(story)


def test_slices_that_cannot_be_read_are_a_failure() -> None:
    """Otherwise the pod would lack a device."""

    async def story(server: ApiServer) -> None:
        server.away = True

        with pytest.raises(TryAgainError):
            await KubeStore(server.api, "node1", {}).resource_slices("nic")

    run(story)


def test_labels_of_a_node_that_the_watch_has_not_reported_are_requested() -> None:
    async def story(server: ApiServer) -> None:
        server.put(NODES, {"metadata": {"name": "node1", "labels": {"zone": "a"}}})
        assert {"zone": "a"} == await KubeStore(server.api, "node1", {}).node_labels()
        async with watching(server) as store:
            await server.until(store._node.synced.is_set)
            assert {"zone": "a"} == await store.node_labels()
            assert [] == asked(server)

    run(story)


@pytest.mark.parametrize("missing", ["the Node", "the API"])
def test_unknown_labels_of_a_node_are_an_error_and_not_none(missing: str) -> None:
    async def story(server: ApiServer) -> None:
        server.delete(NODES, "node1")
        server.away = missing == "the API"
        with pytest.raises(TryAgainError):
            await KubeStore(server.api, "node1", {}).node_labels()

    run(story)
