"""`netattach networks`: on which nodes a network is ready, and why not on the others."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_cli.networks import on_nodes, view
from netattach_cli.networks.inputs import NodeFacts
from netattach_cli.networks.on_nodes import OnNode, Shortfall
from netattach_cli.output import formats
from netattach_cli.output.plain import plain
from netattach_cli.terminal import Paint
from netattach_core.api.inventory import Interface
from netattach_core.api.node_state import CniStatus
from netattach_core.api.objects import Body
from unit.cli import cluster_objects as objects

PLAIN = Paint(on=False)
ONLY_ETH0 = (Interface("eth0", mtu=1500),)


def facts(*inventories: Body, down: tuple[str, ...] = (), nodes: tuple[Body, ...] | None = None) -> NodeFacts:
    """Nodes with these inventories, and daemons that are ready but for those that are down."""
    names = [each["metadata"]["name"] for each in inventories]
    found = nodes if nodes is not None else tuple(objects.node(name) for name in names)
    daemons = [
        objects.daemon_pod(body["metadata"]["name"], ready=body["metadata"]["name"] not in down)
        for body in found
    ]
    return NodeFacts(found, daemons, inventories)


def reasons(network: Body, nodes: NodeFacts) -> dict[str, list[str]]:
    """By node."""
    return {
        each.node: [reason.reason for reason in each.reasons] for each in on_nodes.of_network(network, nodes)
    }


def test_a_network_that_is_ready_everywhere() -> None:
    found = on_nodes.of_network(
        objects.network(), facts(objects.inventory_of("node1"), objects.inventory_of("node2"))
    )

    expected = [OnNode(name, selected=True, ready=True, pods=1, reasons=[]) for name in ("node1", "node2")]
    assert expected == found


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"interfaces": ONLY_ETH0, "attached": None}, "InterfaceMissing"),
        ({"plugins": objects.PLUGINS[1:]}, "PluginMissing"),
        ({"cni_status": CniStatus(ready=False)}, "DefaultNetworkNotReady"),
        ({"link_kinds": ("veth",)}, "LinkKindUnavailable"),
    ],
)
def test_what_a_node_lacks(changes: dict[str, Any], reason: str) -> None:
    nodes = facts(objects.inventory_of("node1"), objects.inventory_of("node2", **changes))

    assert {"node1": [], "node2": [reason]} == reasons(objects.network(), nodes)


def test_a_daemon_that_is_not_ready_and_a_node_without_an_inventory() -> None:
    nodes = facts(
        objects.inventory_of("node1"), down=("node1",), nodes=(objects.node("node1"), objects.node("node2"))
    )

    assert {"node1": ["DaemonNotReady"], "node2": ["NoInventory"]} == reasons(objects.network(), nodes)


def test_a_node_that_the_network_is_not_for_comes_last() -> None:
    network = objects.network()
    network["metadata"]["annotations"] = {"netattach.io/node-selector": "kubernetes.io/hostname=node2"}
    nodes = facts(objects.inventory_of("node1"), objects.inventory_of("node2"))

    found = on_nodes.of_network(network, nodes)

    assert [("node2", True, True), ("node1", False, False)] == [(x.node, x.selected, x.ready) for x in found]
    assert {"node2": [], "node1": ["NotSelected"]} == reasons(network, nodes)


@pytest.mark.parametrize("code", ["Invalid", "NotPermitted", "DefaultInterface"])
def test_what_the_operator_decides_for_all_nodes_is_taken_from_the_status(code: str) -> None:
    config = objects.MACVLAN.replace("eth1", "eth0")
    status = {"reasons": [{"reason": code, "message": "no", "nodes": 2}], "summary": "0/2"}

    assert {"node1": [code]} == reasons(
        objects.network(config=config, nodes=status), facts(objects.inventory_of("node1"))
    )


def test_a_default_interface_that_policy_allows_is_no_reason() -> None:
    config = objects.MACVLAN.replace("eth1", "eth0")

    assert {"node1": []} == reasons(objects.network(config=config), facts(objects.inventory_of("node1")))


@pytest.mark.parametrize(
    "config", ["", "{", "[]", "\x00", '{"type": 7}', "[" * 5000, '{"plugins": [{"type": {}}]}']
)
def test_a_config_of_any_text_breaks_nothing(config: str) -> None:
    assert {"node1"} == reasons(objects.network(config=config), facts(objects.inventory_of("node1"))).keys()


@pytest.mark.parametrize("spec", [{}, {"config": 7}, {"config": None}])
def test_a_spec_of_another_form_breaks_nothing(spec: Any) -> None:
    network = {**objects.network(), "spec": spec}

    assert {"node1"} == reasons(network, facts(objects.inventory_of("node1"))).keys()


def test_the_table_of_networks() -> None:
    found = [
        view.data(body)
        for body in (
            objects.network(),
            objects.not_ready("broken", "InterfaceMissing", "eth1 does not exist on node2"),
        )
    ]

    expected = """\
NETWORK   PLUGINS   VALID   PERMITTED   READY   NODES   PODS   REASON
broken    macvlan   True    True        False   1/2     2      InterfaceMissing
lan       macvlan   True    True        True    2/2     2      <none>
"""
    assert expected == formats.text(view.networks_view(found, namespaces=False), "table", PLAIN)


def test_the_table_of_one_network() -> None:
    network = view.data(
        objects.not_ready("lan", "InterfaceMissing", "ready on 1 of 2 nodes; no eth1 on node2")
    )
    nodes = [
        OnNode("node1", selected=True, ready=True, pods=2, reasons=[]),
        OnNode(
            "node2",
            True,
            False,
            0,
            [Shortfall("InterfaceMissing", "eth1 does not exist"), Shortfall("X", "y")],
        ),
        OnNode("node3", False, False, 0, [Shortfall("NotSelected", "no")]),
    ]

    expected = """\
NETWORK       PLUGINS   IPAM         VALID   PERMITTED   READY   NODES   PODS   MESSAGE
default/lan   macvlan   host-local   True    True        False   1/2     2      ready on 1 of 2 nodes; no eth1 on node2

NODE    READY   PODS   REASON             MESSAGE
node1   True    2      <none>             <none>
node2   False   0      InterfaceMissing   eth1 does not exist
node2   False   0      X                  y
node3   -       0      NotSelected        no
"""
    assert expected == formats.text(view.network_view(network, nodes), "table", PLAIN)
    assert ["node/node1"] == list(view.network_view(network, nodes).names)


def test_the_form_of_the_json_is_a_promise() -> None:
    nodes = [OnNode("node2", selected=True, ready=False, pods=0, reasons=[Shortfall("X", "y")])]

    expected = {
        "network": {
            "namespace": "default",
            "name": "lan",
            "plugins": "macvlan",
            "ipam": "host-local",
            "valid": "True",
            "permitted": "True",
            "ready": "True",
            "nodes": "2/2",
            "pods": 2,
            "outdatedPods": 0,
            "reasons": [],
        },
        "nodes": [
            {
                "node": "node2",
                "selected": True,
                "ready": False,
                "pods": 0,
                "reasons": [{"reason": "X", "message": "y"}],
            }
        ],
    }
    assert expected == plain(view.network_view(view.data(objects.network()), nodes).data)
    assert {"items": [expected["network"]]} == plain(
        view.networks_view([view.data(objects.network())], namespaces=True).data
    )
