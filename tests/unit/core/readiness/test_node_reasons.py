"""Why a network is not ready on a node: every code, and that nothing is missing where nothing is known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api.inventory import (
    DefaultInterface,
    Dhcp,
    Interface,
    NetworkFile,
    NodeInventory,
    Plugin,
)
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, Nad
from netattach_core.api.node_state import CniStatus
from netattach_core.readiness import node_reasons
from netattach_core.readiness.reason import Code
from support.validation import HOST_LOCAL, STATIC, bridge, macvlan
from support.validation import config as plugin

PLUGINS = (
    "bridge",
    "macvlan",
    "ipvlan",
    "vlan",
    "host-device",
    "host-local",
    "static",
    "dhcp",
    "flannel",
    "tuning",
)
ALL_KINDS = ("bridge", "dummy", "ipvlan", "macvlan", "veth", "vlan")


def node(**changed: Any) -> NodeInventory:
    """A node that has everything."""
    parts: dict[str, Any] = {
        "interfaces": (
            Interface("eth0", mtu=1500),
            Interface("eth1", mtu=1500, alt_names=("enp1s0",)),
            Interface("br1", kind="bridge", mtu=1500),
        ),
        "default_interfaces": (DefaultInterface("eth0", ("carries the IPv4 default route",)),),
        "plugins": tuple(map(Plugin, PLUGINS)),
        "link_kinds": ALL_KINDS,
        "dhcp": Dhcp(running=True, socket="/run/cni/dhcp.sock"),
        "networks": (NetworkFile("20-storage.conflist", "storage"),),
        "cni_status": CniStatus(ready=True),
    }
    return NodeInventory("n1", **{**parts, **changed})


def nad(config: Any, name: str = "net", **annotations: str) -> Nad:
    return Nad("ns", name, config if isinstance(config, str) else json.dumps(config), annotations)


def codes(config: Any, inventory: NodeInventory, **annotations: str) -> list[str]:
    return [reason.code for reason in node_reasons.of_node(nad(config, **annotations), inventory)]


DHCP = macvlan(ipam={"type": "dhcp"})
CHAIN = {"cniVersion": "1.0.0", "plugins": [macvlan(mtu=1400), {"type": "tuning"}]}


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(macvlan(), id="macvlan"),
        pytest.param(macvlan(master="enp1s0"), id="an alternative name"),
        pytest.param(bridge(), id="a bridge that exists"),
        pytest.param(bridge(bridge="br7"), id="a bridge that the plugin creates"),
        pytest.param(DHCP, id="DHCP"),
        pytest.param(CHAIN, id="a chain"),
        pytest.param(plugin("ipvlan", master="pod1", linkInContainer=True), id="an interface of the pod"),
        pytest.param(plugin("/opt/own/plugin"), id="a type that is a path"),
        pytest.param("{,}", id="no JSON"),
    ],
)
def test_a_network_is_ready_on_a_node_that_has_everything(config: Any) -> None:
    assert [] == codes(config, node())


@pytest.mark.parametrize(
    ("code", "config", "lacking"),
    [
        pytest.param(Code.INTERFACE_MISSING, macvlan(master="eth7"), {}, id="interface"),
        pytest.param(
            Code.INTERFACE_OF_ANOTHER_KIND,
            bridge(bridge="bond0"),
            {"interfaces": (Interface("bond0", kind="bond"),)},
            id="kind of interface",
        ),
        pytest.param(Code.DEFAULT_INTERFACE, macvlan(master="eth0"), {}, id="default interface"),
        pytest.param(Code.DEFAULT_INTERFACE, plugin("macvlan", ipam=STATIC), {}, id="no master"),
        pytest.param(Code.MTU_TOO_LARGE, macvlan(mtu=9000), {}, id="MTU"),
        pytest.param(Code.PLUGIN_MISSING, plugin("sriov", ipam=STATIC), {}, id="plugin"),
        pytest.param(Code.PLUGIN_MISSING, bridge(ipam={"type": "whereabouts"}), {}, id="IPAM plugin"),
        pytest.param(Code.PLUGIN_MISSING, plugin("flannel", delegate={"type": "ovs"}), {}, id="delegate"),
        pytest.param(
            Code.LINK_KIND_UNAVAILABLE,
            plugin("ipvlan", master="eth1", ipam=HOST_LOCAL),
            {"link_kinds": ("bridge", "macvlan", "veth")},
            id="kind of link",
        ),
        pytest.param(
            Code.DHCP_DAEMON_MISSING, DHCP, {"dhcp": Dhcp(running=False, socket="")}, id="DHCP daemon"
        ),
        pytest.param(Code.CONFIG_MISSING, "", {}, id="file of the node"),
        pytest.param(
            Code.DEFAULT_NETWORK_NOT_READY,
            macvlan(),
            {"cni_status": CniStatus(ready=False, code=50)},
            id="default network",
        ),
    ],
)
def test_each_reason(code: Code, config: Any, lacking: dict[str, Any]) -> None:
    assert [code] == codes(config, node(**lacking))


@pytest.mark.parametrize(
    "config",
    [macvlan(master="eth7", mtu=9000), plugin("sriov"), plugin("ipvlan", master="eth7"), DHCP, "", bridge()],
    ids=["interface", "plugin", "kind of link", "DHCP", "file", "bridge"],
)
def test_nothing_is_missing_that_a_daemon_does_not_report(config: Any) -> None:
    """It may be of an earlier release."""
    assert [] == codes(config, NodeInventory("bare"))


def test_a_plugin_may_be_where_the_daemon_does_not_see_it() -> None:
    assert [] == codes(plugin("sriov"), node(unseen_plugin_directories=("/usr/libexec/cni",)))


def test_a_kind_of_link_that_was_not_tried_is_not_missing() -> None:
    """A later release creates links of more kinds, and its operator looks at the inventories of this one."""
    assert [] == codes(
        plugin("tap", ipam=HOST_LOCAL), node(plugins=(Plugin("tap"), Plugin("host-local")), link_kinds=())
    )


def test_the_author_may_allow_the_default_interface() -> None:
    assert [] == codes(macvlan(master="eth0"), node(), **{ALLOW_DEFAULT_INTERFACE: "true"})
    assert [] == codes(plugin("macvlan", ipam=STATIC), node(), **{ALLOW_DEFAULT_INTERFACE: "true"})


def test_the_file_of_a_network_is_found_by_either_name() -> None:
    assert () == node_reasons.of_node(nad("", "storage"), node())


def test_a_socket_of_its_own_needs_no_daemon_of_ours() -> None:
    own = macvlan(ipam={"type": "dhcp", "daemonSocketPath": "/run/own.sock"})

    assert [] == codes(own, node(dhcp=Dhcp(running=False, socket="")))


def test_all_reasons_are_reported_at_once_each_once() -> None:
    both = {
        "plugins": [macvlan(master="eth7", ipam={"type": "x"}), macvlan(master="eth7", ipam={"type": "x"})]
    }

    assert [Code.INTERFACE_MISSING, Code.PLUGIN_MISSING] == codes(both, node())


def test_a_message_is_the_same_on_all_nodes() -> None:
    low = (Interface("eth1", mtu=1400), Interface("eth2", mtu=1500))
    found = {node_reasons.of_node(nad(macvlan(mtu=9000)), node(interfaces=links)) for links in (low, low[:1])}

    assert {((Code.MTU_TOO_LARGE, "`mtu` 9000 is above that of eth1"),)} == found


def test_a_name_in_a_message_is_short_and_printable() -> None:
    """An author chooses it, and others read it."""
    (reason,) = node_reasons.of_node(nad(macvlan(master="a\x1b[31m" + "x" * 500)), node())

    assert reason.message.isprintable()
    assert len(reason.message) < 100
