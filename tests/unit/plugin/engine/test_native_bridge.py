"""Native bridges over twins of the ports: the node's side, after the pod's interfaces are configured."""

from __future__ import annotations

import errno
import json

import pytest

from netattach_core.attach.attachment import Network
from netattach_core.errors import DelegateError
from support.twins_of_drivers import ACCEPT_RA, FORWARDING, MAC
from support.world import World, body

LEASED = {"type": "host-local", "subnet": "10.0.0.0/24"}
BRIDGE = {"cniVersion": "1.0.0", "name": "g", "type": "bridge", "isGateway": True, "ipam": LEASED}
IDLE_PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}


@pytest.fixture
def world() -> World:
    """A pod with a macvlan network and one on a bridge that is its gateway."""
    return world_of("a,g")


def world_of(annotation: str, *, default: object = None) -> World:
    world = World(annotation)
    world.native_plugins = frozenset({"bridge", "macvlan"})
    network = body("NetworkAttachmentDefinition", "g")
    world.store.create({**network, "spec": {"config": json.dumps(BRIDGE)}})
    if default is not None:
        world.networks.default = Network("cbr0", json.dumps(default), "cbr0")
    return world


def chain(**more: object) -> dict[str, object]:
    plugins = [{**BRIDGE, **more}, IDLE_PORTMAP]
    return {"cniVersion": "1.0.0", "name": "cbr0", "plugins": plugins}


def test_forwarding_is_enabled_after_the_gateway_has_its_address(world: World) -> None:
    world.add()

    assert [*ACCEPT_RA, *FORWARDING] == world.shim.sysctls


def test_the_result_has_the_interfaces_as_they_are_in_the_end() -> None:
    """The bridge's MAC may have changed, and its interface in a VLAN was created last."""
    world = world_of("a", default=chain())

    result = world.add()

    assert ["cni0", "veth5", "eth0", "cni0.5"] == [each["name"] for each in result["interfaces"]]
    assert {MAC} == {each["mac"] for each in result["interfaces"]}
    assert [(2, "10.0.0.1")] == [(each["interface"], each["gateway"]) for each in result["ips"]]


@pytest.mark.parametrize("failing", ["gateway net2", "ready net2"])
def test_a_failure_on_the_node_is_that_of_the_plugin_and_leaves_nothing(world: World, failing: str) -> None:
    world.links.drivers.failing = {failing}

    with pytest.raises(
        DelegateError, match=r"ADD of network test/g \(net2\): plugin bridge failed: .*bridge"
    ):
        world.add()

    assert {"lo", "eth0"} == world.links.present
    assert not world.addresses.leases
    assert not world.ledger.entries


def test_forwarding_that_cannot_be_enabled_is_a_failure(world: World) -> None:
    world.shim.errnos = {"net/ipv4/ip_forward": errno.EROFS}

    with pytest.raises(DelegateError, match="failed to enable forwarding: net/ipv4/ip_forward: Read-only"):
        world.add()

    assert {"lo", "eth0"} == world.links.present


def test_after_a_failure_the_bridge_still_accepts_no_router_advertisements(world: World) -> None:
    """It remains for other pods."""
    world.addresses.failing = {"net2"}

    with pytest.raises(DelegateError, match="no IP addresses available"):
        world.add()

    assert list(ACCEPT_RA) == world.shim.sysctls


def test_a_native_default_network_and_secondary_networks_are_attached_in_one_go() -> None:
    """The default network's interface is the first one."""
    world = world_of("a,g", default=chain())
    world.add()
    world.delete()

    assert [["eth0", "net1", "net2"]] == world.links.drivers.batches
    assert [["net2", "net1", "eth0"]] == world.kernel.deletions
    assert [] == world.shim.runs


@pytest.mark.parametrize(
    ("plugin", "batches"), [("tuning", [["eth0", "net1"]]), ("sbr", [["eth0"], ["net1"]])]
)
def test_a_plugin_that_may_change_the_pod_keeps_the_other_networks_waiting(
    plugin: str, batches: list[list[str]]
) -> None:
    """tuning changes its own interface only."""
    world = world_of("a", default={**chain(), "plugins": [BRIDGE, {"type": plugin}]})
    world.add()

    assert batches == world.links.drivers.batches
    assert [f"ADD eth0 {plugin}"] == [str(run) for run in world.shim.runs]
