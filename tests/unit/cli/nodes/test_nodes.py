"""`netattach nodes`: what the nodes have."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_cli.networks.inputs import NodeFacts
from netattach_cli.nodes import node_data, view
from netattach_cli.output import formats
from netattach_cli.output.plain import plain
from netattach_cli.terminal import Paint
from netattach_core.api.inventory import Interface
from netattach_core.api.node_state import CniStatus, Probe, UnmetPod
from unit.cli import cluster_objects as objects

PLAIN = Paint(on=False)
LOST = UnmetPod(
    "default", "loser", "u", ("default/lan",), "InterfaceMissing", "the pod has lost interface net1"
)


def test_the_table_of_nodes() -> None:
    facts = NodeFacts(
        [objects.node("node2"), objects.node("node1"), objects.node("node3")],
        [objects.daemon_pod("node1"), objects.daemon_pod("node2", ready=False)],
        [
            objects.inventory_of("node1"),
            objects.inventory_of(
                "node2",
                LOST,
                probe=Probe("boot", succeeded=False, message="no link"),
                cni_status=CniStatus(ready=False, code=50, message="plugin not available"),
            ),
        ],
    )
    shown = view.nodes_view(node_data.nodes(facts))

    expected = """\
NODE    DAEMON      VERSION   DEFAULT NETWORK   PODS   UNMET   PROBE
node1   ready       0.2.0     cbr0              1      0       succeeded
node2   not ready   0.2.0     cbr0              1      1       failed
node3   not ready   <none>    <none>            0      0       <none>
"""
    assert expected == formats.text(shown, "table", PLAIN)
    wide = formats.text(shown, "wide", PLAIN).splitlines()
    assert wide[0].endswith("SHIM     KERNEL   DEFAULT INTERFACES   PROBLEM")
    assert wide[2].endswith("0.2.0    6.1.0    eth0                 plugin not available")
    assert "node/node1\nnode/node2\nnode/node3\n" == formats.text(shown, "name", PLAIN)


def test_daemons_that_may_not_be_read_are_unknown() -> None:
    (found,) = node_data.nodes(NodeFacts([objects.node("node1")], known=False))

    assert found.daemon_ready is None
    assert " unknown " in formats.text(view.nodes_view([found]), "table", PLAIN)


def test_the_table_of_one_node() -> None:
    facts = NodeFacts(
        [objects.node("node1")],
        [objects.daemon_pod("node1")],
        [
            objects.inventory_of(
                "node1",
                LOST,
                interfaces=(Interface("eth0", mtu=1500, addresses=("10.0.0.2/24",)),),
                attached=None,
            )
        ],
    )
    shown = formats.text(
        view.node_view(node_data.detail("node1", facts, [objects.network()])), "table", PLAIN
    )

    expected = """\
NODE    DAEMON   VERSION   DEFAULT NETWORK   PODS   UNMET   PROBE       SHIM    KERNEL   DEFAULT INTERFACES   PROBLEM
node1   ready    0.2.0     cbr0              0      1       succeeded   0.2.0   6.1.0    eth0                 <none>

Networks that are not ready here
NETWORK       REASON             MESSAGE
default/lan   InterfaceMissing   eth1 does not exist

Pods that lack a network
POD             NETWORKS      REASON             MESSAGE
default/loser   default/lan   InterfaceMissing   the pod has lost interface net1

Interfaces
INTERFACE   KIND       MTU    MAC      STATE   ADDRESSES     DEFAULT BECAUSE
eth0        hardware   1500   <none>   up      10.0.0.2/24   carries the IPv4 default route

Plugins
PLUGIN       CNI VERSIONS
macvlan      1.0.0,1.1.0
host-local   1.0.0,1.1.0
"""
    assert expected == shown


def test_a_node_where_everything_works_has_nothing_of_it_in_its_tables() -> None:
    facts = NodeFacts([objects.node("node1")], [objects.daemon_pod("node1")], [objects.inventory_of("node1")])
    shown = formats.text(
        view.node_view(node_data.detail("node1", facts, [objects.network()])), "table", PLAIN
    )

    assert "not ready" not in shown
    assert "lack" not in shown


def test_the_form_of_the_json_is_a_promise() -> None:
    facts = NodeFacts(
        [objects.node("node1")], [objects.daemon_pod("node1")], [objects.inventory_of("node1", LOST)]
    )
    found = plain(node_data.detail("node1", facts, []))

    node = {
        "name": "node1",
        "daemonReady": True,
        "daemonVersion": "0.2.0",
        "shimVersion": "0.2.0",
        "kernel": "6.1.0",
        "defaultNetwork": "cbr0",
        "defaultNetworkProblem": "",
        "defaultInterfaces": ["eth0"],
        "pods": 1,
        "unmetPods": 1,
        "probe": "succeeded",
        "probeMessage": "",
    }
    assert node == found["node"]
    assert {"items": [node]} == plain(view.nodes_view(node_data.nodes(facts)).data)
    assert {"name", "kind", "mtu", "mac", "up", "addresses", "reasons"} == found["interfaces"][0].keys()
    assert {"name", "versions"} == found["plugins"][0].keys()
    assert {"namespace", "name", "uid", "networks", "reason", "message"} == found["unmet"][0].keys()
    assert [] == found["notReady"]


@pytest.mark.parametrize(
    "status",
    [
        None,
        7,
        [],
        {
            "interfaces": 7,
            "plugins": [7],
            "versions": "x",
            "defaultInterfaces": [{"name": 7}],
            "probe": {"succeeded": "x"},
        },
    ],
)
def test_an_inventory_of_another_form_breaks_nothing(status: Any) -> None:
    body = {**objects.inventory_of("node1"), "status": status}
    facts = NodeFacts([objects.node("node1")], [], [body])

    assert ["node1"] == [each.name for each in node_data.nodes(facts)]
    assert "node1" == node_data.detail("node1", facts, [objects.network()]).node.name
