"""What is known is answered at once; what is not is asked for, once, and not for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netattach_kube.resource import INVENTORIES, NADS
from netattach_webhooks import lookup
from netattach_webhooks.lookup import Lookup, Missed, NotSyncedError
from support import api_server
from support.api_server import ApiServer


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


def put_nad(server: ApiServer, name: str) -> None:
    server.put(NADS, {"metadata": {"name": name, "namespace": "default"}, "spec": {"config": "{}"}})


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
        await server.asked("WATCH", times=2)
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

            assert "not listed yet: networks, node inventories" == known.problem()
            with pytest.raises(NotSyncedError, match="node inventories"):
                known.nodes()
            with pytest.raises(NotSyncedError, match="networks"):
                await known.missed([("default", "a")])
            assert Missed() == await known.missed(())

    run(story)


def test_a_network_that_is_known_costs_no_request() -> None:
    async def story() -> None:
        async with looking("a") as (server, known):
            assert known.problem() is None
            assert Missed() == await known.missed([("default", "a")])
            assert [] == gets(server)

    run(story)


def test_of_networks_only_the_metadata_is_listed() -> None:
    async def story() -> None:
        async with looking("a") as (_, known):
            assert {("default", "a"): True} == dict(known._nads.items())

    run(story)


def test_a_network_that_the_watch_has_not_told_of_yet_is_found() -> None:
    async def story() -> None:
        async with looking("fresh") as (server, known):
            known._nads._objects.clear()

            assert Missed() == await known.missed([("default", "fresh")])
            assert 1 == len(gets(server))

    run(story)


def test_a_network_that_is_not_there_is_absent() -> None:
    async def story() -> None:
        async with looking("a") as (_, known):
            missed = await known.missed([("default", "a"), ("default", "b"), ("default", "c")])

            assert (("default", "b"), ("default", "c")) == missed.absent
            assert () == missed.uncertain

    run(story)


@pytest.mark.parametrize("status", [403, 429, 500])
def test_an_api_server_that_refuses_leaves_it_uncertain(status: int) -> None:
    async def story() -> None:
        async with looking() as (server, known):
            server.fail(status, path="/b")
            missed = await known.missed([("default", "b"), ("default", "c")])

            assert (("default", "b"),) == missed.uncertain
            assert (("default", "c"),) == missed.absent
            assert str(status) in missed.why

    run(story)


def test_an_api_server_that_is_away_leaves_it_uncertain() -> None:
    async def story() -> None:
        async with looking("a") as (server, known):
            server.away = True

            assert Missed() == await known.missed([("default", "a")])
            assert (("default", "b"),) == (await known.missed([("default", "b")])).uncertain

    run(story)


def test_an_api_server_that_is_slow_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_SECONDS", 0.05)

    async def story() -> None:
        async with looking() as (server, known):
            server.delay = 1
            started = time.monotonic()
            missed = await known.missed([("default", f"n{i}") for i in range(5)])

            assert 5 == len(missed.uncertain)
            assert "in time" in missed.why
            assert time.monotonic() - started < 0.9
            server.delay = 0

    run(story)


def test_thousands_of_networks_are_not_asked_for() -> None:
    async def story() -> None:
        async with looking() as (server, known):
            missed = await known.missed([("default", f"n{i}") for i in range(1000)])

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
