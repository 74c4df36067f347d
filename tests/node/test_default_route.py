"""`default-route`: the requested routes are the effective ones, in the pod's main table and in the status."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.node import CnitoolNode, NodePod
from support.waiting import eventually

V4, V6 = "10.0.3.1", "fd00:3::1"
ETH0 = "10.244.1.1"
MASTER: dict[str, dict[str, Any]] = {
    "macvlan": {"type": "macvlan", "master": "eth1", "mode": "bridge"},
    "bridge": {"type": "bridge", "bridge": "mybr0"},
}
BOTH = [{"address": "10.0.3.77/24"}, {"address": "fd00:3::77/64"}]
DUAL_DEFAULT = {
    "cniVersion": "1.0.0",
    "name": "cbr0",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cbr0",
            "isGateway": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:244::/64"}]],
                "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
            },
        }
    ],
}


def _config(kind: str = "macvlan", version: str = "1.0.0", **ipam: Any) -> dict[str, Any]:
    return {"cniVersion": version, **MASTER[kind], "ipam": {"type": "static", "addresses": BOTH, **ipam}}


def _gateways(node: CnitoolNode, pod: NodePod) -> dict[str, list[str]]:
    return {entry["interface"]: entry.get("gateway", []) for entry in node.status(pod)}


@pytest.fixture
def dual(node: CnitoolNode) -> Iterator[CnitoolNode]:
    """The node with a default network of both IP versions."""
    path = node.stage.paths.conf_dir / "10-default.conflist"
    before = path.read_text()
    path.write_text(json.dumps(DUAL_DEFAULT))
    yield node
    path.write_text(before)


def test_the_status_has_the_effective_gateway_where_two_networks_set_one(dual: CnitoolNode) -> None:
    """Without `default-route`: the kernel uses the newest of IPv4, and those of IPv6 in turn; all stay, and CHECK succeeds."""
    dual.create_nad("data", _config(routes=[{"dst": "0.0.0.0/0", "gw": V4}, {"dst": "::/0", "gw": V6}]))
    with dual.pod("data") as pod:
        dual.add(pod)

        assert [f"net1 {V4}", f"eth0 {ETH0}"] == dual.default_routes(pod, 4)
        assert {"eth0 fd00:244::1", f"net1 {V6}"} == set(dual.default_routes(pod, 6))
        assert "net1" == json.loads(dual.in_pod(pod, "ip", "-json", "route", "get", "192.0.2.1"))[0]["dev"]
        assert {"eth0": ["fd00:244::1"], "net1": [V4, V6]} == _gateways(dual, pod)
        assert 0 == dual.call("check", pod).returncode
        dual.delete(pod)


@pytest.mark.parametrize("kind", MASTER)
def test_the_requested_gateway_is_the_only_default_route(node: CnitoolNode, kind: str) -> None:
    """Multus leaves that of eth0 effective, without an error (Multus issue #1552)."""
    node.create_nad("data", _config(kind))
    with node.pod([{"name": "data", "default-route": [V4]}]) as pod:
        result = node.add(pod)

        assert [f"net1 {V4}"] == node.default_routes(pod)
        assert {"eth0": [], "net1": [V4]} == _gateways(node, pod)
        assert [] == [route for route in result.get("routes", []) if route["dst"] == "0.0.0.0/0"]
        assert "net1" == json.loads(node.in_pod(pod, "ip", "-json", "route", "get", "192.0.2.1"))[0]["dev"]
        node.delete(pod)


@pytest.mark.parametrize(
    ("asked", "v4", "v6"),
    [
        pytest.param(None, f"eth0 {ETH0}", "eth0 fd00:244::1", id="absent"),
        pytest.param([V4], f"net1 {V4}", "eth0 fd00:244::1", id="v4"),
        pytest.param([V6], f"eth0 {ETH0}", f"net1 {V6}", id="v6"),
        pytest.param([V6, V4], f"net1 {V4}", f"net1 {V6}", id="both"),
        pytest.param(["fe80::1"], f"eth0 {ETH0}", "net1 fe80::1", id="v6-of-the-link"),
        pytest.param([], f"eth0 {ETH0}", "eth0 fd00:244::1", id="own-and-has-none"),
    ],
)
def test_each_ip_version_on_its_own(dual: CnitoolNode, asked: list[str] | None, v4: str, v6: str) -> None:
    """A version that is not requested stays as the plugins set it (Network Plumbing Working Group spec, section 4.1.2.1.9)."""
    dual.create_nad("data", _config())
    request = {"name": "data"} if asked is None else {"name": "data", "default-route": asked}
    with dual.pod([request]) as pod:
        dual.add(pod)

        assert ([v4], [v6]) == (dual.default_routes(pod, 4), dual.default_routes(pod, 6))
        expected: dict[str, list[str]] = {"eth0": [], "net1": []}
        for route in (v4, v6):
            interface, gateway = route.split()
            expected[interface].append(gateway)
        assert expected == _gateways(dual, pod)
        dual.delete(pod)


def test_an_empty_list_keeps_the_routes_of_the_network_and_removes_the_others(dual: CnitoolNode) -> None:
    """Network Plumbing Working Group spec, section 4.1.2.1.9. Multus removes all, so the pod has none (Multus issue #1011)."""
    dual.create_nad("data", _config(routes=[{"dst": "0.0.0.0/0", "gw": V4}, {"dst": "::/0", "gw": V6}]))
    with dual.pod([{"name": "data", "default-route": []}]) as pod:
        dual.add(pod)

        assert [f"net1 {V4}"] == dual.default_routes(pod, 4)
        assert [f"net1 {V6}"] == dual.default_routes(pod, 6)
        assert {"eth0": [], "net1": [V4, V6]} == _gateways(dual, pod)
        dual.delete(pod)


def test_an_empty_list_changes_only_the_ip_version_that_the_network_has_routes_of(dual: CnitoolNode) -> None:
    dual.create_nad("data", _config(routes=[{"dst": "::/0", "gw": V6}]))
    with dual.pod([{"name": "data", "default-route": []}]) as pod:
        dual.add(pod)

        assert [f"eth0 {ETH0}"] == dual.default_routes(pod, 4)
        assert [f"net1 {V6}"] == dual.default_routes(pod, 6)
        assert {"eth0": [ETH0], "net1": [V6]} == _gateways(dual, pod)
        dual.delete(pod)


def test_one_gateway_each_over_two_networks(node: CnitoolNode) -> None:
    """IPv4 over one, IPv6 over the other, as Multus allows."""
    node.create_nad("one", _config())
    node.create_nad("two", _config("bridge", addresses=[{"address": "fd00:9::7/64"}]))
    asked = [{"name": "one", "default-route": [V4]}, {"name": "two", "default-route": ["fd00:9::1"]}]
    with node.pod(asked) as pod:
        node.add(pod)

        assert [f"net1 {V4}"] == node.default_routes(pod, 4)
        assert ["net2 fd00:9::1"] == node.default_routes(pod, 6)
        assert {"eth0": [], "net1": [V4], "net2": ["fd00:9::1"]} == _gateways(node, pod)
        node.delete(pod)


def test_routes_of_the_same_interface_over_other_gateways_are_removed_too(dual: CnitoolNode) -> None:
    """For both IP versions; the kernel stores IPv6 routes of one metric as one route with several hops."""
    others = [
        {"dst": "0.0.0.0/0", "gw": "10.0.3.2"},
        {"dst": "0.0.0.0/0", "gw": "10.0.3.3", "priority": 50},
        {"dst": "::/0", "gw": "fd00:3::2"},
        {"dst": "::/0", "gw": "fd00:3::3"},
        {"dst": "10.9.0.0/16", "gw": "10.0.3.2"},
    ]
    dual.create_nad("data", _config(routes=others))
    with dual.pod([{"name": "data", "default-route": [V4, V6]}]) as pod:
        dual.add(pod)

        assert ([f"net1 {V4}"], [f"net1 {V6}"]) == (dual.default_routes(pod, 4), dual.default_routes(pod, 6))
        assert "10.9.0.0/16" in [
            r["dst"] for r in json.loads(dual.in_pod(pod, "ip", "-json", "route", "show", "dev", "net1"))
        ]
        assert {"eth0": [], "net1": [V4, V6]} == _gateways(dual, pod)
        dual.delete(pod)


ROUTER = """
import socket
PREFERRED = 1 << 3
sending = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
advertisement = bytes([134, 0, 0, 0, 64, PREFERRED, *(1800).to_bytes(2, "big"), *bytes(8)])
sending.sendto(advertisement, ("ff02::1", 0, 0, socket.if_nametoindex("lan0")))
"""


@pytest.fixture
def router(dual: CnitoolNode) -> Iterator[Callable[[], bool]]:
    """A router that advertises itself in the network of eth1, where it also has the gateway's address; the node ignores it."""

    def advertise() -> bool:
        dual.stage.run("ip", "netns", "exec", "world", sys.executable, "-c", ROUTER)
        return True

    accept = "/proc/sys/net/ipv6/conf/eth1/accept_ra"
    dual.stage.run("sh", "-c", f"echo 0 > {accept}")
    dual.stage.run("ip", "-n", "world", "address", "add", f"{V6}/64", "dev", "lan0", "nodad")
    yield advertise
    dual.stage.run("ip", "-n", "world", "address", "delete", f"{V6}/64", "dev", "lan0")
    dual.stage.run("sh", "-c", f"echo 1 > {accept}")


@pytest.mark.parametrize("gateway", [V6, "fd00:9::1"], ids=["of-the-same-interface", "of-another-interface"])
def test_a_route_that_a_router_advertises_later_is_not_effective(
    dual: CnitoolNode, router: Callable[[], bool], gateway: str
) -> None:
    """It advertises every few minutes, and when a link comes up: no ADD could wait for it."""
    interface = "net1" if gateway == V6 else "net2"
    dual.create_nad("data", _config())
    dual.create_nad("two", _config("bridge", addresses=[{"address": "fd00:9::7/64"}]))
    one, two = [({"default-route": [gateway]} if name == interface else {}) for name in ("net1", "net2")]
    with dual.pod([{"name": "data", **one}, {"name": "two", **two}]) as pod:
        dual.add(pod)
        dual.stage.run("ip", "address", "replace", "fd00:9::1/64", "dev", "mybr0", "nodad")
        advertised = ("ip", "-6", "route", "show", "default", "proto", "ra")
        eventually(lambda: router() and dual.in_pod(pod, *advertised))

        assert [f"{interface} {gateway}", "net1"] == [
            route if index == 0 else route.split()[0]
            for index, route in enumerate(dual.default_routes(pod, 6))
        ]
        for number in range(16):
            [used] = json.loads(dual.in_pod(pod, "ip", "-json", "route", "get", f"2001:db8::{number:x}"))
            assert (interface, gateway) == (used["dev"], used["gateway"])
        assert {"eth0": [ETH0], "net1": [], "net2": []} | {interface: [gateway]} == _gateways(dual, pod)
        assert 0 == dual.call("check", pod).returncode
        dual.stage.run("ip", "address", "delete", "fd00:9::1/64", "dev", "mybr0")
        dual.delete(pod)


def test_a_route_that_a_router_has_advertised_is_no_substitute(node: CnitoolNode, routes_plugin: str) -> None:
    """It expires: the pod needs a route of its own, also where the advertised gateway is the requested one."""
    commands = ["-6 route add default via fe80::1 dev net1 proto ra metric 1024"]
    plugins = [_config(), {"type": routes_plugin, "commands": commands}]
    node.create_nad("odd", {"cniVersion": "1.0.0", "name": "odd", "plugins": plugins})
    with node.pod([{"name": "odd", "default-route": ["fe80::1"]}]) as pod:
        node.add(pod)

        listed = json.loads(node.in_pod(pod, "ip", "-6", "-details", "-json", "route", "show", "default"))
        assert [("boot", 512), ("ra", 1024)] == [(route.get("protocol"), route["metric"]) for route in listed]
        node.delete(pod)


def test_a_gateway_behind_a_route_of_the_link(node: CnitoolNode) -> None:
    """Outside of every subnet, but a route of the network leads to it."""
    node.create_nad("data", _config(routes=[{"dst": "192.0.2.1/32", "scope": 253}]))
    with node.pod([{"name": "data", "default-route": ["192.0.2.1"]}]) as pod:
        node.add(pod)

        assert ["net1 192.0.2.1"] == node.default_routes(pod)
        node.delete(pod)


ROUTES_PLUGIN = """#!{python}
# Sets default routes as no reference plugin does, and prints the previous result.
import json, os, subprocess, sys
stdin = json.load(sys.stdin)
if os.environ["CNI_COMMAND"] == "ADD":
    for words in stdin["commands"]:
        subprocess.run(["nsenter", "--net=" + os.environ["CNI_NETNS"], "ip", *words.split()], check=True)
    print(json.dumps({{**stdin["prevResult"], "routes": []}}))
"""


@pytest.fixture
def routes_plugin(node: CnitoolNode) -> Iterator[str]:
    path = node.stage.paths.bin_dir / "odd-routes"
    path.write_text(ROUTES_PLUGIN.format(python=sys.executable))
    path.chmod(0o755)
    yield path.name
    path.unlink()


@pytest.mark.parametrize(
    ("commands", "family"),
    [
        pytest.param(["route add default dev net1 metric 7"], 4, id="the-link-itself"),
        pytest.param(["-6 route add default dev net1 metric 7"], 6, id="the-link-itself-v6"),
        pytest.param(
            [
                "route add default metric 9 nexthop via 10.0.3.2 dev net1 nexthop via 10.0.3.3 dev net1 weight 3"
            ],
            4,
            id="several-hops",
        ),
        pytest.param(
            ["-6 route add default metric 9 nexthop via fd00:3::2 dev net1 nexthop via fd00:3::1 dev net1"],
            6,
            id="several-hops-and-the-wanted-one",
        ),
        pytest.param(["-4 route add default via inet6 fe80::1 dev net1 metric 3"], 4, id="over-ipv6"),
        pytest.param(
            ["nexthop add id 5 via 10.0.3.2 dev net1", "route add default metric 5 nhid 5"],
            4,
            id="a-nexthop-object",
        ),
    ],
)
def test_every_form_of_default_route_is_removed(
    dual: CnitoolNode, routes_plugin: str, commands: list[str], family: int
) -> None:
    """Each form that the kernel has."""
    plugins = [_config(), {"type": routes_plugin, "commands": commands}]
    dual.create_nad("odd", {"cniVersion": "1.0.0", "name": "odd", "plugins": plugins})
    with dual.pod([{"name": "odd", "default-route": [V4, V6]}]) as pod:
        dual.add(pod)

        assert ([f"net1 {V4}"], [f"net1 {V6}"]) == (dual.default_routes(pod, 4), dual.default_routes(pod, 6))
        dual.delete(pod)
    with dual.pod("odd") as pod:  # so that the test sees what it is about
        dual.add(pod)
        assert any(hop.startswith("net1") for hop in dual.default_routes(pod, family))
        dual.delete(pod)


def test_default_routes_of_other_tables_are_kept(node: CnitoolNode) -> None:
    """A route of sbr, for packets from the address of its network, is no default route of the pod."""
    plugins = [_config(routes=[{"dst": "0.0.0.0/0", "gw": V4}]), {"type": "sbr"}]
    node.create_nad("sbr", {"cniVersion": "1.0.0", "name": "sbr", "plugins": plugins})
    node.create_nad("data", _config("bridge", addresses=[{"address": "10.8.0.7/24"}]))
    with node.pod([{"name": "sbr"}, {"name": "data", "default-route": ["10.8.0.1"]}]) as pod:
        node.add(pod)

        assert ["net2 10.8.0.1"] == node.default_routes(pod)
        tables = json.loads(node.in_pod(pod, "ip", "-json", "route", "show", "table", "100"))
        assert [("default", V4)] == [(r["dst"], r["gateway"]) for r in tables if r["dst"] == "default"]
        node.delete(pod)


@pytest.mark.parametrize("version", ["0.2.0", "0.3.1", "0.4.0", "1.0.0"])
def test_check_and_del_get_results_without_removed_routes(node: CnitoolNode, version: str) -> None:
    """The plugins look for each route of their result: a default route that was removed must not be in it."""
    node.create_nad("data", _config(version=version))
    with node.pod([{"name": "data", "default-route": [V4]}]) as pod:
        node.add(pod)

        checked = node.call("check", pod)
        assert (0, "") == (checked.returncode, checked.stderr)
        entry = json.loads(next(node.stage.paths.ledger.glob("*.json")).read_text().splitlines()[-1])
        told = {a["interface"]: json.dumps(json.loads(a["result"])) for a in entry["attachments"]}
        assert ("0.0.0.0/0" in told["eth0"], "0.0.0.0/0" in told["net1"]) == (False, True)
        node.delete(pod)


def test_check_fails_without_the_requested_default_route(node: CnitoolNode) -> None:
    """It is in the result of net1, so its plugin looks for it."""
    node.create_nad("data", _config())
    with node.pod([{"name": "data", "default-route": [V4]}]) as pod:
        node.add(pod)
        node.in_pod(pod, "ip", "route", "delete", "default")

        checked = node.call("check", pod)
        assert "CHECK of network default/data (net1): plugin macvlan failed" in checked.stderr
        node.delete(pod)


@pytest.mark.parametrize(
    ("gateway", "reason"),
    [
        (
            "192.0.2.9",
            "network default/data: `default-route` 192.0.2.9 cannot be reached over net1, which has 10.0.3.77/24",
        ),
        ("2001:db8::9", "network default/data: `default-route` 2001:db8::9 cannot be reached over net1"),
    ],
)
def test_a_gateway_that_cannot_be_reached_fails_and_undoes_all(
    node: CnitoolNode, gateway: str, reason: str
) -> None:
    """Routes had been changed by then; nothing of the ADD is left."""
    node.create_nad("data", _config())
    with node.pod([{"name": "data", "default-route": [gateway]}]) as pod:
        added = node.call("add", pod)

        assert 0 != added.returncode
        assert f"pod default/{pod.name}: {reason}" in added.stderr
        assert ["lo"] == node.link_names(pod)
        assert ([], []) == (node.leases(), node.ledger_entries())
        assert node.status_text(pod) is None


def test_a_network_without_addresses_has_no_gateway(node: CnitoolNode) -> None:
    node.create_nad("data", {"cniVersion": "1.0.0", **MASTER["macvlan"]})
    with node.pod([{"name": "data", "default-route": [V4]}]) as pod:
        added = node.call("add", pod)

        assert f"`default-route` {V4} cannot be reached over net1, which has no address" in added.stderr
        assert ["lo"] == node.link_names(pod)


def test_the_pods_own_address_is_no_gateway(node: CnitoolNode) -> None:
    """The kernel would accept it."""
    node.create_nad("data", _config())
    with node.pod([{"name": "data", "default-route": ["10.0.3.77"]}]) as pod:
        added = node.call("add", pod)

        assert "network default/data: `default-route` 10.0.3.77 is the pod's own address" in added.stderr
        assert (["lo"], []) == (node.link_names(pod), node.ledger_entries())


def test_a_network_without_an_interface_has_no_default_route(node: CnitoolNode, routes_plugin: str) -> None:
    """A chain whose last plugin removes the interface."""
    plugins = [_config(), {"type": routes_plugin, "commands": ["link delete net1"]}]
    node.create_nad("gone", {"cniVersion": "1.0.0", "name": "gone", "plugins": plugins})
    with node.pod([{"name": "gone", "default-route": [V4]}]) as pod:
        added = node.call("add", pod)

        assert "cannot be reached over net1" in added.stderr
        assert "No such device" in added.stderr
        assert (["lo"], []) == (node.link_names(pod), node.leases())
        node.delete(pod)


def test_two_gateways_of_one_ip_version_are_refused_before_anything_is_changed(node: CnitoolNode) -> None:
    node.create_nad("data", _config())
    asked = [{"name": "data", "default-route": [V4]}, {"name": "data", "default-route": ["10.0.3.2"]}]
    with node.pod(asked) as pod:
        added = node.call("add", pod)

        assert f"`default-route` requests {V4} (default/data) and 10.0.3.2 (default/data)" in added.stderr
        assert ([], ["lo"]) == (node.ledger_entries(), node.link_names(pod))
