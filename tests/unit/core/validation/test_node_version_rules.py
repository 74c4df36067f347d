"""The CNI version of a config compared with those that the nodes' plugin binaries support."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.api.inventory import NodeInventory, Plugin
from netattach_core.api.nad import Nad
from netattach_core.text import json_document
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation import node_version_rules, plugin_chain
from support.validation import bridge, macvlan, nad

OLD, NEW = ("0.3.1", "0.4.0", "1.0.0"), ("0.3.1", "0.4.0", "1.0.0", "1.1.0")


def node(name: str, **plugins: tuple[str, ...]) -> NodeInventory:
    known = tuple(Plugin(kind.replace("_", "-"), versions) for kind, versions in plugins.items())
    return NodeInventory(name, plugins=known)


def found(config: dict[str, Any], *nodes: NodeInventory) -> list[Finding]:
    root = json_document.parse(nad(config)["spec"]["config"])
    return list(node_version_rules.check(plugin_chain.read(root, Nad("lab", "net")), nodes))


def test_a_version_that_no_node_supports_is_denied() -> None:
    """The fix names the newest version that all nodes support."""
    (finding,) = found(macvlan(cniVersion="1.1.0"), node("a", macvlan=OLD), node("b", macvlan=OLD[:2]))

    assert Severity.DENY == finding.effective_severity
    assert ("type",) == finding.path
    assert "`macvlan` on a, b does not support CNI version 1.1.0: no pod can be attached" in finding.problem
    assert 'write "cniVersion": "0.4.0"' in finding.fix


def test_a_version_that_only_some_nodes_support_is_a_warning() -> None:
    """Pods on those nodes work."""
    (finding,) = found(macvlan(cniVersion="1.1.0"), node("a", macvlan=OLD), node("b", macvlan=NEW))

    assert Severity.WARN == finding.effective_severity
    assert "on a does not support CNI version 1.1.0: pods there cannot be attached" in finding.problem


def test_the_ipam_plugin_is_checked_too() -> None:
    """It gets the same cniVersion."""
    (finding,) = found(bridge(cniVersion="1.1.0"), node("a", bridge=NEW, host_local=OLD))

    assert ("ipam", "type") == finding.path


def test_without_a_common_version_the_fix_is_a_newer_binary() -> None:
    (finding,) = found(macvlan(), node("a", macvlan=("0.1.0",)), node("b", macvlan=("0.2.0",)))

    assert "install a newer macvlan on these nodes" == finding.fix


def test_many_nodes_are_counted() -> None:
    (finding,) = found(macvlan(cniVersion="1.1.0"), *(node(f"n{i}", macvlan=OLD) for i in range(12)))

    assert "n9 and 2 more" in finding.problem


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([], id="no inventory"),
        pytest.param([node("a", macvlan=())], id="the binary returned no versions"),
        pytest.param([node("a", bridge=OLD)], id="the node does not have the plugin"),
        pytest.param(
            [node("a", macvlan=NEW), node("b", macvlan=())],
            id="one binary returned no versions, the other supports it",
        ),
    ],
)
def test_unknown_versions_are_no_finding(nodes: list[NodeInventory]) -> None:
    assert [] == found(macvlan(cniVersion="1.1.0"), *nodes)


def test_a_plugin_that_is_listed_twice_is_reported_once() -> None:
    twice = {"cniVersion": "1.1.0", "name": "n", "plugins": [macvlan(), macvlan()]}

    assert 1 == len(found(twice, node("a", macvlan=OLD)))
