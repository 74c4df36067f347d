"""Native drivers over twins of the ports: what a call creates, in which order, and what it leaves after a failure."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from typing import Any

import pytest

from netattach_core.attach.attachment import Network
from netattach_core.attach.sandbox import Phase
from netattach_core.errors import DelegateError, NetattachError
from netattach_core.text import json_document
from support.twins import failed
from support.world import World, body

LEASED = {"type": "host-local", "subnet": "10.0.0.0/24"}


@pytest.fixture
def world() -> World:
    """A pod with three macvlan networks, l1 and l2 with addresses, and drivers for them."""
    return world_of("l1,a,l2")


def world_of(annotation: str) -> World:
    world = World(annotation)
    world.native_plugins = frozenset({"macvlan"})
    for name in ("l1", "l2"):
        config = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LEASED}
        network = body("NetworkAttachmentDefinition", name)
        world.store.create({**network, "spec": {"config": json.dumps(config)}})
    return world


def _ips(world: World) -> list[list[str]]:
    return [each.get("ips", []) for each in json.loads(world.status.written["test/p"])[1:]]


def test_networks_in_a_row_are_created_in_one_go(world: World) -> None:
    world.add()

    assert [["net1", "net2", "net3"]] == world.links.drivers.batches
    assert ["ADD eth0 ptp"] == [str(run) for run in world.shim.runs]
    assert [["10.0.0.1"], [], ["10.0.0.2"]] == _ips(world)


def test_interfaces_with_addresses_announce_them_before_they_come_up(world: World) -> None:
    """An interface without addresses has nothing to announce."""
    world.add()

    assert ["net/ipv4/conf/net1/arp_notify", "net/ipv4/conf/net3/arp_notify"] == [
        sysctl.path for sysctl in world.shim.sysctls
    ]
    assert ["net1", "net2", "net3"] == world.links.drivers.configured


def test_a_kernel_without_a_sysctl_is_none_the_worse(world: World) -> None:
    """As with the reference plugins."""
    world.shim.errnos = {"net/ipv4/conf/net1/arp_notify": errno.ENOENT}

    world.add()

    assert ["net1", "net2", "net3"] == world.links.drivers.configured


def test_a_shim_that_writes_no_sysctls_runs_programs(world: World) -> None:
    world.shim.writes_sysctls = False

    world.add()

    assert ["ADD net1 macvlan", "ADD net2 macvlan", "ADD net3 macvlan"] == [
        str(run) for run in world.shim.runs[1:]
    ]


def test_the_ledger_knows_before_anything_is_created(world: World) -> None:
    """A daemon that is killed meanwhile deletes natively what it has created."""
    world.links.drivers.failing = {"create net1"}
    world.kernel.refusal = OSError(errno.EPERM, "Operation not permitted")
    with pytest.raises(NetattachError):
        world.add()

    (entry,) = world.ledger.entries.values()
    assert [(0,), (0,), (0,)] == [each.native for each in entry.attachments if each.ifname != "eth0"]


@pytest.mark.parametrize("failing", ["create net2", "create net1", "configure net3", "configure net1"])
def test_a_failure_is_that_of_the_plugin_and_leaves_nothing(world: World, failing: str) -> None:
    world.links.drivers.failing = {failing}

    with pytest.raises(
        DelegateError, match=rf"ADD of network test/.*: plugin macvlan failed: .*{failing[-4:]}"
    ):
        world.add()

    assert {"lo", "eth0"} == world.links.present
    assert not world.addresses.leases
    assert not world.ledger.entries
    assert ["DEL eth0 ptp"] == world.shim.ran("DEL")


def test_without_an_address_nothing_is_left(world: World) -> None:
    """Neither the interface that was created meanwhile."""
    world.addresses.failing = {"net3"}
    with pytest.raises(
        NetattachError, match=r"network test/l2 \(net3\): plugin macvlan failed: no IP addresses available"
    ):
        world.add()

    assert {"lo", "eth0"} == world.links.present
    assert {"net3"} == {each.ifname for each in world.ledger.entries["c1"].attachments}, "its lease may exist"


def test_delete_releases_addresses_and_deletes_all_links_at_once(world: World) -> None:
    world.add()
    world.delete()

    assert [["net3", "net2", "net1"]] == world.kernel.deletions
    assert not world.addresses.leases
    assert not world.ledger.entries
    assert ["DEL eth0 ptp"] == world.shim.ran("DEL")


def test_what_cannot_be_deleted_stays_in_the_ledger(world: World) -> None:
    world.add()
    world.kernel.refusal = OSError(errno.EPERM, "Operation not permitted")

    with pytest.raises(NetattachError, match="failed to delete net3: Operation not permitted"):
        world.delete()

    entry = world.ledger.entries["c1"]
    assert (Phase.DELETING, ["net1", "net2", "net3"]) == (
        entry.phase,
        [each.ifname for each in entry.attachments],
    )
    world.kernel.refusal = None
    world.delete()
    assert {} == world.ledger.entries


def test_an_address_that_cannot_be_released_keeps_only_its_network(world: World) -> None:
    world.add()
    world.addresses.failing = {"net1"}

    with pytest.raises(NetattachError, match=r"network test/l1 \(net1\): .*read-only file system"):
        world.delete()

    assert ["net1"] == [each.ifname for each in world.ledger.entries["c1"].attachments]
    assert {"lo", "eth0"} == world.links.present


def test_without_a_namespace_only_addresses_are_released(world: World) -> None:
    world.add()
    world.shim.netns = None
    world.delete()

    assert [] == world.kernel.deletions
    assert not world.addresses.leases
    assert not world.ledger.entries


def test_what_a_program_has_attached_a_program_detaches(world: World) -> None:
    """As after an update from a release without drivers."""
    world.native_plugins = frozenset()
    world.add()
    world.native_plugins = frozenset({"macvlan"})
    world.delete()

    assert {"DEL net1 macvlan", "DEL net2 macvlan", "DEL net3 macvlan"} < set(world.shim.ran("DEL"))


def test_what_a_driver_has_attached_a_program_detaches_if_drivers_are_off(world: World) -> None:
    world.add()
    world.native_plugins = frozenset()
    world.delete()

    assert {"DEL net1 macvlan", "DEL net2 macvlan", "DEL net3 macvlan"} < set(world.shim.ran("DEL"))
    assert [] == world.kernel.deletions


def test_after_the_failure_of_a_program_nothing_of_a_driver_is_left() -> None:
    """Nor after that of the default network, whose link is all that drivers wait for."""
    world = world_of("l1,b")
    world.shim.replies = {"ADD net2 bridge": failed("no such bridge")}
    with pytest.raises(NetattachError):
        world.add()
    assert {"lo", "eth0", "net2"} == world.links.present, "the twin's programs delete no links"
    assert {} == world.addresses.leases

    world = world_of("l1")
    world.shim.replies = {"ADD eth0 ptp": failed("no")}
    with pytest.raises(NetattachError):
        world.add()
    assert [["net1"]] == world.links.drivers.batches
    assert {"lo", "eth0"} == world.links.present
    assert not world.addresses.leases
    assert not world.ledger.entries


def test_drivers_wait_for_a_default_network_that_may_change_the_pod() -> None:
    """It has to end first, and nothing is begun after its failure."""
    world = world_of("l1")
    world.networks.default = Network("x", '{"cniVersion":"1.0.0","type":"somebodys","name":"x"}', "x")
    world.shim.replies = {"ADD eth0 somebodys": failed("no")}
    with pytest.raises(NetattachError):
        world.add()

    assert [] == world.links.drivers.batches


def test_a_device_that_a_driver_has_moved_is_moved_back_by_its_program() -> None:
    """Which releases its addresses too; the other networks are deleted by drivers."""
    world = world_of("l1,nic")
    world.native_plugins = frozenset({"macvlan", "host-device"})
    config = {"cniVersion": "1.0.0", "type": "host-device", "device": "eth1"}
    world.store.create({**body("NetworkAttachmentDefinition", "nic"), "spec": {"config": json.dumps(config)}})
    world.add()
    assert [["net1", "net2"]] == world.links.drivers.batches

    world.delete()

    assert {"DEL net2 host-device", "DEL eth0 ptp"} == set(world.shim.ran("DEL"))
    assert [["net1"]] == world.kernel.deletions
    assert not world.ledger.entries


@pytest.mark.parametrize("native", [frozenset[str](), frozenset({"macvlan"})])
def test_the_text_of_a_network_is_read_once_however_many_pods_have_it(
    native: frozenset[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for its attachment and its plan, nor for its recipe, nor for its DEL."""
    first, second = world_of("l1,a,l2"), world_of("l1,a,l2")
    first.native_plugins = second.native_plugins = native
    first.add()
    first.delete()
    texts: list[str] = []
    for function in (json_document.parse, json_document.value):
        monkeypatch.setattr(json_document, function.__name__, _recording(texts, function))

    second.add()
    second.delete()

    assert texts
    assert [] == [text for text in texts if '"master"' in text]


def _recording(texts: list[str], function: Callable[[str], Any]) -> Callable[[str], Any]:
    def recording(text: str) -> Any:
        texts.append(text)
        return function(text)

    return recording
