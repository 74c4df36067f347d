"""The rules of nodes: interfaces and binaries, as inventories know them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from netattach_core.api.inventory import DefaultInterface, Dhcp, Interface, NodeInventory, Plugin
from netattach_core.text.finding import Severity
from netattach_core.validation import node_rules
from netattach_core.validation.validator import validate
from support.validation import HOST_LOCAL, bridge, conf, ids, macvlan, nad, validated

PORTMAP = {
    "cniVersion": "1.0.0",
    "plugins": [
        {"type": "bridge", "ipam": HOST_LOCAL},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}

NODE = NodeInventory(
    node="worker-1",
    interfaces=(
        Interface("lo", kind="loopback"),
        Interface("eth0"),
        Interface("eth1", mtu=1500),
        Interface("eth0.7", kind="vlan", parent="eth0"),
        Interface("veth1", kind="veth"),
        Interface("cni0", kind="bridge"),
    ),
    default_interfaces=(
        DefaultInterface("eth0", ("carries the IPv4 default route", "carries flannel's public-ip")),
    ),
    plugins=tuple(
        map(Plugin, ["macvlan", "bridge", "host-local", "static", "host-device", "portmap", "dhcp"])
    ),
    dhcp=Dhcp(running=False, socket="/run/cni/dhcp.sock"),
)
OTHER = NodeInventory(node="worker-2", interfaces=(Interface("eth0"),), plugins=(Plugin("bridge"),))

NODE_CASES: list[tuple[str, str, Any, Any]] = [
    ("master-default-interface", "the default interface as master", macvlan(master="eth0"), macvlan()),
    (
        "master-default-interface",
        "no master",
        macvlan(master=None),
        macvlan(linkInContainer=True, master="eth0"),
    ),
    ("master-default-interface", "the node's card moved away", conf("host-device", device="eth0"), macvlan()),
    ("bridge-of-another-kind", "a VLAN", bridge(bridge="eth0.7"), bridge(bridge="cni0")),
    (
        "bridge-of-default-network",
        "the default network's bridge",
        bridge(bridge="cni0"),
        bridge(bridge="br1"),
    ),
    ("bridge-of-default-network", "the same by default", bridge(bridge=""), bridge(bridge="weave")),
    ("master-on-default-interface", "a VLAN of it", macvlan(master="eth0.7"), macvlan()),
    ("master-missing-on-node", "no such interface", macvlan(master="eth9"), macvlan()),
    ("mtu-above-master", "an MTU too large", macvlan(mtu=9000), macvlan(mtu=1500)),
    ("plugin-missing", "no such plugin", conf("MACVLAN"), PORTMAP),
    ("plugin-missing", "another name of one that is there", conf("cnv-bridge", bridge="br1"), bridge()),
    ("plugin-missing", "no such IPAM", macvlan(ipam={"type": "host_local"}), macvlan()),
    (
        "dhcp-daemon-missing",
        "no dhcp daemon",
        macvlan(ipam={"type": "dhcp"}),
        macvlan(ipam={"type": "dhcp", "daemonSocketPath": "/run/own.sock"}),
    ),
]


@pytest.mark.parametrize(
    ("rule", "config"), [pytest.param(rule, bad, id=f"{rule}: {why}") for rule, why, bad, _ in NODE_CASES]
)
def test_a_rule_of_nodes_fires(rule: str, config: Any) -> None:
    """On the one node that there is."""
    assert rule in ids(validated(config, [NODE]))


@pytest.mark.parametrize(
    ("rule", "config"),
    [pytest.param(rule, good, id=f"{rule}, unlike: {why}") for rule, why, _, good in NODE_CASES],
)
def test_a_rule_of_nodes_stays_silent(rule: str, config: Any) -> None:
    """On the same node."""
    assert rule not in ids(validated(config, [NODE]))


@pytest.mark.parametrize("inventories", [None, [], [NodeInventory(node="new")]])
def test_nothing_is_said_of_nodes_of_which_nothing_is_known(inventories: list[NodeInventory] | None) -> None:
    """No inventory, or one that is still empty; but some names of bridges are known."""
    of_nodes = {rule for rule, *_ in NODE_CASES} - {"bridge-of-default-network"}

    assert not of_nodes & {rule for _, _, bad, _ in NODE_CASES for rule in ids(validated(bad, inventories))}


def test_every_rule_of_nodes_has_a_case() -> None:
    """The one of a master that is left out has two faces, as there is a node or none."""
    assert {rule.id for rule in node_rules.RULES} == {rule for rule, *_ in NODE_CASES} | {"master-omitted"}


@pytest.mark.parametrize(
    ("expected", "inventories"),
    [
        pytest.param(("master-omitted", Severity.WARN), None, id="nothing known of nodes: a warning"),
        pytest.param(
            ("master-default-interface", Severity.DENY), [NODE], id="a default interface is known: a denial"
        ),
    ],
)
def test_a_master_that_is_left_out_is_the_default_interface(
    expected: tuple[str, Severity], inventories: list[NodeInventory] | None
) -> None:
    """As macvlan and ipvlan take the link of the default route; with linkInContainer it is the pod's."""
    (found,) = validated(macvlan(master=None), inventories)

    assert expected == (found.rule.id, found.effective_severity)
    assert [] == validated(macvlan(master=None, linkInContainer=True), inventories)


def test_without_inventories_a_bridge_that_is_named_like_that_of_pods_is_warned_of() -> None:
    assert {"bridge-of-default-network"} == ids(validated(bridge(bridge="cni0")))
    assert [] == validated(bridge(bridge=None))


def test_the_default_interface_is_named_with_reasons_and_what_would_do() -> None:
    """The one message that saves a node."""
    (found,) = [f for f in validated(macvlan(master="eth0"), [NODE]) if f.effective_severity is Severity.DENY]

    assert found.problem == (
        "`master` eth0 is a default interface of worker-1: it carries the IPv4 default route and carries flannel's "
        "public-ip. It must not be shared with pods"
    )
    assert found.fix == "use eth1"


def test_the_annotation_allows_the_default_interface() -> None:
    """For those who know what they do; other rules stay."""
    body = nad(macvlan(master="eth0"), **{"netattach.io/allow-default-interface": "true"})

    assert [] == [f for f in validate(body, [NODE]) if f.effective_severity is Severity.DENY]


@pytest.mark.parametrize(
    ("severity", "inventories"),
    [
        pytest.param(Severity.DENY, [NODE], id="on no node: denied"),
        pytest.param(
            Severity.WARN, [NODE, NodeInventory("worker-3", (Interface("eth9"),))], id="on some: warned"
        ),
    ],
)
def test_an_interface_that_is_not_everywhere(severity: Severity, inventories: list[NodeInventory]) -> None:
    """Pods may be kept to the nodes that have it."""
    (found,) = [
        f for f in validated(macvlan(master="eth9"), inventories) if f.rule.id == "master-missing-on-node"
    ]

    assert severity is found.effective_severity
    assert "worker-1" in found.problem


def test_a_plugin_on_some_nodes_is_a_warning_that_names_the_others() -> None:
    """As the binaries may be on their way."""
    (found,) = [f for f in validated(PORTMAP, [NODE, OTHER]) if f.path[-2:] == (1, "type")]

    assert (Severity.WARN, "plugin-missing") == (found.effective_severity, found.rule.id)
    assert "worker-2" in found.problem


@pytest.mark.parametrize(("missing", "kind"), [([("delegate", "type")], "brigde"), ([], "macvlan"), ([], "")])
def test_the_plugin_that_flannel_asks_has_to_be_there_as_well(missing: list[Any], kind: str) -> None:
    """Where the network names one."""
    found = validated(conf("flannel", delegate={"type": kind}), [NODE])

    assert [("type",), *missing] == [each.path for each in found if each.rule.id == "plugin-missing"]


DHCP = macvlan(ipam={"type": "dhcp"})


def _with_dhcp(name: str, *, running: bool | None, plugin: str = "dhcp") -> NodeInventory:
    told = None if running is None else Dhcp(running=running, socket="/run/cni/dhcp.sock")
    return dataclasses.replace(NODE, node=name, plugins=(*NODE.plugins[:-1], Plugin(plugin)), dhcp=told)


def test_a_dhcp_daemon_that_runs_on_some_nodes() -> None:
    """A warning that names the others; a node whose daemon does not tell is none of them."""
    nodes_ = [_with_dhcp("a", running=True), _with_dhcp("b", running=False), _with_dhcp("c", running=None)]
    (found,) = [f for f in validated(DHCP, nodes_) if f.rule.id == "dhcp-daemon-missing"]

    assert Severity.WARN is found.effective_severity
    assert "no dhcp daemon runs on b: pods there cannot be attached, nor detached" == found.problem


@pytest.mark.parametrize(
    "node",
    [
        _with_dhcp("a", running=True),
        _with_dhcp("a", running=None),
        _with_dhcp("a", running=False, plugin="x"),
    ],
    ids=["runs", "does not tell", "has no binary, which another rule says"],
)
def test_nothing_is_said_of_the_dhcp_daemon(node: NodeInventory) -> None:
    assert "dhcp-daemon-missing" not in ids(validated(DHCP, [node]))


@pytest.mark.parametrize(
    ("fix", "more"),
    [
        pytest.param(
            "use one of eth1, eth2", (Interface("eth2", kind="veth", addresses=("10.9.0.2/24",)),), id="cards"
        ),
        pytest.param("use one of eth1, bond0", (Interface("bond0", kind="bond"),), id="a bond"),
        pytest.param("use mybr0", (), id="nothing but a bridge"),
    ],
)
def test_a_bridge_is_offered_only_where_nothing_else_is_there(fix: str, more: tuple[Interface, ...]) -> None:
    """A bridge of the node was mostly made by a plugin, for another network."""
    cards = (
        Interface("eth0"),
        Interface("mybr0", kind="bridge"),
        *more,
        *([Interface("eth1")] if more else []),
    )
    node = NodeInventory("worker-1", cards, NODE.default_interfaces)
    (found,) = [f for f in validated(macvlan(master="eth0"), [node]) if f.effective_severity is Severity.DENY]

    assert fix == found.fix


@pytest.mark.parametrize(
    ("fix", "others"),
    [
        pytest.param("use one of eth1 (both nodes), eth2 (worker-1 alone)", [("eth1",)], id="two nodes"),
        pytest.param(
            "use one of eth1 (2 of 3 nodes), eth2 (worker-1 alone)", [("eth1",), ("eth7",)], id="not on all"
        ),
        pytest.param(
            "use one of eth1 (all 3 nodes), eth2 (2 of 3 nodes)", [("eth1",), ("eth1", "eth2")], id="on all"
        ),
    ],
)
def test_what_would_do_is_named_with_the_nodes_that_have_it(fix: str, others: list[tuple[str, ...]]) -> None:
    cards = [("eth0", "eth1", "eth2"), *(("eth0", *names) for names in others)]
    inventories = [
        NodeInventory(f"worker-{i}", tuple(map(Interface, names)), NODE.default_interfaces)
        for i, names in enumerate(cards, start=1)
    ]
    found = next(
        f for f in validated(macvlan(master="eth0"), inventories) if f.effective_severity is Severity.DENY
    )

    assert fix == found.fix.removesuffix(", eth7 (worker-3 alone)")
