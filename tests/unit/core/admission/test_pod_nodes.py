"""Whether a node is left for a pod, and which network rules out which node."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.admission import (
    explained,
    is_no_node_left,
    no_node_left,
    possible_nodes,
    validate_nodes,
)
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.readiness.reason import Code, Reason

KERNEL = Reason(Code.LINK_KIND_UNAVAILABLE, "the kernel has no ipvlan links")
MISSING = Reason(Code.INTERFACE_MISSING, "eth7 does not exist")
A, B = ("lab", "a"), ("lab", "b")


def test_a_node_is_left_where_no_network_rules_it_out() -> None:
    nodes = ["n1", "n2"]

    assert not is_no_node_left({}, nodes)
    assert not is_no_node_left({A: {"n1": KERNEL}, B: {}}, nodes)
    assert is_no_node_left({A: {"n1": KERNEL}, B: {"n2": MISSING}}, nodes)
    assert is_no_node_left({A: {"n1": KERNEL, "n2": KERNEL}}, nodes)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({}, ["n1", "n2"]),
        ({"nodeName": "n2"}, ["n2"]),
        ({"nodeName": "n3"}, []),
        ({"nodeSelector": {"zone": "a"}}, ["n1"]),
        ({"nodeSelector": {"zone": "a", "disk": "ssd"}}, []),
        ({"nodeSelector": {"zone": "a"}, "nodeName": "n2"}, []),
        ({"nodeSelector": ["zone"], "nodeName": {"n": 1}}, []),
        ({"nodeSelector": {"zone": ["a"]}}, []),
        ("x", ["n1", "n2"]),
    ],
    ids=str,
)
def test_the_nodes_on_which_the_author_lets_a_pod_run(spec: Any, names: list[str]) -> None:
    nodes = {name: NodeInventory(name, labels={"zone": zone}) for name, zone in (("n1", "a"), ("n2", "b"))}

    assert names == list(possible_nodes({"spec": spec}, nodes))


def test_without_a_known_node_nothing_is_said() -> None:
    assert not is_no_node_left({A: {"n1": KERNEL}}, [])
    assert [] == list(validate_nodes({A: {"n1": KERNEL}}, [], "lab"))


def test_the_message_says_which_network_rules_out_which_node() -> None:
    ruled_out = {A: {"n1": KERNEL}, B: {f"n{number}": MISSING for number in range(2, 8)}}

    assert (
        "no node has all networks of this pod ready: lab/b rules out n2, n3, n4 and 3 more (eth7 does not exist); "
        "lab/a rules out n1 (the kernel has no ipvlan links)"
    ) == no_node_left(ruled_out, [f"n{number}" for number in range(1, 8)], "lab")


def test_nodes_that_are_gone_are_not_named() -> None:
    assert ["lab/a rules out n1 (eth7 does not exist)"] == explained(
        {A: {"n1": MISSING, "gone": MISSING}}, ["n1"], "lab"
    )


def test_of_a_network_elsewhere_the_reason_has_no_details() -> None:
    """Who may use a network may not be allowed to read its configuration."""
    assert ["lab/a rules out n1 (InterfaceMissing)"] == explained({A: {"n1": MISSING}}, ["n1"], "shop")


def test_many_reasons_are_counted() -> None:
    reasons = {
        f"n{number}": Reason(Code.INTERFACE_MISSING, f"eth{number} does not exist") for number in range(9)
    }

    texts = explained({A: reasons}, list(reasons), "lab")

    assert 6 == len(texts)
    assert "and 4 more reasons" == texts[-1]


def test_a_finding_is_a_warning_about_the_annotation() -> None:
    (finding,) = validate_nodes({A: {"n1": MISSING}}, ["n1"], "lab")

    assert ("pod-no-node", (NETWORKS,), "warn") == (
        finding.rule.id,
        finding.path,
        finding.effective_severity.value,
    )
    assert "lab/a rules out n1 (eth7 does not exist)" in finding.problem
