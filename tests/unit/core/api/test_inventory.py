"""The inventory of a node: without its pods' interfaces, with its default interfaces, as JSON and back."""

from __future__ import annotations

import pytest

from netattach_core.api import inventory
from netattach_core.api.inventory import (
    DefaultInterface,
    Dhcp,
    Interface,
    NetworkFile,
    NodeAddress,
    NodeInventory,
    Plugin,
)


@pytest.mark.parametrize(
    "link",
    [
        Interface("veth1234abcd", kind="veth", controller="cbr0"),
        Interface("cali0123456789a", kind="veth", addresses=("fe80::ecee:eeff:feee:eeee/64",)),
        Interface("lxc_health", kind="veth"),
    ],
    ids=lambda link: link.name,
)
def test_the_nodes_end_of_a_pods_link_is_left_out(link: Interface) -> None:
    assert () == inventory.without_pods([link])


@pytest.mark.parametrize(
    "link",
    [
        Interface("eth1", kind="veth", mac="02:00:00:00:00:01"),
        Interface("vethmine", kind="veth", addresses=("10.0.0.1/24",)),
        Interface("veth0", kind="dummy"),
        Interface("eth0", addresses=("10.0.0.1/24", "fd00::1/64")),
    ],
    ids=["the NIC of a node that is a container", "with an address", "another kind", "a NIC"],
)
def test_the_nodes_own_interfaces_are_unchanged(link: Interface) -> None:
    assert (link,) == inventory.without_pods([link])


def test_the_mac_and_link_local_address_of_a_bridge_are_left_out() -> None:
    bridge = Interface(
        "cbr0", kind="bridge", mac="02:00:00:00:00:01", addresses=("10.244.0.1/24", "fe80::1/64")
    )

    assert (Interface("cbr0", kind="bridge", addresses=("10.244.0.1/24",)),) == inventory.without_pods(
        [bridge]
    )


def test_an_interface_with_an_address_of_the_node_is_a_default_interface() -> None:
    interfaces = [
        Interface("eth0", addresses=("10.0.0.1/24",)),
        Interface("br1", kind="bridge", addresses=("10.1.0.1/24",)),
        Interface("eth1", controller="br1"),
        Interface("eth2"),
    ]
    defaults = [DefaultInterface("eth0", ("carries the IPv4 default route",))]
    known = [NodeAddress("10.0.0.1", "the node's InternalIP"), NodeAddress("10.1.0.1", "flannel's public-ip")]

    assert (
        DefaultInterface(
            "eth0", ("carries the IPv4 default route", "carries the node's InternalIP 10.0.0.1")
        ),
        DefaultInterface("br1", ("carries flannel's public-ip 10.1.0.1",)),
        DefaultInterface("eth1", ("is a port of br1, which carries flannel's public-ip 10.1.0.1",)),
    ) == inventory.with_node_addresses(defaults, interfaces, known)


def test_an_address_that_no_interface_carries_is_ignored() -> None:
    assert () == inventory.with_node_addresses(
        [], [Interface("eth0")], [NodeAddress("10.0.0.1", "the node's InternalIP")]
    )


@pytest.mark.parametrize(
    "dhcp", [None, Dhcp(running=True, socket="/run/cni/dhcp.sock"), Dhcp(running=False, socket="")]
)
def test_the_dhcp_daemon_is_in_the_inventory_if_known(dhcp: Dhcp | None) -> None:
    body = inventory.to_dict(NodeInventory("worker-1", dhcp=dhcp))

    assert (dhcp is not None) == ("dhcp" in body)
    assert dhcp == inventory.from_dict(body).dhcp


@pytest.mark.parametrize(
    "networks", [None, (), (NetworkFile("10-a.conflist", "a"), NetworkFile("20-b.conf", "b"))]
)
def test_the_networks_of_a_node_are_in_the_inventory_if_known(
    networks: tuple[NetworkFile, ...] | None,
) -> None:
    """A daemon of an earlier release does not report them, which is not the same as none."""
    body = inventory.to_dict(NodeInventory("worker-1", networks=networks))

    read = inventory.from_dict(body)
    assert networks == read.networks
    assert ("networks" in body) == (networks is not None)
    known = [None] * 3 if networks is None else [bool(networks), bool(networks), False]
    assert known == [read.has_network(name) for name in ("a", "20-b.conf", "c")]


def test_a_plugin_that_cannot_be_followed_is_not_missing() -> None:
    """An earlier webhook takes it for installed, since it does not read `unknown`."""
    known = NodeInventory("worker-1", plugins=(Plugin("macvlan", unknown=True), Plugin("bridge", ("1.0.0",))))
    body = inventory.to_dict(known)

    assert known == inventory.from_dict(body)
    assert [
        {"name": "macvlan", "versions": [], "unknown": True},
        {"name": "bridge", "versions": ["1.0.0"]},
    ] == (body["plugins"])
    assert [False, False, True] == [known.lacks_plugin(name) for name in ("macvlan", "bridge", "vlan")]


def test_where_a_directory_of_plugins_cannot_be_seen_none_is_missing() -> None:
    known = NodeInventory(
        "worker-1", plugins=(Plugin("bridge"),), unseen_plugin_directories=("/usr/libexec/cni",)
    )

    assert known == inventory.from_dict(inventory.to_dict(known))
    assert not known.lacks_plugin("vlan")
    assert not known.has_plugin("vlan")


def test_an_interface_is_known_by_its_alternative_names_and_its_device() -> None:
    device = "/sys/devices/pci0000:00/0000:00:03.0"
    link = Interface("eth0", alt_names=("enp0s3",), device_path=device)
    known = NodeInventory("worker-1", (link,), (DefaultInterface("eth0", ("is the one",)),))

    assert known == inventory.from_dict(inventory.to_dict(known))
    assert link == known.interface("enp0s3")
    assert ("is the one",) == known.default_reasons("enp0s3")
    assert known.interface("enp0s4") is None
