"""DEL over twins of the ports: by the ledger, with an unreadable entry, and on a broken disk."""

from __future__ import annotations

import json

import pytest

from netattach_core.errors import DelegateError, LaterReleaseError, NetattachError
from support.twins import failed
from support.world import MACVLAN, World, body


def test_delete_goes_by_the_ledger_and_not_by_the_nad() -> None:
    """A NAD that was changed or deleted in between changes nothing (Multus frees nothing then)."""
    world = World("a")
    world.add()
    world.store.objects = {}
    world.store.unreachable = True

    world.delete()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert [json.loads(MACVLAN)["master"]] == [
        a.stdin["master"] for a in world.shim.runs if str(a) == "DEL net1 macvlan"
    ]
    assert {} == world.ledger.entries


def test_delete_twice_is_success() -> None:
    """CNI SPEC, section "DEL"; the second one is a DEL of the default network alone."""
    world = World("a")
    world.add()
    world.delete()

    world.delete()

    assert ["DEL net1 macvlan", "DEL eth0 ptp", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert {} == world.ledger.entries


def test_a_delete_that_fails_keeps_in_the_ledger_what_failed() -> None:
    """Kubernetes Network Plumbing Working Group spec, section 7.2: the others are deleted, and the DEL fails."""
    world = World("a,b")
    world.add()
    world.shim.replies["DEL net1 macvlan"] = failed("Link not found: no such file or directory")

    with pytest.raises(DelegateError) as failure:
        world.delete()

    assert "not found" in failure.value.message  # the server rewords what containerd takes for success
    assert ["net1"] == [a.ifname for a in world.ledger.entries["c1"].attachments]
    del world.shim.replies["DEL net1 macvlan"]
    world.delete()
    assert {} == world.ledger.entries


def test_an_unreadable_entry_is_rebuilt_and_removed() -> None:
    """Its DEL frees its leases and the networks that the pod selects now, and there is an Event."""
    world = World("a")
    world.add()
    world.shim.runs.clear()
    world.ledger.broken = {"c1"}
    world.leases.leased = {"c1": [("old", "net7")]}

    world.delete()

    assert ["DEL net7 host-local", "DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert "old" == world.shim.runs[0].stdin["name"]
    assert set() == world.ledger.broken
    [event] = world.events.failures["test/p"]
    assert "the ledger's entry of sandbox c1 cannot be read" in event


def test_the_entry_of_a_later_release_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here knows what it holds, so its DEL fails, and runs nothing."""
    world = World("a")
    world.add()
    world.shim.runs.clear()
    kept = dict(world.ledger.entries)

    async def refuse(container_id: str) -> None:
        raise LaterReleaseError(f"{container_id} has format 2; install that release again")

    with monkeypatch.context() as patch:
        patch.setattr(world.ledger, "load", refuse)
        with pytest.raises(LaterReleaseError, match=r"pod test/p: .*install that release again"):
            world.delete()

    assert [] == world.shim.runs
    assert kept == world.ledger.entries
    world.delete()
    assert {} == world.ledger.entries


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
    world.leases.leased = {"c1": [("old", "net7")]}
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
    world.leases.held = frozenset({("lan", "10.0.0.2")})

    with pytest.raises(DelegateError, match=r"host-local still has 10\.0\.0\.2 in its store of lan"):
        world.delete()

    assert ["net1"] == [each.ifname for each in world.ledger.entries["c1"].attachments]
    world.leases.held = frozenset()
    world.delete()
    assert {} == world.ledger.entries
