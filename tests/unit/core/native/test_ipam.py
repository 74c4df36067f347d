"""The IPAM section: what the daemon understands, and what it leaves to the plugin's program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.cni.result import Address, Route
from netattach_core.native import ipam
from netattach_core.native.addressing import Addressing
from netattach_core.native.host_local import HostLocal
from netattach_core.native.static import Static

ARGS = "IgnoreUnknown=1;K8S_POD_NAME=p"
V6 = "2001:db8::/64"


def _stdin(section: Any, **more: Any) -> str:
    return json.dumps({"cniVersion": "1.0.0", "name": "lan", "type": "macvlan", "ipam": section, **more})


def _host_local(section: dict[str, Any], cni_args: str = ARGS, **more: Any) -> HostLocal | None:
    recipe = ipam.read(_stdin({"type": "host-local", **section}, **more), cni_args)
    assert recipe is None or isinstance(recipe, HostLocal)
    return recipe


def _static(section: dict[str, Any], cni_args: str = ARGS, **more: Any) -> Addressing | None:
    recipe = ipam.read(_stdin({"type": "static", **section}, **more), cni_args)
    assert recipe is None or isinstance(recipe, Static)
    return None if recipe is None else recipe.addressing


def _ranges(recipe: HostLocal | None) -> list[list[tuple[str, str, str]]]:
    assert recipe is not None
    return [[(str(r), str(r.subnet), str(r.gateway)) for r in each.ranges] for each in recipe.range_sets]


def _requested(recipe: HostLocal | None) -> list[str]:
    assert recipe is not None
    return [str(each.requested) for each in recipe.range_sets]


def test_a_subnet_without_more_gives_all_addresses_but_the_networks_and_the_broadcast() -> None:
    assert [[("10.1.0.1-10.1.0.254", "10.1.0.0/24", "10.1.0.1")]] == _ranges(
        _host_local({"subnet": "10.1.0.0/24"})
    )
    assert [[("2001:db8::1-2001:db8::ffff:ffff:ffff:ffff", V6, "2001:db8::1")]] == _ranges(
        _host_local({"subnet": V6})
    )


def test_the_start_and_the_end_of_a_range_may_be_the_networks_address_and_the_broadcast() -> None:
    section = {
        "subnet": "10.1.0.0/24",
        "rangeStart": "10.1.0.0",
        "rangeEnd": "10.1.0.255",
        "gateway": "192.0.2.1",
    }

    assert [[("10.1.0.0-10.1.0.255", "10.1.0.0/24", "192.0.2.1")]] == _ranges(_host_local(section))


def test_range_sets_are_in_the_order_of_the_runtime_the_subnet_and_the_ranges() -> None:
    recipe = _host_local(
        {"subnet": "10.1.0.0/24", "ranges": [[{"subnet": "10.2.0.0/24"}, {"subnet": "10.3.0.0/24"}]]},
        runtimeConfig={"ipRanges": [[{"subnet": V6}]]},
    )

    subnets = [[subnet for _, subnet, _ in each] for each in _ranges(recipe)]
    assert [[V6], ["10.1.0.0/24"], ["10.2.0.0/24", "10.3.0.0/24"]] == subnets


def test_each_requested_address_belongs_to_the_range_set_that_has_it() -> None:
    section = {"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.2.0.0/24"}], [{"subnet": V6}]]}

    recipe = _host_local(
        section,
        f"{ARGS};IP=10.2.0.9/24",
        args={"cni": {"ips": ["2001:DB8::9"], "other": 1}},
        runtimeConfig={"ips": ["10.2.0.9"], "mac": "x"},
    )

    assert ["None", "10.2.0.9", "2001:db8::9"] == _requested(recipe)
    assert recipe is not None


def test_routes_are_as_in_the_result() -> None:
    routes = [
        {"dst": "0.0.0.0/0"},
        {"dst": "10.9.1.2/8", "gw": "10.1.0.9", "mtu": 1400, "priority": 0, "table": 0},
    ]

    recipe = _host_local({"subnet": "10.1.0.0/24", "routes": routes})

    assert recipe is not None
    assert (
        Route("0.0.0.0/0"),
        Route("10.9.1.2/8", "10.1.0.9", {"mtu": 1400, "table": 0}),
    ) == recipe.routes


NOT_UNDERSTOOD: dict[str, dict[str, Any]] = {
    "no range": {},
    "an unknown key": {"subnet": "10.1.0.0/24", "exclude": ["10.1.0.9"]},
    "a key in another case": {"SUBNET": "10.1.0.0/24"},
    "a key in two cases": {"subnet": "10.1.0.0/24", "Subnet": "10.2.0.0/24"},
    "resolvConf": {"subnet": "10.1.0.0/24", "resolvConf": "/etc/resolv.conf"},
    "another store": {"subnet": "10.1.0.0/24", "dataDir": "/run/my-store"},
    "a gateway without its subnet": {"gateway": "10.1.0.1", "ranges": [[{"subnet": "10.1.0.0/24"}]]},
    "null": {"subnet": "10.1.0.0/24", "gateway": None},
    "an empty text": {"subnet": "10.1.0.0/24", "gateway": ""},
    "host bits": {"subnet": "10.1.0.1/24"},
    "too small": {"subnet": "10.1.0.0/31"},
    "IPv4 written as IPv6": {"subnet": "::ffff:10.1.0.0/120"},
    "a gateway written as IPv6": {"subnet": "10.1.0.0/24", "gateway": "::ffff:10.1.0.1"},
    "IPv6 addresses with the digits of IPv4": {"subnet": "::/64"},
    "a netmask": {"subnet": "10.1.0.0/255.255.255.0"},
    "no prefix length": {"subnet": "10.1.0.0"},
    "a zone": {"subnet": "fe80::%eth0/64"},
    "a start outside": {"subnet": "10.1.0.0/24", "rangeStart": "10.2.0.1"},
    "an end outside": {"subnet": "10.1.0.0/24", "rangeEnd": "10.2.0.1"},
    "a start of the other family": {"subnet": "10.1.0.0/24", "rangeStart": "2001:db8::1"},
    "an end before the start": {"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.9", "rangeEnd": "10.1.0.8"},
    "a start at the broadcast": {"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.255"},
    "an empty set": {"ranges": [[]]},
    "a set of two families": {"ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": V6}]]},
    "overlap in a set": {"ranges": [[{"subnet": "10.1.0.0/16"}, {"subnet": "10.1.5.0/24"}]]},
    "overlap of sets": {"subnet": "10.1.0.0/24", "ranges": [[{"subnet": "10.1.0.0/25"}]]},
    "a list instead of an object": {"ranges": [["10.1.0.0/24"]]},
    "a route without a destination": {"subnet": "10.1.0.0/24", "routes": [{"gw": "10.1.0.1"}]},
    "a route that is null": {"subnet": "10.1.0.0/24", "routes": [None]},
    "a metric as a text": {"subnet": "10.1.0.0/24", "routes": [{"dst": "10.0.0.0/8", "priority": "5"}]},
    "a flag as a number": {"subnet": "10.1.0.0/24", "routes": [{"dst": "10.0.0.0/8", "priority": True}]},
    "a negative number": {"subnet": "10.1.0.0/24", "routes": [{"dst": "10.0.0.0/8", "mtu": -1}]},
    "a huge number": {"subnet": "10.1.0.0/24", "routes": [{"dst": "10.0.0.0/8", "mtu": 2**63}]},
    "a long config": {"subnet": "10.1.0.0/24", "routes": [{"dst": "10.0.0.0/8"}] * 300},
}


@pytest.mark.parametrize("section", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
def test_what_is_in_doubt_is_for_host_local_itself(section: dict[str, Any]) -> None:
    assert _host_local(section) is None


RANGES = {"ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "10.2.0.0/24"}]]}


@pytest.mark.parametrize(
    "ips",
    [
        ["10.3.0.9"],
        ["10.1.0.9", "10.2.0.9"],
        ["10.1.0.1"],
        ["::ffff:10.1.0.9"],
        [""],
        [None],
        "10.1.0.9",
        ["10.1.0.9/33"],
    ],
    ids=str,
)
def test_addresses_that_host_local_cannot_give_are_for_host_local_itself(ips: Any) -> None:
    """Outside of all ranges, two of one set, a gateway, not an address."""
    assert _host_local(RANGES, runtimeConfig={"ips": ips}) is None
    assert _host_local(RANGES, args={"cni": {"ips": ips}}) is None


@pytest.mark.parametrize(
    "args",
    [
        "K8S_POD_NAME=p",
        "IgnoreUnknown=0;A=b",
        "IgnoreUnknown=1;A=b=c",
        "IgnoreUnknown=1;",
        "IgnoreUnknown=1;IP=10.1.0.9;IP=10.1.0.8",
        "IgnoreUnknown=1;CommonArgs=1",
        "IgnoreUnknown=1;IP=10.1.0.9,10.1.0.8",
    ],
)
def test_arguments_that_cni_refuses_or_that_are_in_doubt_are_for_host_local_itself(args: str) -> None:
    assert _host_local(RANGES, args) is None


@pytest.mark.parametrize(
    "more",
    [
        {"RuntimeConfig": {}},
        {"runtimeConfig": {"IPS": ["10.1.0.9"]}},
        {"runtimeConfig": {"IPRanges": []}},
        {"runtimeConfig": None},
        {"args": {"CNI": {}}},
        {"args": []},
        {"args": {"cni": {"Ips": []}}},
        {"IPAM": {}},
        {"name": "a/../b"},
        {"name": ""},
        {"cniVersion": "0.2.0"},
        {"cniVersion": "2.0.0"},
        {"CNIVersion": "1.0.0"},
    ],
    ids=str,
)
def test_keys_of_the_config_that_host_local_may_read_otherwise_are_for_host_local_itself(
    more: dict[str, Any],
) -> None:
    assert _host_local(RANGES, **more) is None
    assert _static({}, **more) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"name": "n"}', _stdin(None), _stdin([]), _stdin({}), _stdin({"type": "dhcp"})]
)
def test_any_other_config_is_for_the_plugin(text: str) -> None:
    assert ipam.read(text, ARGS) is None


def test_of_two_equal_keys_none_is_chosen() -> None:
    twice = _stdin({"type": "host-local", "subnet": "10.1.0.0/24"}).replace(
        '"subnet"', '"subnet": "10.2.0.0/24", "subnet"'
    )

    assert ipam.read(twice, ARGS) is None


def test_static_gives_the_addresses_of_the_config() -> None:
    section = {
        "addresses": [{"address": "10.1.0.5/24", "gateway": "10.1.0.1"}, {"address": "2001:DB8::5/64"}],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dns": {"nameservers": ["10.1.0.1"], "domain": "", "search": []},
    }

    assert Addressing(
        (Address("10.1.0.5/24", "10.1.0.1"), Address("2001:db8::5/64")),
        (Route("0.0.0.0/0"),),
        {"nameservers": ["10.1.0.1"]},
    ) == _static(section)


CONFIGURED = {"addresses": [{"address": "10.1.0.5/24"}]}


def test_static_appends_the_addresses_of_the_arguments_with_their_gateway() -> None:
    args = f"{ARGS};IP=10.1.0.6/24, 10.2.0.6/24;GATEWAY=10.1.0.1,10.1.0.2"

    assert Addressing(
        (Address("10.1.0.5/24"), Address("10.1.0.6/24", "10.1.0.2"), Address("10.2.0.6/24"))
    ) == _static(CONFIGURED, args)


def test_static_gives_what_the_runtime_asks_for_instead() -> None:
    """The capability `ips` before `args.cni`, both before the config."""
    pod: dict[str, Any] = {"args": {"cni": {"ips": ["10.3.0.5/24"]}}}

    assert Addressing((Address("10.3.0.5/24"),)) == _static(CONFIGURED, **pod)
    assert Addressing((Address("10.4.0.5/24"),)) == _static(
        CONFIGURED, runtimeConfig={"ips": ["10.4.0.5/24"]}, **pod
    )


@pytest.mark.parametrize(
    "section",
    [
        {"addresses": [{"address": "10.1.0.5"}]},
        {"addresses": [{"address": "10.1.0.5/24", "gateway": ""}]},
        {"addresses": [{"gateway": "10.1.0.1"}]},
        {"addresses": [{"Address": "10.1.0.5/24"}]},
        {"dns": {"nameservers": "10.1.0.1"}},
        {"dns": {"domain": "\ud800"}},
        {"dns": None},
        {"subnet": "10.1.0.0/24"},
    ],
    ids=str,
)
def test_what_is_in_doubt_is_for_static_itself(section: dict[str, Any]) -> None:
    assert _static(section) is None


@pytest.mark.parametrize("args", ["IgnoreUnknown=1;IP=10.1.0.5", "IgnoreUnknown=1;GATEWAY=x"])
def test_arguments_that_static_refuses_are_for_static_itself(args: str) -> None:
    assert _static(CONFIGURED, args) is None
