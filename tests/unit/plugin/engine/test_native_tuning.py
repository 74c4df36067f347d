"""Tuning by its driver over twins of the ports: when it happens, what it changes, and what a failure leaves."""

from __future__ import annotations

import errno
import json

import pytest

from netattach_core.attach.attachment import Network
from netattach_core.errors import DelegateError
from netattach_core.native.recipe import Tuning
from netattach_core.shim.protocol import Sysctl
from support.world import World, body

MACVLAN = {"type": "macvlan", "master": "eth1"}
TUNED = {"sysctl": {"net.ipv4.conf.IFNAME.rp_filter": "2"}, "mtu": 1400, "mac": "02:00:00:00:00:42"}
RP_FILTER = "net/ipv4/conf/net1/rp_filter"


@pytest.fixture
def world() -> World:
    """A pod with a macvlan network that is tuned, and one that is not."""
    return world_of({"type": "tuning", **TUNED})


def world_of(*more: object, annotation: str = "t,a", default: object = None) -> World:
    world = World(annotation)
    world.native_plugins = frozenset({"macvlan", "tuning"})
    config = {"cniVersion": "1.0.0", "plugins": [MACVLAN, *more]}
    network = body("NetworkAttachmentDefinition", "t")
    world.store.create({**network, "spec": {"config": json.dumps(config)}})
    if default is not None:
        chain = {"cniVersion": "1.0.0", "name": "d", "plugins": [MACVLAN, default]}
        world.networks.default = Network("d", json.dumps(chain), "d")
    return world


def _macs(world: World) -> list[str]:
    return [each["mac"] for each in json.loads(world.status.written["test/p"])[1:]]


def test_it_is_in_the_batch_of_its_interface(world: World) -> None:
    world.add()

    assert [["net1", "net2"]] == world.links.drivers.batches
    assert [("net1", Tuning((("net/ipv4/conf/IFNAME/rp_filter", "2"),), "02:00:00:00:00:42", 1400))] == (
        world.links.drivers.tuned
    )
    assert [Sysctl(RP_FILTER, "2")] == world.shim.sysctls
    assert ["ADD eth0 ptp"] == [str(run) for run in world.shim.runs]


def test_the_result_has_its_mac(world: World) -> None:
    world.add()

    assert "02:00:00:00:00:42" == _macs(world)[0]


def test_its_delete_is_that_of_the_interface(world: World) -> None:
    """All interfaces of the pod still go in one request."""
    world.add()
    world.delete()

    assert [["net2", "net1"]] == world.kernel.deletions
    assert ["DEL eth0 ptp"] == world.shim.ran("DEL")
    assert {} == world.ledger.entries


def test_without_drivers_programs_delete(world: World) -> None:
    world.add()
    world.native_plugins = frozenset()
    world.delete()

    assert {"DEL net1 tuning", "DEL net1 macvlan"} < set(world.shim.ran("DEL"))


def test_a_sysctl_that_is_not_written_is_a_failure_of_the_plugin_and_leaves_nothing(world: World) -> None:
    world.shim.errnos = {RP_FILTER: errno.ENOENT}

    with pytest.raises(DelegateError, match=rf"test/t \(net1\): plugin tuning failed: .*{RP_FILTER} to '2'"):
        world.add()

    assert [] == world.links.drivers.tuned
    assert {"lo", "eth0"} == world.links.present
    assert {} == world.ledger.entries


def test_a_change_that_is_refused_is_a_failure_of_the_plugin_and_leaves_nothing(world: World) -> None:
    world.links.drivers.failing = {"tune net1"}

    with pytest.raises(DelegateError, match=r"test/t \(net1\): plugin tuning failed: .* mtu 1400 of net1"):
        world.add()

    assert {"lo", "eth0"} == world.links.present
    assert {} == world.ledger.entries


def test_nothing_is_tuned_after_the_failure_of_an_interface(world: World) -> None:
    world.links.drivers.failing = {"configure net2"}

    with pytest.raises(DelegateError, match="plugin macvlan failed"):
        world.add()

    assert ([], []) == (world.links.drivers.tuned, world.shim.sysctls)


def test_without_anything_to_change_the_kernel_is_not_asked() -> None:
    world = world_of({"type": "tuning"})

    world.add()

    assert ([], []) == (world.links.drivers.tuned, world.shim.sysctls)


def test_a_program_next_to_it_gets_its_result() -> None:
    world = world_of({"type": "tuning", **TUNED}, {"type": "sbr"})

    world.add()

    (run,) = [run for run in world.shim.runs if str(run) == "ADD net1 sbr"]
    assert '"mac": "02:00:00:00:00:42"' in json.dumps(run.stdin["prevResult"])


@pytest.mark.parametrize(
    "more", [({"type": "sbr"}, {"type": "tuning", **TUNED}), ({"type": "tuning", "dataDir": "/x"},)]
)
def test_the_program_runs_after_a_program_and_where_it_is_not_understood(more: tuple[object, ...]) -> None:
    world = world_of(*more)

    world.add()

    assert "ADD net1 tuning" in [str(run) for run in world.shim.runs]
    assert [] == world.links.drivers.tuned


def test_other_networks_join_a_default_network_whose_interface_is_tuned() -> None:
    """But not where all interfaces are, also those that are created next."""
    alone = {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.rp_filter": "2"}}
    of_all = {"type": "tuning", "sysctl": {"net.ipv4.conf.default.rp_filter": "2"}}
    joined, apart = world_of(annotation="a", default=alone), world_of(annotation="a", default=of_all)

    joined.add()
    apart.add()

    assert [["eth0", "net1"]] == joined.links.drivers.batches
    assert [["eth0"], ["net1"]] == apart.links.drivers.batches
