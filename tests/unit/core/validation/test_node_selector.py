"""The nodes on which a network is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from netattach_core.api import label_selector
from netattach_core.api.inventory import Interface, NodeInventory
from netattach_core.api.nad import NODE_SELECTOR
from netattach_core.plugins import host_local
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation import node_selector, plugin_chain
from netattach_core.validation.lease_rules import LeaseRules
from netattach_core.validation.validator import nad_of, validate
from support.validation import HOST_LOCAL, STATIC, config, ids, nad

FAST = NodeInventory("fast", interfaces=(Interface("eth1"),), labels={"net": "fast", "zone": "a"})
SLOW = NodeInventory("slow", interfaces=(Interface("eth9"),), labels={"net": "slow", "virtual": ""})
MACVLAN = config("macvlan", master="eth1", ipam=STATIC)

MATCHES = {
    "net=fast": ["fast"],
    "net==fast": ["fast"],
    "net!=fast": ["slow"],
    "zone": ["fast"],
    "!zone": ["slow"],
    "virtual=": ["slow"],
    "net in (fast, slow)": ["fast", "slow"],
    "net notin (fast),net": ["slow"],
    "net in (fast),zone=b": [],
    "other!=x": ["fast", "slow"],
}


@pytest.mark.parametrize(("text", "names"), MATCHES.items())
def test_a_selector_matches_as_in_kubectl(text: str, names: list[str]) -> None:
    requirements = label_selector.parse(text)

    assert requirements is not None
    assert names == [n.node for n in (FAST, SLOW) if all(each.met(n.labels) for each in requirements)]


@pytest.mark.parametrize("text", ["", "a=b=c", "a b", "in (x)", "a in ()x", "-a", "a=b,", "a in (b", "=x"])
def test_texts_that_are_not_selectors(text: str) -> None:
    assert label_selector.parse(text) is None


def test_only_the_selected_nodes_are_validated() -> None:
    assert {"master-missing-on-node"} <= ids(validate(nad(MACVLAN), [FAST, SLOW]))
    assert "master-missing-on-node" not in ids(
        validate(nad(MACVLAN, **{NODE_SELECTOR: "net=fast"}), [FAST, SLOW])
    )
    (denied,) = (
        each
        for each in validate(nad(MACVLAN, **{NODE_SELECTOR: "net=slow"}), [FAST, SLOW])
        if each.rule.id == "master-missing-on-node"
    )
    assert "deny" == denied.effective_severity
    assert "slow" in denied.problem


def test_the_selector_itself_is_validated() -> None:
    assert "node-selector-unreadable" in ids(validate(nad(MACVLAN, **{NODE_SELECTOR: "a b"}), [FAST]))
    assert "node-selector-empty" in ids(validate(nad(MACVLAN, **{NODE_SELECTOR: "net=none"}), [FAST]))
    assert not ids(validate(nad(MACVLAN, **{NODE_SELECTOR: "net=none"}))) & {
        rule.id for rule in node_selector.RULES
    }


ACROSS_NODES = config("macvlan", master="eth1", ipam=HOST_LOCAL)


@pytest.mark.parametrize(
    ("selector", "warned"),
    [
        ("net=fast", False),
        ("kubernetes.io/hostname=elsewhere", False),
        ("kubernetes.io/hostname in (a, b)", True),
        ("kubernetes.io/hostname!=fast,net", False),
        ("net in (fast, slow)", True),
        ("net", True),
        ("a b", True),
        ("", True),
    ],
)
def test_leases_of_each_node_are_enough_for_a_network_of_one_node(selector: str, *, warned: bool) -> None:
    nodes = [
        replace(node, interfaces=FAST.interfaces, labels={**node.labels, "kubernetes.io/hostname": node.node})
        for node in (FAST, SLOW)
    ]

    found = ids(validate(nad(ACROSS_NODES, **{NODE_SELECTOR: selector}), nodes))

    assert warned == ("leases-per-node" in found)


UNKNOWN = NodeInventory("unknown")


@pytest.mark.parametrize(
    ("nodes", "severity"),
    [
        ([], Severity.ADVICE),
        ([FAST], None),
        ([FAST, SLOW], None),
        ([FAST, UNKNOWN], Severity.WARN),
        ([FAST, replace(FAST, node="faster")], Severity.WARN),
    ],
    ids=["no inventory", "one node", "one with the interface", "one that may have it", "two that have it"],
)
def test_the_nodes_decide_whether_leases_of_each_node_are_enough(
    nodes: list[NodeInventory], severity: Severity | None
) -> None:
    found = [each for each in validate(nad(ACROSS_NODES), nodes) if each.rule.id == "leases-per-node"]

    assert ([severity] if severity else []) == [each.effective_severity for each in found]


@pytest.mark.parametrize(
    ("selector", "warned"),
    [("kubernetes.io/hostname=a", False), ("kubernetes.io/hostname!=a", True), ("net=fast", True)],
)
def test_without_inventories_only_the_name_of_a_node_keeps_it_on_one(selector: str, *, warned: bool) -> None:
    found = ids(validate(nad(ACROSS_NODES, **{NODE_SELECTOR: selector})))

    assert warned == ("leases-per-node" in found)


class CountedNodes(list[NodeInventory]):
    """Counts the nodes that are looked at."""

    looked_at = 0

    def __iter__(self) -> Iterator[NodeInventory]:
        for node in super().__iter__():
            self.looked_at += 1
            yield node


def test_a_long_chain_looks_at_the_nodes_once_and_no_further_than_at_the_second_that_has_the_interface() -> (
    None
):
    """Hundreds of plugins and a thousand nodes take a second otherwise."""
    nodes = CountedNodes([SLOW, *(replace(FAST, node=f"n{number}") for number in range(50))])
    network = nad_of(nad(ACROSS_NODES))
    parsed = plugin_chain.of_nad(network)
    assert parsed is not None
    leases = LeaseRules(parsed.network, network, nodes)
    finding = Finding(host_local.LEASES_PER_NODE, (), "", "")

    for _ in range(300):
        assert [finding] == list(leases.weighted([finding]))
    assert 3 == nodes.looked_at
