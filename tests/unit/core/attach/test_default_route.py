"""The default routes that a pod requests, and the corrections of the kernel's table."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.attach import default_route
from netattach_core.attach.default_route import DefaultRoute, Hop, Request
from netattach_core.errors import AnnotationError, ConfigError

ETH0 = DefaultRoute(4, (Hop("eth0", "10.244.1.1"),))
ETH0_V6 = DefaultRoute(6, (Hop("eth0", "fd00::1"),), 1024)


def _request(*gateways: str, ifname: str = "net1") -> Request:
    return Request(f"test/{ifname}", ifname, gateways)


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        pytest.param(
            [_request("10.0.0.1", "10.0.0.2")],
            r"10\.0\.0\.1 \(test/net1\) and 10\.0\.0\.2 \(test/net1\)",
            id="one",
        ),
        pytest.param(
            [_request("fd00::1"), _request("fd00::2", ifname="net2")], "one default route of IPv6", id="two"
        ),
        pytest.param(
            [_request("10.0.0.1", "::ffff:10.0.0.2")], "one default route of IPv4", id="ipv4-mapped"
        ),
        pytest.param(
            [_request(), _request(ifname="net2")],
            "`default-route` is empty for test/net1 and test/net2",
            id="own",
        ),
        pytest.param(
            [_request("0.0.0.0")],
            r"network test/net1: `default-route` 0\.0\.0\.0 cannot be a gateway",
            id="none",
        ),
        pytest.param([_request("ff02::1")], "cannot be a gateway", id="multicast"),
        pytest.param([_request("127.0.0.1")], "cannot be a gateway", id="loopback"),
        pytest.param([_request("255.255.255.255")], "cannot be a gateway", id="broadcast"),
    ],
)
def test_conflicting_requests_are_refused(requests: list[Request], message: str) -> None:
    """Before anything is touched, with Multus' message: no ECMP."""
    with pytest.raises(AnnotationError, match=message):
        default_route.check(requests)


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [_request()],
        [_request("10.0.0.1", "fd00::1")],
        [_request("10.0.0.1"), _request("fd00::1", ifname="net2")],
        [_request("10.0.0.1"), _request(ifname="net2")],
        [_request("fe80::1")],
    ],
)
def test_compatible_requests_are_accepted(requests: list[Request]) -> None:
    default_route.check(requests)


@pytest.mark.parametrize("own", [["10.0.0.1/24"], ["10.9.9.9/8", "fd00::1/64"]])
def test_the_pods_own_address_is_no_gateway(own: list[str]) -> None:
    """Whatever its network."""
    with pytest.raises(ConfigError, match=r"network test/net1: `default-route` .* is the pod's own address"):
        default_route.check_own([_request("10.0.0.1", "FD00::0001")], own)


def test_a_neighbours_address_may_be_a_gateway() -> None:
    default_route.check_own([_request("10.0.0.1"), _request()], ["10.0.0.2/24", "fd00::1/64"])


def test_of_a_family_that_nobody_asks_for_nothing_is_touched() -> None:
    wanted = default_route.in_force([_request("10.0.0.1")], [ETH0, ETH0_V6])

    assert {4: (Hop("net1", "10.0.0.1"),)} == wanted
    assert default_route.Changes(
        (ETH0,), (DefaultRoute(4, (Hop("net1", "10.0.0.1"),)),)
    ) == default_route.changes(wanted, [ETH0, ETH0_V6])


def test_an_empty_list_keeps_the_routes_of_its_network() -> None:
    """For the families of which it has one."""
    own = DefaultRoute(4, (Hop("net1", "10.0.0.1"),))

    wanted = default_route.in_force([_request()], [own, ETH0, ETH0_V6])

    assert {4: (Hop("net1", "10.0.0.1"),)} == wanted
    assert default_route.Changes((ETH0,), ()) == default_route.changes(wanted, [own, ETH0, ETH0_V6])


def test_an_empty_list_of_a_network_without_default_routes_changes_nothing() -> None:
    """Otherwise the pod would have none (Multus issue #1011)."""
    assert {} == default_route.in_force([_request()], [ETH0, ETH0_V6])


def test_a_requested_gateway_precedes_a_networks_own_routes() -> None:
    own = DefaultRoute(4, (Hop("net2", "10.0.2.1"),))

    wanted = default_route.in_force([_request("10.0.0.1"), _request(ifname="net2")], [own, ETH0_V6])

    assert {4: (Hop("net1", "10.0.0.1"),)} == wanted


def test_a_route_with_several_hops_is_replaced_by_one_with_the_wanted_hop() -> None:
    both = DefaultRoute(6, (Hop("eth0", "fd00::1"), Hop("net1", "fd01::1")), 1024)

    changes = default_route.changes({6: (Hop("net1", "fd01::1"),)}, [both])

    assert default_route.Changes((both,), (DefaultRoute(6, (Hop("net1", "fd01::1"),), 512),)) == changes


def test_gateways_are_compared_in_the_kernels_notation() -> None:
    wanted = default_route.in_force([_request("FD00:0::0001")], [])

    assert default_route.Changes((), ()) == default_route.changes(
        wanted, [DefaultRoute(6, (Hop("net1", "fd00::1"),), 512)]
    )


@pytest.mark.parametrize("metric", [1024, 2000])
def test_a_route_that_competes_with_advertised_ones_gets_a_lower_metric(metric: int) -> None:
    """Those have metric 1024, and the kernel uses all routes of one metric."""
    hops = (Hop("net1", "fd00::1"),)
    weak = DefaultRoute(6, hops, metric)

    changes = default_route.changes({6: hops}, [weak])

    assert default_route.Changes((weak,), (DefaultRoute(6, hops, 512),)) == changes
    assert default_route.Changes((), ()) == default_route.changes({6: hops}, changes.added)
    assert default_route.Changes((), ()) == default_route.changes({6: hops}, [DefaultRoute(6, hops, 9)])


def test_no_such_routes_for_ipv4() -> None:
    hops = (Hop("net1", "10.0.0.1"),)

    assert default_route.Changes((), ()) == default_route.changes({4: hops}, [DefaultRoute(4, hops, 1024)])


def test_the_kernel_uses_the_first_route_with_the_lowest_metric() -> None:
    later, metric = (
        DefaultRoute(4, (Hop("net1", "10.0.0.1"),)),
        DefaultRoute(4, (Hop("net2", "10.0.0.1"),), 5),
    )

    assert {4: ETH0.hops, 6: ETH0_V6.hops} == default_route.leading([metric, ETH0, later, ETH0_V6])
    assert {} == default_route.leading([])


_hops = st.builds(
    Hop, st.sampled_from(["eth0", "net1", "net2"]), st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1", ""])
)
_routes = st.builds(
    DefaultRoute,
    st.sampled_from(default_route.FAMILIES),
    st.lists(_hops, min_size=1, max_size=3, unique=True).map(tuple),
    st.sampled_from([0, 512, 1024]),
)
_requests = st.lists(
    st.builds(
        lambda ifname, gateways: Request(ifname, ifname, tuple(gateways)),
        st.sampled_from(["net1", "net2"]),
        st.lists(st.sampled_from(["10.0.0.1", "fd00::1"]), unique=True),
    ),
    unique_by=lambda each: each.ifname,
)


@given(_requests, st.lists(_routes, unique=True))
def test_after_the_corrections_the_routes_are_as_wanted(
    requests: list[Request], routes: list[DefaultRoute]
) -> None:
    """Whatever routes there were: all requested families have the wanted routes and no others."""
    wanted = default_route.in_force(requests, routes)
    changes = default_route.changes(wanted, routes)

    after = [route for route in routes if route not in changes.removed] + list(changes.added)

    assert default_route.Changes((), ()) == default_route.changes(wanted, after)
    for family, hops in wanted.items():
        assert set(hops) == {hop for route in after if route.family == family for hop in route.hops}
    assert {ipaddress.ip_address(g).version for each in requests for g in each.gateways} <= set(wanted)
    untouched = [route for route in routes if route.family not in wanted]
    assert untouched == [route for route in after if route.family not in wanted]
