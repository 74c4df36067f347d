"""What is known is answered at once; what is not is asked for, once, and not for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.validation.footprint import Footprint
from netattach_kube.cluster_settings import KEY, NAME, NAMESPACE
from netattach_kube.resource import CONFIG_MAPS, INVENTORIES, NADS, PODS
from netattach_webhooks import lookup
from netattach_webhooks.lookup import Looked, Lookup, NotSyncedError
from support import api_server
from support.api_server import ApiServer

NAD = Nad("default", "a", "{}")


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


def put_nad(server: ApiServer, name: str, config: str = "{}") -> None:
    server.put(NADS, {"metadata": {"name": name, "namespace": "default"}, "spec": {"config": config}})


def put_node(server: ApiServer, name: str, status: Any) -> None:
    server.put(INVENTORIES, {"metadata": {"name": name}, "status": status})


@asynccontextmanager
async def looking(*nads: str, nodes: tuple[str, ...] = ()) -> AsyncIterator[tuple[ApiServer, Lookup]]:
    async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
        for name in nads:
            put_nad(server, name)
        for name in nodes:
            put_node(server, name, {"interfaces": [{"name": "eth0"}]})
        known = Lookup(server.api)
        task = tasks.create_task(known.run())
        await server.asked("WATCH", times=4)
        yield server, known
        task.cancel()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  # the watch tells nobody
            await asyncio.sleep(0.01)


def gets(server: ApiServer) -> list[str]:
    """What has been asked for by name."""
    return [each.path for each in server.requests if "/namespaces/default/" in each.path]


def test_before_the_first_list_nothing_is_answered() -> None:
    async def story() -> None:
        async with api_server.serving() as server:
            known = Lookup(server.api)

            assert "not listed yet: networks, node inventories, pods, settings" == known.problem()
            with pytest.raises(NotSyncedError, match="node inventories"):
                known.nodes()
            with pytest.raises(NotSyncedError, match="networks"):
                await known.look([("default", "a")])
            with pytest.raises(NotSyncedError, match="pods"):
                known.users(("default", "a"))
            with pytest.raises(NotSyncedError, match="settings"):
                known.settings()
            assert Looked() == await known.look(())

    run(story)


def test_a_network_that_is_known_costs_no_request() -> None:
    async def story() -> None:
        async with looking("a") as (server, known):
            assert known.problem() is None
            assert Looked({("default", "a"): NAD}) == await known.look([("default", "a")])
            assert [] == gets(server)

    run(story)


def test_a_network_that_the_watch_has_not_told_of_yet_is_found() -> None:
    async def story() -> None:
        async with looking("fresh") as (server, known):
            known._nads._objects.clear()

            looked = await known.look([("default", "fresh")])
            assert [("default", "fresh")] == list(looked.found)
            assert Looked(looked.found) == looked
            assert 1 == len(gets(server))

    run(story)


def test_a_network_that_is_not_there_is_absent() -> None:
    async def story() -> None:
        async with looking("a") as (_, known):
            missed = await known.look([("default", "a"), ("default", "b"), ("default", "c")])

            assert (("default", "b"), ("default", "c")) == missed.absent
            assert () == missed.uncertain

    run(story)


@pytest.mark.parametrize("status", [403, 429, 500])
def test_an_api_server_that_refuses_leaves_it_uncertain(status: int) -> None:
    async def story() -> None:
        async with looking() as (server, known):
            server.fail(status, path="/b")
            missed = await known.look([("default", "b"), ("default", "c")])

            assert (("default", "b"),) == missed.uncertain
            assert (("default", "c"),) == missed.absent
            assert str(status) in missed.why

    run(story)


def test_an_api_server_that_is_away_leaves_it_uncertain() -> None:
    async def story() -> None:
        async with looking("a") as (server, known):
            server.away = True

            assert Looked({("default", "a"): NAD}) == await known.look([("default", "a")])
            assert (("default", "b"),) == (await known.look([("default", "b")])).uncertain

    run(story)


def test_an_api_server_that_is_slow_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_SECONDS", 0.05)

    async def story() -> None:
        async with looking() as (server, known):
            server.delay = 1
            started = time.monotonic()
            missed = await known.look([("default", f"n{i}") for i in range(5)])

            assert 5 == len(missed.uncertain)
            assert "in time" in missed.why
            assert time.monotonic() - started < 0.9
            server.delay = 0

    run(story)


def test_thousands_of_networks_are_not_asked_for() -> None:
    async def story() -> None:
        async with looking() as (server, known):
            missed = await known.look([("default", f"n{i}") for i in range(1000)])

            assert 16 == len(missed.absent) == len(gets(server))
            assert 984 == len(missed.uncertain)
            assert "more than 16" in missed.why

    run(story)


def test_nodes_come_by_name_and_anew_after_a_change() -> None:
    async def story() -> None:
        async with looking(nodes=("node2", "node1")) as (server, known):
            first = known.nodes()
            assert ["node1", "node2"] == [node.node for node in first]
            assert first is known.nodes()
            put_node(server, "node0", {"plugins": [{"name": "macvlan"}]})
            put_node(server, "broken", {"interfaces": [{}]})
            await until(lambda: len(known.nodes()) == 3)

            assert ["node0", "node1", "node2"] == [node.node for node in known.nodes()]

    run(story)


def test_a_node_that_has_not_reported_is_no_node() -> None:
    async def story() -> None:
        async with looking() as (server, known):
            put_node(server, "new", {})
            put_node(server, "old", {"interfaces": []})
            put_node(server, "told", {"interfaces": [{"name": "eth0"}]})
            await until(lambda: bool(known.nodes()))

            assert ["told"] == [node.node for node in known.nodes()]

    run(story)


def put_pod(server: ApiServer, name: str, **metadata: Any) -> None:
    annotations = {NETWORKS: "a"}
    server.put(
        PODS, {"metadata": {"name": name, "namespace": "default", "annotations": annotations, **metadata}}
    )


def test_the_pods_of_a_network_are_those_that_stay() -> None:
    async def story() -> None:
        async with looking("a") as (server, known):
            put_pod(server, "stays")
            put_pod(server, "goes")
            put_pod(server, "plain", annotations={})
            await until(lambda: len(known.users(("default", "a"))) == 2)
            put_pod(server, "goes", deletionTimestamp="2026-01-01T00:00:00Z")
            await until(lambda: len(known.users(("default", "a"))) == 1)

            assert [("default", "stays")] == known.users(("default", "a"))
            server.delete(PODS, "stays", "default")
            await until(lambda: not known.users(("default", "a")))

    run(story)


def test_networks_are_known_by_their_link_and_anew_after_each_change() -> None:
    async def story() -> None:
        async with looking() as (server, known):

            def beside(link: str) -> list[str]:
                return [name for _, name in known.neighbours().sharing(Footprint(link=link))]

            assert [] == beside("eth1")
            for name in ("a", "b"):
                put_nad(server, name, '{"type": "macvlan", "master": "eth1"}')
            await until(lambda: beside("eth1") == ["a", "b"])
            put_nad(server, "b", '{"type": "macvlan", "master": "eth2"}')
            await until(lambda: beside("eth2") == ["b"])
            assert ["a"] == beside("eth1")
            server.delete(NADS, "a", "default")
            await until(lambda: beside("eth1") == [])

    run(story)


def test_settings_that_name_a_rule_that_there_is_not_stay_out_of_force() -> None:
    async def story() -> None:
        async with looking() as (server, known):
            metadata = {"name": NAME, "namespace": NAMESPACE}
            for text in ("validation: {mode: warn}", "validation: {severities: {route-defualt: off}}"):
                server.put(CONFIG_MAPS, {"metadata": metadata, "data": {KEY: text}})
                await until(lambda: known.settings().warn_only)
            await until(lambda: known._settings.problem is not None)

            assert "did you mean `route-default`?" in str(known._settings.problem)
            assert known.settings().warn_only

    run(story)
