"""The rules of nodes: interfaces and binaries, as inventories know them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from netattach_core.api.inventory import DefaultInterface, Dhcp, Interface, NodeInventory, Plugin
from netattach_core.text.finding import Severity
from netattach_core.validation import node_rules
from netattach_core.validation.validator import validate
from support.validation import HOST_LOCAL, bridge, config, ids, macvlan, nad, validated

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
    (
        "master-default-interface",
        "the node's card moved away",
        config("host-device", device="eth0"),
        macvlan(),
    ),
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
    ("plugin-missing", "no such plugin", config("MACVLAN"), PORTMAP),
    ("plugin-missing", "another name of one that is there", config("cnv-bridge", bridge="br1"), bridge()),
    ("plugin-missing", "no such IPAM", macvlan(ipam={"type": "host_local"}), macvlan()),
    (
        "dhcp-daemon-missing",
        "no DHCP daemon",
        macvlan(ipam={"type": "dhcp"}),
        macvlan(ipam={"type": "dhcp", "daemonSocketPath": "/run/own.sock"}),
    ),
]


@pytest.mark.parametrize(
    ("rule", "config"), [pytest.param(rule, bad, id=f"{rule}: {why}") for rule, why, bad, _ in NODE_CASES]
)
def test_a_rule_about_nodes_has_a_finding(rule: str, config: Any) -> None:
    """For the only node."""
    assert rule in ids(validated(config, [NODE]))


@pytest.mark.parametrize(
    ("rule", "config"),
    [pytest.param(rule, good, id=f"{rule}, unlike: {why}") for rule, why, _, good in NODE_CASES],
)
def test_a_rule_about_nodes_has_no_finding(rule: str, config: Any) -> None:
    """For the same node."""
    assert rule not in ids(validated(config, [NODE]))


@pytest.mark.parametrize("inventories", [None, [], [NodeInventory(node="new")]])
def test_without_inventories_there_are_no_findings_about_nodes(
    inventories: list[NodeInventory] | None,
) -> None:
    """None at all, or empty ones; except for well-known names of bridges."""
    of_nodes = {rule for rule, *_ in NODE_CASES} - {"bridge-of-default-network"}

    assert not of_nodes & {rule for _, _, bad, _ in NODE_CASES for rule in ids(validated(bad, inventories))}


def test_every_rule_about_nodes_has_a_case() -> None:
    """`master-omitted` has its own test."""
    assert {rule.id for rule in node_rules.RULES} == {rule for rule, *_ in NODE_CASES} | {"master-omitted"}


@pytest.mark.parametrize(
    ("expected", "inventories"),
    [
        pytest.param(("master-omitted", Severity.WARN), None, id="without inventories: a warning"),
        pytest.param(
            ("master-default-interface", Severity.DENY), [NODE], id="with a default interface: a denial"
        ),
    ],
)
def test_without_master_the_default_interface_is_used(
    expected: tuple[str, Severity], inventories: list[NodeInventory] | None
) -> None:
    """macvlan and ipvlan use the link of the default route; with linkInContainer, that of the pod."""
    (found,) = validated(macvlan(master=None), inventories)

    assert expected == (found.rule.id, found.effective_severity)
    assert [] == validated(macvlan(master=None, linkInContainer=True), inventories)


def test_without_inventories_a_well_known_bridge_of_pods_is_a_warning() -> None:
    assert {"bridge-of-default-network"} == ids(validated(bridge(bridge="cni0")))
    assert [] == validated(bridge(bridge=None))


def test_the_finding_for_a_default_interface_has_reasons_and_candidates() -> None:
    """This message prevents the loss of a node's network."""
    (found,) = [f for f in validated(macvlan(master="eth0"), [NODE]) if f.effective_severity is Severity.DENY]

    assert found.problem == (
        "`master` eth0 is a default interface of worker-1: it carries the IPv4 default route and carries flannel's "
        "public-ip. It must not be shared with pods"
    )
    assert found.fix == "use eth1"


def test_the_annotation_allows_the_default_interface() -> None:
    """Other rules still apply."""
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
def test_an_interface_that_is_missing_on_some_or_all_nodes(
    severity: Severity, inventories: list[NodeInventory]
) -> None:
    """Pods may be scheduled only on nodes that have it."""
    (found,) = [
        f for f in validated(macvlan(master="eth9"), inventories) if f.rule.id == "master-missing-on-node"
    ]

    assert severity is found.effective_severity
    assert "worker-1" in found.problem


def test_a_plugin_that_is_missing_on_some_nodes_is_a_warning_with_their_names() -> None:
    """The binaries may be installed soon."""
    (found,) = [f for f in validated(PORTMAP, [NODE, OTHER]) if f.path[-2:] == (1, "type")]

    assert (Severity.WARN, "plugin-missing") == (found.effective_severity, found.rule.id)
    assert "worker-2" in found.problem


@pytest.mark.parametrize(
    "unknown",
    [
        dataclasses.replace(OTHER, plugins=(*OTHER.plugins, Plugin("portmap", unknown=True))),
        dataclasses.replace(OTHER, unseen_plugin_directories=("/usr/libexec/cni",)),
    ],
    ids=["a link that cannot be followed", "a directory that cannot be seen"],
)
@pytest.mark.parametrize("others", [[], [NODE]], ids=["everywhere", "on some nodes"])
def test_a_plugin_that_may_be_installed_is_not_missing(
    unknown: NodeInventory, others: list[NodeInventory]
) -> None:
    missing = [f for f in validated(PORTMAP, [*others, unknown]) if f.path[-2:] == (1, "type")]

    assert [] == missing


@pytest.mark.parametrize(("missing", "kind"), [([("delegate", "type")], "brigde"), ([], "macvlan"), ([], "")])
def test_the_plugin_that_flannel_delegates_to_must_be_installed(missing: list[Any], kind: str) -> None:
    """Where the configuration names one."""
    found = validated(config("flannel", delegate={"type": kind}), [NODE])

    assert [("type",), *missing] == [each.path for each in found if each.rule.id == "plugin-missing"]


DHCP = macvlan(ipam={"type": "dhcp"})


def _with_dhcp(name: str, *, running: bool | None, plugin: str = "dhcp") -> NodeInventory:
    dhcp = None if running is None else Dhcp(running=running, socket="/run/cni/dhcp.sock")
    return dataclasses.replace(NODE, node=name, plugins=(*NODE.plugins[:-1], Plugin(plugin)), dhcp=dhcp)


def test_a_dhcp_daemon_that_is_missing_on_some_nodes_is_a_warning() -> None:
    """The message has their names; nodes that do not report on the daemon are not among them."""
    nodes_ = [_with_dhcp("a", running=True), _with_dhcp("b", running=False), _with_dhcp("c", running=None)]
    (found,) = [f for f in validated(DHCP, nodes_) if f.rule.id == "dhcp-daemon-missing"]

    assert Severity.WARN is found.effective_severity
    assert "no DHCP daemon is running on b: pods there cannot be attached or detached" == found.problem


@pytest.mark.parametrize(
    "node",
    [
        _with_dhcp("a", running=True),
        _with_dhcp("a", running=None),
        _with_dhcp("a", running=False, plugin="x"),
    ],
    ids=["running", "not reported", "no binary, which another rule reports"],
)
def test_a_dhcp_daemon_that_is_not_reported(node: NodeInventory) -> None:
    assert "dhcp-daemon-missing" not in ids(validated(DHCP, [node]))


@pytest.mark.parametrize(
    ("fix", "more"),
    [
        pytest.param(
            "use one of eth1, eth2", (Interface("eth2", kind="veth", addresses=("10.9.0.2/24",)),), id="NICs"
        ),
        pytest.param("use one of eth1, bond0", (Interface("bond0", kind="bond"),), id="a bond"),
        pytest.param("use mybr0", (), id="only a bridge"),
    ],
)
def test_a_bridge_is_a_candidate_only_without_other_interfaces(fix: str, more: tuple[Interface, ...]) -> None:
    """Most bridges of nodes were created by a plugin, for another network."""
    interfaces = (
        Interface("eth0"),
        Interface("mybr0", kind="bridge"),
        *more,
        *([Interface("eth1")] if more else []),
    )
    node = NodeInventory("worker-1", interfaces, NODE.default_interfaces)
    (found,) = [f for f in validated(macvlan(master="eth0"), [node]) if f.effective_severity is Severity.DENY]

    assert fix == found.fix


@pytest.mark.parametrize(
    ("fix", "others"),
    [
        pytest.param("use one of eth1 (both nodes), eth2 (only worker-1)", [("eth1",)], id="two nodes"),
        pytest.param(
            "use one of eth1 (2 of 3 nodes), eth2 (only worker-1)",
            [("eth1",), ("eth7",)],
            id="not on all nodes",
        ),
        pytest.param(
            "use one of eth1 (all 3 nodes), eth2 (2 of 3 nodes)",
            [("eth1",), ("eth1", "eth2")],
            id="on all nodes",
        ),
    ],
)
def test_candidates_are_listed_with_the_nodes_that_have_them(fix: str, others: list[tuple[str, ...]]) -> None:
    interfaces = [("eth0", "eth1", "eth2"), *(("eth0", *names) for names in others)]
    inventories = [
        NodeInventory(f"worker-{i}", tuple(map(Interface, names)), NODE.default_interfaces)
        for i, names in enumerate(interfaces, start=1)
    ]
    found = next(
        f for f in validated(macvlan(master="eth0"), inventories) if f.effective_severity is Severity.DENY
    )

    assert fix == found.fix.removesuffix(", eth7 (only worker-3)")
