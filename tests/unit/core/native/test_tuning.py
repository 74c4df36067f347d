"""Configs of tuning that its driver understands, and those that are for the program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.cni import config as cni_config
from netattach_core.cni import result as cni_result
from netattach_core.cni.result import Interface, Result
from netattach_core.native import drivers, result
from netattach_core.native.recipe import Recipe, Tuning
from netattach_core.shim import sysctls
from netattach_core.shim.protocol import Sysctl

MACVLAN = {"type": "macvlan", "master": "eth1"}


def recipe(
    tuned: object, *, index: int = 1, before: Any = (MACVLAN,), version: str = "1.0.0", **more: Any
) -> Recipe | Tuning | None:
    """Of tuning, after these plugins; the text is the config itself."""
    text = tuned if isinstance(tuned, str) else json.dumps({"type": "tuning", **dict(tuned)})  # type: ignore[call-overload]
    plugins = ",".join([*map(json.dumps, before), text])
    network = cni_config.parse(f'{{"cniVersion":"{version}","name":"n","plugins":[{plugins}]}}')
    return drivers.recipe(
        network,
        index,
        args=more.get("args", {}),
        runtime_config=more.get("runtime_config", {}),
        cni_args=more.get("cni_args", {}),
    )


def test_all_of_it_is_understood() -> None:
    config = {
        "sysctl": {"net.ipv4.conf.IFNAME.rp_filter": "2", "net/core/somaxconn": "4096"},
        "mac": "02-00-00-00-00-07",
        "mtu": 1400,
        "promisc": True,
        "allmulti": False,
        "txQLen": 0,
    }

    assert recipe(config) == Tuning(
        sysctls=(("net/ipv4/conf/IFNAME/rp_filter", "2"), ("net/core/somaxconn", "4096")),
        mac="02-00-00-00-00-07",
        mtu=1400,
        promiscuous=True,
        all_multicast=False,
        queue_length=0,
    )
    assert recipe({}) == Tuning()


def test_the_mac_of_the_pod_replaces_that_of_the_config() -> None:
    config = {"mac": "02:00:00:00:00:01", "capabilities": {"mac": True}}
    by_args: Any = {"args": {"MAC": "02:00:00:00:00:02"}}
    by_runtime: Any = {"runtime_config": {"mac": "02:00:00:00:00:03"}}

    assert Tuning(mac="02:00:00:00:00:02") == recipe(config, **by_args)
    assert Tuning(mac="02:00:00:00:00:03") == recipe(config, **by_args, **by_runtime)


@pytest.mark.parametrize(
    "config",
    [
        {"dataDir": "/var/x"},
        {"Mtu": 1400},
        {"mtu": None},
        {"mtu": -1},
        {"mtu": "1400"},
        {"mtu": True},
        {"mac": "02:00"},
        {"promisc": "true"},
        {"allmulti": None},
        {"txQLen": None},
        {"txQLen": -1},
        {"ipam": {"type": "static"}},
        {"sysctl": []},
        {"sysctl": None},
        '{"type":"tuning","mtu":1400,"mtu":1500}',
        '{"type":"tuning","sysctl":{"net.core.somaxconn":"1","net.core.somaxconn":"2"}}',
        {"sysctl": {"net.core.somaxconn": "1", "net/core/somaxconn": "2"}},
        {"sysctl": {"net.core.somaxconn": 1}},
        {"sysctl": {"net.core.somaxconn": None}},
        {"sysctl": {"net.core.somaxconn": ""}},
        {"sysctl": {"net.core.somaxconn": "1 2"}},
        {"sysctl": {"net.core.somaxconn": "1\n"}},
        {"sysctl": {"net.core.somaxconn": "1" * 256}},
        {"sysctl": {"net.ipv4.tcp_rmem": "1 2"}},
        {"sysctl": {"kernel.panic": "1"}},
        {"sysctl": {"net": "1"}},
        {"sysctl": {"net..core.somaxconn": "1"}},
        {"sysctl": {"/net/core/somaxconn": "1"}},
        {"sysctl": {"net/../kernel/panic": "1"}},
        {"sysctl": {f"net.{'x' * 200}": "1"}},
        {"args": {"cni": {"mtu": 1400}}},
        {"args": {"cni": {"MTU": 1400}}},
        {"args": {"CNI": {"mtu": 1400}}},
        {"args": {"cni": {"sysctl": {}}}},
        {"args": {"cni": None}},
        {"args": None},
    ],
)
def test_the_rest_is_for_the_program(config: object) -> None:
    assert recipe(config) is None


def test_values_of_several_numbers_are_understood_where_the_kernel_takes_as_many() -> None:
    config = {
        "sysctl": {"net.ipv4.tcp_rmem": "4096 87380 6291456", "net.ipv4.ip_local_port_range": "1024 65000"}
    }

    assert recipe(config) is not None


def test_what_the_pod_requests_of_other_plugins_changes_nothing() -> None:
    assert Tuning(mtu=1400) == recipe({"mtu": 1400}, cni_args={"other": 1})
    assert recipe({"mtu": 1400}, cni_args={"mtu": 1300}) is None


def test_it_is_next_to_the_plugin_that_creates_the_interface() -> None:
    """And nowhere else: two of them have an order of their own."""
    twice = (MACVLAN, {"type": "tuning"})

    assert recipe({}, index=0, before=()) is None
    assert recipe({}, index=2, before=twice) is None
    assert recipe({}, version="0.2.0") is None
    assert recipe(json.dumps(MACVLAN)) is None


def test_a_path_has_the_interface_once_and_as_it_is() -> None:
    """An interface's name may have dots, which are no separators there."""
    found = recipe({"sysctl": {"net.ipv4.conf.IFNAME.IFNAME": "1", "net.ipv4.conf.all.rp_filter": "2"}})

    assert isinstance(found, Tuning)
    assert [
        Sysctl("net/ipv4/conf/net.5/IFNAME", "1"),
        Sysctl("net/ipv4/conf/all/rp_filter", "2"),
    ] == sysctls.tuned(found, "net.5")


@pytest.mark.parametrize(
    "before",
    [
        {"type": "host-device", "device": "eth5"},
        {"type": "ipvlan", "master": "eth1", "ipam": {"type": "host-local", "subnet": "10.0.0.0/24"}},
        {"type": "macvlan", "master": "eth1", "mode": "passthru"},
    ],
)
def test_a_change_that_outlives_the_interface_is_for_the_program(before: dict[str, Any]) -> None:
    """Its DEL restores what was before; but not sysctls, which end with the pod."""
    for change in ({"mtu": 1400}, {"allmulti": True}, {"promisc": True}, {"mac": "02:00:00:00:00:01"}):
        assert recipe(change, before=(before,)) is None
    assert recipe({"sysctl": {"net.core.somaxconn": "1"}}, before=(before,)) is not None


def test_it_needs_the_recipe_of_the_interface() -> None:
    assert recipe({}, before=({"type": "macvlan"},)) is None
    assert recipe({}, before=({"type": "sriov"},)) is None


def test_the_result_has_the_new_mac_as_it_is_written() -> None:
    """For each interface of that name, also one on the node."""
    interfaces = (
        Interface("net1"),
        Interface("br0", mac="02:00:00:00:00:01"),
        Interface("net1", sandbox="/n"),
    )
    previous = cni_result.dump(Result("1.0.0", interfaces), "0.4.0")

    tuned = json.loads(result.tuned(previous, Tuning(mac="0200.0000.0002"), "0.4.0", "net1"))

    assert ["0200.0000.0002", "02:00:00:00:00:01", "0200.0000.0002"] == [
        each["mac"] for each in tuned["interfaces"]
    ]
    assert previous == result.tuned(previous, Tuning(mtu=1400), "0.4.0", "net1")
