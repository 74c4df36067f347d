"""Recovery: unfinished sandboxes, forgotten ones, and statuses that were not written."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from netattach_core.attach.sandbox import Phase
from netattach_plugin.calls import recovery
from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.calls.pending_deletes import PendingDeletes
from netattach_plugin.calls.recovery import Recovery
from support.twins import FakeShim
from support.waiting import eventually_async
from support.world import World, body


class RecoveringNode:
    """A world after the death of its daemon, and the parts of the next daemon."""

    def __init__(self, world: World, *, sweep_after: float = 0.0) -> None:
        self.world = world
        self.now = 100.0
        self.queue = CallQueue()
        self.pending = PendingDeletes(world.engine().retry_delete, self.queue, lambda: self.now)
        self.recovery = Recovery(
            ledger=world.ledger,
            leases=world.leases,
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
    node = RecoveringNode(_attached("a", phase))

    node.restart()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == node.call()
    assert {} == node.world.ledger.entries
    assert [] == node.call()


def test_an_attached_sandbox_stays() -> None:
    """The pods of a node when its daemon is replaced."""
    node = RecoveringNode(_attached("a", Phase.ADDED))

    node.restart()

    assert [] == node.call()
    assert Phase.ADDED == node.world.ledger.entries["c1"].phase


def test_leases_without_an_owner_are_removed_after_the_start_and_by_each_sweep() -> None:
    node = RecoveringNode(World("a"), sweep_after=1000)
    node.world.leases.ownerless = ["lan/10.0.0.2"]

    async def start() -> None:
        running = asyncio.create_task(node.recovery.run())
        await eventually_async(lambda: node.world.leases.ownerless == [])
        running.cancel()

    asyncio.run(start())
    assert [] == node.world.leases.ownerless
    node.world.leases.ownerless = ["lan/10.0.0.3"]
    asyncio.run(node.recovery.sweep())
    assert [] == node.world.leases.ownerless


def test_a_sandbox_without_a_namespace_is_detached_after_a_while(tmp_path: Path) -> None:
    """Its runtime has forgotten it. The plugins get an empty CNI_NETNS."""
    world = World("a")
    world.add()
    netns = tmp_path / "c1"
    netns.touch()
    world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], netns=str(netns))
    node = RecoveringNode(world)
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
    node = RecoveringNode(world, sweep_after=1000)
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
        node = RecoveringNode(world, sweep_after=1000)
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
    node = RecoveringNode(world, sweep_after=1000)

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
    node = RecoveringNode(world, sweep_after=1000)
    world.store.create(body("Pod", "p", uid="another"))
    node.write_statuses()
    assert {} == world.status.written


def test_an_unreadable_entry_is_left_alone() -> None:
    """It may be a pod that runs: only its own DEL removes it."""
    world = World("a")
    world.ledger.broken = {"c1"}
    node = RecoveringNode(world)

    node.restart()

    assert "c1" not in node.pending
    assert [] == node.call()
