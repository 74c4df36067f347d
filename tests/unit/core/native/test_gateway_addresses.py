"""Gateways and default routes that a bridge adds to what IPAM gives (`bridge.go: calcGateways`)."""

from __future__ import annotations

from netattach_core.cni.result import Address, Route
from netattach_core.native import gateway_addresses
from netattach_core.native.addressing import Addressing
from netattach_core.native.recipe import Bridge, Macvlan

ADDRESSES = (Address("fd00:1::9/64"), Address("10.1.2.9/24", "10.1.2.254"), Address("10.1.3.9/25"))


def test_without_gateway_nothing_is_added() -> None:
    given = Addressing(ADDRESSES)

    assert gateway_addresses.complete(Bridge(), given) == given
    assert gateway_addresses.complete(Macvlan("eth0"), given) == given
    assert gateway_addresses.complete(Bridge(gateway=True), None) is None


def test_the_first_address_of_the_subnet_is_the_gateway_unless_ipam_names_one() -> None:
    found = gateway_addresses.complete(Bridge(gateway=True), Addressing(ADDRESSES))

    assert found is not None
    assert [each.gateway for each in found.ips] == ["fd00:1::1", "10.1.2.254", "10.1.3.1"]
    assert found.routes == ()


def test_the_first_address_of_each_family_gives_the_default_route() -> None:
    link = Bridge(gateway=True, default_gateway=True)

    found = gateway_addresses.complete(link, Addressing(ADDRESSES, (Route("10.9.0.0/16"),)))

    assert found is not None
    assert found.routes == (
        Route("10.9.0.0/16"),
        Route("::/0", "fd00:1::1"),
        Route("0.0.0.0/0", "10.1.2.254"),
    )


def test_a_default_route_with_a_gateway_is_kept_and_one_without_is_not_enough() -> None:
    link = Bridge(gateway=True, default_gateway=True)
    routes = (Route("0.0.0.0/0", "10.1.2.7"), Route("::/0"))

    found = gateway_addresses.complete(link, Addressing(ADDRESSES, routes))

    assert found is not None
    assert found.routes == (*routes, Route("::/0", "fd00:1::1"))


def test_the_bridge_gets_the_gateways_with_the_prefix_lengths_of_the_addresses() -> None:
    completed = gateway_addresses.complete(Bridge(gateway=True), Addressing(ADDRESSES))

    assert completed is not None
    assert gateway_addresses.on_node(completed) == {4: ["10.1.2.254/24", "10.1.3.1/25"], 6: ["fd00:1::1/64"]}
