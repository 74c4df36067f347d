"""Clusters for the tests of `netattach graph`: a small one, one of 200 networks on 100 nodes, and one with hostile texts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from netattach_cli.graph.inputs import Facts
from netattach_cli.graph.matrix import Matrix, matrix
from netattach_cli.networks.inputs import NodeFacts
from netattach_cli.pods import pod_networks
from netattach_core.api.inventory import Interface
from netattach_core.api.objects import Body
from unit.cli import cluster_objects as objects

_PARENTS = [f"bond0.{100 + number}" for number in range(20)]


def facts(
    networks: Iterable[Body], nodes: Iterable[str], pods: Iterable[Body] = (), **inventory: Any
) -> Facts:
    names = list(nodes)
    return Facts(
        list(networks),
        NodeFacts(
            [objects.node(name) for name in names],
            [objects.daemon_pod(name) for name in names],
            [objects.inventory_of(name, **inventory) for name in names],
        ),
        [pod_networks.facts(pod) for pod in pods],
    )


def small() -> Facts:
    """One network that is ready on one of two nodes, and one pod that lacks it."""
    start = facts(
        [objects.network()],
        ["node1", "node2"],
        [objects.pod("web", "lan", objects.entry()), objects.pod("late", phase="Pending")],
    )
    bare = objects.inventory_of("node2", interfaces=(Interface("eth0"),))
    return Facts(
        start.networks,
        NodeFacts(start.nodes.nodes, start.nodes.daemons, [start.nodes.inventories[0], bare]),
        start.pods,
    )


def large() -> Facts:
    """200 networks on 100 nodes with names as clouds give them; 15 nodes lack the interfaces, and 8 of those the plugins too."""
    networks = [
        objects.network(f"customer-net{number:03}", f"team{number % 20:02}", _macvlan(_PARENTS[number % 20]))
        for number in range(200)
    ]
    pods = [
        objects.pod(
            f"pod{number}",
            f"customer-net{number % 200:03}",
            phase="Pending",
            namespace=f"team{number % 20:02}",
        )
        for number in range(2000)
    ]
    names = [f"ip-10-0-{number:03}-17.eu-central-1.compute.internal" for number in range(100)]
    found = facts(networks, names, pods, interfaces=tuple(map(Interface, ("eth0", *_PARENTS))))
    bare = [
        objects.inventory_of(name, interfaces=(Interface("eth0"),), **({} if number % 2 else {"plugins": ()}))
        for number, name in enumerate(names[::7])
    ]
    kept = [each for each in found.nodes.inventories if each["metadata"]["name"] not in set(names[::7])]
    return Facts(
        found.networks, NodeFacts(found.nodes.nodes, found.nodes.daemons, [*kept, *bare]), found.pods
    )


def _macvlan(parent: str) -> str:
    return json.dumps({**json.loads(objects.MACVLAN), "master": parent})


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "]]></title></svg><svg onload=alert(1)>",
    '"]:::bad\n  click n0 "javascript:alert(1)"',
    "`**x**` #quot; %%{init: {}}%% end",
    "&lt;script&gt;",
    "\x00\x1b[2J\u202e\ud800\ufffe",
]


def hostile(text: str) -> Matrix:
    """The text at each place where a cluster's user may write one."""
    network = objects.network(text)
    network["status"]["plugins"] = text
    network["status"]["nodes"]["reasons"] = [{"reason": "Invalid", "message": text, "nodes": 1}]
    pods = [
        objects.pod(text, '[{"name": "lan"}]', phase=text),
        objects.pod("web", "lan", phase="Pending", node=text),
    ]
    return matrix(facts([network, objects.network()], [text, "node1"], pods))
