"""Pending DELs after a crash, a failure or a sweep, and their retry by the next call."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from netattach_core.attach.sandbox import Phase
from netattach_core.errors import DelegateError, NetattachError
from netattach_plugin.calls import recovery
from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.calls.pending_deletes import PendingDeletes
from netattach_plugin.calls.recovery import Recovery
from support.twins import FakeShim, failed
from support.world import World, body


class Node:
    """A world after the death of its daemon, and the parts of the next daemon."""

    def __init__(self, world: World, *, sweep_after: float = 0.0) -> None:
        self.world = world
        self.now = 100.0
        self.queue = CallQueue()
        self.pending = PendingDeletes(world.engine().retry_delete, self.queue, lambda: self.now)
        self.recovery = Recovery(
            ledger=world.ledger,
            pending=self.pending,
            queue=self.queue,
            pods=world.store,
            status=world.status,
            sweep_after=sweep_after,
        )

    def restart(self) -> None:
        asyncio.run(self.recovery.read())

    def write_statuses(self) -> None:
        """What the next daemon does first."""

        async def story() -> None:
            await self.recovery.read()
            await self.recovery.write_statuses()

        asyncio.run(story())

    def call(self) -> list[str]:
        """A call of another sandbox; the plugins that its shim runs before its own."""
        shim = FakeShim(self.world.links, replies=self.world.shim.replies)
        asyncio.run(self.pending.retry_due(shim))
        return [str(run) for run in shim.runs]


def _attached(annotation: str, phase: Phase) -> World:
    world = World(annotation)
    world.add()
    world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], phase=phase)
    return world


@pytest.mark.parametrize("phase", [Phase.ADDING, Phase.DELETING])
def test_an_unfinished_sandbox_is_detached_by_the_next_call_of_any_sandbox(phase: Phase) -> None:
    """An interrupted ADD was reported as failed; a DEL has to be finished."""
    node = Node(_attached("a", phase))

    node.restart()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == node.call()
    assert {} == node.world.ledger.entries
    assert [] == node.call()


def test_an_attached_sandbox_stays() -> None:
    """The pods of a node when its daemon is replaced."""
    node = Node(_attached("a", Phase.ADDED))

    node.restart()

    assert [] == node.call()
    assert Phase.ADDED == node.world.ledger.entries["c1"].phase


def test_a_retry_that_fails_is_repeated_with_back_off() -> None:
    """After 2, 4, 8 … seconds, and not in every call."""
    node = Node(_attached("b", Phase.DELETING))
    node.world.shim.replies["DEL net1 bridge"] = failed("busy")
    node.restart()

    tried = []
    for _ in range(15):
        tried.append(bool(node.call()))
        node.now += 1.0

    assert [True, False, True, False, False, False, True, *[False] * 7, True] == tried
    del node.world.shim.replies["DEL net1 bridge"]
    node.now += 100.0
    assert ["DEL net1 bridge"] == node.call()
    assert "c1" not in node.pending


def test_a_sandbox_with_a_running_call_is_not_retried() -> None:
    """The outcome of that call counts."""
    node = Node(_attached("a", Phase.ADDING))
    node.restart()

    async def story() -> list[str]:
        shim = FakeShim(node.world.links)
        async with node.queue.slot("c1", shim):
            await node.pending.retry_due(shim)
        return [str(run) for run in shim.runs]

    assert [] == asyncio.run(story())
    assert "c1" not in node.pending


def test_a_cancelled_call_retries_nothing() -> None:
    """Its shim is about to end; the DEL stays pending."""
    node = Node(_attached("a", Phase.ADDING))
    node.restart()
    shim = FakeShim(node.world.links)
    shim.cancellation.set()

    asyncio.run(node.pending.retry_due(shim))

    assert "c1" in node.pending
    assert [] == shim.runs


def test_a_call_retries_pending_deletes_for_a_bounded_time() -> None:
    """After two seconds it goes on with its own work."""
    seconds = iter(range(1000))
    sandboxes = {f"c{number}" for number in range(10)}
    retried: set[str] = set()

    async def retry(container_id: str, _: object) -> None:
        retried.add(container_id)

    pending = PendingDeletes(retry, CallQueue(), lambda: float(next(seconds)))
    for container_id in sandboxes:
        pending.add(container_id, after=-100.0)

    asyncio.run(pending.retry_due(FakeShim(World().links)))

    assert 1 <= len(retried) < 10
    assert sandboxes - retried == {each for each in sandboxes if each in pending}


def test_a_sandbox_without_a_namespace_is_detached_after_a_while(tmp_path: Path) -> None:
    """Its runtime has forgotten it. The plugins get an empty CNI_NETNS."""
    world = World("a")
    world.add()
    netns = tmp_path / "c1"
    netns.touch()
    world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], netns=str(netns))
    node = Node(world)
    asyncio.run(node.recovery.sweep())
    assert "c1" not in node.pending
    netns.unlink()

    asyncio.run(node.recovery.sweep())

    shim = FakeShim(world.links)
    asyncio.run(node.pending.retry_due(shim))
    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == [str(run) for run in shim.runs]
    assert {""} == {run.environment["CNI_NETNS"] for run in shim.runs}
    assert {} == world.ledger.entries


def test_a_namespace_that_is_gone_for_a_moment_or_not_mounted_does_not_count(tmp_path: Path) -> None:
    """Where its directory is not mounted for the daemon, every path looks gone."""
    world = World("a")
    world.add()
    node = Node(world, sweep_after=1000)
    for netns in (tmp_path / "c1", tmp_path / "not-mounted/c1"):
        world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], netns=str(netns))
        asyncio.run(node.recovery.sweep())
        asyncio.run(node.recovery.sweep())
    node.recovery._sweep_after = 0.0
    asyncio.run(node.recovery.sweep())

    assert "c1" not in node.pending


def test_a_namespace_that_was_gone_at_the_start_counts_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runtime did not call netattach while it was uninstalled, and will not do so later."""
    monkeypatch.setattr(recovery, "_AFTER_START", 0.0)
    retried = {}
    for when in ("before", "after"):
        world = _attached("a", Phase.ADDED)
        namespace = tmp_path / when
        namespace.touch()
        world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], netns=str(namespace))
        node = Node(world, sweep_after=1000)
        if when == "before":
            namespace.unlink()
        node.restart()
        namespace.unlink(missing_ok=True)
        asyncio.run(node.recovery.sweep())
        retried[when] = node.call()

    assert {"before": ["DEL net1 macvlan", "DEL eth0 ptp"], "after": []} == retried


def test_a_status_that_was_not_written_is_taken_from_the_ledger() -> None:
    """As it was at the ADD; a pod that has it already is not patched."""
    world = World("a")
    world.add()
    status = world.status.written.pop("test/p")
    node = Node(world, sweep_after=1000)

    node.write_statuses()
    assert {"test/p": status} == world.status.written

    world.status.written.clear()
    annotations = {"k8s.v1.cni.cncf.io/network-status": status}
    world.store.create(body("Pod", "p", uid="u1", annotations=annotations))
    node.write_statuses()
    assert {} == world.status.written


def test_a_status_is_not_written_to_a_later_pod_of_that_name() -> None:
    """It has another UID."""
    world = World("a")
    world.add()
    world.status.written.clear()
    node = Node(world, sweep_after=1000)
    world.store.create(body("Pod", "p", uid="another"))
    node.write_statuses()
    assert {} == world.status.written


def test_an_unreadable_entry_is_removed_by_its_own_delete_alone() -> None:
    """It may be a pod that runs. Its DEL frees its leases and the networks that the pod selects now; there is an Event."""
    world = World("a")
    world.add()
    world.shim.runs.clear()
    world.ledger.broken = {"c1"}
    world.ledger.leased = {"c1": [("old", "net7")]}
    node = Node(world)
    node.restart()
    assert "c1" not in node.pending

    world.delete()

    assert ["DEL net7 host-local", "DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert "old" == world.shim.runs[0].stdin["name"]
    assert set() == world.ledger.broken
    [event] = world.events.failures["test/p"]
    assert "the ledger's entry of sandbox c1 cannot be read" in event


def test_an_unreadable_entry_of_a_pod_whose_nad_is_deleted() -> None:
    """The pod can be deleted: its default network and its leases are freed."""
    world = World("a")
    world.add()
    world.shim.runs.clear()
    world.ledger.broken = {"c1"}
    del world.store.objects["NetworkAttachmentDefinition", "test", "a"]

    world.delete()

    assert ["DEL eth0 ptp"] == world.shim.ran("DEL")
    assert set() == world.ledger.broken


def test_a_lease_that_is_not_freed_keeps_the_entry() -> None:
    """The next DEL tries again."""
    world = World("a")
    world.ledger.broken = {"c1"}
    world.ledger.leased = {"c1": [("old", "net7")]}
    world.shim.replies["DEL net7 host-local"] = failed("no space")

    with pytest.raises(DelegateError, match="DEL of network old"):
        world.delete()

    assert {"c1"} == world.ledger.broken


def test_a_full_disk_keeps_no_pod_from_being_deleted() -> None:
    """The DEL goes on without its entry in the ledger."""
    world = World("a")
    world.add()
    world.ledger.fail_on_save = frozenset(range(3, 9))

    world.delete()

    assert {} == world.ledger.entries


def test_an_entry_that_cannot_be_removed_is_no_success() -> None:
    """The runtime retries until the disk is fixed."""
    world = World("a")
    world.add()
    world.ledger.is_read_only = True

    with pytest.raises(NetattachError, match="all is detached, but the ledger's entry cannot be removed"):
        world.delete()

    world.ledger.is_read_only = False
    world.delete()
    assert {} == world.ledger.entries


def test_an_address_that_host_local_has_not_freed_is_no_success() -> None:
    """On a read-only disk, where the plugin ignores the error."""
    world = World("lan")
    config = '{"cniVersion":"1.0.0","type":"macvlan","ipam":{"type":"host-local","subnet":"10.0.0.0/24"}}'
    world.store.create({**body("NetworkAttachmentDefinition", "lan"), "spec": {"config": config}})
    world.add()
    world.ledger.held = frozenset({("lan", "10.0.0.2")})

    with pytest.raises(DelegateError, match=r"host-local still has 10\.0\.0\.2 in its store of lan"):
        world.delete()

    assert ["net1"] == [each.ifname for each in world.ledger.entries["c1"].attachments]
    world.ledger.held = frozenset()
    world.delete()
    assert {} == world.ledger.entries
