"""One node's inventory refuses no network of the whole cluster, whatever it contains; those of two do, or one of two nodes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api.inventory import DefaultInterface, Dhcp, Interface, NodeInventory, Plugin
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation import node_rules, node_version_rules
from netattach_core.validation.validator import validate
from support.validation import HOST_LOCAL, bridge, config, macvlan, nad

HONEST = NodeInventory(
    node="worker-1",
    interfaces=(
        Interface("eth0", mtu=1500),
        Interface("eth1", mtu=1500),
        Interface("eth0.7", kind="vlan", mtu=1500, parent="eth0"),
        Interface("br1", kind="bridge", mtu=1500),
    ),
    default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    plugins=(
        *(Plugin(name, ("0.4.0", "1.0.0")) for name in ("macvlan", "ipvlan", "vlan", "host-local", "dhcp")),
        Plugin("bridge"),
        Plugin("host-device", ("0.4.0", "1.0.0")),
        Plugin("static", ("0.4.0", "1.0.0")),
    ),
    dhcp=Dhcp(running=True, socket="/run/cni/dhcp.sock"),
)
SECOND = dataclasses.replace(HONEST, node="worker-2")
SILENT = [dataclasses.replace(node, dhcp=None) for node in (HONEST, SECOND)]
"""Of an older daemon."""

NETWORKS: dict[str, Any] = {
    "macvlan": macvlan(),
    "macvlan with an mtu": macvlan(mtu=1400),
    "ipvlan": config("ipvlan", master="eth1", ipam=HOST_LOCAL),
    "vlan": config("vlan", master="eth1", vlanId=5, mtu=1400, ipam=HOST_LOCAL),
    "bridge": bridge(bridge="br1"),
    "bridge that does not exist yet": bridge(bridge="br9"),
    "dhcp": macvlan(ipam={"type": "dhcp"}),
}

_NAMES = ("eth0", "eth1", "eth0.7", "br1", "br9")
_INTERFACES = st.builds(
    Interface,
    st.sampled_from(_NAMES),
    kind=st.sampled_from(["", "bridge", "vlan", "dummy", "veth"]),
    mtu=st.sampled_from([0, 68, 1500]),
    parent=st.sampled_from(["", "eth0", "eth1"]),
    addresses=st.sampled_from([(), ("10.0.3.1/24",)]),
)
_PLUGINS = st.builds(
    Plugin,
    st.sampled_from(["macvlan", "ipvlan", "vlan", "bridge", "host-local", "dhcp", "static"]),
    st.sampled_from([(), ("0.1.0",), ("0.1.0", "0.2.0")]),
)
LIARS = st.builds(
    NodeInventory,
    node=st.sampled_from(["worker-1", "worker-3"]),
    interfaces=st.lists(_INTERFACES, max_size=6).map(tuple),
    default_interfaces=st.lists(
        st.builds(DefaultInterface, st.sampled_from(_NAMES), st.sampled_from([(), ("carries it",)])),
        max_size=4,
    ).map(tuple),
    plugins=st.lists(_PLUGINS, max_size=8).map(tuple),
    dhcp=st.sampled_from([None, Dhcp(running=False, socket=""), Dhcp(running=True, socket="")]),
)

LIAR = dataclasses.replace(
    HONEST, node="worker-3", default_interfaces=(DefaultInterface("eth1", ("carries it",)),)
)


def denials(network: Any, *nodes: NodeInventory) -> list[Finding]:
    rules = {rule.id for rule in (*node_rules.RULES, *node_version_rules.RULES)}
    return [
        finding
        for finding in validate(nad(network), nodes)
        if finding.effective_severity is Severity.DENY and finding.rule.id in rules
    ]


def warnings(network: Any, *nodes: NodeInventory) -> list[str]:
    found = validate(nad(network), nodes)
    return [f.problem for f in found if f.effective_severity is Severity.WARN]


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@given(liar=LIARS)
def test_no_inventory_of_one_node_refuses_what_two_others_can_attach(
    network: Any, liar: NodeInventory
) -> None:
    assert [] == denials(network, HONEST, SECOND, liar)
    assert [] == denials(network, *SILENT, liar)


def test_what_one_of_three_nodes_claims_is_a_warning_with_the_reason() -> None:
    (problem,) = warnings(macvlan(), HONEST, SECOND, LIAR)

    assert "`master` eth1 is a default interface of worker-3: it carries it." in problem
    assert "Only worker-3 reports this, of 3 nodes, so it is a warning" in problem


def test_what_two_nodes_claim_is_a_denial() -> None:
    assert denials(macvlan(), HONEST, SECOND, LIAR, dataclasses.replace(LIAR, node="worker-4"))


@pytest.mark.parametrize("others", [(), (HONEST,)], ids=["alone", "one other"])
def test_in_a_small_cluster_the_claim_of_one_node_is_a_denial(others: tuple[NodeInventory, ...]) -> None:
    assert denials(macvlan(), *others, LIAR)


def test_nodes_without_the_interface_do_not_contradict() -> None:
    """The network is for the one node that has it."""
    without = [dataclasses.replace(node, interfaces=node.interfaces[:1]) for node in (HONEST, SECOND)]

    assert denials(macvlan(), *without, LIAR)


def test_a_nic_that_one_node_would_lose_is_a_denial() -> None:
    """The node could not undo that: it has no network then."""
    assert denials(config("host-device", device="eth1"), HONEST, SECOND, LIAR)


@pytest.mark.parametrize("count", [1, 2], ids=["one", "two"])
def test_the_versions_of_one_node_are_a_warning_where_others_report_none(count: int) -> None:
    """Those of two nodes are a denial."""
    old = dataclasses.replace(
        HONEST, plugins=(Plugin("bridge", ("0.1.0",)), Plugin("bridge", ("0.1.0",)), Plugin("host-local"))
    )
    liars = [dataclasses.replace(old, node=f"worker-{number}") for number in range(3, 3 + count)]

    assert (count == 2) == bool(denials(bridge(bridge="br1"), HONEST, SECOND, *liars))
    assert (count == 1) == any(
        "does not support" in text for text in warnings(bridge(bridge="br1"), HONEST, SECOND, *liars)
    )
