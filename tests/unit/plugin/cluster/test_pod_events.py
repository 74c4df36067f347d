"""Events on pods, and the inventory of the node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory
from netattach_core.api.pod import PodRef
from netattach_core.errors import TryAgainError
from netattach_kube.resource import EVENTS
from netattach_plugin.cluster import pod_events
from netattach_plugin.cluster.pod_events import PodEvents
from netattach_plugin.node import inventory_publisher
from netattach_plugin.node.inventory_collector import InventoryCollector
from netattach_plugin.node.inventory_publisher import InventoryPublisher
from support import api_server
from support.api_server import ApiServer
from support.twins import FakeLinks, FakePodLinks, FixedNetworks, MemoryStore

POD = PodRef("ns", "p", "u")


class TestEvents:
    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pod_events, "_FIRST_PAUSE", 0.01)

    def run(self, story: Callable[[ApiServer, PodEvents], Coroutine[Any, Any, None]]) -> None:
        async def serve() -> None:
            async with api_server.serving() as server, asyncio.timeout(60), asyncio.TaskGroup() as tasks:
                events = PodEvents(server.api, "node1")
                task = tasks.create_task(events.run())
                await story(server, events)
                task.cancel()

        asyncio.run(serve())

    def test_each_interface_is_an_event_on_the_pod_in_order(self) -> None:
        async def story(server: ApiServer, events: PodEvents) -> None:
            events.added(POD, ["Add eth0 [1.1.1.1/24] from cbr0", "Add net1 [1.1.1.2/24] from ns/n"])
            await server.asked("POST /api/v1/namespaces/ns/events", times=2)
            await server.until(lambda: len(server.all(EVENTS)) == 2)
            written = server.all(EVENTS)

            assert ["Normal", "Normal"] == [event["type"] for event in written]
            assert ["AddedInterface", "AddedInterface"] == [event["reason"] for event in written]
            assert {"Pod"} == {event["involvedObject"]["kind"] for event in written}
            assert {"u"} == {event["involvedObject"]["uid"] for event in written}
            assert {"component": "netattach", "host": "node1"} == written[0]["source"]

        self.run(story)

    def test_a_repeated_failure_is_one_event(self) -> None:
        async def story(server: ApiServer, events: PodEvents) -> None:
            for message in ("a", "a", "b", "a"):
                events.failed(POD, message)
            events.failed(PodRef("ns", "other", "v"), "a")
            await server.until(lambda: len(server.all(EVENTS)) == 3)

            assert ["a", "a", "b"] == sorted(event["message"] for event in server.all(EVENTS))
            assert {"Warning"} == {event["type"] for event in server.all(EVENTS)}

        self.run(story)

    def test_an_unreachable_api_is_retried(self) -> None:
        async def story(server: ApiServer, events: PodEvents) -> None:
            server.fail(503, times=2)
            events.failed(POD, "a")
            await server.until(lambda: len(server.all(EVENTS)) == 1)

        self.run(story)

    def test_a_refused_event_is_dropped_and_the_next_one_written(self) -> None:
        async def story(server: ApiServer, events: PodEvents) -> None:
            server.fail(422)
            events.failed(POD, "a")
            events.failed(POD, "b")
            await server.until(lambda: len(server.all(EVENTS)) == 1)

            assert ["b"] == [event["message"] for event in server.all(EVENTS)]

        self.run(story)

    def test_a_full_queue_drops_events(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pod_events, "_LONGEST_QUEUE", 1)

        async def story() -> int:
            async with api_server.serving() as server:
                events = PodEvents(server.api, "node1")
                for number in range(5):
                    events.failed(POD, str(number))
                return events._queue.qsize()

        assert 1 == asyncio.run(story())

    def test_the_memory_of_failures_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pod_events, "_MOST_REPORTED", 3)

        async def story() -> int:
            async with api_server.serving() as server:
                events = PodEvents(server.api, "node1")
                for number in range(9):
                    events.failed(POD, str(number))
                return len(events._reported)

        assert 3 == asyncio.run(story())


class Links(FakeLinks):
    """Interfaces that a test changes."""

    found: tuple[Interface, ...] = (Interface("eth0", addresses=("10.0.0.1/24",)),)

    async def interfaces(self) -> tuple[Interface, ...]:
        return self.found

    async def default_interfaces(self) -> tuple[DefaultInterface, ...]:
        return (DefaultInterface("eth0", ("carries the IPv4 default route",)),)


class Told(MemoryStore):
    """Remembers each inventory; `refuse` makes so many publications fail."""

    def __init__(self, refuse: int = 0) -> None:
        super().__init__()
        self.refuse = refuse
        self.published: asyncio.Queue[NodeInventory] = asyncio.Queue()

    async def publish_inventory(self, inventory_: NodeInventory) -> None:
        if self.refuse:
            self.refuse -= 1
            raise TryAgainError("away")
        self.published.put_nowait(inventory_)


SHORT = {"_DEBOUNCE": 0.01, "_LONGEST_REST": 0.01, "_LOOK_EVERY": 0.02, "_FIRST_PAUSE": 0.01}


async def _no_dhcp() -> None:
    """Nobody tells of it."""


class TestInventory:
    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, seconds in SHORT.items():
            monkeypatch.setattr(inventory_publisher, name, seconds)

    @contextmanager
    def keeper(self, store: Told, bin_dir: Path) -> Iterator[tuple[InventoryPublisher, Links, asyncio.Event]]:
        links, woken = Links(FakePodLinks()), asyncio.Event()
        gatherer = InventoryCollector("node1", store, links, FixedNetworks(None), bin_dir, _no_dhcp)
        yield InventoryPublisher(store, gatherer, (bin_dir,), woken), links, woken

    def run(self, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run(asyncio.wait_for(story(), 20))

    def test_it_is_told_at_first_and_when_something_differs(self, tmp_path: Path) -> None:
        async def story() -> None:
            store = Told()
            with self.keeper(store, tmp_path) as (keeper, links, woken):
                async with asyncio.TaskGroup() as tasks:
                    task = tasks.create_task(keeper.run())
                    assert ["eth0"] == [i.name for i in (await store.published.get()).interfaces]
                    assert None is keeper.problem()
                    links.found = (*links.found, Interface("eth1"))
                    woken.set()
                    assert ["eth0", "eth1"] == [i.name for i in (await store.published.get()).interfaces]
                    task.cancel()

        self.run(story)

    def test_what_pods_bring_is_not_told(self, tmp_path: Path) -> None:
        async def story() -> None:
            store = Told()
            with self.keeper(store, tmp_path) as (keeper, links, woken):
                async with asyncio.TaskGroup() as tasks:
                    task = tasks.create_task(keeper.run())
                    await store.published.get()
                    links.found = (
                        *links.found,
                        Interface("veth1234abcd", kind="veth", addresses=("fe80::1/64",)),
                    )
                    woken.set()
                    links.found = (*links.found, Interface("eth1"))
                    woken.set()
                    assert ["eth0", "eth1"] == [i.name for i in (await store.published.get()).interfaces]
                    assert store.published.empty()
                    task.cancel()

        self.run(story)

    def test_a_plugin_that_is_installed_is_told_without_a_wake_up(self, tmp_path: Path) -> None:
        """Also where it becomes one by its mode alone, and where another one is gone before it is looked at."""
        plugin = tmp_path / "macvlan"
        plugin.write_text('#!/bin/sh\necho \'{"supportedVersions": ["1.0.0"]}\'\n')
        (tmp_path / "gone").symlink_to("nowhere")

        async def story() -> None:
            store = Told()
            with self.keeper(store, tmp_path) as (keeper, _, _):
                async with asyncio.TaskGroup() as tasks:
                    task = tasks.create_task(keeper.run())
                    assert () == (await store.published.get()).plugins
                    plugin.chmod(0o755)
                    told = await store.published.get()
                    assert [("macvlan", ("1.0.0",))] == [(p.name, p.versions) for p in told.plugins]
                    task.cancel()

        self.run(story)

    def test_an_api_that_is_away_is_tried_again(self, tmp_path: Path) -> None:
        async def story() -> None:
            store = Told(refuse=3)
            with self.keeper(store, tmp_path) as (keeper, _, _):
                assert keeper.problem()
                async with asyncio.TaskGroup() as tasks:
                    task = tasks.create_task(keeper.run())
                    await store.published.get()
                    task.cancel()

        self.run(story)

    def test_what_somebody_deleted_is_told_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing of the node changes by it."""
        monkeypatch.setattr(inventory_publisher, "_TELL_EVERY", 0.05)

        async def story() -> None:
            store = Told()
            with self.keeper(store, tmp_path) as (keeper, _, _):
                async with asyncio.TaskGroup() as tasks:
                    task = tasks.create_task(keeper.run())
                    assert await store.published.get() == await store.published.get()
                    task.cancel()

        self.run(story)

    @pytest.mark.parametrize(("took", "rest"), [(0.125, 2.5), (10.0, 5.0)])
    def test_a_slow_look_rests_longer_and_not_for_ever(
        self, took: float, rest: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()

        assert 100 + took + rest == inventory_publisher._rested(100, 100 + took)
