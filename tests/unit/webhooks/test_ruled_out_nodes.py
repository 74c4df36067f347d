"""On which nodes a network is not ready: as the inventories change, and without looking at all nodes again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api import inventory
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import NODE_SELECTOR, Nad
from netattach_core.readiness import node_reasons
from netattach_webhooks import ruled_out_nodes
from netattach_webhooks.ruled_out_nodes import RuledOutNodes


def nad(name: str = "net", *, selector: str = "", **config: Any) -> Nad:
    text = json.dumps({"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", **config})
    return Nad("lab", name, text, {NODE_SELECTOR: selector} if selector else {})


def node(name: str, *interfaces: str, **labels: str) -> NodeInventory:
    return inventory.from_dict(
        {
            "node": name,
            "interfaces": [{"name": each} for each in interfaces],
            "plugins": [{"name": "macvlan"}, {"name": "host-device"}],
            "labels": labels,
        }
    )


def known(*nodes: NodeInventory) -> RuledOutNodes:
    ruled_out = RuledOutNodes()
    for each in nodes:
        ruled_out.put(each.node, each)
    return ruled_out


def found(ruled_out: RuledOutNodes, *nads: Nad) -> dict[str, dict[str, str]]:
    return {
        name: {node: reason.code.value for node, reason in by_node.items()}
        for (_, name), by_node in ruled_out.of(nads).items()
    }


def test_a_network_rules_out_the_nodes_that_lack_something() -> None:
    ruled_out = known(node("n1", "eth0"), node("n2", "eth1"))

    assert {
        "net": {"n1": "InterfaceMissing"},
        "other": {"n1": "PluginMissing", "n2": "PluginMissing"},
    } == found(ruled_out, nad(), nad("other", type="bridge", master=""))


def test_a_change_of_a_node_is_seen() -> None:
    ruled_out = known(node("n1", "eth0"), node("n2", "eth1"))
    found(ruled_out, nad())

    ruled_out.put("n1", node("n1", "eth0", "eth1"))
    ruled_out.put("n2", None)
    ruled_out.put("n3", node("n3", "eth9"))

    assert {"net": {"n3": "InterfaceMissing"}} == found(ruled_out, nad())
    assert {"n1", "n3"} == ruled_out.nodes.keys()


def test_a_change_of_the_network_is_seen() -> None:
    ruled_out = known(node("n1", "eth0"))

    assert {"net": {"n1": "InterfaceMissing"}} == found(ruled_out, nad())
    assert {"net": {}} == found(ruled_out, nad(master="eth0"))
    assert {"net": {"n1": "NotSelected"}} == found(ruled_out, nad(master="eth0", selector="fast"))


def test_a_node_selector_rules_out_the_others() -> None:
    ruled_out = known(node("n1", "eth1", fast="yes"), node("n2", "eth1"))

    assert {"net": {"n2": "NotSelected"}} == found(ruled_out, nad(selector="fast"))


def test_an_interface_that_moves_into_pods_may_be_in_one() -> None:
    ruled_out = known(node("n1", "eth0"))

    assert {"net": {}} == found(ruled_out, nad(type="host-device", device="eth1"))


def test_nodes_alike_are_decided_on_together_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate, asked = node_reasons.evaluate, []

    def counted(*words: Any) -> Any:
        asked.append(words)
        return evaluate(*words)

    monkeypatch.setattr(node_reasons, "evaluate", counted)
    ruled_out = known(*(node(f"n{index}", "eth0") for index in range(500)))

    assert 500 == len(found(ruled_out, nad())["net"])
    ruled_out.put("n7", node("n7", "eth0"))
    assert 500 == len(found(ruled_out, nad())["net"])
    assert 1 == len(asked)


def test_many_networks_are_decided_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pods ask for any of them in turn."""
    evaluate, asked = node_reasons.evaluate, []

    def counted(*words: Any) -> Any:
        asked.append(words)
        return evaluate(*words)

    monkeypatch.setattr(node_reasons, "evaluate", counted)
    ruled_out = known(node("n1", "eth0"), node("n2", "eth1"))
    networks = [nad(f"net{index}") for index in range(200)]
    for _ in range(3):
        for each in networks:
            assert {each.name: {"n1": "InterfaceMissing"}} == found(ruled_out, each)

    assert 2 * 200 == len(asked)


def test_the_more_kinds_of_nodes_there_are_the_fewer_networks_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is remembered is one decision for each."""
    monkeypatch.setattr(ruled_out_nodes, "_FEWEST", 3)
    monkeypatch.setattr(ruled_out_nodes, "_DECISIONS", 20)
    ruled_out = known(node("n0", "eth0"))
    for kinds, expected in ((1, 9), (4, 5), (20, 3)):
        for index in range(kinds):
            ruled_out.put(f"n{index}", node(f"n{index}", f"eth{index}"))
        for index in range(9):
            found(ruled_out, nad(f"net{index}"))

        assert expected == len(ruled_out._networks)


def test_the_networks_that_are_remembered_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """As are the facts of nodes that are gone."""
    monkeypatch.setattr(ruled_out_nodes, "_FEWEST", 2)
    monkeypatch.setattr(ruled_out_nodes, "_MOST", 2)
    ruled_out = known(node("n1", "eth0"))
    for index in range(5):
        found(ruled_out, nad(f"net{index}"))
    ruled_out.put("n1", node("n1", "eth7"))

    assert 2 == len(ruled_out._networks)
    assert 1 == len(ruled_out._nodes._same) == len(ruled_out._nodes.members)
    assert {"net0": {"n1": "InterfaceMissing"}} == found(ruled_out, nad("net0"))
