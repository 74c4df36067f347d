"""What policy knows of the node: when it is known, and that events keep it up to date."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netattach_core.api.inventory import Interface, NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.errors import TryAgainError
from netattach_core.policy.case import Surroundings
from netattach_core.validation import footprint
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.settings import ClusterNetworks
from netattach_plugin.node.node_surroundings import KnownSurroundings

NODE = NodeInventory("node1", (Interface("eth0"),))
LEASES = Nad(
    "a",
    "lan",
    json.dumps({"name": "shop", "type": "bridge", "ipam": {"type": "host-local", "subnet": "10.1.0.0/24"}}),
)


class World:
    """Surroundings whose networks are indexed as soon as they are put."""

    def __init__(self) -> None:
        self.subnets = ClusterNetworks()
        self.listed = asyncio.Event()
        self.surroundings = KnownSurroundings(lambda: self.subnets, wait=0.02)

    async def indexed(self) -> Surroundings:
        """Once all that was put is in the index."""
        while self.surroundings._unindexed:  # noqa: ASYNC110  # there is no event for the index
            await asyncio.sleep(0)
        return await self.surroundings.current()


def run(story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        world = World()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(world.surroundings.run(world.listed))
            await story(world)
            task.cancel()

    asyncio.run(whole())


def lease_owners(around: Surroundings) -> list[str]:
    shared = around.footprints.sharing(footprint.from_nad(LEASES))
    return sorted(nad.full_name for nad, _ in shared.values())


@pytest.mark.parametrize("missing", ["inventory", "networks"])
def test_what_is_not_known_yet_makes_the_runtime_try_again(missing: str) -> None:
    """After a bounded time; the message names it."""

    async def story(world: World) -> None:
        if missing == "inventory":
            world.listed.set()
        else:
            world.surroundings.put_inventory(NODE)
        with pytest.raises(TryAgainError, match=missing):
            await world.surroundings.current()

    run(story)


def test_an_add_waits_for_it() -> None:
    async def story(world: World) -> None:
        world.surroundings._wait = 60
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(world.surroundings.current())
            await asyncio.sleep(0)
            world.surroundings.put_inventory(NODE)
            world.listed.set()
        assert (NODE,) == waiting.result().nodes

    run(story)


def test_networks_are_indexed_before_anything_is_known() -> None:
    """An ADD right after the start sees the leases of all networks."""

    async def story(world: World) -> None:
        world.surroundings._wait = 60
        world.surroundings.put_inventory(NODE)
        world.surroundings.put_nad(("a", "lan"), LEASES)
        world.listed.set()

        assert ["a/lan"] == lease_owners(await world.surroundings.current())

    run(story)


def test_the_same_object_until_something_changes() -> None:
    """The findings of policy are cached for it."""

    async def story(world: World) -> None:
        world.surroundings.put_inventory(NODE)
        world.listed.set()
        world.surroundings._wait = 60
        first = await world.surroundings.current()
        world.surroundings.put_inventory(NodeInventory("node1", (Interface("eth0"),)))
        assert first is await world.surroundings.current()

        world.surroundings.put_inventory(NodeInventory("node1", (Interface("eth1"),)))
        second = await world.surroundings.current()
        assert ["eth1"] == [each.name for each in second.nodes[0].interfaces]

        world.subnets = ClusterNetworks(pods=("10.244.0.0/16",))
        assert world.subnets == (await world.surroundings.current()).cluster_networks

        world.surroundings.put_nad(("a", "lan"), LEASES)
        third = await world.indexed()
        assert (["a/lan"], False) == (lease_owners(third), third is second)

        world.surroundings.put_nad(("a", "lan"), None)
        assert [] == lease_owners(await world.indexed())

    run(story)


def test_a_network_that_cannot_be_indexed_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """And does not end the daemon."""
    put = FootprintIndex.put

    def failing(index: FootprintIndex, nad: Nad) -> None:
        if nad.name == "bad":
            raise RecursionError
        put(index, nad)

    monkeypatch.setattr(FootprintIndex, "put", failing)

    async def story(world: World) -> None:
        world.surroundings._wait = 60
        world.surroundings.put_inventory(NODE)
        for nad in (LEASES, Nad("a", "bad")):
            world.surroundings.put_nad((nad.namespace, nad.name), nad)
        world.listed.set()

        assert ["a/lan"] == lease_owners(await world.surroundings.current())

    run(story)
