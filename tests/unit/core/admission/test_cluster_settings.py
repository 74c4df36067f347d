"""The cluster's settings at admission."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core import admission
from netattach_core.api.inventory import NetworkFile, NodeInventory
from netattach_core.api.network_selection import SelectionSettings


def rules(findings: Any) -> list[str]:
    return [finding.rule.id for finding in findings]


def test_each_problem_in_settings_is_a_finding() -> None:
    assert ["settings-broken"] * 2 == rules(admission.settings_findings(["a", "b"]))


HAVING = NodeInventory("has", networks=(NetworkFile("10-a.conflist", "a"),))


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        pytest.param([], None, id="no-inventories"),
        pytest.param([NodeInventory("old")], None, id="not-reported"),
        pytest.param([HAVING], None, id="on-the-node"),
        pytest.param([HAVING, NodeInventory("old")], None, id="not-reported-by-one"),
        pytest.param([NodeInventory("bare", networks=())], "no file 'a' on any node, nor", id="on-no-node"),
        pytest.param(
            [NodeInventory("b", networks=()), HAVING, NodeInventory("c", networks=())],
            "no file 'a' on b, c, nor a network",
            id="not-on-all-nodes",
        ),
        pytest.param(
            [HAVING, *(NodeInventory(f"n{number}", networks=()) for number in range(7))],
            "on n0, n1, n2, n3, n4 and 2 more, nor",
            id="many",
        ),
    ],
)
def test_a_primary_network_that_nodes_do_not_have(nodes: list[NodeInventory], expected: str | None) -> None:
    found = admission.validate_primary_network(SelectionSettings(primary="a"), nodes)

    assert [] == admission.validate_primary_network(SelectionSettings(), nodes)
    assert (expected is not None) == bool(found)
    assert expected is None or expected in found[0].problem
