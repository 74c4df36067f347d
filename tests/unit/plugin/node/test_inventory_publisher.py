"""The inventory of the node: when it is collected and published."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_core.api.node_state import Attached, AttachedNetwork, UnmetPod, UnmetPods
from netattach_core.errors import TryAgainError
from netattach_plugin.node import inventory_publisher, plugin_versions
from netattach_plugin.node.inventory_collector import InventoryCollector
from netattach_plugin.node.inventory_publisher import InventoryPublisher
from netattach_plugin.node.plugin_directories import PluginDirectories
from support.twins import FixedNetworks, MemoryStore
from support.twins_of_links import FakeLinks, FakePodLinks


class ChangingLinks(FakeLinks):
    """The port Links with interfaces that a test changes."""

    found: tuple[Interface, ...] = (Interface("eth0", addresses=("10.0.0.1/24",)),)

    async def interfaces(self) -> tuple[Interface, ...]:
        return self.found

    async def default_interfaces(self) -> tuple[DefaultInterface, ...]:
        return (DefaultInterface("eth0", ("carries the IPv4 default route",)),)


class PublicationStore(MemoryStore):
    """Keeps each published inventory; the first `failures` publications fail."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures = failures
        self.published: asyncio.Queue[NodeInventory] = asyncio.Queue()

    async def publish_inventory(self, inventory_: NodeInventory) -> None:
        if self.failures:
            self.failures -= 1
            raise TryAgainError("the API server cannot be reached")
        self.published.put_nowait(inventory_)


class InventoryNode:
    """A publisher and what it depends on."""

    def __init__(self, bin_dir: Path, failures: int = 0) -> None:
        self.store, self.links = PublicationStore(failures), ChangingLinks(FakePodLinks())
        self.changed = asyncio.Event()
        collector = InventoryCollector(
            "node1", self.store, self.links, FixedNetworks(None), PluginDirectories((bin_dir,)), _no_dhcp
        )
        self.attached, self.unmet = Attached(), UnmetPods()
        self.publisher = InventoryPublisher(
            self.store, collector, lambda: (bin_dir,), self.changed, complete=self._complete
        )

    def _complete(self, collected: NodeInventory) -> NodeInventory:
        return dataclasses.replace(collected, attached=self.attached, unmet_pods=self.unmet)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.publisher.run())
            yield
            task.cancel()

    async def interfaces(self) -> list[str]:
        """Of the next publication."""
        return [each.name for each in (await self.store.published.get()).interfaces]


async def _no_dhcp() -> None:
    """No dhcp daemon is supervised."""


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """And time for a plugin to start on a busy machine."""
    pauses = {"_DEBOUNCE": 0.01, "_LONGEST_REST": 0.01, "_CHECK_INTERVAL": 0.02, "_FIRST_PAUSE": 0.01}
    monkeypatch.setattr(inventory_publisher, "_LEAST_INTERVAL", 0.01)
    for name, seconds in pauses.items():
        monkeypatch.setattr(inventory_publisher, name, seconds)
    monkeypatch.setattr(plugin_versions, "_TIMEOUT", 60.0)


def _run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


def test_it_is_published_at_first_and_when_it_differs(tmp_path: Path) -> None:
    async def story() -> None:
        node = InventoryNode(tmp_path)
        async with node.running():
            assert ["eth0"] == await node.interfaces()
            assert None is node.publisher.problem()
            node.links.found = (*node.links.found, Interface("eth1"))
            node.changed.set()
            assert ["eth0", "eth1"] == await node.interfaces()

    _run(story)


def test_interfaces_of_pods_cause_no_publication(tmp_path: Path) -> None:
    async def story() -> None:
        node = InventoryNode(tmp_path)
        async with node.running():
            await node.store.published.get()
            veth = Interface("veth1234abcd", kind="veth", addresses=("fe80::1/64",))
            node.links.found = (*node.links.found, veth)
            node.changed.set()
            node.links.found = (*node.links.found, Interface("eth1"))
            node.changed.set()
            assert ["eth0", "eth1"] == await node.interfaces()
            assert node.store.published.empty()

    _run(story)


def test_a_new_plugin_is_published_without_a_kernel_event(tmp_path: Path) -> None:
    """Also a file that becomes executable. A link that cannot be followed is neither installed nor missing."""
    plugin = tmp_path / "macvlan"
    plugin.write_text('#!/bin/sh\necho \'{"supportedVersions": ["1.0.0"]}\'\n')
    (tmp_path / "gone").symlink_to("nowhere")

    async def story() -> None:
        node = InventoryNode(tmp_path)
        async with node.running():
            linked = Plugin("gone", unknown=True)
            assert (linked,) == (await node.store.published.get()).plugins
            plugin.chmod(0o755)
            published = await node.store.published.get()
            assert (linked, Plugin("macvlan", ("1.0.0",))) == published.plugins

    _run(story)


def test_a_failed_publication_is_retried(tmp_path: Path) -> None:
    async def story() -> None:
        node = InventoryNode(tmp_path, failures=3)
        assert node.publisher.problem()
        async with node.running():
            await node.store.published.get()

    _run(story)


def test_it_is_published_again_after_an_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have deleted it, which changes nothing on the node."""
    monkeypatch.setattr(inventory_publisher, "_REPUBLISH_INTERVAL", 0.05)

    async def story() -> None:
        node = InventoryNode(tmp_path)
        async with node.running():
            assert await node.store.published.get() == await node.store.published.get()

    _run(story)


@pytest.mark.parametrize(("took", "rest"), [(0.03125, 0.625), (10.0, 1.0)])
def test_a_slow_collection_is_followed_by_a_longer_but_bounded_rest(
    took: float, rest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    assert 100 + took + rest == inventory_publisher._next_start(100, 100 + took)


class Clock:
    """The publisher's monotonic time, which a test advances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(inventory_publisher, "time", SimpleNamespace(monotonic=lambda: self.now))


def test_numbers_of_pods_alone_wait_for_ten_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)

    async def story() -> None:
        node = InventoryNode(tmp_path)
        async with node.running():
            await node.store.published.get()
            node.attached = Attached(1)
            node.publisher.counts_changed()
            clock.now += 9
            assert 1 == node.publisher._seconds_until_due()
            node.attached = Attached(2)
            node.publisher.counts_changed()
            clock.now += 1
            node.publisher.report_changed()
            assert Attached(2) == (await node.store.published.get()).attached
            assert node.store.published.empty()

    _run(story)


def _attached(**pods: int) -> Attached:
    networks = tuple(AttachedNetwork(f"ns/{name}", count) for name, count in pods.items())
    return Attached(sum(pods.values()), networks)


def test_the_first_pod_of_a_network_waits_for_one_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Webhooks ask the nodes that have one which pods use the network."""
    clock = Clock(monkeypatch)

    async def story() -> None:
        node = InventoryNode(tmp_path)
        node.attached = _attached(a=1)
        async with node.running():
            await node.store.published.get()
            node.attached = _attached(a=2)
            node.publisher.counts_changed()
            assert 10 == node.publisher._seconds_until_due()
            node.attached = _attached(a=2, b=1)
            assert 1 == node.publisher._seconds_until_due()
            node.attached = _attached(b=0)
            assert 10 == node.publisher._seconds_until_due()
            node.attached = _attached(a=2, b=1)
            clock.now += 1
            node.publisher.report_changed()
            assert _attached(a=2, b=1) == (await node.store.published.get()).attached

    _run(story)


def test_the_first_pod_of_a_network_is_found_among_changes_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While numbers wait, further changes of numbers wake nobody."""
    monkeypatch.setattr(inventory_publisher, "_FIRST_POD_INTERVAL", 0.05)
    monkeypatch.setattr(inventory_publisher, "_COUNTS_INTERVAL", 1000.0)

    async def story() -> None:
        node = InventoryNode(tmp_path)
        node.attached = _attached(a=1)
        async with node.running():
            await node.store.published.get()
            node.attached = _attached(a=2)
            node.publisher.counts_changed()
            await asyncio.sleep(0.01)
            node.attached = _attached(a=3, b=1)
            node.publisher.counts_changed()
            assert _attached(a=3, b=1) == (await node.store.published.get()).attached

    _run(story)


def test_numbers_that_are_as_before_are_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod that was started and deleted in the meantime; the next one is noticed again."""
    clock = Clock(monkeypatch)

    async def story() -> None:
        node = InventoryNode(tmp_path)
        async with node.running():
            await node.store.published.get()
            clock.now += 20
            node.publisher.counts_changed()
            await asyncio.sleep(0.01)
            node.attached = Attached(1)
            node.publisher.counts_changed()
            assert Attached(1) == (await node.store.published.get()).attached

    _run(story)


def test_what_concerns_a_changed_network_is_published_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)

    async def story() -> None:
        node = InventoryNode(tmp_path)
        async with node.running():
            await node.store.published.get()
            node.attached = Attached(1)
            node.publisher.nad_changed()
            assert Attached(1) == (await node.store.published.get()).attached
            node.publisher.nad_changed()
            await asyncio.sleep(0.01)
            assert node.store.published.empty()

    _run(story)


def test_pods_without_networks_are_published_at_once_and_their_absence_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)

    async def story() -> None:
        node = InventoryNode(tmp_path)
        node.unmet = None  # type: ignore[assignment]  # not known yet
        async with node.running():
            await node.store.published.get()
            node.unmet = UnmetPods()
            node.publisher.report_changed()
            assert 10 == node.publisher._seconds_until_due()
            node.unmet = UnmetPods(1, (UnmetPod("ns", "p", "u", ("ns/a",), "NotAttached"),))
            node.publisher.report_changed()
            assert node.unmet == (await node.store.published.get()).unmet_pods

    _run(story)


def test_reports_cost_no_collection(tmp_path: Path) -> None:
    collections: list[NodeInventory] = []

    async def story() -> None:
        node = InventoryNode(tmp_path)
        node.publisher._report = collections.append
        async with node.running():
            await node.store.published.get()
            for number in range(1, 6):
                node.attached = Attached(number)
                node.publisher.nad_changed()
                await node.store.published.get()

    _run(story)
    assert 1 == len(collections)
