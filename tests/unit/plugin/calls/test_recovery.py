"""What is owed after a crash, a failure or a forgetful runtime, and how the next call pays it."""

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
    """A world whose daemon has died, and the parts of the next one."""

    def __init__(self, world: World, *, sweep_after: float = 0.0) -> None:
        self.world = world
        self.now = 100.0
        self.turns = CallQueue()
        self.debts = PendingDeletes(world.engine().settle, self.turns, lambda: self.now)
        self.recovery = Recovery(
            ledger=world.ledger,
            debts=self.debts,
            turns=self.turns,
            store=world.store,
            status=world.status,
            sweep_after=sweep_after,
        )

    def restart(self) -> None:
        asyncio.run(self.recovery.read())

    def call(self) -> list[str]:
        """The call of some other sandbox; what its shim is asked to run first."""
        shim = FakeShim(self.world.links, replies=self.world.shim.replies)
        asyncio.run(self.debts.pay(shim))
        return [str(ask) for ask in shim.asked]


def _attached(annotation: str, phase: Phase) -> World:
    world = World(annotation)
    world.add()
    world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], phase=phase)
    return world


@pytest.mark.parametrize("phase", [Phase.ADDING, Phase.DELETING])
def test_what_was_unfinished_is_undone_by_the_next_call_of_whichever_sandbox(phase: Phase) -> None:
    """An ADD that was cut off was reported as failed; a DEL has to be finished."""
    node = Node(_attached("a", phase))

    node.restart()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == node.call()
    assert {} == node.world.ledger.entries
    assert [] == node.call()


def test_what_is_attached_stays() -> None:
    """The pods of a node whose daemon is replaced."""
    node = Node(_attached("a", Phase.ADDED))

    node.restart()

    assert [] == node.call()
    assert Phase.ADDED == node.world.ledger.entries["c1"].phase


def test_a_debt_that_cannot_be_paid_is_tried_again_later_and_then_later() -> None:
    """After 2, 4, 8 … seconds, and not in every call's time."""
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
    assert 0 == node.debts.count


def test_a_sandbox_whose_own_call_is_under_way_is_left_to_it() -> None:
    """It has the turn; its outcome counts."""
    node = Node(_attached("a", Phase.ADDING))
    node.restart()

    async def story() -> list[str]:
        shim = FakeShim(node.world.links)
        async with node.turns.taken("c1", shim):
            await node.debts.pay(shim)
        return [str(ask) for ask in shim.asked]

    assert [] == asyncio.run(story())
    assert 0 == node.debts.count


def test_a_runtime_that_gave_up_pays_nothing() -> None:
    """Its shim ends any moment; the debt stays."""
    node = Node(_attached("a", Phase.ADDING))
    node.restart()
    shim = FakeShim(node.world.links)
    shim.given_up.set()

    asyncio.run(node.debts.pay(shim))

    assert (1, []) == (node.debts.count, shim.asked)


def test_one_calls_time_is_not_spent_on_all_debts() -> None:
    """After two seconds it goes on with its own."""
    seconds = iter(range(1000))
    settled = []

    async def settle(container_id: str, _: object) -> None:
        settled.append(container_id)

    debts = PendingDeletes(settle, CallQueue(), lambda: float(next(seconds)))
    for number in range(10):
        debts.owe(f"c{number}", after=-100.0)

    asyncio.run(debts.pay(FakeShim(World().links)))

    assert 1 <= len(settled) < 10
    assert 10 == debts.count + len(settled)


def test_a_sandbox_whose_namespace_has_long_been_gone_is_detached(tmp_path: Path) -> None:
    """Its runtime has forgotten it. The plugins are told of no namespace then."""
    world = World("a")
    world.add()
    netns = tmp_path / "c1"
    netns.touch()
    world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], netns=str(netns))
    node = Node(world)
    asyncio.run(node.recovery.sweep())
    assert 0 == node.debts.count
    netns.unlink()

    asyncio.run(node.recovery.sweep())

    shim = FakeShim(world.links)
    asyncio.run(node.debts.pay(shim))
    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == [str(ask) for ask in shim.asked]
    assert {""} == {ask.environment["CNI_NETNS"] for ask in shim.asked}
    assert {} == world.ledger.entries


def test_a_namespace_that_is_gone_for_a_moment_or_cannot_be_seen_is_no_reason(tmp_path: Path) -> None:
    """Where the directory is not mounted for us, every path looks gone."""
    world = World("a")
    world.add()
    node = Node(world, sweep_after=1000)
    for netns in (tmp_path / "c1", tmp_path / "not-mounted/c1"):
        world.ledger.entries["c1"] = dataclasses.replace(world.ledger.entries["c1"], netns=str(netns))
        asyncio.run(node.recovery.sweep())
        asyncio.run(node.recovery.sweep())
    node.recovery._sweep_after = 0.0
    asyncio.run(node.recovery.sweep())

    assert 0 == node.debts.count


def test_a_namespace_that_went_before_the_daemon_came_is_not_waited_for_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime that was not led to us, since we were uninstalled, does not come again."""
    monkeypatch.setattr(recovery, "_AFTER_START", 0.0)
    owed = {}
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
        owed[when] = node.call()

    assert {"before": ["DEL net1 macvlan", "DEL eth0 ptp"], "after": []} == owed


def test_a_status_that_was_not_delivered_is_rebuilt_from_the_ledger() -> None:
    """As it was at the ADD; what the pod has already is not written again."""
    world = World("a")
    world.add()
    told = world.status.delivered.pop("test/p")
    node = Node(world, sweep_after=1000)

    _run_until_told(node)
    assert {"test/p": told} == world.status.delivered

    world.status.delivered.clear()
    annotations = {"k8s.v1.cni.cncf.io/network-status": told}
    world.store.create(body("Pod", "p", uid="u1", annotations=annotations))
    _run_until_told(node)
    assert {} == world.status.delivered


def test_a_status_is_not_delivered_to_a_pod_that_is_gone_or_while_the_api_is_away() -> None:
    """One of the same name has another UID; an API that is away hears of it after the next restart."""
    world = World("a")
    world.add()
    world.status.delivered.clear()
    node = Node(world, sweep_after=1000)
    world.store.create(body("Pod", "p", uid="another"))
    _run_until_told(node)
    assert {} == world.status.delivered


def test_an_entry_that_cannot_be_read_is_no_debt_but_is_disposed_of_by_its_own_delete() -> None:
    """It may be a pod that runs. On DEL: the leases that name it, what the pod asks for now, and an event that says so."""
    world = World("a")
    world.add()
    world.shim.asked.clear()
    world.ledger.broken = {"c1"}
    world.ledger.leased = {"c1": [("old", "net7")]}
    node = Node(world)
    node.restart()
    assert 0 == node.debts.count

    world.delete()

    assert ["DEL net7 host-local", "DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.words("DEL")
    assert "old" == world.shim.asked[0].stdin["name"]
    assert set() == world.ledger.broken
    [event] = world.events.failures["test/p"]
    assert "the ledger's entry of sandbox c1 cannot be read" in event


def test_an_entry_that_cannot_be_read_for_a_pod_whose_network_is_gone() -> None:
    """The pod stays deletable: its default network and its leases are freed."""
    world = World("a")
    world.add()
    world.shim.asked.clear()
    world.ledger.broken = {"c1"}
    del world.store.objects["NetworkAttachmentDefinition", "test", "a"]

    world.delete()

    assert ["DEL eth0 ptp"] == world.shim.words("DEL")
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
    """What cannot be noted beforehand is done all the same."""
    world = World("a")
    world.add()
    world.ledger.fail_on_save = frozenset(range(3, 9))

    world.delete()

    assert {} == world.ledger.entries


def test_an_entry_that_cannot_be_removed_is_no_success() -> None:
    """The runtime tries again, until somebody has fixed the disk."""
    world = World("a")
    world.add()
    world.ledger.is_read_only = True

    with pytest.raises(NetattachError, match="all is detached, but the ledger's entry cannot be removed"):
        world.delete()

    world.ledger.is_read_only = False
    world.delete()
    assert {} == world.ledger.entries


def test_an_address_that_host_local_only_says_it_has_freed_is_no_success() -> None:
    """On a disk that became read-only: the plugin looks at no error."""
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


def _run_until_told(node: Node) -> None:
    async def story() -> None:
        await node.recovery.read()
        running = asyncio.ensure_future(node.recovery.run())
        await asyncio.sleep(0.02)
        running.cancel()

    asyncio.run(story())
