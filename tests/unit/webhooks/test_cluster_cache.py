"""The cache answers at once; a network that it does not have is requested, once, with a short timeout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netattach_core.admission import NetworkUsers
from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.validation.footprint import Footprint
from netattach_kube.cluster_settings import KEY, NAME, NAMESPACE
from netattach_kube.resource import CONFIG_MAPS, INVENTORIES, NADS, PODS
from netattach_webhooks import cluster_cache
from netattach_webhooks.cluster_cache import ClusterCache, NadLookup, NotSyncedError
from support import api_server
from support.api_server import ApiServer
from unit.webhooks.harness import run, until

A = ("default", "a")


def put_nad(server: ApiServer, name: str, config: str = "{}") -> None:
    server.put(NADS, {"metadata": {"name": name, "namespace": "default"}, "spec": {"config": config}})


def put_node(server: ApiServer, name: str, status: Any) -> None:
    server.put(INVENTORIES, {"metadata": {"name": name}, "status": status})


@asynccontextmanager
async def synced(*nads: str, nodes: tuple[str, ...] = ()) -> AsyncIterator[tuple[ApiServer, ClusterCache]]:
    async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
        for name in nads:
            put_nad(server, name)
        for name in nodes:
            put_node(server, name, {"interfaces": [{"name": "eth0"}]})
        cache = ClusterCache(server.api)
        task = tasks.create_task(cache.run())
        await server.asked("WATCH", times=4)
        yield server, cache
        task.cancel()


def requested(server: ApiServer) -> list[str]:
    """Paths of the networks that were requested by name."""
    return [each.path for each in server.requests if "/namespaces/default/" in each.path]


def test_before_the_first_list_everything_raises() -> None:
    async def scenario() -> None:
        async with api_server.serving() as server:
            cache = ClusterCache(server.api)

            assert "not listed yet: networks, node inventories, settings, namespaces" == cache.problem()
            with pytest.raises(NotSyncedError, match="node inventories"):
                cache.nodes()
            with pytest.raises(NotSyncedError, match="networks"):
                await cache.look_up([("default", "a")])
            with pytest.raises(NotSyncedError, match="node inventories"):
                await cache.users(("default", "a"))
            with pytest.raises(NotSyncedError, match="settings"):
                cache.settings()
            assert NadLookup() == await cache.look_up(())

    run(scenario)


def test_a_network_in_the_cache_costs_no_request() -> None:
    async def scenario() -> None:
        async with synced("a") as (server, cache):
            assert cache.problem() is None
            lookup = await cache.look_up([A])
            assert ([A], "{}") == (list(lookup.found), lookup.found[A].config)
            assert NadLookup(lookup.found) == lookup
            assert [] == requested(server)

    run(scenario)


def test_a_network_that_the_watch_has_not_reported_yet_is_found() -> None:
    async def scenario() -> None:
        async with synced("fresh") as (server, cache):
            cache._nads._objects.clear()

            lookup = await cache.look_up([("default", "fresh")])
            assert [("default", "fresh")] == list(lookup.found)
            assert NadLookup(lookup.found) == lookup
            assert 1 == len(requested(server))

    run(scenario)


def test_a_network_that_does_not_exist_is_missing() -> None:
    async def scenario() -> None:
        async with synced("a") as (_, cache):
            lookup = await cache.look_up([("default", "a"), ("default", "b"), ("default", "c")])

            assert (("default", "b"), ("default", "c")) == lookup.missing
            assert () == lookup.unverified

    run(scenario)


@pytest.mark.parametrize("status", [403, 429, 500])
def test_an_error_of_the_api_server_leaves_it_unverified(status: int) -> None:
    async def scenario() -> None:
        async with synced() as (server, cache):
            server.fail(status, path="/b")
            lookup = await cache.look_up([("default", "b"), ("default", "c")])

            assert (("default", "b"),) == lookup.unverified
            assert (("default", "c"),) == lookup.missing
            assert str(status) in lookup.reason

    run(scenario)


def test_without_the_api_server_it_is_unverified() -> None:
    async def scenario() -> None:
        async with synced("a") as (server, cache):
            server.away = True

            lookup = await cache.look_up([A])
            assert ([A], "{}") == (list(lookup.found), lookup.found[A].config)
            assert NadLookup(lookup.found) == lookup
            assert (("default", "b"),) == (await cache.look_up([("default", "b")])).unverified

    run(scenario)


def test_a_slow_api_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_cache, "_SECONDS", 0.05)

    async def scenario() -> None:
        async with synced() as (server, cache):
            server.delay = 1
            lookup = await cache.look_up([("default", f"n{i}") for i in range(5)])

            assert 5 == len(lookup.unverified)
            assert "in time" in lookup.reason
            server.delay = 0

    run(scenario)


def test_at_most_sixteen_networks_are_requested() -> None:
    async def scenario() -> None:
        async with synced() as (server, cache):
            lookup = await cache.look_up([("default", f"n{i}") for i in range(1000)])

            assert 16 == len(lookup.missing) == len(requested(server))
            assert 984 == len(lookup.unverified)
            assert "at most 16" in lookup.reason

    run(scenario)


def test_nodes_are_sorted_and_updated_after_a_change() -> None:
    async def scenario() -> None:
        async with synced(nodes=("node2", "node1")) as (server, cache):
            first = cache.nodes()
            assert ["node1", "node2"] == [node.node for node in first]
            assert first is cache.nodes()
            put_node(server, "node0", {"plugins": [{"name": "macvlan"}]})
            put_node(server, "broken", {"interfaces": [{}]})
            await until(lambda: len(cache.nodes()) == 3)

            assert ["node0", "node1", "node2"] == [node.node for node in cache.nodes()]

    run(scenario)


def test_nodes_that_have_not_reported_are_left_out() -> None:
    async def scenario() -> None:
        async with synced() as (server, cache):
            put_node(server, "new", {})
            put_node(server, "old", {"interfaces": []})
            put_node(server, "reported", {"interfaces": [{"name": "eth0"}], "attached": {"pods": 1}})
            await until(lambda: bool(cache.nodes()))

            assert ["reported"] == [node.node for node in cache.nodes()]

    run(scenario)


def put_pod(server: ApiServer, name: str, node: str = "", **metadata: Any) -> None:
    """Running on a node, or pending."""
    body = {
        "metadata": {"name": name, "namespace": "default", "annotations": {NETWORKS: "a"}, **metadata},
        "spec": {"nodeName": node},
        "status": {"phase": "Running" if node else "Pending"},
    }
    server.put(PODS, body)


def attached(*networks: str) -> dict[str, Any]:
    return {"attached": {"pods": 1, "networks": [{"network": each, "pods": 1} for each in networks]}}


def test_users_are_the_pods_of_the_nodes_that_report_some_and_those_that_are_pending() -> None:
    async def scenario() -> None:
        async with synced("a") as (server, cache):
            put_node(server, "node1", attached("default/a"))
            put_node(server, "node2", attached("default/b", "other/a"))
            put_node(server, "node3", attached())
            for name, node in (("running", "node1"), ("pending", ""), ("elsewhere", "node2")):
                put_pod(server, name, node)
            put_pod(server, "deleted", "node1", deletionTimestamp="2026-01-01T00:00:00Z")
            put_pod(server, "plain", "node1", annotations={})
            await until(lambda: len(cache._inventories.items()) == 3)

            users = NetworkUsers((("default", "pending"), ("default", "running")))
            assert users == await cache.users(A)
            lists = [each for each in server.requests if "/pods" in each.path]
            assert {
                "status.phase=Pending",
                "spec.nodeName=node1,status.phase!=Succeeded,status.phase!=Failed",
            } == {each.query["fieldSelector"] for each in lists}
            assert {"0"} == {each.query["resourceVersion"] for each in lists}

            put_node(server, "node1", attached())
            await until(lambda: cache._inventories.items()["", "node1"].attached == ())
            assert NetworkUsers((("default", "pending"),)) == await cache.users(A)

    run(scenario)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="an earlier release"),
        pytest.param(attached(*(f"ns/n{i}" for i in range(5000))), id="more networks than are remembered"),
    ],
)
def test_pods_of_a_node_that_does_not_say_which_networks_have_some_are_listed(status: Any) -> None:
    async def scenario() -> None:
        async with synced("a") as (server, cache):
            put_node(server, "node1", status)
            put_pod(server, "running", "node1")
            await until(lambda: len(cache._inventories.items()) == 1)

            assert NetworkUsers((("default", "running"),)) == await cache.users(A)

    run(scenario)


def test_other_attached_pods_change_nothing_that_rules_read() -> None:
    async def scenario() -> None:
        async with synced(nodes=("node1",)) as (server, cache):
            await until(lambda: len(cache.nodes()) == 1)
            before = cache.nodes()
            put_node(server, "node1", {"interfaces": [{"name": "eth0"}], **attached("default/a")})
            await until(lambda: cache._inventories.items()["", "node1"].attached == ("default/a",))
            assert before is cache.nodes()

            server.delete(INVENTORIES, "node1")
            await until(lambda: not cache.nodes())
            assert {} == cache.nodes_by_name()

    run(scenario)


def test_footprints_follow_each_change_of_a_network() -> None:
    async def scenario() -> None:
        async with synced() as (server, cache):

            def networks_on(link: str) -> list[str]:
                return [name for _, name in cache.footprints().sharing(Footprint(link=link))]

            assert [] == networks_on("eth1")
            for name in ("a", "b"):
                put_nad(server, name, '{"type": "macvlan", "master": "eth1"}')
            await until(lambda: networks_on("eth1") == ["a", "b"])
            put_nad(server, "b", '{"type": "macvlan", "master": "eth2"}')
            await until(lambda: networks_on("eth2") == ["b"])
            assert ["a"] == networks_on("eth1")
            server.delete(NADS, "a", "default")
            await until(lambda: networks_on("eth1") == [])

    run(scenario)


def test_settings_with_an_unknown_rule_do_not_take_effect() -> None:
    async def scenario() -> None:
        async with synced() as (server, cache):
            metadata = {"name": NAME, "namespace": NAMESPACE}
            for text in ("validation: {mode: warn}", "validation: {severities: {route-defualt: off}}"):
                server.put(CONFIG_MAPS, {"metadata": metadata, "data": {KEY: text}})
                await until(lambda: cache.settings().warn_only)
            await until(lambda: cache._settings.problem is not None)

            assert "did you mean `route-default`?" in str(cache._settings.problem)
            assert cache.settings().warn_only

    run(scenario)
