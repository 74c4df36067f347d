"""The index of readiness: after any changes, it is what one computes anew from the nodes and networks that there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netattach_core.api import label_selector
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.readiness import node_reasons
from netattach_core.readiness.facts import Link, NodeFacts
from netattach_core.readiness.index import NO_NODES, Network, NodeState, ReadinessIndex
from netattach_core.readiness.node_reasons import Demand
from netattach_core.readiness.reason import DAEMON_NOT_READY, NO_INVENTORY, Code, Reason
from netattach_core.validation import node_needs
from support.validation import config, macvlan

A, B = ("ns", "a"), ("ns", "b")
INVALID = Reason(Code.INVALID, "the network is not valid: no `type`")


def network(body: Any, selector: str | None = None, refused: Reason | None = None) -> Network:
    needs = node_needs.of_nad(Nad("ns", "net", json.dumps(body)))
    return Network(Demand(needs), selector, refused)


def facts(*links: str, plugins: Sequence[str] = ("macvlan", "static", "host-device")) -> NodeFacts:
    return NodeFacts(links=tuple(Link(name, "", 1500) for name in links), plugins=frozenset(plugins))


def up(*links: str, attached: Sequence[Key] = (), **labels: str) -> NodeState:
    return NodeState(labels, facts(*links), daemon_ready=True, attached=frozenset(attached))


ETH1 = network(macvlan())
MOVED = network(config("host-device", device="eth1"))


@pytest.fixture
def index() -> ReadinessIndex:
    """Two nodes, of which the second lacks the interface of network A."""
    made = ReadinessIndex()
    made.put_node("n1", up("eth0", "eth1"))
    made.put_node("n2", up("eth0"))
    made.put_network(A, ETH1)
    return made


def test_a_network_is_ready_where_nothing_is_missing(index: ReadinessIndex) -> None:
    found = index.readiness(A)

    assert (2, 1) == (found.total, found.ready)
    assert [(Code.INTERFACE_MISSING, 1, ("n2",))] == [
        (each.reason.code, each.nodes, each.examples) for each in found.shortfalls
    ]


def test_an_unknown_network_is_for_no_node(index: ReadinessIndex) -> None:
    assert NO_NODES == index.readiness(B)
    assert {} == index.ruled_out(B)


def test_a_change_of_a_node_affects_only_the_networks_that_look_at_it(index: ReadinessIndex) -> None:
    index.put_network(B, network(macvlan(master="eth0")))

    assert {A} == index.put_node("n2", up("eth0", "eth1"))
    assert set() == index.put_node("n2", up("eth0", "eth1", "eth7"))
    assert set() == index.put_node("n2", up("eth0", "eth1", "eth7"))
    assert 2 == index.readiness(A).ready


def test_a_change_of_a_network_affects_only_the_nodes_where_that_matters(index: ReadinessIndex) -> None:
    assert {"n1"} == index.put_network(A, network(macvlan(master="eth9")))
    assert {"n1", "n2"} == index.put_network(A, network(macvlan(master="eth0")))
    assert set() == index.put_network(A, network(macvlan(master="eth0")))
    assert {"n2"} == index.put_network(A, ETH1)
    assert {"n2"} == index.remove_network(A)
    assert set() == index.remove_network(A)


def test_a_node_that_comes_and_goes_changes_the_total(index: ReadinessIndex) -> None:
    assert {A} == index.put_node("n3", up("eth1"))
    assert (3, 2) == index.readiness(A)[:2]
    assert {A} == index.remove_node("n1")
    assert (2, 1) == index.readiness(A)[:2]
    assert set() == index.remove_node("n1")


def test_a_node_in_the_place_of_a_removed_one_inherits_nothing(index: ReadinessIndex) -> None:
    index.remove_node("n2")

    index.put_node("n9", up("eth1", attached=[B]))

    assert (2, 2, ()) == index.readiness(A)
    assert {} == index.unready("n9")


def test_without_its_daemon_or_its_inventory_a_node_is_not_ready(index: ReadinessIndex) -> None:
    index.put_node("n1", NodeState({}, facts("eth1"), daemon_ready=False))
    index.put_node("n2", NodeState({}, None, daemon_ready=True))

    assert {"n1": DAEMON_NOT_READY, "n2": NO_INVENTORY} == index.ruled_out(A)
    assert {A: (DAEMON_NOT_READY,)} == index.unready("n1")


def test_a_network_is_for_the_nodes_that_its_selector_matches(index: ReadinessIndex) -> None:
    index.put_network(A, network(macvlan(), "fast=yes"))
    assert NO_NODES == index.readiness(A)

    assert {A} == index.put_node("n1", up("eth1", fast="yes"))
    assert (1, 1, ()) == index.readiness(A)
    assert {} == index.unready("n2")
    assert {A} == index.put_node("n1", up("eth1"))
    assert 0 == index.readiness(A).total


def test_a_selector_that_cannot_be_parsed_has_no_node(index: ReadinessIndex) -> None:
    index.put_network(A, network(macvlan(), "fast=yes,("))

    assert NO_NODES == index.readiness(A)


def test_a_node_without_linux_counts_for_no_network(index: ReadinessIndex) -> None:
    index.put_node("w1", NodeState({"kubernetes.io/os": "windows"}))

    assert 2 == index.readiness(A).total


def test_a_network_that_is_refused_is_ready_nowhere(index: ReadinessIndex) -> None:
    index.put_network(A, network(macvlan(), refused=INVALID))

    found = index.readiness(A)
    assert (2, 0) == found[:2]
    assert (INVALID, 2) == found.shortfalls[0][:2]


def test_an_interface_in_an_attached_pod_is_not_missing(index: ReadinessIndex) -> None:
    """host-device has moved it there."""
    index.put_network(A, MOVED)
    assert 1 == index.readiness(A).ready

    assert {A} == index.put_node("n2", up("eth0", attached=[A]))
    assert 2 == index.readiness(A).ready
    assert {} == index.unready("n2")
    assert {A} == index.put_node("n2", up("eth0"))
    assert 1 == index.readiness(A).ready


def test_the_most_frequent_reason_comes_first_with_the_first_nodes_by_name() -> None:
    index = ReadinessIndex()
    index.put_network(A, ETH1)
    for name in ("n7", "n3", "n5", "n1"):
        index.put_node(name, up("eth0"))
    index.put_node("n2", NodeState())

    first, second = index.readiness(A).shortfalls

    assert (4, ("n1", "n3", "n5")) == first[1:]
    assert (DAEMON_NOT_READY, 1, ("n2",)) == second


NODES, NETWORKS = ("n1", "n2", "n3"), (A, B, ("other", "c"))
STATES = st.builds(
    NodeState,
    labels=st.sampled_from([{}, {"fast": "yes"}, {"kubernetes.io/os": "windows"}]),
    facts=st.sampled_from([None, facts("eth0"), facts("eth0", "eth1"), facts("eth1", plugins=("static",))]),
    daemon_ready=st.booleans(),
    attached=st.sets(st.sampled_from(NETWORKS)).map(frozenset),
)
SOME_NETWORKS = st.builds(
    Network,
    st.sampled_from([ETH1.demand, MOVED.demand, network(macvlan(master="eth0", mtu=9000)).demand]),
    st.sampled_from([None, "fast=yes", "!fast", "(", ""]),
    st.sampled_from([None, INVALID]),
)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(NODES), st.none() | STATES),
        st.tuples(st.sampled_from(NETWORKS), st.none() | SOME_NETWORKS),
    ),
    max_size=25,
)


@given(CHANGES)
@settings(deadline=None)
def test_after_any_changes_the_index_is_what_one_computes_anew(changes: list[tuple[Any, Any]]) -> None:
    """And a change returns each network whose readiness it changes, and each node where it does."""
    index, nodes, networks = ReadinessIndex(), dict[str, NodeState](), dict[Key, Network]()
    for what, value in changes:
        before = {key: _anew(key, networks, nodes) for key in NETWORKS}
        if isinstance(what, str):
            affected = _changed_node(index, nodes, what, value)
            after = {key: _anew(key, networks, nodes) for key in NETWORKS}
            assert {key for key in NETWORKS if before[key] != after[key]} <= affected
        else:
            touched = _changed_network(index, networks, what, value)
            after = {key: _anew(key, networks, nodes) for key in NETWORKS}
            assert {n for n in NODES if bool(before[what].get(n)) != bool(after[what].get(n))} == touched
    for key in NETWORKS:
        expected = _anew(key, networks, nodes)
        found = index.readiness(key)
        assert (len(expected), sum(not why for why in expected.values())) == found[:2]
        assert {name for name, why in expected.items() if why} == index.ruled_out(key).keys()
        for each in found.shortfalls:
            assert each.nodes == sum(each.reason in why for why in expected.values())
    for name in NODES:
        unready = {key: set(why) for key in NETWORKS if (why := _anew(key, networks, nodes).get(name))}
        assert unready == {key: set(why) for key, why in index.unready(name).items()}


def _changed_node(
    index: ReadinessIndex, nodes: dict[str, NodeState], name: str, state: NodeState | None
) -> frozenset[Key]:
    if state is None:
        nodes.pop(name, None)
        return index.remove_node(name)
    nodes[name] = state
    return index.put_node(name, state)


def _changed_network(
    index: ReadinessIndex, networks: dict[Key, Network], key: Key, value: Network | None
) -> frozenset[str]:
    if value is None:
        networks.pop(key, None)
        return index.remove_network(key)
    networks[key] = value
    return index.put_network(key, value)


def _anew(
    key: Key, networks: dict[Key, Network], nodes: dict[str, NodeState]
) -> dict[str, tuple[Reason, ...]]:
    """The reasons on each node that the network is for, by looking at all of them."""
    found = networks.get(key)
    if found is None:
        return {}
    return {
        name: (*((found.refused,) if found.refused else ()), *_of_node(key, found, state))
        for name, state in nodes.items()
        if _is_for(found, state)
    }


def _is_for(found: Network, state: NodeState) -> bool:
    requirements = () if found.selector is None else label_selector.parse(found.selector)
    if requirements is None or state.labels.get("kubernetes.io/os", "linux") != "linux":
        return False
    return all(each.met(state.labels) for each in requirements)


def _of_node(key: Key, found: Network, state: NodeState) -> tuple[Reason, ...]:
    if not state.daemon_ready:
        return (DAEMON_NOT_READY,)
    if state.facts is None:
        return (NO_INVENTORY,)
    reasons = node_reasons.evaluate(found.demand, state.facts)
    if key in state.attached and found.demand == MOVED.demand:
        return tuple(each for each in reasons if each.code is not Code.INTERFACE_MISSING)
    return reasons
